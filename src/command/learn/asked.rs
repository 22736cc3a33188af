//! What the arguments mean.

use std::path::PathBuf;

use http::uri::PathAndQuery;

use super::Arguments;
use super::block::{Block, Capture, Host, Judge};
use super::failure::Failure;
use super::open::Open;
use crate::name::Name;
use crate::scout::client::Place;
use crate::site::Origin;
use crate::target::Target;

/// What the arguments mean.
pub(super) struct Asked {
    pub(super) page: Target,
    pub(super) place: Place,
    pub(super) upstream: String,
    pub(super) upstream_ca: Option<PathBuf>,
    /// What the application is called when it is asked directly.
    pub(super) own: Origin,
    pub(super) public: Origin,
    pub(super) made_up: bool,
    pub(super) site: Name,
    pub(super) directory: Name,
    pub(super) probe: Option<Target>,
}

impl Asked {
    /// Takes the arguments.
    pub(super) fn read(arguments: &Arguments) -> Result<Self, Failure> {
        let (origin, path) =
            parts(&arguments.page).ok_or_else(|| Failure::Address(arguments.page.clone()))?;
        let page = target(path).ok_or_else(|| Failure::Address(arguments.page.clone()))?;
        let upstream = arguments
            .upstream
            .clone()
            .unwrap_or_else(|| origin.text().to_owned());
        let ca = arguments.upstream_ca.clone();
        let (place, own) =
            place(&upstream, ca).ok_or_else(|| Failure::Upstream(upstream.clone()))?;
        let public = match &arguments.url {
            Some(url) => Some(Origin::parse(url).map_err(|_| Failure::Public(url.clone()))?),
            // The page was named by another address than the application's own.
            None => (origin != own).then_some(origin),
        };
        let made_up = public.is_none();
        let public = match public {
            Some(public) => public,
            None => Origin::parse(&format!(
                "https://{}.example.com",
                arguments.site.as_str().replace('_', "-")
            ))
            .map_err(|_| Failure::Public(arguments.site.to_string()))?,
        };
        let probe = match &arguments.probe {
            Some(probe) => Some(
                target(probe)
                    .filter(|target| target.raw().starts_with('/'))
                    .ok_or_else(|| Failure::Page(probe.clone()))?,
            ),
            None => None,
        };
        Ok(Self {
            page,
            place,
            upstream,
            upstream_ca: arguments.upstream_ca.clone(),
            own,
            public,
            made_up,
            site: arguments.site.clone(),
            directory: arguments.directory.clone(),
            probe,
        })
    }

    /// What the block says whatever was learned.
    pub(super) fn block(&self) -> Block {
        Block {
            site: self.site.clone(),
            url: self.public.clone(),
            made_up: self.made_up,
            upstream: self.upstream.clone(),
            upstream_ca: self
                .upstream_ca
                .as_ref()
                .map(|path| path.display().to_string()),
            directory: self.directory.clone(),
            host: Host::Upstream,
            charset: None,
            capture: Capture::Basic,
            judge: Judge::Probe,
            probe: None,
            personal: false,
            success_cookie: Vec::new(),
            success_location: None,
            auth_cookies: Vec::new(),
            logout: Vec::new(),
            open: Open::default(),
            presets: Vec::new(),
        }
    }
}

/// Origin and path of an address.
fn parts(address: &str) -> Option<(Origin, &str)> {
    let address = address.split('#').next().unwrap_or_default();
    let start = address.find("://")? + 3;
    let end = address[start..]
        .find(['/', '?'])
        .map_or(address.len(), |at| start + at);
    let origin = Origin::parse(&address[..end]).ok()?;
    match &address[end..] {
        "" => Some((origin, "/")),
        path if path.starts_with('/') => Some((origin, path)),
        _ => None,
    }
}

/// The socket behind `upstream = "…"`, and what the application is called there.
fn place(upstream: &str, ca: Option<PathBuf>) -> Option<(Place, Origin)> {
    if let Some(path) = upstream.strip_prefix("unix:") {
        let own = Origin::parse("http://localhost").ok()?;
        return path
            .starts_with('/')
            .then(|| (Place::Unix(path.into()), own));
    }
    let own = Origin::parse(upstream).ok()?;
    let (host, port) = (own.host().trim_matches(['[', ']']).to_owned(), own.port());
    let place = if own.https() {
        Place::Tls { host, port, ca }
    } else {
        Place::Tcp { host, port }
    };
    Some((place, own))
}

/// Path and query as a request has them.
pub(super) fn target(text: &str) -> Option<Target> {
    let whole = PathAndQuery::try_from(text).ok()?;
    Target::parse(whole).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_origin_and_path() {
        let told = |address| {
            let (origin, path) = parts(address)?;
            Some((origin.text().to_owned(), path.to_owned()))
        };
        let is = |origin: &str, path: &str| Some((origin.to_owned(), path.to_owned()));
        assert_eq!(told("http://a.test"), is("http://a.test", "/"));
        assert_eq!(
            told("HTTPS://A.test:8443/x?y#z"),
            is("https://a.test:8443", "/x?y")
        );
        assert_eq!(told("http://a.test?y"), None);
        assert_eq!(told("a.test/x"), None);
        assert_eq!(told("ftp://a.test/x"), None);
        assert_eq!(told("http://ann:pw@a.test/x"), None);
    }

    #[test]
    fn an_upstream_is_a_socket_and_what_it_is_called() {
        let told = |upstream| {
            let (place, own) = place(upstream, None)?;
            Some((place.to_string(), own.text().to_owned()))
        };
        let is = |place: &str, own: &str| Some((place.to_owned(), own.to_owned()));
        assert_eq!(
            told("http://[::1]:8080"),
            is("[::1]:8080", "http://[::1]:8080")
        );
        assert_eq!(
            told("https://app.test"),
            is("app.test:443", "https://app.test")
        );
        assert_eq!(
            told("unix:/run/app.sock"),
            is("unix:/run/app.sock", "http://localhost")
        );
        assert_eq!(told("unix:app.sock"), None);
        assert_eq!(told("app.test:80"), None);
    }
}
