//! Sites as meant: their scopes, routes and listeners, and the rules that hold between them.

use std::net::Ipv4Addr;
use std::sync::Arc;

use http::{HeaderValue, Method};

use super::address::{OwnName, Upstream};
use super::classes::{not_of_site, to_blame};
use super::diagnostic::Diagnostic;
use super::file::File;
use super::file::site as written;
use super::names::{no_such, refer, repeated};
use super::notes::Notes;
use super::pem::certified;
use super::resolve::{KnownScope, long_enough};
use super::rule::Rule;
use super::secret::{self, Environment};
use super::value::At;
use super::{SiteSettings, captures, classes, reach};
use crate::name::Name;
use crate::route::Table;
use crate::scope::Scope;
use crate::site::sign_out::{SignOut, Value};
use crate::site::{Origin, Site};
use crate::target::Target;
use crate::upstream::{self, Address};

/// All sites; `None` if one of them cannot be had, which is then noted.
pub(super) fn resolve(
    file: &File,
    scopes: &[KnownScope],
    notes: &Notes,
    environment: &Environment,
) -> Option<Vec<SiteSettings>> {
    if !file.sites_written && file.api.is_some() {
        // The API needs none.
        return Some(Vec::new());
    }
    if !file.sites_written {
        let problem = Diagnostic::new(Rule::Missing, "there is no site", &file.place, "");
        notes.add(
            problem.help("write [sites.NAME] with its `url`, `upstream`, `directory` and `scopes`"),
        );
    }
    let mut urls: Vec<&At<Origin>> = Vec::new();
    for url in file.sites.iter().filter_map(|site| site.url.as_ref()) {
        match urls.iter().find(|known| known.value == url.value) {
            Some(first) => notes.add(
                Diagnostic::new(
                    Rule::Repeated,
                    "two sites have one `url`",
                    &url.place,
                    "here again",
                )
                .also(&first.place, "here first")
                .help(
                    "requests find their site by the host they ask for: give one of them another",
                ),
            ),
            None => urls.push(url),
        }
    }
    let sites: Vec<Option<SiteSettings>> = file
        .sites
        .iter()
        .map(|site| site_settings(site, file, scopes, notes, environment))
        .collect();
    sites
        .into_iter()
        .collect::<Option<Vec<_>>>()
        .filter(|sites| !sites.is_empty())
}

fn site_settings(
    site: &written::Site,
    file: &File,
    scopes: &[KnownScope],
    notes: &Notes,
    environment: &Environment,
) -> Option<SiteSettings> {
    if !site.supported {
        let problem = Diagnostic::new(
            Rule::NoSupport,
            format!("site `{}` names nobody to turn to", site.name.value),
            &site.name.place,
            "no `support`",
        );
        notes.add(
            problem
                .help("add: support = \"Help desk, +1 202 555 0143\" for people who cannot go on"),
        );
    }
    if let Some(url) = &site.url {
        reachable(site, url, file, notes);
        shown_certificates(site, url, file, notes);
    }
    if let Some(directory) = &site.directory {
        let known: Vec<&At<Name>> = file
            .directories
            .iter()
            .map(|directory| &directory.name)
            .collect();
        refer("site", "directory", directory, &known, notes);
    }
    let upstream = upstream_settings(site, notes);
    let identity = site
        .identity
        .as_ref()
        .map(|written| identity(written, notes, environment));
    let own = own_scopes(site, file, scopes, notes);
    let routes = classes::routes(site, file, notes);
    let captures = captures::resolve(site, file, notes);

    let (origin, own, directory) = (
        &site.url.as_ref()?.value,
        own?,
        &site.directory.as_ref()?.value,
    );
    let first = own.first()?.name.clone();
    let (routes, captures) = (Table::new(routes?, first), captures?);
    let sign_out = site
        .sign_out
        .as_ref()
        .and_then(|written| sign_out(written, notes));
    if site.sound {
        reach::warn(site, &captures, &routes, notes);
    }
    Some(SiteSettings {
        site: Site {
            name: site.name.value.clone(),
            title: site.title.as_ref().map_or_else(
                || site.name.value.to_string(),
                |title| title.value.0.clone(),
            ),
            origin: origin.clone(),
            origins: site
                .origins
                .items
                .iter()
                .map(|other| other.value.clone())
                .collect(),
            insecure: !origin.https() && !origin.loopback(),
            scopes: own,
            routes,
            captures,
            logout: site.logout.clone(),
            sign_out,
            charset: site
                .charset
                .as_ref()
                .map_or(encoding_rs::UTF_8, |charset| charset.value.0),
            fixed_user: site.fixed_user.as_ref().map(|user| user.value.clone()),
            support: site.support.as_ref().map(|support| support.value.0.clone()),
            accent: site.accent.as_ref().map(|accent| accent.value.0.clone()),
        },
        upstream: upstream?,
        known: site.known,
        base: site.base.clone(),
        directory: directory.clone(),
        identity,
        client_ca: site.client_ca.as_ref().map(|ca| ca.value.clone()),
        hsts: hsts(site, origin, notes),
    })
}

fn identity(
    written: &written::Identity,
    notes: &Notes,
    environment: &Environment,
) -> upstream::identity::Settings {
    let sign_key = written.sign_key.as_ref().and_then(|reference| {
        let key = secret::noted(reference, environment, notes)?;
        long_enough(&key, "the key of the identity", &reference.place, notes);
        Some(key)
    });
    upstream::identity::Settings {
        header: written.header.as_ref().map(|header| header.value.clone()),
        strip: written
            .strip
            .items
            .iter()
            .map(|claim| claim.value.clone())
            .collect(),
        sign_key,
    }
}

/// Whether browsers can get there, and safely (design section 3, S1).
fn reachable(site: &written::Site, url: &At<Origin>, file: &File, notes: &Notes) {
    let (origin, listen) = (&url.value, &file.listen);
    let insecure = site.insecure.as_ref().filter(|insecure| insecure.value);
    let needs_it = !origin.https() && !origin.loopback();
    if needs_it && insecure.is_none() {
        let problem = Diagnostic::new(
            Rule::Insecure,
            "an http:// site off loopback",
            &url.place,
            "cookies and codes would go over the network in clear text",
        );
        notes.add(
            problem.help(
                "write https://; or add insecure = true if nobody else can read that network",
            ),
        );
    }
    if let (false, Some(insecure)) = (needs_it, insecure) {
        notes.add(Diagnostic::new(
            Rule::NotUsed,
            "`insecure` has no effect here",
            &insecure.place,
            "only for an http:// site off loopback",
        ));
    }
    // A proxy in front may do TLS, if it is believed when it says so; by a PROXY header it does not.
    let announced = listen.proxy_protocol.as_ref().is_some_and(|on| on.value);
    let behind_proxy = listen.http.written && listen.trusted_proxies.written && !announced;
    if origin.https() && !listen.https.written && !behind_proxy {
        let problem = Diagnostic::new(
            Rule::NoTls,
            "an https:// site without an https listener",
            &url.place,
            "nobody listens for it",
        );
        let problem = if listen.place.position().is_some() {
            problem.also(&listen.place, "has no `https`")
        } else {
            problem
        };
        let proxied = if announced {
            "a PROXY header says nothing of TLS: behind a proxy that does TLS and speaks HTTP, leave out `proxy_protocol`"
        } else {
            "behind a proxy that does TLS, add: http = [\"127.0.0.1:8080\"] and trusted_proxies = [\"127.0.0.1/32\"]"
        };
        notes.add(
            problem
                .help("add to [listen]: https = [\"0.0.0.0:443\"], cert and key")
                .help(proxied),
        );
    }
    if !origin.https() && !listen.http.written {
        let problem = Diagnostic::new(
            Rule::NoListener,
            "an http:// site without an http listener",
            &url.place,
            "nobody listens for it",
        );
        let problem = if listen.place.position().is_some() {
            problem.also(&listen.place, "has no `http`")
        } else {
            problem
        };
        notes.add(problem.help(format!(
            "add to [listen]: http = [\"{}:{}\"]",
            if origin.loopback() {
                "127.0.0.1"
            } else {
                "0.0.0.0"
            },
            origin.port()
        )));
    }
}

/// Whether visitors can show a certificate at all: that is part of the handshake, which has to be ours, and in which they
/// say a host and neither an address nor a port.
fn shown_certificates(site: &written::Site, url: &At<Origin>, file: &File, notes: &Notes) {
    let Some(ca) = &site.client_ca else {
        return;
    };
    certified(ca, "certificate of an authority", notes);
    let origin = &url.value;
    let host = origin.host();
    let never = if !origin.https() {
        Some("only for an https:// site")
    } else if !file.listen.https.written {
        Some("there is no https listener: a proxy in front would see the certificates, and not we")
    } else if host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok() {
        Some("a browser that goes to an address tells no name in its handshake")
    } else {
        None
    };
    if let Some(why) = never {
        let problem = Diagnostic::new(
            Rule::NoTls,
            "nobody could show a certificate here",
            &ca.place,
            why,
        );
        notes.add(problem.also(&url.place, "the site's address"));
    }
    let same_host = file.sites.iter().find(|other| {
        let also = other.url.as_ref().filter(|other| other.value != *origin);
        let also = also.is_some_and(|other| other.value.https() && other.value.host() == host);
        let theirs = other.client_ca.as_ref().map(|ca| &ca.value);
        also && theirs != Some(&ca.value)
    });
    if let Some(other) = same_host {
        let problem = Diagnostic::new(
            Rule::NoTls,
            format!(
                "site `{}` on the same host wants other certificates, or none",
                other.name.value
            ),
            &ca.place,
            "a handshake tells the host, and not its port",
        );
        notes.add(
            problem
                .also(&other.name.place, "this site")
                .help("give both the same `client_ca`, or one of them a host of its own"),
        );
    }
}

/// What browsers are told to come back by (RFC 6797).
///
/// It is good for the host on all of its ports, and on this machine for every site there is: where somebody else may answer
/// on another port, it is said only if it is asked for.
fn hsts(site: &written::Site, origin: &Origin, notes: &Notes) -> Option<HeaderValue> {
    if let (false, Some(written)) = (origin.https(), &site.hsts) {
        let problem = Diagnostic::new(
            Rule::NotUsed,
            "`hsts` has no effect here",
            &written.place,
            "only for an https:// site",
        );
        notes.add(problem);
    }
    let alone = origin.port() == 443 && !origin.loopback();
    let (life, subdomains) = match &site.hsts {
        _ if !origin.https() => return None,
        None if !alone => return None,
        None => (written::Hsts::LIFE, false),
        Some(written) => (written.life, written.subdomains),
    };
    let below = if subdomains {
        "; includeSubDomains"
    } else {
        ""
    };
    HeaderValue::try_from(format!("max-age={}{below}", life.as_secs())).ok()
}

/// What is sent to the application when people sign out of the gateway.
fn sign_out(written: &written::SignOut, notes: &Notes) -> Option<SignOut> {
    let path = written.path.as_ref()?;
    let posts = match &written.method {
        None => false,
        Some(method) if method.value == Method::GET => false,
        Some(method) if method.value == Method::POST => true,
        Some(method) => {
            let problem = Diagnostic::new(
                Rule::UnknownChoice,
                "nobody is signed out by this method",
                &method.place,
                "GET or POST",
            );
            notes.add(
                problem.help("write what the application's own button sends, such as \"POST\""),
            );
            return None;
        }
    };
    if written.formed && !posts {
        let problem = Diagnostic::new(
            Rule::NotUsed,
            "`form` has no effect here",
            &path.place,
            "a GET has no form",
        );
        notes.add(problem.help("add: method = \"POST\""));
    }
    let target = path.value.0.parse().ok();
    let target = target.and_then(|target| Target::parse(target).ok())?;
    let form = written.form.iter();
    let form = form.map(|(name, value)| (name.clone(), Value::parse(value)));
    Some(SignOut {
        target,
        form: posts.then(|| form.collect()),
    })
}

fn upstream_settings(site: &written::Site, notes: &Notes) -> Option<upstream::Settings> {
    if let Some(ca) = &site.upstream_ca {
        certified(ca, "certificate of an authority", notes);
    }
    let mut address = site.upstream.as_ref()?.value.address.clone();
    match (&mut address, &site.upstream_ca) {
        (Address::Tls { ca, .. }, Some(own)) => *ca = Some(own.value.clone()),
        (_, Some(own)) => notes.add(Diagnostic::new(
            Rule::NotUsed,
            "`upstream_ca` has no effect here",
            &own.place,
            "only for an https:// upstream",
        )),
        (_, None) => {}
    }
    Some(upstream::Settings {
        address,
        authority: site.upstream.as_ref()?.value.authority.clone(),
        host: site.host,
        rewrite: rewritten(site, notes),
    })
}

/// The origins that pages are rid of.
fn rewritten(site: &written::Site, notes: &Notes) -> Vec<Origin> {
    repeated(&site.rewrite, "origin", notes, Clone::clone);
    let mut all = Vec::new();
    for name in &site.rewrite.items {
        let meant = match (&name.value, &site.upstream) {
            (OwnName::Origin(origin), _) => vec![origin.clone()],
            (OwnName::Upstream, Some(upstream)) => own_origins(&upstream.value),
            (OwnName::Upstream, None) => Vec::new(),
        };
        if let Some(url) = &site.url
            && meant.first() == Some(&url.value)
        {
            let problem = Diagnostic::new(
                Rule::NotUsed,
                "`rewrite` has no effect here",
                &name.place,
                "the address that browsers use anyway",
            );
            notes.add(problem.also(&url.place, "the same"));
        }
        all.extend(meant);
    }
    all
}

/// As it is written, and with the other scheme: behind a proxy applications guess it.
fn own_origins(upstream: &Upstream) -> Vec<Origin> {
    let schemes = match upstream.address {
        Address::Tls { .. } => ["https", "http"],
        Address::Tcp { .. } | Address::Unix(_) => ["http", "https"],
    };
    let origins =
        schemes.map(|scheme| Origin::parse(&format!("{scheme}://{}", upstream.authority)));
    origins.into_iter().flatten().collect()
}

fn own_scopes(
    site: &written::Site,
    file: &File,
    scopes: &[KnownScope],
    notes: &Notes,
) -> Option<Vec<Arc<Scope>>> {
    if !site.scopes.written {
        let problem = Diagnostic::new(
            Rule::NoScopes,
            format!("site `{}` has no scopes", site.name.value),
            &site.name.place,
            "nothing would guard it",
        );
        let example = file
            .scopes
            .first()
            .map_or("login", |scope| scope.name.value.as_str());
        notes.add(problem.help(format!(
            "add: scopes = [\"{example}\"]; the first guards everything that no route names"
        )));
    }
    repeated(&site.scopes, "scope", notes, Clone::clone);
    let known: Vec<&At<Name>> = file.scopes.iter().map(|scope| &scope.name).collect();
    let mut own = Vec::new();
    for name in &site.scopes.items {
        if refer("site", "scope", name, &known, notes) {
            own.extend(
                scopes
                    .iter()
                    .find(|scope| scope.value.name == name.value)
                    .map(|scope| in_own_words(&scope.value, site)),
            );
        }
    }
    for (name, _) in &site.messages {
        let text = name.value.as_str();
        let has = site.scopes.items.iter().any(|own| own.value == name.value);
        if has || !to_blame(text, site, file, notes) {
            continue;
        }
        let foreign = not_of_site("message", text, &name.place, site, file);
        notes
            .add(foreign.unwrap_or_else(|| no_such("message", "scope", text, &name.place, &known)));
    }
    (own.len() == site.scopes.items.len() && !own.is_empty()).then_some(own)
}

/// The scope with the site's messages, if it has some for it.
fn in_own_words(scope: &Arc<Scope>, site: &written::Site) -> Arc<Scope> {
    let own = site
        .messages
        .iter()
        .find(|(name, _)| name.value == scope.name);
    let Some((_, own)) = own else {
        return Arc::clone(scope);
    };
    Arc::new(Scope {
        message: own.over(&Arc::new(scope.message.clone())),
        ..Scope::clone(scope)
    })
}

/// The first scope of a site guards what no route names; any other guards only what routes say.
pub(super) fn warn_of_scopes_never_asked(file: &File, notes: &Notes) {
    for site in &file.sites {
        for name in site.scopes.items.iter().skip(1) {
            let required = site
                .routes
                .iter()
                .filter_map(|route| route.require.as_ref())
                .any(|require| require.value == name.value.as_str());
            // That the code of a capture opens nothing is said there.
            let captured = site.captures.iter().any(|capture| {
                capture
                    .scope
                    .as_ref()
                    .is_some_and(|scope| scope.value == name.value)
            });
            if !required && !captured {
                let problem = Diagnostic::new(
                    Rule::NeverAsked,
                    format!("scope `{}` is never asked for", name.value),
                    &name.place,
                    "not the first, and no route requires it",
                );
                notes.add(problem.help(format!(
                    "require it where it matters: require = \"{}\"",
                    name.value
                )));
            }
        }
    }
    for scope in &file.scopes {
        if !file.sites.iter().any(|site| {
            site.scopes
                .items
                .iter()
                .any(|name| name.value == scope.name.value)
        }) {
            let problem = Diagnostic::new(
                Rule::NeverAsked,
                format!("scope `{}` is never asked for", scope.name.value),
                &scope.name.place,
                "no site has it",
            );
            notes.add(problem.help(format!(
                "add it to a site: scopes = [\"{}\"]",
                scope.name.value
            )));
        }
    }
}
