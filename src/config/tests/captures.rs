//! What captures mean once they are read; their mistakes stand in `tests/golden/config/capture-*.toml`.

use http::uri::PathAndQuery;
use http::{HeaderValue, Method};
use proptest::prelude::*;

use super::*;
use crate::capture::Capture;
use crate::form::Form;
use crate::login;
use crate::route::{Asked, Class, Opening, Outcome, Pattern, Requirement, Route, Table, Why};
use crate::target::Target;

const FORM: &str = r#"
[[sites.portal.routes]]
path = "/login"
capture = "form"
[sites.portal.captures.form]
scope = "login"
username = "user"
password = "pass"
probe = "/home"
auth_cookies = ["sid"]
"#;

/// [`GOOD`] with more tables for the portal.
fn with(tables: &str) -> String {
    GOOD.replace("[scopes.login]", &format!("{tables}[scopes.login]"))
}

fn rules(loaded: &Loaded) -> Vec<Rule> {
    loaded.problems.iter().map(|problem| problem.rule).collect()
}

/// The portal of a configuration in which nothing is wrong, not even a little.
fn portal(configuration: &str) -> Site {
    let folder = Folder::new(configuration);
    let mut loaded = folder.load();
    assert_eq!(folder.told(&loaded), "", "{configuration}");
    loaded.config.take().unwrap().sites.remove(0).site
}

fn capture(tables: &str) -> Capture {
    portal(&with(tables)).captures.remove(0)
}

fn field(name: &str) -> login::Place {
    login::Place::Field(name.into())
}

#[test]
fn a_capture_means_what_is_written() {
    let tables = FORM
        .replace("\"user\"", "\"/user/name\"")
        .replace("/home", "/home?tab=1")
        .replace(
            "scope = \"login\"",
            "scope = \"admin\"\npage = \"/start?x=%20\"\nsuccess_cookie = [\"in_*\", \"ok\"]\nsuccess_location = \"/home/**\"\nhold = \"90s\"",
        )
        + "[[sites.portal.routes]]\npath = \"/start\"\nrequire = \"login-page\"\n";
    let capture = capture(&tables);
    assert_eq!(
        (capture.name.as_str(), capture.scope.as_str()),
        ("form", "admin")
    );
    let wanted = capture.form().unwrap();
    assert_eq!(
        (&wanted.username, &wanted.password),
        (
            &Some(login::Place::Pointer("/user/name".into())),
            &field("pass")
        )
    );
    assert_eq!(
        (capture.page.as_str(), capture.probe.as_deref()),
        ("/start?x=%20", Some("/home?tab=1"))
    );
    assert_eq!(capture.success_location.unwrap().as_str(), "/home/**");
    let success = capture.success_cookie.unwrap();
    assert!(success.has(b"in_2") && success.has(b"ok") && !success.has(b"sid"));
    assert!(capture.auth_cookies.has(b"sid") && !capture.auth_cookies.has(b"in_2"));
    assert_eq!(capture.hold, Duration::from_secs(90));
}

#[test]
fn what_a_capture_does_not_say_has_its_default() {
    let capture = capture(FORM);
    assert_eq!(capture.page, "/login");
    assert_eq!(capture.hold, Duration::from_mins(5));
    assert!(capture.success_cookie.is_none() && capture.success_location.is_none());
    assert_eq!(capture.fixed_user, None);
}

#[test]
fn the_page_is_by_default_the_first_bare_path_at_which_it_is_got() {
    for (routes, page) in [
        ("path = \"/sign in\"", "/sign%20in"),
        ("path = \"/café%2Fx%25%2D\"", "/caf%C3%A9/x%25-"),
        ("path = [\"/a*\", \"/b\", \"/c\"]", "/b"),
        (
            "path = \"/a\"\nmethods = \"POST\"\ncapture = \"form\"\n[[sites.portal.routes]]\npath = \"/b\"\nmethods = [\"GET\", \"HEAD\"]",
            "/b",
        ),
        (
            "path = \"/a\"\nquery = { do = \"login\" }\ncapture = \"form\"\n[[sites.portal.routes]]\npath = \"/a\"\nform = { do = \"login\" }\ncapture = \"form\"\n[[sites.portal.routes]]\npath = \"/b\"",
            "/b",
        ),
    ] {
        let tables = FORM.replace("path = \"/login\"", routes);
        assert_eq!(capture(&tables).page, page, "{routes}");
    }
}

#[test]
fn the_fixed_user_is_the_captures_or_the_sites_and_only_where_the_form_names_nobody() {
    let on_site = |tables: &str| {
        with(tables).replace(
            "support = \"Help desk\"",
            "support = \"Help desk\"\nfixed_user = \"Everyone\"",
        )
    };
    let without_name = FORM.replace("username = \"user\"\n", "");
    let owner = without_name.replace("probe", "fixed_user = \"Owner\"\nprobe");
    for (configuration, fixed) in [
        (with(&owner), Some("owner")),
        (on_site(&owner), Some("owner")),
        (on_site(&without_name), Some("everyone")),
        (on_site(FORM), None),
    ] {
        let site = portal(&configuration);
        let user = site.captures[0].fixed_user.as_ref();
        assert_eq!(
            user.map(crate::subject::Subject::as_str),
            fixed,
            "{configuration}"
        );
    }
}

#[test]
fn routes_and_scopes_know_their_captures() {
    let second = FORM
        .replace("form", "second")
        .replace("/login", "/second")
        .replace("\"login\"", "\"admin\"");
    let site = portal(&with(&format!("{FORM}{second}")));
    let page = |scope: &str| {
        let capture = site.capture_for(&site.scope(scope).unwrap().name);
        capture.map(|capture| capture.page.as_str())
    };
    assert_eq!(
        (page("login"), page("admin")),
        (Some("/login"), Some("/second"))
    );
    let target = Target::parse(PathAndQuery::from_static("/second")).unwrap();
    let asked = Asked {
        method: &Method::GET,
        overriding: None,
        target: &target,
        websocket: false,
        form: &Form::Unread,
        logins: &[],
    };
    let Requirement::Open(Opening::Capture, route) = site.routes.judge(&asked) else {
        panic!("{:?}", site.routes.judge(&asked))
    };
    assert_eq!(route.class, Class::Capture(Name::parse("second").unwrap()));
}

#[test]
fn an_encoding_is_taken_by_any_of_its_names_if_ascii_is_ascii_in_it() {
    for (label, encoding) in [
        ("utf-8", encoding_rs::UTF_8),
        ("Latin1", encoding_rs::WINDOWS_1252),
        ("iso-8859-15", encoding_rs::ISO_8859_15),
        ("sjis", encoding_rs::SHIFT_JIS),
        ("gb2312", encoding_rs::GBK),
    ] {
        let with_charset = GOOD.replace(
            "support = \"Help desk\"",
            &format!("support = \"Help desk\"\ncharset = \"{label}\""),
        );
        assert_eq!(portal(&with_charset).charset, encoding, "{label}");
    }
    assert_eq!(portal(GOOD).charset, encoding_rs::UTF_8);
}

#[test]
fn a_scope_that_only_a_capture_gives_is_told_once() {
    let tables = FORM.replace("\"login\"", "\"admin\"");
    let loaded =
        Folder::new(&with(&tables).replace("require = \"admin\"", "require = \"deny\"")).load();
    assert_eq!(rules(&loaded), [Rule::Skipped]);
}

#[test]
fn the_first_scope_needs_no_route_to_be_required() {
    let folder = Folder::new(&with(FORM));
    assert_eq!(rules(&folder.load()), []);
}

#[test]
fn nothing_is_said_to_be_missing_where_it_may_be_what_is_misspelt() {
    for (right, wrong) in [
        ("auth_cookies", "auth_cookie"),
        ("probe = \"/home\"", "probe = \"home\""),
    ] {
        let loaded = Folder::new(&with(&FORM.replace(right, wrong))).load();
        assert_eq!(loaded.problems.len(), 1, "{:?}", loaded.problems);
        assert_eq!(loaded.count(Severity::Error), 1, "{:?}", loaded.problems);
    }
}

/// The configurations that the reference shows, each with what its site needs beside it.
fn shown() -> Vec<String> {
    let reference = include_str!("../../../docs/configuration.md");
    let blocks = reference.split("```toml\n").skip(1);
    blocks
        .map(|rest| {
            let block = rest.split("```").next().unwrap();
            let beside = GOOD.replace(
                "http = [\"127.0.0.1:8080\"]",
                "https = [\"127.0.0.1:8443\"]\ncert = \"tls.pem\"\nkey = \"file:tls.key\"",
            );
            let (listen, _) = beside.split_once("[sites.portal]").unwrap();
            let (_, rest) = beside.split_once("[scopes.login]").unwrap();
            let rest = if block.contains("\"admin\"") {
                rest.to_owned()
            } else {
                rest.replace("[scopes.admin]\n", "")
            };
            format!("{listen}{block}[scopes.login]{rest}")
        })
        .collect()
}

#[test]
fn the_applications_of_the_reference_are_good_configurations() {
    assert_eq!(shown().len(), 3);
    for configuration in shown() {
        let folder = Folder::new(&configuration);
        let loaded = folder.load();
        assert_eq!(folder.told(&loaded), "", "{configuration}");
        for site in loaded.config.unwrap().sites {
            assert!(!site.site.captures.is_empty(), "{configuration}");
        }
    }
}

#[test]
fn in_the_wiki_of_the_reference_a_login_is_captured_wherever_it_is_posted() {
    let wiki = shown()
        .into_iter()
        .find(|shown| shown.contains("doku"))
        .unwrap();
    let site = portal(&wiki);
    let form = site.captures[0].name.clone();
    let class = |method: Method, asked: &str, fields: &[(&str, &str)]| {
        let fields = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let target = Target::parse(asked.parse().unwrap()).unwrap();
        let required = site.routes.judge(&Asked {
            method: &method,
            overriding: None,
            target: &target,
            websocket: false,
            form: &Form::Fields(fields),
            logins: &[&form],
        });
        match required {
            Requirement::Open(Opening::Capture, _) => "captured".to_owned(),
            other => other.to_string().split(" (").next().unwrap().to_owned(),
        }
    };
    let login = [("u", "ann"), ("p", "x"), ("do", "login")];
    assert_eq!(
        class(Method::POST, "/doku.php?id=start", &login),
        "captured"
    );
    assert_eq!(class(Method::POST, "/doku.php", &login[..2]), "captured");
    assert_eq!(class(Method::GET, "/doku.php?do=login", &[]), "captured");
    assert_eq!(
        class(Method::GET, "/doku.php?id=secret", &[]),
        "require scope login"
    );
    for (asked, fields) in [
        ("/doku.php?do=admin", &login[..2]),
        ("/doku.php", &[("do", "admin")]),
    ] {
        assert_eq!(
            class(Method::POST, asked, fields),
            "require scope admin",
            "{asked}"
        );
    }
}

proptest! {
    /// What is taken for a page can be sent to a browser as Location and stays on the site.
    #[test]
    fn a_page_leads_to_the_site_and_nowhere_else(text in "[/\\\\a-z?#%&=. *{}\t\u{e9}0-9:@~+]{0,12}|/[!-~]{0,12}") {
        let quoted = toml::Value::String(text.clone()).to_string();
        let tables = FORM.replace("scope = \"login\"", &format!("scope = \"login\"\npage = {quoted}"));
        let loaded = Folder::new(&with(&tables)).load();
        if let Some(config) = loaded.config {
            let page = &config.sites[0].site.captures[0].page;
            prop_assert_eq!(page, &text);
            prop_assert!(page.starts_with('/') && !page.starts_with("//") && !page.starts_with("/\\"), "{}", page);
            prop_assert!(!page.starts_with("/.countersign"), "{}", page);
            prop_assert!(HeaderValue::from_str(page).is_ok() && !page.contains([' ', '#']), "{}", page);
            prop_assert!(page.parse().is_ok_and(|path| Target::parse(path).is_ok()), "{}", page);
        } else {
            prop_assert!(rules(&loaded).contains(&Rule::BadPath), "{:?}", loaded.problems);
        }
    }

    /// The text that stands for a pattern when it is asked what becomes of it is one that the pattern means.
    #[test]
    fn a_sample_of_a_pattern_is_on_its_route(text in "/([a-z]{1,3}|\\*|\\*\\*|\\{[a-z]{1,2},[a-z]{0,2}\\}|\\{[a-z],\\{[b-d],e\\}\\}|%20|%2D|%25|é|[.]|/){0,6}") {
        let Ok(pattern) = Pattern::parse(&text) else { return Ok(()) };
        let first = Name::parse("login").unwrap();
        let table = Table::new(vec![Route {
            paths: vec![pattern],
            methods: Vec::new(),
            query: Vec::new(),
            form: Vec::new(),
            websocket: None,
            class: Class::LoginPage,
            place: String::new(),
        }], first);
        let some = sample::path(&sample::some_of(&text));
        let Some(target) = sample::target(&some) else { return Ok(()) };
        let asked = Asked { method: &Method::GET, overriding: None, target: &target, websocket: false, form: &Form::Unread, logins: &[] };
let explanation = table.explain(&asked);
        let told = format!("{some} for {text}: {explanation}");
        // Where servers read the path in another way as well, nothing opens it.
        let ambiguous = matches!(explanation.steps[0].outcome, Outcome::No(Why::Reading(_)));
        prop_assert!(ambiguous || matches!(explanation.requirement, Requirement::Open(..)), "{}", told);
    }
}
