use proptest::prelude::*;

use super::*;

/// The class that a configuration names so.
pub(super) fn scope(name: &str) -> Class {
    match name {
        "deny" => Class::Deny,
        "public" => Class::Public,
        "public-full" => Class::PublicFull,
        "login-page" => Class::LoginPage,
        other => Class::Scope(Name::parse(other).unwrap()),
    }
}

fn route(path: &str, class: Class) -> Route {
    Route {
        paths: vec![Pattern::parse(path).unwrap_or_else(|why| panic!("{path}: {why}"))],
        methods: Vec::new(),
        query: Vec::new(),
        form: Vec::new(),
        websocket: None,
        class,
        place: format!("x.toml:{}", path.len()),
    }
}

/// A site whose first scope is `login`.
pub(super) fn table(routes: &[(&str, Class)]) -> Table {
    built(
        routes
            .iter()
            .map(|(path, class)| route(path, class.clone()))
            .collect(),
    )
}

fn built(routes: Vec<Route>) -> Table {
    Table::new(routes, Name::parse("login").unwrap())
}

fn target(text: &str) -> Target {
    Target::parse(text.parse().unwrap_or_else(|why| panic!("{text}: {why}")))
        .unwrap_or_else(|why| panic!("{text}: {why}"))
}

/// `deny`, an opening class, or the scopes that are needed.
fn names(requirement: &Requirement<'_>) -> Vec<String> {
    match requirement {
        Requirement::Deny(_) => vec!["deny".to_owned()],
        Requirement::Open(_, route) => vec![route.class.to_string()],
        Requirement::Scopes(needed) => needed.scopes().map(ToString::to_string).collect(),
    }
}

/// What a plain GET of `text` needs.
pub(super) fn needs(table: &Table, text: &str) -> Vec<String> {
    needs_by(table, &Method::GET, text, false, &Form::Unread)
}

fn needs_by(
    table: &Table,
    method: &Method,
    text: &str,
    websocket: bool,
    form: &Form,
) -> Vec<String> {
    let target = &target(text);
    names(&table.judge(&Asked {
        method,
        overriding: None,
        target,
        websocket,
        form,
        logins: &[],
    }))
}

fn wants_form(table: &Table, method: &Method, text: &str) -> bool {
    table.wants_form(&Asked {
        method,
        overriding: None,
        target: &target(text),
        websocket: false,
        form: &Form::Unread,
        logins: &[],
    })
}

/// What a request on a site with captures needs; `logins` are the captures whose login its body carries.
fn captured(table: &Table, method: &Method, text: &str, logins: &[&str]) -> Vec<String> {
    let logins: Vec<Name> = logins
        .iter()
        .map(|name| Name::parse(name).unwrap())
        .collect();
    let logins: Vec<&Name> = logins.iter().collect();
    let target = &target(text);
    names(&table.judge(&Asked {
        method,
        overriding: None,
        target,
        websocket: false,
        form: &Form::Fields(Vec::new()),
        logins: &logins,
    }))
}

fn capture(name: &str) -> Class {
    Class::Capture(Name::parse(name).unwrap())
}

#[test]
fn g1_a_capture_admits_its_page_and_its_login_and_nothing_else() {
    let routes = table(&[
        ("/login", capture("form")),
        ("/wiki/*.php", capture("wiki")),
    ]);
    let put = &Method::PUT;
    for (method, text, logins, needed) in [
        (&Method::GET, "/login", &[] as &[&str], "capture form"),
        (&Method::HEAD, "/login?next=/x", &[], "capture form"),
        (&Method::POST, "/login", &["form"], "capture form"),
        (&Method::POST, "/login", &[], "login"),
        (&Method::POST, "/login", &["wiki"], "login"),
        (put, "/login", &["form"], "login"),
        (&Method::OPTIONS, "/login", &[], "login"),
        (&Method::GET, "/login/", &[], "login"),
        (&Method::GET, "/login/x", &[], "login"),
        (&Method::GET, "//login", &[], "login"),
        (&Method::GET, "/LOGIN", &[], "login"),
        (&Method::GET, "/x/../login", &[], "login"),
        (&Method::POST, "/login;x", &["form"], "login"),
        // As Java servers write it for who has no cookie yet.
        (
            &Method::POST,
            "/login;jsessionid=0A1B.node-1",
            &["form"],
            "capture form",
        ),
        (&Method::GET, "/login;jsessionid=0A1B", &[], "capture form"),
        (
            &Method::POST,
            "/login;jsessionid=0A1B/x",
            &["form"],
            "login",
        ),
        (
            &Method::POST,
            "/login;jsessionid=0A1B;x=1",
            &["form"],
            "login",
        ),
        (&Method::POST, "/login;JSESSIONID=0A1B", &["form"], "login"),
        (
            &Method::POST,
            "/login%3Bjsessionid=0A1B",
            &["form"],
            "login",
        ),
        (&Method::GET, "/wiki/doku.php", &[], "capture wiki"),
        (&Method::POST, "/wiki/feed.php", &["wiki"], "capture wiki"),
        (&Method::GET, "/wiki/doku.php/x", &[], "login"),
    ] {
        assert_eq!(
            captured(&routes, method, text, logins),
            [needed],
            "{method} {text} {logins:?}"
        );
    }
    let socket = Asked {
        method: &Method::GET,
        overriding: None,
        target: &target("/login"),
        websocket: true,
        form: &Form::Unread,
        logins: &[],
    };
    assert_eq!(names(&routes.judge(&socket)), ["login"], "no socket there");
}

#[test]
fn what_a_capture_does_not_take_falls_through_to_the_next_route() {
    let routes = table(&[
        ("/secret", scope("deny")),
        ("/app", capture("form")),
        ("/app", capture("other")),
        ("/app", scope("admin")),
    ]);
    for (method, logins, needed) in [
        (&Method::GET, &[] as &[&str], "capture form"),
        (&Method::POST, &["form"], "capture form"),
        (&Method::POST, &["other"], "capture other"),
        (&Method::POST, &[], "admin"),
        (&Method::DELETE, &[], "admin"),
    ] {
        assert_eq!(
            captured(&routes, method, "/app", logins),
            [needed],
            "{method} {logins:?}"
        );
    }
    // What is closed before it stays closed, and so does every other reading.
    assert_eq!(
        captured(&routes, &Method::GET, "/secret/../app", &[]),
        ["deny"]
    );
}

#[test]
fn a_condition_of_a_capture_holds_exactly_or_is_doubtful() {
    let mut route = Route {
        paths: vec![Pattern::parse("/doku.php").unwrap()],
        methods: Vec::new(),
        query: vec![("do".to_owned(), "login".to_owned())],
        form: Vec::new(),
        websocket: None,
        class: capture("form"),
        place: "countersign.toml:1".to_owned(),
    };
    let routes = Table::new(vec![route.clone()], Name::parse("login").unwrap());
    let form = Name::parse("form").unwrap();
    let logins = [&form];
    let doubtful = |routes: &Table, text: &str, form: &Form| {
        let target = &target(text);
        let asked = Asked {
            method: &Method::POST,
            overriding: None,
            target,
            websocket: false,
            form,
            logins: &logins,
        };
        (
            names(&routes.judge(&asked)),
            routes.is_doubtful_login(&asked),
        )
    };
    for (text, needed, doubt) in [
        ("/doku.php?do=login", "capture form", false),
        ("/doku.php?id=a&do=login", "capture form", false),
        ("/doku.php?do=login&do=login", "login", true),
        ("/doku.php?DO=login", "login", true),
        ("/doku.php?do=show", "login", false),
        ("/doku.php", "login", false),
        ("/other.php?do=login&do=login", "login", false),
    ] {
        let found = doubtful(&routes, text, &Form::Fields(Vec::new()));
        assert_eq!(found, (vec![needed.to_owned()], doubt), "{text}");
    }
    route.query.clear();
    route.form = vec![("do".to_owned(), "login".to_owned())];
    let routes = Table::new(vec![route], Name::parse("login").unwrap());
    for (body, needed, doubt) in [
        ("do=login", "capture form", false),
        ("do=login&do=login", "login", true),
        ("do=show", "login", false),
    ] {
        let found = doubtful(&routes, "/doku.php", &urlencoded(body));
        assert_eq!(found, (vec![needed.to_owned()], doubt), "{body}");
    }
}

#[test]
fn a_body_is_searched_where_a_capture_may_take_it() {
    let routes = table(&[
        ("/login", capture("form")),
        ("/other", capture("other")),
        ("/login", capture("api")),
    ]);
    for (method, text, found) in [
        (&Method::POST, "/login", &["form", "api"] as &[&str]),
        (&Method::POST, "/other?x=1", &["other"]),
        (&Method::POST, "/login/", &[]),
        (&Method::POST, "/x", &[]),
        (&Method::PUT, "/login", &[]),
    ] {
        let target = &target(text);
        let asked = Asked {
            method,
            overriding: None,
            target,
            websocket: false,
            form: &Form::Unread,
            logins: &[],
        };
        let names: Vec<&str> = routes
            .captures(&asked)
            .iter()
            .map(|name| name.as_str())
            .collect();
        assert_eq!(names, found, "{method} {text}");
        assert_eq!(
            routes.may_open(&asked),
            !found.is_empty(),
            "{method} {text}"
        );
    }
}

/// Two routes may lead to one capture, and a path that is a login page to some readers only is none.
#[test]
fn a_body_is_searched_once_for_a_capture_and_only_where_every_reader_finds_it() {
    let routes = table(&[
        ("/account/*", capture("form")),
        ("/account/login", capture("form")),
    ]);
    for (text, found) in [
        ("/account/login", &["form"] as &[&str]),
        ("/account/%2e%2e", &[]),
        ("/account/..;x", &[]),
    ] {
        let target = &target(text);
        let asked = Asked {
            method: &Method::POST,
            overriding: None,
            target,
            websocket: false,
            form: &Form::Unread,
            logins: &[],
        };
        let names = routes.captures(&asked);
        let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        assert_eq!(names, found, "{text}");
    }
}

/// Only the capture whose login it is can make it doubtful: another one at the same address has nothing to do with it.
#[test]
fn a_login_is_doubtful_by_its_own_capture_alone() {
    let mut other = route("/app", capture("other"));
    other.query = vec![("do".to_owned(), "other".to_owned())];
    let routes = built(vec![other, route("/app", capture("form"))]);
    let target = &target("/app?do=other&do=x");
    for (name, doubtful) in [("form", false), ("other", true)] {
        let name = Name::parse(name).unwrap();
        let asked = Asked {
            method: &Method::POST,
            overriding: None,
            target,
            websocket: false,
            form: &Form::Fields(Vec::new()),
            logins: &[&name],
        };
        assert_eq!(routes.is_doubtful_login(&asked), doubtful, "{name}");
    }
}

fn urlencoded(body: &str) -> Form {
    Form::read(Some("application/x-www-form-urlencoded"), body.as_bytes())
}

#[test]
fn what_no_route_names_needs_the_first_scope() {
    for text in ["/", "/x", "*", "/x?do=admin", "/admin"] {
        assert_eq!(needs(&table(&[]), text), ["login"], "{text}");
    }
}

#[test]
fn the_first_match_wins_top_to_bottom() {
    let routes = table(&[
        ("/a/open/**", scope("public")),
        ("/a/help", scope("login")),
        ("/a", scope("admin")),
        ("/a/late", scope("public")),
        ("/b/page", scope("login-page")),
        ("/b/{page,x}", scope("deny")),
        ("/c/**", scope("public-full")),
        ("/c", scope("admin")),
    ]);
    for (text, expected) in [
        ("/a/open/x", "public"),
        ("/a/help", "login"),
        ("/a/help/x", "login"),
        ("/a/other", "admin"),
        ("/a/late", "admin"),
        ("/b/page", "login-page"),
        ("/b/page/", "deny"),
        ("/b/PAGE", "deny"),
        ("/b/x", "deny"),
        ("/c/x", "public-full"),
        ("/c", "admin"),
    ] {
        assert_eq!(needs(&routes, text), [expected], "{text}");
    }
}

#[test]
fn r2_readings_on_different_routes_are_all_obeyed() {
    let routes = table(&[
        ("/closed", scope("deny")),
        ("/one", scope("one")),
        ("/two", scope("two")),
        ("/open/**", scope("public")),
    ]);
    for (text, expected) in [
        ("/one/../two", &["one", "two"][..]),
        ("/two/../one", &["one", "two"]),
        ("/one/../closed", &["deny"]),
        ("/closed/../open/x", &["deny"]),
        ("/one/../open/x", &["login", "one"]),
        ("/open/../one", &["login", "one"]),
        ("/open/a/../b", &["public"]),
        ("/open/%2e%2e/x", &["login"]),
        ("//one", &["login", "one"]),
    ] {
        let mut needed = needs(&routes, text);
        needed.sort();
        assert_eq!(needed, expected, "{text}");
    }
}

#[test]
fn the_first_scope_is_asked_for_first_and_none_twice() {
    let routes = table(&[
        ("/one", scope("one")),
        ("/login", scope("login")),
        ("/uno", scope("one")),
    ]);
    assert_eq!(needs(&routes, "/one/../login"), ["login", "one"]);
    assert_eq!(needs(&routes, "/one/../uno"), ["one"]);
    assert_eq!(needs(&routes, "//one/../uno"), ["login", "one"]);
}

#[test]
fn what_opens_must_be_asked_for_exactly() {
    let routes = table(&[
        ("/login", scope("login-page")),
        ("/s/*.css", scope("public")),
        ("/my files/**", scope("public")),
    ]);
    for text in [
        "/login",
        "/login?x",
        "/s/a.css",
        "/my%20files/a%20b.pdf",
        "/my%20files/",
    ] {
        assert_ne!(needs(&routes, text), ["login"], "{text}");
    }
    for text in [
        "/login/",
        "/Login",
        "/%6cogin",
        "/login;x",
        "/login.json",
        "/login%20",
        "/./login",
        "//login",
        "/login/../login",
        "/s/a.css/x",
        "/s/..%2fa.css",
        "/s/x%2fa.css",
        "/s/a.CSS",
        "/s/x;.css",
        "/s/x%3f.css",
        "/s/x%23.css",
        "/s/%2e%2e%5cx.css",
        "/s/x%0a.css/..",
        "/myfiles/a",
        "/my+files/a",
        "/my%2520files/a",
        "/my%20files/..%2fx",
        "/my%20files",
        "/s/..;x.css",
    ] {
        assert_eq!(needs(&routes, text), ["login"], "{text}");
    }
}

#[test]
fn a_far_guess_has_no_say_behind_what_closes_anyway() {
    let routes = table(&[("/app/**", scope("login")), ("/**", scope("deny"))]);
    assert_eq!(needs(&routes, "/app/index.php/x"), ["login"]);
    assert_eq!(needs(&routes, "/index.php/app/x"), ["deny"]);
    let routes = table(&[("/admin", scope("admin")), ("/**", scope("login"))]);
    assert_eq!(needs(&routes, "/index.php/admin"), ["login", "admin"]);
}

#[test]
fn a_folder_closes_its_name_without_a_slash_and_leaves_it_to_later_routes_too() {
    for folder in ["/admin/", "/admin/**", "/admin/*"] {
        assert_eq!(
            needs(&table(&[(folder, scope("admin"))]), "/admin"),
            ["login", "admin"],
            "{folder}"
        );
        assert_eq!(
            needs(&table(&[(folder, scope("admin"))]), "/admin/x"),
            ["admin"],
            "{folder}"
        );
        let routes = table(&[(folder, scope("one")), ("/admin", scope("two"))]);
        assert_eq!(needs(&routes, "/admin"), ["one", "two"], "{folder}");
        let routes = table(&[(folder, scope("admin")), ("/**", scope("public"))]);
        assert_eq!(needs(&routes, "/admin"), ["admin"], "{folder}");
    }
}

#[test]
fn r2_short_names_of_windows_close() {
    let routes = table(&[
        ("/administration/users", scope("admin")),
        ("/**", scope("public-full")),
    ]);
    for text in [
        "/ADMINI~1/users",
        "/admini~2/USERS/x",
        "/%41DMINI~1/users",
        "/x/../AD3F2B~1/users",
    ] {
        assert_eq!(needs(&routes, text), ["admin"], "{text}");
    }
    assert_eq!(needs(&routes, "/photos~1/users"), ["public-full"]);
}

#[test]
fn a_method_condition_closes_widely_and_opens_exactly() {
    let mut post = route("/x", scope("admin"));
    post.methods = vec![Method::POST];
    let mut get = route("/x", scope("one"));
    get.methods = vec![Method::GET];
    let mut open = route("/y", scope("public"));
    open.methods = vec![Method::GET];
    let routes = built(vec![post, get, open]);
    for (method, text, expected) in [
        ("POST", "/x", "admin"),
        ("post", "/x", "admin"),
        ("GET", "/x", "one"),
        ("HEAD", "/x", "one"),
        ("PUT", "/x", "login"),
        ("GET", "/y", "public"),
        ("HEAD", "/y", "login"),
        ("get", "/y", "login"),
    ] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        assert_eq!(
            needs_by(&routes, &method, text, false, &Form::Unread),
            [expected],
            "{method} {text}"
        );
    }
}

/// A site whose items strangers may look at, whoever is signed in may add to, and only `admin` may remove.
fn items() -> Table {
    let by = |methods: &[Method], class: &str| Route {
        methods: methods.to_vec(),
        ..route("/items", scope(class))
    };
    built(vec![
        by(&[Method::POST], "login"),
        by(&[Method::DELETE, Method::PUT], "admin"),
        by(&[Method::GET, Method::HEAD], "public"),
    ])
}

fn needs_saying(table: &Table, asked: &str, fields: &[(&str, &str)], form: &Form) -> Vec<String> {
    let (method, text) = asked.split_once(' ').unwrap();
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
        map.append(name, value.parse().unwrap());
    }
    names(&table.judge(&Asked {
        method: &Method::from_bytes(method.as_bytes()).unwrap(),
        overriding: Some(&map),
        target: &target(text),
        websocket: false,
        form,
        logins: &[],
    }))
}

#[test]
fn r5_a_method_that_a_field_says_makes_a_route_stricter_and_never_weaker() {
    let over = "x-http-method-override";
    let both: &[&str] = &["login", "admin"];
    for (asked, fields, needed) in [
        ("GET /items", &[][..], &["public"][..]),
        ("GET /items", &[(over, "GET")], &["public"]),
        ("GET /items", &[(over, "head")], &["public"]),
        ("GET /items", &[(over, "POST")], &["login"]),
        ("GET /items", &[(over, "DELETE")], both),
        ("GET /items", &[(over, "delete ")], both),
        ("GET /items", &[("x-http-method", "DELETE")], both),
        ("GET /items", &[("x-method-override", "PUT")], both),
        ("GET /items", &[("x_http_method_override", "PUT")], both),
        ("GET /items", &[(over, "GET"), (over, "PUT")], both),
        (
            "GET /items",
            &[(over, "GET"), ("x-http-method", "PUT")],
            both,
        ),
        ("GET /items", &[(over, "nonsense")], &["login"]),
        ("GET /items", &[("x-method", "DELETE")], &["public"]),
        ("POST /items", &[(over, "POST")], &["login"]),
        ("POST /items", &[(over, "DELETE")], both),
        ("POST /items", &[(over, "GET")], &["login"]),
        // The weaker method is said, and takes nothing off.
        ("DELETE /items", &[(over, "GET")], both),
        ("DELETE /items", &[(over, "POST")], both),
        ("DELETE /items", &[(over, "PUT")], &["admin"]),
        ("DELETE /items", &[], &["admin"]),
        ("GET /other", &[(over, "DELETE")], &["login"]),
    ] {
        assert_eq!(
            needs_saying(&items(), asked, fields, &Form::Fields(Vec::new())),
            needed,
            "{asked} {fields:?}"
        );
    }
}

#[test]
fn r5_a_method_that_query_or_body_says_makes_a_route_stricter() {
    let both: &[&str] = &["login", "admin"];
    let none = || Form::Fields(Vec::new());
    for (asked, form, needed) in [
        ("GET /items?_method=get", none(), &["public"][..]),
        ("GET /items?_method=delete", none(), both),
        ("GET /items?a=b&_METHOD=%44elete", none(), both),
        ("GET /items?%5fmethod=put", none(), both),
        ("GET /items?_method[]=put", none(), both),
        ("GET /items?.method=put", none(), both),
        ("GET /items?_method=get&_method=put", none(), both),
        ("GET /items?X-HTTP-Method-Override=PUT", none(), both),
        ("GET /items?_method=post", none(), &["login"]),
        // What is called so for another reason.
        ("GET /items?method=delete", none(), &["public"]),
        ("GET /items?payment_method=delete", none(), &["public"]),
        ("GET /items?q=_method", none(), &["public"]),
        ("POST /items", none(), &["login"]),
        ("POST /items", urlencoded("a=b"), &["login"]),
        ("POST /items", urlencoded("method=delete"), &["login"]),
        ("POST /items", urlencoded("_method=post"), &["login"]),
        ("POST /items", urlencoded("a=b&_method=delete"), both),
        (
            "POST /items",
            urlencoded("_method=Delete&_method=post"),
            both,
        ),
        (
            "POST /items",
            Form::read(Some("application/json"), br#"{"_method":"PUT"}"#),
            both,
        ),
        ("DELETE /items", urlencoded("_method=post"), &["admin"]),
        // What cannot be read is taken for what the method itself is on, if it is on a route.
        ("POST /items", Form::Unreadable, &["login"]),
        ("GET /items", Form::Unreadable, &["public"]),
    ] {
        assert_eq!(
            needs_saying(&items(), asked, &[], &form),
            needed,
            "{asked} {form:?}"
        );
    }
    let mut delete = route("/items", scope("admin"));
    delete.methods = vec![Method::DELETE];
    let strict = built(vec![delete, route("/items", scope("login"))]);
    let unreadable = needs_saying(&strict, "POST /items", &[], &Form::Unreadable);
    assert_eq!(unreadable, both);
}

#[test]
fn a_body_is_wanted_where_it_may_say_another_method() {
    for (method, text, wanted) in [
        (Method::POST, "/items", true),
        (Method::POST, "/items/7", true),
        (Method::DELETE, "/items", false),
        (Method::GET, "/items", false),
        (Method::POST, "/other", false),
    ] {
        assert_eq!(
            wants_form(&items(), &method, text),
            wanted,
            "{method} {text}"
        );
    }
    let mut open = route("/hook", scope("public-full"));
    open.methods = vec![Method::POST];
    assert!(!wants_form(&built(vec![open]), &Method::POST, "/hook"));
}

#[test]
fn a_login_that_says_another_method_is_captured_by_nobody() {
    let mut login = route("/login", capture("form"));
    login.methods = vec![Method::GET, Method::POST];
    let routes = built(vec![login]);
    let form = || Form::Fields(Vec::new());
    for (asked, needed) in [
        ("GET /login", "capture form"),
        ("GET /login?_method=post", "capture form"),
        ("GET /login?_method=put", "login"),
    ] {
        assert_eq!(
            needs_saying(&routes, asked, &[], &form()),
            [needed],
            "{asked}"
        );
    }
}

#[test]
fn r9_a_websocket_condition_tells_upgrades_from_the_rest() {
    let mut only = route("/x", scope("admin"));
    only.websocket = Some(true);
    let mut never = route("/x", scope("public"));
    never.websocket = Some(false);
    let routes = built(vec![only, never]);
    assert_eq!(
        needs_by(&routes, &Method::GET, "/x", true, &Form::Unread),
        ["admin"]
    );
    assert_eq!(
        needs_by(&routes, &Method::GET, "/x", false, &Form::Unread),
        ["public"]
    );
}

#[test]
fn a_query_condition_closes_widely_and_opens_exactly() {
    let mut admin = route("/", scope("admin"));
    admin.query = vec![("do".to_owned(), "admin".to_owned())];
    let mut lost = route("/doku.php", scope("login-page"));
    lost.query = vec![("do".to_owned(), "lost".to_owned())];
    let routes = built(vec![admin, lost]);
    for (text, expected) in [
        ("/doku.php?do=admin", "admin"),
        ("/other?x=1&DO[]=%61dmin", "admin"),
        ("/x%3Fdo=admin", "admin"),
        ("/doku.php?do=lost", "login-page"),
        ("/doku.php?do=lost&do=admin", "admin"),
        ("/doku.php?do=lost&do=x", "login"),
        ("/doku.php", "login"),
    ] {
        assert_eq!(needs(&routes, text), [expected], "{text}");
    }
}

#[test]
fn r2_a_form_condition_closes_in_doubt_and_asks_for_the_body() {
    let mut admin = route("/doku.php", scope("admin"));
    admin.form = vec![("do".to_owned(), "admin".to_owned())];
    admin.methods = vec![Method::POST];
    let mut lost = route("/lost.php", scope("login-page"));
    lost.form = vec![("do".to_owned(), "lost".to_owned())];
    let routes = built(vec![route("/doku.php/free", scope("one")), admin, lost]);
    for (text, form, expected) in [
        ("/doku.php", urlencoded("do=admin"), "admin"),
        ("/doku.php", urlencoded("do=show"), "login"),
        ("/doku.php", Form::Unreadable, "admin"),
        ("/doku.php", Form::Unread, "admin"),
        ("/doku.php/free", Form::Unread, "one"),
        ("/lost.php", urlencoded("do=lost"), "login-page"),
        ("/lost.php", urlencoded("do=lost&do=lost"), "login"),
        ("/lost.php", Form::Unreadable, "login"),
        ("/lost.php", Form::Unread, "login"),
    ] {
        assert_eq!(
            needs_by(&routes, &Method::POST, text, false, &form),
            [expected],
            "{text} {form:?}"
        );
    }
    for (method, text, wanted) in [
        (Method::POST, "/doku.php", true),
        (Method::POST, "/DOKU.PHP/x", true),
        (Method::POST, "/x/..;/doku.php", true),
        (Method::POST, "/doku.php/free", false),
        (Method::POST, "/other", false),
        (Method::GET, "/doku.php", false),
        (Method::GET, "/lost.php", true),
    ] {
        assert_eq!(
            wants_form(&routes, &method, text),
            wanted,
            "{method} {text}"
        );
    }
    let routes = table(&[("/doku.php", scope("admin"))]);
    assert!(!wants_form(&routes, &Method::POST, "/doku.php"));
}

#[test]
fn explain_says_what_was_tried_and_why() {
    let mut login = route("/wp-login.php", scope("login"));
    login.methods = vec![Method::POST];
    let mut query = route("/wp-admin", scope("one"));
    query.query = vec![("do".to_owned(), "x".to_owned())];
    let routes = built(vec![
        login,
        route("/xmlrpc.php", scope("deny")),
        query,
        route("/wp-admin/*", scope("public")),
        route("/wp-admin/{plugins,users,options}*.php", scope("admin")),
        route("/never", scope("deny")),
    ]);
    let explain = |text: &str| {
        routes
            .explain(&Asked {
                method: &Method::GET,
                overriding: None,
                target: &target(text),
                websocket: false,
                form: &Form::Unread,
                logins: &[],
            })
            .to_string()
    };
    let said = explain("/x/../wp-admin/users.php");
    for line in [
        "  1  /wp-login.php                            no   method GET, wants POST   x.toml:13\n",
        "  2  /xmlrpc.php                              no   path   x.toml:11\n",
        "  3  /wp-admin                                no   query `do`   x.toml:9\n",
        "  4  /wp-admin/*                              no   path   x.toml:11\n",
        "  5  /wp-admin/{plugins,users,options}*.php   MATCH  -> require scope admin (read as /wp-admin/users.php)   x.toml:38\n",
        "  -> require scope login (no route names this path) and admin (x.toml:38)",
    ] {
        assert!(said.contains(line), "{line:?} in\n{said}");
    }
    let said = explain("/wp-admin/..%2fx");
    assert!(
        said.contains("no   can be read as /wp-admin/../x"),
        "{said}"
    );
    let said = explain("/wp-admin/users.php");
    assert!(
        said.ends_with("-> public   x.toml:11") && !said.contains("  5  "),
        "{said}"
    );
    assert!(explain("/x%1b[31m//").contains("6  /never"));
}

#[test]
fn g17_ten_thousand_routes_are_told_apart() {
    let routes = (0..10_000).map(|n| {
        route(
            &format!("/app/r{n}"),
            scope(if n % 2 == 0 { "one" } else { "two" }),
        )
    });
    let routes = built(routes.collect());
    assert_eq!(needs(&routes, "/app/r4711/x"), ["two"]);
    assert_eq!(needs(&routes, "/app/R4712.json"), ["one"]);
    assert_eq!(needs(&routes, "/app/r10000"), ["login"]);
}

/// One way to write a path otherwise that some server undoes.
#[derive(Clone, Copy, Debug)]
enum Spell {
    Encode(usize, u8),
    EncodeAll,
    Dot(usize),
    Slash(usize),
    Climb(usize),
    Parameter(usize),
    Upper,
    Wide(usize),
    Overlong(usize),
    Blank(usize),
    Backslash(usize),
    TrailingDot(usize),
    ZeroWidth(usize),
    Below,
}

fn spell() -> impl Strategy<Value = Spell> {
    let at = 0_usize..40;
    prop_oneof![
        (at.clone(), 1_u8..3).prop_map(|(at, times)| Spell::Encode(at, times)),
        Just(Spell::EncodeAll),
        at.clone().prop_map(Spell::Dot),
        at.clone().prop_map(Spell::Slash),
        at.clone().prop_map(Spell::Climb),
        at.clone().prop_map(Spell::Parameter),
        Just(Spell::Upper),
        at.clone().prop_map(Spell::Wide),
        at.clone().prop_map(Spell::Overlong),
        at.clone().prop_map(Spell::Blank),
        at.clone().prop_map(Spell::Backslash),
        at.clone().prop_map(Spell::TrailingDot),
        at.prop_map(Spell::ZeroWidth),
        Just(Spell::Below),
    ]
}

fn escape(bytes: &[u8]) -> String {
    let escapes: Vec<String> = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
    escapes.concat()
}

/// Applies one spelling to a path that is already encoded: escapes are left whole.
fn apply(path: &str, spell: Spell) -> String {
    let slashes: Vec<usize> = path.match_indices('/').map(|(at, _)| at).collect();
    let slash = |nth: usize| slashes[nth % slashes.len()];
    let ends: Vec<usize> = slashes
        .iter()
        .skip(1)
        .copied()
        .chain([path.len()])
        .collect();
    let end = |nth: usize| ends[nth % ends.len()];
    let letters: Vec<usize> = (0..path.len())
        .filter(|&at| {
            path.as_bytes()[at].is_ascii_lowercase()
                && !path[..at].ends_with('%')
                && !path[..at.max(1) - 1].ends_with('%')
        })
        .collect();
    let letter = |nth: usize| (!letters.is_empty()).then(|| letters[nth % letters.len()]);
    let insert = |at: usize, text: &str| format!("{}{text}{}", &path[..at], &path[at..]);
    let replace = |at: Option<usize>, with: &dyn Fn(u8) -> String| {
        at.map_or_else(
            || path.to_owned(),
            |at| {
                format!(
                    "{}{}{}",
                    &path[..at],
                    with(path.as_bytes()[at]),
                    &path[at + 1..]
                )
            },
        )
    };
    match spell {
        Spell::Encode(nth, times) => replace(letter(nth), &|byte| {
            (1..times).fold(escape(&[byte]), |text, _| text.replace('%', "%25"))
        }),
        Spell::EncodeAll => format!(
            "/{}",
            path[1..]
                .replace('%', "%25")
                .replace('/', "%2f")
                .replace('.', "%2e")
        ),
        Spell::Dot(nth) => insert(slash(nth), "/."),
        Spell::Slash(nth) => insert(slash(nth), "/"),
        Spell::Climb(nth) => insert(slash(nth), "/zz/.."),
        Spell::Parameter(nth) => insert(end(nth), ";p=q"),
        Spell::Upper => {
            let upper = |at: usize| {
                if letters.contains(&at) {
                    path.as_bytes()[at].to_ascii_uppercase()
                } else {
                    path.as_bytes()[at]
                }
            };
            (0..path.len()).map(|at| char::from(upper(at))).collect()
        }
        Spell::Wide(nth) => replace(letter(nth), &|byte| {
            let wide = char::from_u32(u32::from(byte) + 0xfee0).unwrap_or_default();
            escape(wide.encode_utf8(&mut [0; 4]).as_bytes())
        }),
        Spell::Overlong(nth) => replace(letter(nth), &|byte| {
            escape(&[0xc0 | byte >> 6, 0x80 | byte & 0x3f])
        }),
        Spell::Blank(nth) => insert(end(nth), "%20"),
        Spell::Backslash(nth) => {
            let at = slash(nth);
            if at == 0 {
                path.to_owned()
            } else {
                format!("{}%5C{}", &path[..at], &path[at + 1..])
            }
        }
        Spell::TrailingDot(nth) => {
            let at = end(nth);
            if path[..at].ends_with(['.', '/']) {
                path.to_owned()
            } else {
                insert(at, ".")
            }
        }
        Spell::ZeroWidth(nth) => insert(letter(nth).unwrap_or(1), "%E2%80%8B"),
        Spell::Below => format!("{path}/below.css"),
    }
}

fn routes() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    let others = prop::sample::select(vec![
        ("/open/**", "public"),
        ("/zz/**", "public-full"),
        ("/*.css", "public"),
        ("/login", "login-page"),
        ("/other", "other"),
        ("/x/*/y", "other"),
        ("/closed", "deny"),
        ("/adm", "other"),
        ("/administrator/**", "public"),
    ]);
    prop::collection::vec(others, 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn r2_no_chain_of_spellings_gets_round_a_closing_route(
        others in routes(),
        place in 0_usize..6,
        pattern in prop::sample::select(vec!["/admin", "/admin/users", "/**/users", "/{admin,x}/us*", "/admin/**", "/adm*/users"]),
        spells in prop::collection::vec(spell(), 0..5),
    ) {
        let mut listed: Vec<(&str, Class)> = others.iter().map(|(path, class)| (*path, scope(class))).collect();
        listed.insert(place.min(listed.len()), (pattern, scope("admin")));
        let table = table(&listed);
        let path = spells.iter().fold("/admin/users".to_owned(), |path, spell| apply(&path, *spell));
        if let Ok(target) = Target::parse(path.parse().unwrap()) {
            let asked = Asked { method: &Method::GET, overriding: None, target: &target, websocket: false, form: &Form::Unread, logins: &[] };
            let needed = names(&table.judge(&asked));
            prop_assert!(needed.iter().any(|name| name == "admin" || name == "deny"), "{path} needs {needed:?} of {listed:?}");
        }
    }

    #[test]
    fn the_short_way_and_the_long_way_judge_alike(others in routes(), path in "/(admin|open|other|login|ADMIN|closed|adm|x)(/[a-zA-Z.]{1,4}){0,2}/?") {
        let listed: Vec<(&str, Class)> = others.iter().map(|(path, class)| (*path, scope(class))).collect();
        let table = table(&listed);
        let quick = Target::parse(path.parse().unwrap()).unwrap();
        let slow = Target::parse_slowly(path.parse().unwrap()).unwrap();
        let needed = |target| names(&table.judge(&Asked { method: &Method::GET, overriding: None, target, websocket: false, form: &Form::Unread, logins: &[] }));
        prop_assert_eq!(needed(&quick), needed(&slow));
    }

    #[test]
    fn the_index_leaves_out_no_route(others in routes(), path in "/(admin|open|other|login|OTHER|closed|adm|x|login\\.x)([/.;][a-z]{1,4}){0,3}") {
        let listed: Vec<(&str, Class)> = others.iter().map(|(path, class)| (*path, scope(class))).collect();
        let table = table(&listed);
        let target = target(&path);
        for reading in target.each() {
            let tried: Vec<usize> = table.closing_candidates(reading).collect();
            for (at, entry) in table.entries.iter().enumerate().filter(|(_, entry)| entry.route.class.opening().is_none()) {
                prop_assert!(tried.contains(&at) || entry.covers(reading) == Cover::No, "{path} {at}");
            }
        }
    }
}
