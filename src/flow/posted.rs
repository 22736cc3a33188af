//! A form of ours that came back: is it really ours, from this browser, from this site (S8)?

use http::header;
use http_body_util::{BodyExt, Limited};

use super::{Flow, Visit};
use crate::seal::BrowserSecret;
use crate::upstream::body::Upload;

/// The fields of a form that was checked. Only [`Flow::posted`] makes one.
pub struct Posted {
    fields: Vec<(String, String)>,
}

/// Why a form is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotOurs {
    /// It came from another site's page, or from nowhere that can be told.
    CrossOrigin,
    /// The browser keeps no cookies, or has lost ours.
    NoSecret,
    /// Its token is not this browser's, or no longer.
    Stale,
    /// It is no form, or larger than [`MOST`].
    Unreadable,
}

/// The most bytes of a form of ours.
pub const MOST: usize = 16 * 1024;

impl Posted {
    /// The first field of that name; empty if there is none.
    pub fn field(&self, name: &str) -> &str {
        self.fields
            .iter()
            .find(|(own, _)| own == name)
            .map_or("", |(_, value)| value)
    }
}

impl Flow {
    /// Reads a form and checks where it came from. `form` is what its token was made for.
    ///
    /// # Errors
    /// [`NotOurs`]: whatever it says, nothing of it may be done.
    pub async fn posted<'v>(
        &self,
        visit: &'v Visit<'_>,
        form: &str,
        body: Upload,
    ) -> Result<(Posted, &'v BrowserSecret), NotOurs> {
        if !from_own_page(visit) {
            return Err(NotOurs::CrossOrigin);
        }
        let urlencoded = visit.asked.field(header::CONTENT_TYPE).is_some_and(|kind| {
            let kind = kind.split(';').next().unwrap_or_default().trim();
            kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        });
        if !urlencoded {
            return Err(NotOurs::Unreadable);
        }
        let bytes = Limited::new(body, MOST)
            .collect()
            .await
            .map_err(|_| NotOurs::Unreadable)?
            .to_bytes();
        let fields = form_urlencoded::parse(&bytes).into_owned().collect();
        let posted = Posted { fields };
        let secret = visit.keepsakes.secret.as_ref().ok_or(NotOurs::NoSecret)?;
        if self.ring.token_fits(secret, form, posted.field("token")) {
            Ok((posted, secret))
        } else {
            Err(NotOurs::Stale)
        }
    }
}

/// Origin, or else Referer, names this very site, and Sec-Fetch-Site does not disagree. The site's trusted origins
/// do not count here: they may use the application, not our forms.
fn from_own_page(visit: &Visit<'_>) -> bool {
    let own = visit.door.site.origin.text();
    let fetched_here = visit
        .asked
        .field("sec-fetch-site")
        .is_none_or(|from| from == "same-origin");
    let named = match visit.asked.fields().get(header::ORIGIN) {
        Some(origin) if origin == "null" => {
            visit.asked.field("sec-fetch-site") == Some("same-origin")
        }
        Some(origin) => {
            origin == own && visit.asked.fields().get_all(header::ORIGIN).iter().count() == 1
        }
        None => visit.asked.field(header::REFERER).is_none_or(|referer| {
            referer
                .strip_prefix(own)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
        }),
    };
    fetched_here && named
}
