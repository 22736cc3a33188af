//! The application's own login: the page goes up and is looked at, the password goes up and its answer waits.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Response};

use super::Gateway;
use super::heard::{Heard, Looked};
use super::passing::{Passing, set_our_cookie};
use super::refusal::{told_to, whole};
use crate::capture::cookie::{self, Jar};
use crate::capture::judge::{self, Judgement, Leads};
use crate::capture::token::{self, Found};
use crate::capture::{Capture, look};
use crate::event::What;
use crate::flow::audience::{self, Audience};
use crate::flow::capture::{Admitted, Answers, Held};
use crate::flow::quarantine::SESSION;
use crate::flow::relay;
use crate::flow::{Flow, Visit, addressed};
use crate::gate::{self, Pass};
use crate::hold::Destination;
use crate::hold::release::Way;
use crate::login::Login;
use crate::peer::Peer;
use crate::request::Checked;
use crate::seal::cookies;
use crate::site::{Origin, Site};
use crate::target::Target;
use crate::upstream::Failed;
use crate::upstream::body::{Body, Upload};

/// A login as it was posted.
pub(super) struct Posted {
    /// Who logs in.
    pub(super) login: Login,
    /// The bytes that go up, unchanged.
    pub(super) body: Bytes,
}

/// What the application said to a login until it was clear how it went.
struct Chain {
    /// The answer to the posted login itself.
    first: Looked,
    /// The page that was followed to, and where it is.
    last: Option<(Looked, Target)>,
    /// Every Set-Cookie, in order.
    cookies: Vec<HeaderValue>,
    jar: Jar,
    /// Cookies that no answer sets and the session may rest on.
    needs: Vec<HeaderValue>,
    judgement: Judgement,
    whose: Whose,
}

/// Whose session a login leaves behind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// That of whom the login names.
    Theirs,
    /// The same, in the place of one that was signed in before and that the login did not see.
    Another,
    /// Nobody can tell: it was there before, and the answers did not change it.
    Nobody,
}

impl Gateway {
    /// A request on a capture's route: the login page, or a login.
    pub(super) async fn capture(
        &self,
        pass: Pass,
        capture: &Capture,
        posted: Option<Posted>,
        asked: Checked,
        peer: Peer,
        mut passing: Passing<'_>,
    ) -> Response<Body> {
        // What a captured login sets is its person's, or stays with us.
        passing.searched = true;
        let flow = &self.0.shared.flow;
        let site = &passing.front.door.site;
        let door = &passing.front.door;
        let visit = Visit::new(flow, door, &asked, &passing.held, peer, passing.now);
        if addressed::strays(site, asked.target(), Some(asked.fields())) {
            return passing.strayed(flow, &asked, Upload::empty(), peer).await;
        }
        if let Some(posted) = posted {
            return self.login(pass, capture, &visit, &passing, posted).await;
        }
        let granted = !passing.held.live.is_empty();
        let rest = flow.without_quarantined(site, asked.fields(), granted, None, passing.now);
        let shown = match rest {
            Some(rest) => asked.clone().with_cookies(rest),
            None => asked.clone(),
        };
        let shown = self.as_nobody(capture, shown, &passing).await;
        if addressed::strays(site, shown.target(), Some(shown.fields())) {
            return passing.strayed(flow, &shown, Upload::empty(), peer).await;
        }
        self.login_page(pass, capture, &visit, &passing, shown)
            .await
    }

    /// The request for a login page, without a session that is somebody's: no login goes up with one, and a form often
    /// fits only the session that it was shown in.
    async fn as_nobody(&self, capture: &Capture, asked: Checked, passing: &Passing<'_>) -> Checked {
        let flow = &self.0.shared.flow;
        let site = &passing.front.door.site;
        if *asked.method() != Method::GET || !passing.held.live.is_empty() {
            return asked;
        }
        let sent = theirs(&asked);
        let mut sessions = sent
            .pairs()
            .filter(|(name, value)| makes_session(capture, name, value));
        // Most come from this very page, and the application need not be asked about them.
        if sessions.all(|(name, value)| flow.is_fresh(site, name, value, passing.now)) {
            return asked;
        }
        match self.signed_in_before(capture, &asked, &sent, passing).await {
            Some(true) => asked.with_cookies(without_sessions(capture, &sent).field()),
            Some(false) | None => asked,
        }
    }

    /// Lets the login page through, unless it is none: then somebody is signed in there who has no grant.
    pub(super) async fn login_page(
        &self,
        pass: Pass,
        capture: &Capture,
        visit: &Visit<'_>,
        passing: &Passing<'_>,
        asked: Checked,
    ) -> Response<Body> {
        let flow = &self.0.shared.flow;
        let closing = asked.closing();
        let page = asked.target().clone();
        let head_only = *asked.method() == Method::HEAD;
        let mut looked = match self.ask(&pass, asked, Upload::empty(), passing).await {
            Ok(looked) => looked,
            Err(failed) => return whole(told_to(flow, visit, &failed), true),
        };
        let site = &visit.door.site;
        let admitted = if looked.head.status.is_redirection() {
            // A login page that leads into what is guarded takes its visitor for signed in: following it would go
            // round in circles.
            match leads(&looked.head.headers, &page, site) {
                Leads::Here(target) => gate::open_to_strangers(site, &target),
                Leads::Elsewhere { .. } | Leads::Nowhere => true,
            }
        } else {
            head_only || looked.judged(|answered| judge::admits(capture, answered))
        };
        if !admitted {
            return whole(flow.sign_in_again(visit, capture), closing);
        }
        flow.note_fresh(site, &looked.head.headers, visit.now);
        if visit.keepsakes.secret.is_none() {
            // The login that comes from this page is this browser's, however often it is sent.
            if let Ok(cookie) = Flow::new_secret(visit) {
                set_our_cookie(&mut looked.head.headers, cookie);
            }
        }
        let mut response = looked.into_response();
        if closing {
            response
                .headers_mut()
                .insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// Sends a login up, finds out how it went, and gives its answer or keeps it for the code.
    pub(super) async fn login(
        &self,
        pass: Pass,
        capture: &Capture,
        visit: &Visit<'_>,
        passing: &Passing<'_>,
        posted: Posted,
    ) -> Response<Body> {
        let flow = &self.0.shared.flow;
        // All of its body was read: nothing of it can be taken for another request.
        let closing = visit.asked.closing();
        let admitted = match flow.admit(visit, capture, &posted.login).await {
            Ok(admitted) => admitted,
            Err(reply) => return whole(reply, closing),
        };
        let chain = match self
            .send_login(pass, capture, visit, passing, &posted.body, &admitted)
            .await
        {
            Ok(Some(chain)) => chain,
            Ok(None) => {
                flow.dismiss(&admitted).await;
                return whole(flow.sign_in_again(visit, capture), closing);
            }
            Err(failed) => {
                // It may have signed somebody in before it failed: what went up stays kept back.
                if failed.nothing_sent() {
                    flow.dismiss(&admitted).await;
                }
                return whole(told_to(flow, visit, &failed), true);
            }
        };
        if chain.judgement == Judgement::Bad {
            if !chain.first.head.status.is_server_error() {
                flow.dismiss(&admitted).await;
            }
            flow.record(
                visit,
                What::LoginFailed {
                    scope: &capture.scope,
                },
            );
            return refused(flow, visit, capture, &admitted, chain);
        }
        if chain.whose == Whose::Nobody {
            return whole(flow.start_over(visit, capture, &admitted).await, closing);
        }
        let found = match relayed(visit, capture, &admitted, &chain.first) {
            Ok(found) => found,
            Err(failed) => return whole(told_to(flow, visit, &failed), true),
        };
        let mut judgement = chain.judgement;
        if found.as_ref().is_some_and(|found| found.named) {
            // Only a good login is given what the operator says is its token.
            judgement = Judgement::Good;
        }
        let (mut answers, first) = self.answers(visit, chain);
        let mut tokens = Vec::new();
        if let Some(found) = found {
            let site = &visit.door.site;
            let known = found.values.iter();
            tokens.extend(known.map(|value| flow.ring.print(site, token::NAME, value)));
            // A grant knows only so many: its tokens before its cookies.
            answers.prints.splice(0..0, tokens.iter().copied());
            answers.tokens = found.values;
            answers.relay = by_script(visit)
                .then(|| relay::given(first.head.status, &first.head.headers, first.start.clone()));
        }
        match flow
            .captured(visit, capture, admitted, judgement, answers)
            .await
        {
            Held::Waits(reply) => whole(reply, closing),
            Held::Through => {
                let mut response = first.into_response();
                // The login was theirs: the session that it made is, too.
                let live = &passing.held.live;
                self.keep_up(&visit.door.site, live, &tokens, passing, &mut response);
                response
            }
        }
    }

    /// `None` if nothing went up, for the address shows a session that its cookie does not go with.
    async fn send_login(
        &self,
        pass: Pass,
        capture: &Capture,
        visit: &Visit<'_>,
        passing: &Passing<'_>,
        body: &Bytes,
        admitted: &Admitted,
    ) -> Result<Option<Chain>, Failed> {
        let flow = &self.0.shared.flow;
        let (site, now) = (&visit.door.site, visit.now);
        let mut asked = visit.asked.clone();
        let owner = Some(admitted.owner());
        if let Some(rest) = flow.without_quarantined(site, asked.fields(), false, owner, now) {
            asked = asked.with_cookies(rest);
        }
        let mut sent = theirs(&asked);
        let mut whose = Whose::Theirs;
        if !admitted.granted() {
            match self.signed_in_before(capture, &asked, &sent, passing).await {
                // A probe tells that somebody is signed in, not who: the login goes without that session.
                Some(true) => {
                    sent = without_sessions(capture, &sent);
                    asked = asked.with_cookies(sent.field());
                    whose = Whose::Another;
                }
                Some(false) => {}
                None => whose = Whose::Nobody,
            }
        }
        if addressed::strays(site, asked.target(), Some(asked.fields())) {
            return Ok(None);
        }
        // Whatever was nobody's may be somebody's from here on.
        let fresh: Vec<(Vec<u8>, Vec<u8>)> = sent
            .pairs()
            .filter(|(name, value)| {
                site.is_session(name, value) && flow.was_fresh(site, name, value, now)
            })
            .map(|(name, value)| (name.to_vec(), value.to_vec()))
            .collect();
        let upload = Upload::bytes(body.clone());
        let first = self.ask(&pass, asked.clone(), upload, passing).await?;
        let mut heard = Heard::new(&sent);
        heard.take_in(&first.head.headers, asked.target(), flow.clock.wall());
        let origin = site.origin.text();
        let next = first.judged(|answered| {
            judge::posted(
                capture,
                &asked,
                body,
                &sent,
                origin,
                answered,
                flow.clock.wall(),
            )
        });
        let (judgement, last) = self
            .ask_on(capture, (&asked, body), next, &mut heard, passing)
            .await;
        let Heard { jar, cookies } = heard;
        let owner = admitted.owner();
        let sessions = |jar: &Jar, is: &dyn Fn(&[u8], &[u8]) -> bool| {
            let mut pairs = jar.pairs();
            pairs.any(|(name, value)| site.is_session(name, value) && is(name, value))
        };
        // Where nobody could be asked before, what the answers changed is theirs, and what was nobody's.
        let known = |name: &[u8], value: &[u8]| {
            let mut fresh = fresh.iter();
            !jar.has(name, value) || fresh.any(|known| known.0 == name && known.1 == value)
        };
        if whose == Whose::Nobody && !sessions(&sent, &|name, value| !known(name, value)) {
            whose = Whose::Theirs;
        }
        // Somebody else may have signed in with it while this login was on its way.
        if sessions(&jar, &|name, value| {
            flow.kept_for_others(site, name, value, owner, now)
        }) {
            whose = Whose::Nobody;
        }
        if judgement == Judgement::Bad {
            flow.note_fresh(site, &first.head.headers, now);
            for (name, value) in &fresh {
                flow.still_fresh(site, name, value, now);
            }
        }
        let needs = sent
            .pairs()
            .filter(|(name, value)| {
                (site.is_session(name, value) || value.len() >= SESSION) && jar.has(name, value)
            })
            .filter(|(name, _)| !sets(&cookies, name))
            .filter_map(|(name, value)| HeaderValue::from_bytes(&[name, b"=", value].concat()).ok())
            .collect();
        Ok(Some(Chain {
            first,
            last,
            cookies,
            jar,
            needs,
            judgement,
            whose,
        }))
    }

    /// What would be released of a chain: one way on with every cookie, and a page if the login itself was answered
    /// with one.
    fn answers(&self, visit: &Visit<'_>, chain: Chain) -> (Answers, Looked) {
        let flow = &self.0.shared.flow;
        let site = &visit.door.site;
        let login = visit.asked.target();
        let at = |target: &Target| Way::Here(Destination::of(target.raw()));
        let (last, base) = match &chain.last {
            Some((looked, target)) => (looked, target),
            None => (&chain.first, login),
        };
        let mut leads_to = None;
        let (to, page) = if last.head.status.is_redirection() {
            match leads(&last.head.headers, base, site) {
                Leads::Here(target) => {
                    let fragment = last.head.headers.get(header::LOCATION);
                    let fragment = fragment.and_then(judge::fragment);
                    let raw = match fragment {
                        Some(fragment) => format!("{}#{fragment}", target.raw()),
                        None => target.raw().to_owned(),
                    };
                    (Way::Here(Destination::of(&raw)), None)
                }
                Leads::Elsewhere { url, origin } => {
                    leads_to = Origin::parse(&origin).ok();
                    let address = HeaderValue::from_str(&url).ok();
                    (address.map_or_else(|| at(base), Way::Elsewhere), None)
                }
                Leads::Nowhere => (at(base), None),
            }
        } else if chain.last.is_some() {
            // The browser asks for it itself.
            (at(base), None)
        } else if chain.first.whole {
            (at(login), Some(chain.first.page()))
        } else {
            // Too large to be held: head and cookies are.
            (at(login), None)
        };
        let prints = chain
            .jar
            .pairs()
            .filter(|(name, value)| site.is_session(name, value))
            .map(|(name, value)| flow.ring.print(site, name, value))
            .collect();
        let answers = Answers {
            cookies: chain.cookies,
            prints,
            needs: chain.needs,
            to,
            page,
            leads_to,
            tokens: Vec::new(),
            relay: None,
        };
        (answers, chain.first)
    }
}

fn leads(fields: &HeaderMap, base: &Target, site: &Site) -> Leads {
    match fields.get(header::LOCATION) {
        Some(location) => judge::resolve(base, site.origin.text(), location),
        None => Leads::Nowhere,
    }
}

/// A login that the application refused: its answer as it is. Where its message stands on a page that was followed to,
/// which an application may show only once, the browser is sent there and given that page.
fn refused(
    flow: &Flow,
    visit: &Visit<'_>,
    capture: &Capture,
    admitted: &Admitted,
    chain: Chain,
) -> Response<Body> {
    let Chain {
        first,
        last,
        cookies: mut set,
        whose,
        ..
    } = chain;
    if whose == Whose::Another && visit.held.live.is_empty() {
        // A session that outlived its grant, and that the next try would meet again. What the application sets in its
        // place comes behind it, and stays.
        set.splice(0..0, flow.forgetting(visit, capture));
    } else if whose == Whose::Another {
        // The login went up without the session of whoever holds the grant: they stay who they are, and a stranger's
        // session does not take its place.
        set.retain(|field| {
            cookie::set(field, flow.clock.wall())
                .is_none_or(|set| !makes_session(capture, set.name, set.value))
        });
    }
    if let Some((looked, target)) = last.filter(|(looked, _)| looked.whole)
        && first.head.status.is_redirection()
        && gate::open_to_strangers(&visit.door.site, &target)
    {
        let at = Destination::of(target.raw());
        let reply = flow.told_elsewhere(visit, admitted, &looked.page(), &at, set.clone());
        if let Some(reply) = reply {
            return whole(reply, visit.asked.closing());
        }
    }
    let mut response = first.into_response();
    let fields = response.headers_mut();
    fields.remove(header::SET_COOKIE);
    for field in set {
        fields.append(header::SET_COOKIE, field);
    }
    response
}

/// Whether the one who logs in reads the answer by script.
pub(super) fn by_script(visit: &Visit<'_>) -> bool {
    let audience = audience::of(visit.asked.fields(), false);
    matches!(audience, Audience::Script | Audience::Htmx)
}

/// The tokens of an answer that is given to its script; `None` if it waits as any other: a redirect, which the script would
/// follow without seeing it, and what is no JSON.
///
/// # Errors
/// [`Failed`]: nobody can tell which tokens it gives away.
fn relayed(
    visit: &Visit<'_>,
    capture: &Capture,
    admitted: &Admitted,
    answer: &Looked,
) -> Result<Option<Found>, Failed> {
    if !capture.answer.relays() || answer.head.status.is_redirection() {
        return Ok(None);
    }
    let decoded = look::decoded(&answer.head.headers, &answer.start);
    let fits = answer.whole && answer.start.len() <= token::LONGEST;
    let clear = decoded.filter(|clear| fits && clear.len() <= token::LONGEST);
    let found = clear.and_then(|clear| capture.answer.tokens(&clear));
    let given = !admitted.granted() && by_script(visit) && look::is_json(&answer.head.headers);
    if found.is_none() && given {
        return Err(Failed::Unsound(
            "its answer to a login by script is over 64 KiB, or no JSON",
        ));
    }
    Ok(found)
}

/// Whether one of these Set-Cookie fields sets a cookie of this name.
fn sets(fields: &[HeaderValue], name: &[u8]) -> bool {
    fields.iter().any(|field| {
        let own = field.as_bytes().split(|b| *b == b'=').next();
        own.unwrap_or_default().trim_ascii() == name
    })
}

/// Whether a cookie may make a session: by its name, or where none are named by its length.
pub(super) fn makes_session(capture: &Capture, name: &[u8], value: &[u8]) -> bool {
    if capture.auth_cookies.is_empty() {
        value.len() >= SESSION
    } else {
        !value.is_empty() && capture.auth_cookies.has(name)
    }
}

/// The application's cookies that a request brings.
pub(super) fn theirs(asked: &Checked) -> Jar {
    let brought = cookie::pairs(asked.fields().get_all(header::COOKIE).iter());
    Jar::of(brought.filter(|(name, _)| !cookies::is_ours(name)))
}

fn without_sessions(capture: &Capture, jar: &Jar) -> Jar {
    let rest = jar.pairs();
    Jar::of(rest.filter(|(name, value)| !makes_session(capture, name, value)))
}
