//! Whether what was let through may go on: an answer or a tunnel can outlive its grant, and the configuration that let it
//! through (S5, A6).

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use super::{Gateway, Turn, Worker, form_of};
use crate::gate::{self, Grants, Mentioned, Said, Verdict};
use crate::grant::Grant;
use crate::name::Name;
use crate::request::Checked;
use crate::site::Site;
use crate::upstream::body::{Standing, Watch};

/// A request that became a tunnel. Nothing of it is judged again while the configuration is the one that let it through.
struct Tunnel {
    turn: Weak<Turn>,
    /// By whom it was let through last.
    by: RefCell<Weak<Worker>>,
    site: Name,
    asked: Box<Checked>,
}

impl Gateway {
    /// Who knows for how long a grant is good: the newest configuration, which need not be this one.
    pub(super) fn standing(&self) -> Rc<dyn Standing> {
        match self.0.turn.upgrade() {
            Some(turn) => turn,
            // The worker ends, and all of its connections with it.
            None => Rc::clone(&self.0) as Rc<dyn Standing>,
        }
    }

    /// Who knows for how long a tunnel may go on. What was asked is there for every handshake.
    pub(super) fn tunnel(
        &self,
        asked: Option<Box<Checked>>,
        grants: Grants,
        site: &Site,
    ) -> Option<Watch> {
        let standing = Rc::new(Tunnel {
            turn: Weak::clone(&self.0.turn),
            by: RefCell::new(Rc::downgrade(&self.0)),
            site: site.name.clone(),
            asked: asked?,
        });
        Some(Watch { standing, grants })
    }

    /// Whether the same request would be let through today.
    fn lets(&self, site: &Name, asked: &Checked, grants: &[Grant]) -> bool {
        let mut fronts = self.0.shared.fronts.iter();
        let Some(front) = fronts.find(|front| front.door.site.name == *site) else {
            return false;
        };
        let site = &front.door.site;
        let said = Said {
            form: &form_of(asked, b"", true),
            logins: &[],
            password: Mentioned::find(site, asked, b""),
            bearer: None,
        };
        let verdict = gate::decide(site, asked, said, grants);
        matches!(verdict, Verdict::Forward(_) | Verdict::Shadow(..))
    }
}

impl Standing for Tunnel {
    fn stands(&self, grants: &[Grant]) -> bool {
        let Some(turn) = self.turn.upgrade() else {
            return false;
        };
        let now = turn.0.borrow();
        let lets = Weak::as_ptr(&*self.by.borrow()) == Rc::as_ptr(&now.0)
            || now.lets(&self.site, &self.asked, grants);
        if lets {
            self.by.replace(Rc::downgrade(&now.0));
        }
        lets && now.0.stands(grants)
    }
}

impl Standing for Turn {
    fn stands(&self, grants: &[Grant]) -> bool {
        self.0.borrow().0.stands(grants)
    }
}

impl Standing for Worker {
    fn stands(&self, grants: &[Grant]) -> bool {
        let now = self.shared.flow.clock.now();
        grants.iter().all(|grant| {
            let scope = self
                .shared
                .fronts
                .iter()
                .find(|front| front.door.site.name == *grant.site())
                .and_then(|front| front.door.site.scope(grant.scope().as_str()));
            // A running answer keeps its grant from being idle: only its whole life and a revocation end it.
            let lives = scope.is_some_and(|scope| now.unix < grant.longest(scope));
            lives && !self.revoked.contains(grant)
        })
    }
}
