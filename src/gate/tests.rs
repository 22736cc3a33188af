//! The gate as tables: routes, request, grants, verdict.

use std::sync::Arc;

use http::Request;

use super::*;
use crate::capture::Credentials;
use crate::challenge::tests::{at, scope, verified};
use crate::grant::Grant;
use crate::name::Name;
use crate::request::check;
use crate::route::{Class, Pattern, Route, Table};
use crate::site::{Origin, Site};

/// A site `https://app.example` with scopes login and admin and these routes: path, class.
pub(crate) fn site(routes: &[(&str, Class)]) -> Site {
    let route = |(path, class): &(&str, Class)| Route {
        paths: vec![Pattern::parse(path).unwrap()],
        methods: Vec::new(),
        query: Vec::new(),
        form: Vec::new(),
        websocket: None,
        class: class.clone(),
        place: "countersign.toml:1".to_owned(),
    };
    let login = Name::parse("login").unwrap();
    Site {
        name: Name::parse("portal").unwrap(),
        title: "Portal".to_owned(),
        origin: Origin::parse("https://app.example").unwrap(),
        origins: vec![Origin::parse("https://friend.example").unwrap()],
        insecure: false,
        scopes: vec![Arc::new(scope("login")), Arc::new(scope("admin"))],
        routes: Table::new(routes.iter().map(route).collect(), login),
        captures: Vec::new(),
        logout: Vec::new(),
        sign_out: None,
        charset: encoding_rs::UTF_8,
        fixed_user: None,
        support: None,
        accent: None,
    }
}

/// A capture named `form` for scope login: fields `user` and `pass`, page `/login`.
pub(crate) fn capture() -> Capture {
    Capture {
        name: Name::parse("form").unwrap(),
        scope: Name::parse("login").unwrap(),
        credentials: Credentials::Form(login::Wanted {
            username: Some(login::Place::of("user")),
            password: login::Place::of("pass"),
        }),
        fixed_user: None,
        page: "/login".to_owned(),
        probe: None,
        success_cookie: None,
        success_location: None,
        auth_cookies: crate::capture::cookie::Names::parse(["sid"]).unwrap(),
        answer: crate::capture::token::Answer::Held,
        machines: Vec::new(),
        hold: std::time::Duration::from_mins(5),
    }
}

/// [`site`] with that capture at `/login`, before these routes.
pub(crate) fn captured(routes: &[(&str, Class)]) -> Site {
    let form = ("/login", Class::Capture(Name::parse("form").unwrap()));
    let all: Vec<(&str, Class)> = std::iter::once(form)
        .chain(routes.iter().cloned())
        .collect();
    Site {
        captures: vec![capture()],
        ..site(&all)
    }
}

pub(super) fn grant(scope: &str, subject: &str) -> Grant {
    Grant::issue(verified(scope, subject), [1; 16], at(0))
}

pub(super) fn admin() -> Class {
    Class::Scope(Name::parse("admin").unwrap())
}

pub(super) fn ask(method: &str, path: &str, fields: &[(&str, &str)]) -> Checked {
    let builder = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "app.example");
    let builder = fields.iter().fold(builder, |builder, (name, value)| {
        builder.header(*name, *value)
    });
    check(builder.body(()).unwrap().into_parts().0, true).unwrap()
}

/// A request that says nothing besides its head.
pub(super) fn said() -> Said<'static> {
    Said {
        form: &Form::Unread,
        logins: &[],
        password: Mentioned::Nowhere,
        bearer: None,
    }
}

fn verdict(site: &Site, asked: &Checked, held: &[Grant]) -> String {
    told(decide(site, asked, said(), held))
}

fn way(pass: &Pass) -> String {
    match pass.way() {
        Way::Anonymous => "anonymous".to_owned(),
        Way::Open => "open".to_owned(),
        Way::Captured => "captured".to_owned(),
        Way::Shadow => "shadow".to_owned(),
        Way::Granted(grants) => grants
            .iter()
            .map(|grant| grant.scope().as_str())
            .collect::<Vec<_>>()
            .join("+"),
    }
}

pub(super) fn told(verdict: Verdict<'_>) -> String {
    match verdict {
        Verdict::Forward(pass) | Verdict::Shadow(pass, None) => way(&pass),
        Verdict::Shadow(pass, Some(would)) => {
            let would = match would {
                Would::Ask(scope, _) => format!("ask {}", scope.name),
                Would::Refuse(reason) => format!("{reason:?}"),
                Would::Hold(capture) => format!("hold {}", capture.name),
                Would::LookAt(capture) => format!("look at {}", capture.name),
            };
            format!("{} would {would}", way(&pass))
        }
        Verdict::Ask(scope) => format!("ask {}", scope.name),
        Verdict::LoginPage(_, capture) => format!("login page {}", capture.name),
        Verdict::Login(_, capture) => format!("login {}", capture.name),
        Verdict::Preflight(allowed) => format!("preflight {allowed}"),
        Verdict::Refuse(reason) => format!("{reason:?}"),
    }
}

#[test]
fn s3_a_grant_opens_its_own_scope_and_no_other() {
    let site = site(&[("/admin", admin())]);
    let (login, administration) = (grant("login", "ann"), grant("admin", "ann"));
    for (path, held, outcome) in [
        ("/", &[] as &[Grant], "ask login"),
        ("/anything/unlisted", &[], "ask login"),
        ("/admin/users", &[], "ask admin"),
        ("/", std::slice::from_ref(&login), "login"),
        ("/admin/users", std::slice::from_ref(&login), "ask admin"),
        ("/", std::slice::from_ref(&administration), "ask login"),
        (
            "/admin/users",
            std::slice::from_ref(&administration),
            "admin",
        ),
        ("/x/..;/admin", std::slice::from_ref(&login), "ask admin"),
    ] {
        assert_eq!(
            verdict(&site, &ask("GET", path, &[]), held),
            outcome,
            "{path} with {held:?}"
        );
    }
}

#[test]
fn r5_a_protected_route_is_protected_for_every_method_and_no_header_chooses_it() {
    let site = site(&[("/admin", admin()), ("/open", Class::Public)]);
    for method in [
        "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "PROPFIND", "get",
    ] {
        assert_eq!(
            verdict(&site, &ask(method, "/admin", &[]), &[]),
            "ask admin",
            "{method}"
        );
    }
    for fields in [&[] as &[_], &[("access-control-request-method", "GET")]] {
        let asked = ask("OPTIONS", "/admin", fields);
        assert_eq!(verdict(&site, &asked, &[]), "preflight false");
    }
    for (name, value) in [
        ("x-original-url", "/open"),
        ("x-rewrite-url", "/open"),
        ("x-http-method-override", "GET"),
        ("user-agent", "kube-probe"),
    ] {
        assert_eq!(
            verdict(&site, &ask("GET", "/admin", &[(name, value)]), &[]),
            "ask admin",
            "{name}"
        );
    }
}

#[test]
fn r9_the_anonymous_zone_is_for_reading_only() {
    let site = site(&[("/open/**", Class::Public)]);
    let websocket = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
    ];
    assert_eq!(
        verdict(&site, &ask("GET", "/open/a", &[]), &[]),
        "anonymous"
    );
    assert_eq!(
        verdict(&site, &ask("HEAD", "/open/a", &[]), &[]),
        "anonymous"
    );
    assert_eq!(
        verdict(&site, &ask("POST", "/open/a", &[]), &[]),
        "ask login"
    );
    assert_eq!(
        verdict(&site, &ask("GET", "/open/a", &websocket), &[]),
        "ask login"
    );
    let says = [("x-http-method-override", "POST")];
    assert_eq!(
        verdict(&site, &ask("GET", "/open/a", &says), &[]),
        "ask login",
        "some servers read a POST"
    );
    assert_eq!(
        verdict(&site, &ask("GET", "/open/a?_method=post", &[]), &[]),
        "ask login"
    );
    assert_eq!(
        verdict(&site, &ask("GET", "/open/a", &[]), &[grant("login", "ann")]),
        "login",
        "who has a grant is known"
    );
    assert_eq!(
        verdict(&site, &ask("GET", "/open/a", &[]), &[grant("admin", "ann")]),
        "anonymous"
    );
    assert_eq!(
        verdict(&site, &ask("GET", "/open/../private", &[]), &[]),
        "ask login"
    );
}

/// Some servers answer a GET without reading what follows it, and then read that as the next request, which nobody has
/// judged. A page that is open to all is asked for without a body.
#[test]
fn r6_nothing_follows_a_get_into_the_anonymous_zone() {
    let site = site(&[("/open/**", Class::Public)]);
    for method in ["GET", "HEAD"] {
        for (framing, told) in [
            (("content-length", "0"), "anonymous"),
            (("content-length", "27"), "ask login"),
            (("transfer-encoding", "chunked"), "ask login"),
        ] {
            let asked = ask(method, "/open/a", &[framing]);
            assert_eq!(verdict(&site, &asked, &[]), told, "{method} {framing:?}");
            let held = [grant("login", "ann")];
            assert_eq!(verdict(&site, &asked, &held), "login");
        }
    }
}

#[test]
fn deny_is_for_everybody_and_public_full_for_anybody() {
    let site = site(&[
        ("/xmlrpc.php", Class::Deny),
        ("/hook", Class::PublicFull),
        ("/lost", Class::LoginPage),
    ]);
    let held = [grant("login", "ann"), grant("admin", "ann")];
    assert_eq!(
        verdict(&site, &ask("POST", "/xmlrpc.php/x", &[]), &held),
        "Denied"
    );
    assert_eq!(verdict(&site, &ask("POST", "/hook", &[]), &[]), "open");
    assert_eq!(verdict(&site, &ask("OPTIONS", "/hook", &[]), &[]), "open");
    assert_eq!(verdict(&site, &ask("POST", "/lost", &[]), &[]), "open");
}

#[test]
fn another_sites_page_changes_nothing() {
    let site = site(&[("/hook", Class::PublicFull)]);
    let held = [grant("login", "ann")];
    for (fields, outcome) in [
        (&[] as &[(&str, &str)], "login"),
        (&[("origin", "https://app.example")], "login"),
        (&[("origin", "https://friend.example")], "login"),
        (&[("origin", "https://evil.example")], "CrossOrigin"),
        (&[("origin", "http://app.example")], "CrossOrigin"),
        (&[("origin", "https://app.example:444")], "CrossOrigin"),
        (
            &[
                ("origin", "https://app.example"),
                ("origin", "https://evil.example"),
            ],
            "CrossOrigin",
        ),
        (&[("origin", "null")], "CrossOrigin"),
        (
            &[("origin", "null"), ("sec-fetch-site", "cross-site")],
            "CrossOrigin",
        ),
        (
            &[("origin", "null"), ("sec-fetch-site", "same-origin")],
            "login",
        ),
    ] {
        assert_eq!(
            verdict(&site, &ask("POST", "/x", fields), &held),
            outcome,
            "{fields:?}"
        );
    }
    assert_eq!(
        verdict(
            &site,
            &ask("POST", "/hook", &[("origin", "https://evil.example")]),
            &[]
        ),
        "CrossOrigin"
    );
    assert_eq!(
        verdict(
            &site,
            &ask("GET", "/x", &[("origin", "https://evil.example")]),
            &held
        ),
        "login",
        "reading is the browser's matter"
    );
    let upgrade = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
        ("origin", "https://evil.example"),
    ];
    assert_eq!(
        verdict(&site, &ask("GET", "/x", &upgrade), &held),
        "CrossOrigin"
    );
}

#[test]
fn a_preflight_is_answered_here_and_goes_up_only_with_a_grant() {
    let site = site(&[("/admin", admin())]);
    let wants = ("access-control-request-method", "PUT");
    for (fields, outcome) in [
        (
            &[wants, ("origin", "https://friend.example")] as &[_],
            "preflight true",
        ),
        (
            &[wants, ("origin", "https://evil.example")],
            "preflight false",
        ),
        (&[wants], "preflight false"),
        (&[("origin", "https://friend.example")], "preflight false"),
        (&[], "preflight false"),
    ] {
        assert_eq!(
            verdict(&site, &ask("OPTIONS", "/admin", fields), &[]),
            outcome,
            "{fields:?}"
        );
    }
    assert_eq!(
        verdict(&site, &ask("OPTIONS", "/x", &[]), &[grant("login", "ann")]),
        "login"
    );
}

#[test]
fn one_persons_grant_never_serves_another() {
    let site = site(&[("/admin", admin())]);
    let held = [grant("login", "ann"), grant("admin", "bob")];
    assert_eq!(
        verdict(&site, &ask("GET", "/admin", &[]), &held),
        "ask admin"
    );
    assert_eq!(verdict(&site, &ask("GET", "/", &[]), &held), "login");
}

#[test]
fn readings_on_two_scopes_need_both() {
    let site = site(&[
        ("/admin", admin()),
        ("/desk", Class::Scope(Name::parse("login").unwrap())),
    ]);
    let path = "/desk/../admin";
    assert_eq!(verdict(&site, &ask("GET", path, &[]), &[]), "ask login");
    assert_eq!(
        verdict(&site, &ask("GET", path, &[]), &[grant("login", "ann")]),
        "ask admin"
    );
    assert_eq!(
        verdict(&site, &ask("GET", path, &[]), &[grant("admin", "ann")]),
        "ask login"
    );
    assert_eq!(
        verdict(
            &site,
            &ask("GET", path, &[]),
            &[grant("login", "ann"), grant("admin", "ann")]
        ),
        "login+admin"
    );
}

/// What is decided about a request that carries these logins, and a password where it is mentioned.
fn said_verdict(
    site: &Site,
    asked: &Checked,
    logins: &[&str],
    password: Mentioned,
    held: &[Grant],
) -> String {
    let logins: Vec<Name> = logins
        .iter()
        .map(|name| Name::parse(name).unwrap())
        .collect();
    let logins: Vec<&Name> = logins.iter().collect();
    let form = Form::Fields(Vec::new());
    let said = Said {
        form: &form,
        logins: &logins,
        password,
        bearer: None,
    };
    told(decide(site, asked, said, held))
}

#[test]
fn g1_a_login_page_and_a_login_go_on_captured_and_whatever_else_needs_the_scope() {
    let site = captured(&[("/admin", admin())]);
    let ann = grant("login", "ann");
    let (none, one) = (&[] as &[Grant], std::slice::from_ref(&ann));
    let (body, nowhere) = (Mentioned::Body, Mentioned::Nowhere);
    for (method, path, logins, password, held, outcome) in [
        (
            "GET",
            "/login",
            &[] as &[&str],
            nowhere,
            none,
            "login page form",
        ),
        ("HEAD", "/login", &[], nowhere, none, "login page form"),
        ("GET", "/login", &[], nowhere, one, "login"),
        ("POST", "/login", &["form"], body, none, "login form"),
        ("POST", "/login", &["form"], body, one, "login form"),
        ("POST", "/login", &[], nowhere, none, "ask login"),
        ("POST", "/login", &[], nowhere, one, "login"),
        ("POST", "/login", &[], body, one, "Credentials"),
        ("PUT", "/login", &["form"], body, none, "ask login"),
        ("GET", "/", &[], nowhere, none, "ask login"),
    ] {
        let asked = ask(method, path, &[]);
        let found = said_verdict(&site, &asked, logins, password, held);
        assert_eq!(found, outcome, "{method} {path} {logins:?} {password:?}");
    }
}

#[test]
fn g1_a_password_goes_through_its_capture_or_nowhere() {
    let site = captured(&[
        ("/open", Class::Public),
        ("/lost", Class::LoginPage),
        ("/full", Class::PublicFull),
        ("/admin", admin()),
    ]);
    let held = [grant("login", "ann"), grant("admin", "ann")];
    for (method, path, granted, ungranted) in [
        ("GET", "/", "Credentials", "ask login"),
        ("POST", "/x", "Credentials", "ask login"),
        ("GET", "/admin", "Credentials", "ask admin"),
        ("GET", "/open", "Credentials", "ask login"),
        ("GET", "/lost", "Credentials", "Credentials"),
        ("POST", "/lost", "Credentials", "Credentials"),
        ("POST", "/full", "Credentials", "open"),
    ] {
        let asked = ask(method, path, &[]);
        for (held, outcome) in [(&held[..], granted), (&[], ungranted)] {
            for password in [Mentioned::Query, Mentioned::Body] {
                let found = said_verdict(&site, &asked, &[], password, held);
                assert_eq!(found, outcome, "{method} {path} {password:?}");
            }
        }
    }
    for (method, password) in [
        ("GET", Mentioned::Query),
        ("GET", Mentioned::Body),
        ("HEAD", Mentioned::Query),
        ("POST", Mentioned::Query),
    ] {
        let asked = ask(method, "/login", &[]);
        for held in [&held[..], &[]] {
            let found = said_verdict(&site, &asked, &["form"], password, held);
            assert!(
                found.starts_with("Ambiguous"),
                "{method} {password:?}: {found}"
            );
        }
    }
}

#[test]
fn a_login_from_another_sites_page_is_refused() {
    let site = captured(&[]);
    for (origin, outcome) in [
        ("https://app.example", "login form"),
        ("https://friend.example", "login form"),
        ("https://evil.example", "CrossOrigin"),
        ("null", "CrossOrigin"),
    ] {
        let asked = ask("POST", "/login", &[("origin", origin)]);
        let found = said_verdict(&site, &asked, &["form"], Mentioned::Body, &[]);
        assert_eq!(found, outcome, "{origin}");
    }
}

#[test]
fn g1_the_gateway_follows_no_further_than_its_capture_reaches() {
    let site = captured(&[
        ("/open", Class::Public),
        ("/never", Class::Deny),
        ("/admin", admin()),
    ]);
    for (path, followed, open) in [
        ("/", true, false),
        ("/home?x=1", true, false),
        ("/login", true, true),
        ("/open", true, true),
        ("/never", false, false),
        ("/never/x", false, false),
        ("/admin", false, false),
        ("/ADMIN/users", false, false),
        ("/x/../admin", false, false),
        ("/.countersign/sign-out", false, false),
        ("/.Countersign/c/x", false, false),
    ] {
        let target = Target::parse(path.parse().unwrap()).unwrap();
        let pass = follow(&site, &site.captures[0], &target);
        assert_eq!(pass.is_some(), followed, "{path}");
        assert_eq!(open_to_strangers(&site, &target), open, "{path}");
    }
}

/// An operator who opens everything does not open the gateway's own pages to the gateway itself: one GET of theirs could
/// end a challenge, or lead in circles.
#[test]
fn g1_no_route_leads_the_gateway_into_its_own_pages() {
    let site = captured(&[("/**", Class::PublicFull)]);
    for (path, open) in [
        ("/home", true),
        ("/.countersign/sign-out", false),
        ("/.countersign", false),
        ("/x/../.countersign/c/x", false),
    ] {
        let target = Target::parse(path.parse().unwrap()).unwrap();
        let pass = follow(&site, &site.captures[0], &target);
        assert_eq!(pass.is_some(), open, "{path}");
        assert_eq!(open_to_strangers(&site, &target), open, "{path}");
    }
}

#[test]
fn g1_authorization_goes_on_only_where_it_can_be_no_login_beside_the_captured_one() {
    let routes = [
        ("/open", Class::Public),
        ("/full", Class::PublicFull),
        ("/lost", Class::LoginPage),
    ];
    let ann = [grant("login", "ann")];
    let goes_on = |site: &Site, method: &str, path: &str, logins: &[&Name], held: &[Grant]| {
        let asked = ask(method, path, &[]);
        let form = Form::Fields(Vec::new());
        let said = Said {
            form: &form,
            logins,
            password: Mentioned::Nowhere,
            bearer: None,
        };
        match decide(site, &asked, said, held) {
            Verdict::Forward(pass) | Verdict::LoginPage(pass, _) | Verdict::Login(pass, _) => {
                pass.authorization()
            }
            other => panic!("{path}: {other:?}"),
        }
    };
    let with = captured(&routes);
    let form = Name::parse("form").unwrap();
    for (method, path, logins, held, expected) in [
        ("GET", "/open", &[][..], &[][..], false),
        ("GET", "/open", &[], &ann, false),
        ("GET", "/full", &[], &[], true),
        ("GET", "/full", &[], &ann, false),
        ("GET", "/lost", &[], &[], false),
        ("GET", "/login", &[], &[], false),
        ("GET", "/login", &[], &ann, false),
        ("POST", "/login", &[&form], &[], false),
        ("GET", "/x", &[], &ann, false),
    ] {
        let found = goes_on(&with, method, path, logins, held);
        assert_eq!(found, expected, "{method} {path} {}", held.len());
    }
    let without = site(&routes);
    for (path, held, expected) in [
        ("/open", &[][..], false),
        ("/open", &ann, true),
        ("/full", &[], true),
        ("/full", &ann, true),
        ("/lost", &[], true),
        ("/x", &ann, true),
    ] {
        let found = goes_on(&without, "GET", path, &[], held);
        assert_eq!(found, expected, "{path} without a capture");
    }
    let target = Target::parse("/home".parse().unwrap()).unwrap();
    let pass = follow(&with, &with.captures[0], &target).unwrap();
    assert!(!pass.authorization());
}

#[test]
fn g1_a_password_is_found_wherever_a_server_could_read_it() {
    let site = captured(&[]);
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    for (target, body, found) in [
        ("/x", "", Mentioned::Nowhere),
        ("/x?a=b", "user=ann", Mentioned::Nowhere),
        ("/x?pass=y", "", Mentioned::Query),
        ("/x?pass=y", "pass=y", Mentioned::Query),
        ("/x%3Fpass=y", "", Mentioned::Query),
        ("/x%3Fa=b", "", Mentioned::Nowhere),
        ("/x", "user=ann&pass=y", Mentioned::Body),
    ] {
        let asked = ask("POST", target, &kind);
        assert_eq!(
            Mentioned::find(&site, &asked, body.as_bytes()),
            found,
            "{target} {body}"
        );
    }
}

/// What is a login to some servers only goes up to none of them: neither as a login nor as anything else.
#[test]
fn g2_a_login_on_a_condition_that_does_not_hold_exactly_is_refused() {
    let mut site = captured(&[]);
    let route = Route {
        paths: vec![Pattern::parse("/login").unwrap()],
        methods: Vec::new(),
        query: vec![("do".to_owned(), "login".to_owned())],
        form: Vec::new(),
        websocket: None,
        class: Class::Capture(Name::parse("form").unwrap()),
        place: "countersign.toml:1".to_owned(),
    };
    site.routes = Table::new(vec![route], Name::parse("login").unwrap());
    let held = [grant("login", "ann")];
    let doubtful = format!("{:?}", Reason::Ambiguous(DOUBTFUL));
    let (body, nowhere) = (Mentioned::Body, Mentioned::Nowhere);
    for (target, logins, password, expected) in [
        ("/login?do=login", &["form"][..], body, "login form"),
        ("/login?do=login&do=x", &["form"], body, &doubtful),
        ("/login?DO=login", &["form"], body, &doubtful),
        ("/login?do=login&do=x", &[], nowhere, "login"),
        ("/login?do=x", &["form"], body, "Credentials"),
    ] {
        let asked = ask("POST", target, &[]);
        let found = said_verdict(&site, &asked, logins, password, &held);
        assert_eq!(found, expected, "{target} {logins:?}");
    }
}
