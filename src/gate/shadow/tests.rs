//! The same tables as the gate's own, with scopes in shadow.

use std::sync::Arc;

use super::super::tests::{admin, ask, captured, grant, said, site, told};
use super::*;
use crate::gate::decide;
use crate::route::Class;

/// The site with these of its scopes in shadow.
fn shaded(mut site: Site, scopes: &[&str]) -> Site {
    for scope in &mut site.scopes {
        if scopes.contains(&scope.name.as_str()) {
            Arc::make_mut(scope).shadow = true;
        }
    }
    site
}

fn classes() -> Vec<(&'static str, Class)> {
    vec![
        ("/admin/**", admin()),
        ("/public/**", Class::Public),
        ("/open/**", Class::PublicFull),
        ("/closed", Class::Deny),
    ]
}

fn verdict(site: &Site, (method, path): (&str, &str), held: &[Grant]) -> String {
    told(decide(site, &ask(method, path, &[]), said(), held))
}

const BOTH: [&str; 2] = ["login", "admin"];

#[test]
fn with_every_scope_in_shadow_only_what_is_no_scopes_matter_is_left() {
    let site = shaded(site(&classes()), &BOTH);
    for (request, outcome) in [
        (("GET", "/"), "shadow would ask login"),
        (("POST", "/any"), "shadow would ask login"),
        (("OPTIONS", "/any"), "shadow"),
        (("GET", "/admin/x"), "shadow would ask admin"),
        (("GET", "/x/..;/admin/x"), "shadow would ask login"),
        (("GET", "/public/x"), "shadow"),
        (("POST", "/public/x"), "shadow would ask login"),
        (("GET", "/open/x"), "shadow"),
        (("GET", "/closed"), "Denied"),
        (("GET", "/x/%2e%2e/closed"), "Denied"),
    ] {
        assert_eq!(verdict(&site, request, &[]), outcome, "{request:?}");
    }
    let foreign = [("origin", "https://evil.example")];
    let verdict = decide(&site, &ask("POST", "/", &foreign), said(), &[]);
    assert_eq!(told(verdict), "CrossOrigin");
}

#[test]
fn s5_a_grant_of_a_scope_in_shadow_stands_behind_nothing() {
    let site = shaded(site(&classes()), &BOTH);
    let held = [grant("login", "ann"), grant("admin", "ann")];
    for path in ["/", "/admin/x", "/public/x", "/open/x"] {
        assert_eq!(verdict(&site, ("GET", path), &held), "shadow", "{path}");
    }
}

#[test]
fn s3_a_scope_in_force_is_asked_for_whatever_else_is_in_shadow() {
    let first = shaded(site(&classes()), &["login"]);
    let step_up = shaded(site(&classes()), &["admin"]);
    let (login, admin) = (grant("login", "ann"), grant("admin", "ann"));
    for (site, path, held, outcome) in [
        (&first, "/", &[] as &[Grant], "shadow would ask login"),
        (&first, "/admin/x", &[], "ask admin"),
        // It needs both, in two readings.
        (&first, "/x/..;/admin/x", &[], "ask admin"),
        (
            &first,
            "/x/..;/admin/x",
            std::slice::from_ref(&admin),
            "admin would ask login",
        ),
        (&first, "/admin/x", std::slice::from_ref(&admin), "admin"),
        (
            &first,
            "/admin/x",
            std::slice::from_ref(&login),
            "ask admin",
        ),
        (&first, "/public/x", &[], "shadow"),
        (&step_up, "/", &[], "ask login"),
        (&step_up, "/public/x", &[], "anonymous"),
        (&step_up, "/admin/x", &[], "ask login"),
        (
            &step_up,
            "/admin/x",
            std::slice::from_ref(&admin),
            "ask login",
        ),
        (
            &step_up,
            "/admin/x",
            std::slice::from_ref(&login),
            "login would ask admin",
        ),
        (
            &step_up,
            "/x/..;/admin/x",
            std::slice::from_ref(&login),
            "login would ask admin",
        ),
        (&step_up, "/x/..;/admin/x", &[], "ask login"),
        (&step_up, "/closed", std::slice::from_ref(&login), "Denied"),
    ] {
        assert_eq!(
            verdict(site, ("GET", path), held),
            outcome,
            "{path} with {held:?}"
        );
    }
}

#[test]
fn a_login_in_shadow_is_not_held_and_one_in_force_is() {
    let posted = |site: &Site, held: &[Grant]| {
        let name = Name::parse("form").unwrap();
        let logins = [&name];
        let said = Said {
            logins: &logins,
            password: Mentioned::Body,
            ..said()
        };
        told(decide(site, &ask("POST", "/login", &[]), said, held))
    };
    let shadow = shaded(captured(&classes()), &BOTH);
    assert_eq!(posted(&shadow, &[]), "captured would hold form");
    assert_eq!(
        verdict(&shadow, ("GET", "/login"), &[]),
        "shadow would look at form"
    );
    assert_eq!(
        verdict(&shadow, ("GET", "/login"), &[grant("login", "ann")]),
        "shadow"
    );
    let first = shaded(captured(&classes()), &["login"]);
    assert_eq!(posted(&first, &[]), "captured would hold form");
    let strict = shaded(captured(&classes()), &["admin"]);
    assert_eq!(posted(&strict, &[]), "login form");
    assert_eq!(verdict(&strict, ("GET", "/login"), &[]), "login page form");
}

#[test]
fn a_password_where_none_belongs_is_let_through_where_no_grant_in_force_could_come_to_serve_it() {
    let posted = |site: &Site, path: &str, held: &[Grant]| {
        let said = Said {
            password: Mentioned::Body,
            ..said()
        };
        told(decide(site, &ask("POST", path, &[]), said, held))
    };
    let (login, admin) = (grant("login", "ann"), grant("admin", "ann"));
    let shadow = shaded(captured(&classes()), &BOTH);
    for path in ["/other-login", "/open/x"] {
        let told = posted(&shadow, path, std::slice::from_ref(&login));
        assert_eq!(told, "shadow would Credentials", "{path}");
    }
    let first = shaded(captured(&classes()), &["login"]);
    assert_eq!(
        posted(&first, "/other-login", &[]),
        "shadow would ask login"
    );
    assert_eq!(
        posted(&first, "/other-login", std::slice::from_ref(&admin)),
        "Credentials"
    );
    assert_eq!(
        posted(&first, "/open/x", std::slice::from_ref(&admin)),
        "Credentials"
    );
    let step_up = shaded(captured(&classes()), &["admin"]);
    assert_eq!(
        posted(&step_up, "/admin/x", std::slice::from_ref(&login)),
        "Credentials"
    );
}

#[test]
fn authorization_goes_up_where_no_grant_in_force_could_come_to_serve_it() {
    let goes = |site: &Site, held: &[Grant]| match decide(site, &ask("GET", "/", &[]), said(), held)
    {
        Verdict::Shadow(pass, _) => pass.authorization(),
        other => panic!("{other:?}"),
    };
    let admin = [grant("admin", "ann")];
    assert!(goes(&shaded(captured(&classes()), &BOTH), &admin));
    let first = shaded(captured(&classes()), &["login"]);
    assert!(goes(&first, &[]));
    assert!(!goes(&first, &admin));
    assert!(
        goes(&shaded(site(&classes()), &["login"]), &admin),
        "no login is captured"
    );
}
