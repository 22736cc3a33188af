//! The head that goes up, written anew from a checked request (R1, R6, R8, R10).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Request, Uri, Version};

use super::body::Upload;
use super::rewrite::Rewrite;
use super::{Address, HostMode, Settings};
use crate::gate::{Pass, Way};
use crate::request::{Checked, Framing};
use crate::seal::cookies;
use crate::site::Site;

/// What the head says that the visitor did not.
pub struct Surroundings<'a> {
    /// The site that is asked.
    pub site: &'a Site,
    /// Who asks: the address as a field's value.
    pub peer_text: &'a HeaderValue,
    /// The field that tells the application who it is, if the operator named one.
    pub identity: Option<&'a HeaderName>,
    /// What is the same for every request of the site.
    pub constant: &'a Constant,
}

/// The fields that are the same for every request of a site, made once.
#[derive(Clone, Debug)]
pub struct Constant {
    host: HeaderValue,
    forwarded_host: HeaderValue,
    forwarded_proto: HeaderValue,
    pub(super) rewrite: Option<Rewrite>,
    pub(super) old: Old,
}

/// Whether the application's last answer was in HTTP/1.0, as all workers know it.
#[derive(Clone, Debug, Default)]
pub(super) struct Old(Arc<AtomicBool>);

impl Old {
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Nearly always nothing is written, so that the workers do not wait for each other.
    pub(super) fn set(&self, old: bool) {
        if self.get() != old {
            self.0.store(old, Ordering::Relaxed);
        }
    }
}

impl Constant {
    /// For a site before an application of these settings.
    pub fn new(settings: &Settings, site: &Site) -> Self {
        let host = match settings.host {
            HostMode::Upstream => &settings.authority,
            HostMode::Preserve => site.origin.authority(),
        };
        let scheme = if site.origin.https() { "https" } else { "http" };
        Self {
            host: text(host),
            forwarded_host: text(site.origin.authority()),
            forwarded_proto: HeaderValue::from_static(scheme),
            rewrite: Rewrite::new(settings, site),
            old: Old::default(),
        }
    }
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// Writes the request for an application of these settings.
pub(super) fn write(
    pass: &Pass,
    checked: Checked,
    upload: Upload,
    settings: &Settings,
    surroundings: &Surroundings<'_>,
) -> Request<Upload> {
    let Surroundings {
        site,
        peer_text,
        identity,
        constant,
    } = *surroundings;
    let websocket = checked.websocket();
    let (method, target, mut fields, framing) = checked.into_parts();
    let mut request = Request::new(upload);
    *request.method_mut() = method;
    *request.uri_mut() = uri(target.into_raw());
    *request.version_mut() = Version::HTTP_11;

    match pass.way() {
        Way::Anonymous => {
            fields.remove(header::COOKIE);
        }
        Way::Open | Way::Captured | Way::Granted(_) | Way::Shadow => {
            // S6: ours never get there; everybody else's pass byte for byte.
            match cookies::without_ours(&fields) {
                Some(rest) => fields.insert(header::COOKIE, rest),
                None => fields.remove(header::COOKIE),
            };
        }
    }
    if !pass.authorization() {
        fields.remove(header::AUTHORIZATION);
    }
    if matches!(pass.way(), Way::Captured) {
        // What answers is looked at whole and in clear.
        for name in [
            header::ACCEPT_ENCODING,
            header::RANGE,
            header::IF_RANGE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            header::IF_MODIFIED_SINCE,
            header::IF_UNMODIFIED_SINCE,
        ] {
            fields.remove(name);
        }
    }
    if constant.rewrite.is_some() {
        Rewrite::ask(&mut fields);
    }
    fields.insert(header::HOST, constant.host.clone());
    match framing {
        Framing::Empty if request.method().is_safe() => {}
        Framing::Empty => drop(fields.insert(header::CONTENT_LENGTH, HeaderValue::from(0_u64))),
        Framing::Length(length) => {
            drop(fields.insert(header::CONTENT_LENGTH, HeaderValue::from(length)));
        }
        Framing::Chunked => drop(fields.insert(
            header::TRANSFER_ENCODING,
            HeaderValue::from_static("chunked"),
        )),
    }
    if websocket {
        fields.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        fields.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
    if settings.host == HostMode::Upstream {
        move_origin(&mut fields, settings, site);
    }
    let address = peer_text.clone();
    fields.insert(X_REAL_IP, address.clone());
    fields.insert(X_FORWARDED_FOR, address);
    fields.insert(X_FORWARDED_PROTO, constant.forwarded_proto.clone());
    fields.insert(X_FORWARDED_HOST, constant.forwarded_host.clone());
    if let Some(identity) = identity {
        tell_who(&mut fields, identity, pass);
    }
    *request.headers_mut() = fields;
    request
}

/// The same request again, if sending it twice means the same and there is no body to lose.
pub(super) fn copy(request: &Request<Upload>) -> Option<Request<Upload>> {
    let repeatable = request.method().is_idempotent() && request.body().is_empty();
    repeatable.then(|| {
        let mut again = Request::new(Upload::empty());
        *again.method_mut() = request.method().clone();
        *again.uri_mut() = request.uri().clone();
        *again.headers_mut() = request.headers().clone();
        again
    })
}

fn uri(target: PathAndQuery) -> Uri {
    let mut parts = http::uri::Parts::default();
    parts.path_and_query = Some(target);
    Uri::from_parts(parts).expect("a path alone is a URI")
}

/// Host, Origin and Referer are one to an application: rewriting only one of them breaks its own check.
fn move_origin(fields: &mut HeaderMap, settings: &Settings, site: &Site) {
    let own = site.origin.text();
    if fields
        .get(header::ORIGIN)
        .is_some_and(|origin| origin == own)
    {
        fields.insert(header::ORIGIN, text(&origin(settings)));
    }
    let referer = fields
        .get(header::REFERER)
        .and_then(|referer| referer.to_str().ok());
    let path = referer
        .and_then(|referer| referer.strip_prefix(own))
        .filter(|path| path.is_empty() || path.starts_with(['/', '?']));
    if let Some(moved) = path.map(|path| format!("{}{path}", origin(settings))) {
        fields.insert(header::REFERER, text(&moved));
    }
}

/// The application's own origin.
pub(super) fn origin(settings: &Settings) -> String {
    let scheme = if matches!(settings.address, Address::Tls { .. }) {
        "https"
    } else {
        "http"
    };
    format!("{scheme}://{}", settings.authority)
}

/// Tells the application who it is, and takes away whatever the visitor said under any spelling of that name (R10).
fn tell_who(fields: &mut HeaderMap, identity: &HeaderName, pass: &Pass) {
    let folded = identity.as_str().replace('_', "-");
    let claims: Vec<HeaderName> = fields
        .keys()
        .filter(|name| name.as_str().replace('_', "-") == folded)
        .cloned()
        .collect();
    for claim in claims {
        fields.remove(claim);
    }
    if let Way::Granted(grants) = pass.way()
        && let Some(grant) = grants.first()
        && let Ok(who) = HeaderValue::from_str(grant.subject().as_str())
    {
        fields.insert(identity, who);
    }
}

fn text(text: &str) -> HeaderValue {
    // Only texts of the configuration, or parts of a field that was one before, come here.
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("invalid"))
}
