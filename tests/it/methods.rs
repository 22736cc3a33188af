//! A request that says another method than its own is judged by both.

use super::support::app::App;
use super::support::browser::Browser;
use super::support::gate::{Gate, Setup};
use super::support::wire::Answer;

const OWN: &str = "http://app.localhost";
const FORM: &str = "application/x-www-form-urlencoded";

fn gate(app: &App) -> Gate {
    let routes = [
        ("/items", "[\"POST\"]", "login"),
        ("/items", "[\"PUT\", \"DELETE\"]", "admin"),
        ("/items/**", "[\"GET\", \"HEAD\"]", "public"),
        ("/front/**", "[\"GET\", \"HEAD\", \"POST\"]", "public"),
    ];
    let text = routes.map(|(path, methods, class)| {
        format!(
            "[[sites.app.routes]]\npath = \"{path}\"\nmethods = {methods}\nrequire = \"{class}\"\n"
        )
    });
    Setup::new(&app.url())
        .site("origins = [\"https://partner.example\"]")
        .raw_routes(&text.concat())
        .start()
}

fn call(browser: &mut Browser, asked: &str, fields: &[(&str, &str)], body: &[u8]) -> Answer {
    let (method, path) = asked.split_once(' ').unwrap();
    let always = [("origin", OWN), ("sec-fetch-mode", "cors")];
    let fields: Vec<(&str, &str)> = always.iter().chain(fields).copied().collect();
    browser.send(method, path, &fields, body)
}

#[test]
fn r5_no_override_takes_a_request_past_the_route_of_its_method() {
    let app = App::new();
    let gate = gate(&app);
    let multipart =
        b"--x\r\nContent-Disposition: form-data; name=\"_method\"\r\n\r\ndelete\r\n--x--\r\n";
    let over = "x-http-method-override";
    let long = vec![b'a'; 70_000];
    let mut ann = gate.signed_in("ann");
    for (asked, fields, body, passes) in [
        (
            "POST /items",
            &[("content-type", FORM)][..],
            &b"a=b"[..],
            true,
        ),
        (
            "POST /items",
            &[("content-type", FORM)],
            b"_method=post",
            true,
        ),
        ("POST /items", &[("content-type", FORM)], &long, true),
        (
            "POST /items",
            &[("content-type", FORM)],
            b"a=b&_method=delete",
            false,
        ),
        (
            "POST /items",
            &[("content-type", "application/json")],
            b"{\"_method\":\"DELETE\"}",
            false,
        ),
        ("POST /items", &[(over, "DELETE")], b"", false),
        ("POST /items", &[("x-http-method", "delete")], b"", false),
        ("POST /items", &[("X_Method_Override", "PUT")], b"", false),
        ("POST /items?_method=put", &[], b"", false),
        ("POST /items?method=put", &[], b"", true),
        ("GET /items?%5Fmethod=put", &[], b"", false),
        ("GET /items", &[(over, "DELETE")], b"", false),
        ("DELETE /items", &[(over, "GET")], b"", false),
        ("DELETE /items", &[], b"", false),
        // No framework looks into the body of what is no POST.
        (
            "GET /items",
            &[("content-type", FORM)],
            b"_method=delete",
            true,
        ),
        // First match wins where nobody can read what the body says.
        (
            "POST /items",
            &[("content-type", "multipart/form-data; boundary=x")],
            multipart,
            true,
        ),
    ] {
        app.forget();
        let answer = call(&mut ann, asked, fields, body);
        let expected = if passes { (200, 1) } else { (401, 0) };
        assert_eq!(
            (answer.status(), app.seen().len()),
            expected,
            "{asked} {fields:?}"
        );
        if passes {
            assert_eq!(app.last().body, body, "{asked} {fields:?}");
        }
    }
    assert_eq!(gate.sent(), 1);
}

#[test]
fn strangers_read_and_do_not_write_by_another_name() {
    let app = App::new();
    let gate = gate(&app);
    let over = "x-http-method-override";
    for (asked, fields, status) in [
        ("GET /front/a", &[][..], 200),
        ("GET /front/a?method=post", &[], 200),
        ("GET /items/1", &[], 200),
        ("GET /items/1", &[(over, "POST")], 401),
        ("GET /front/a", &[(over, "POST")], 401),
        ("GET /front/a?_method=post", &[], 401),
        ("POST /front/a", &[(over, "GET")], 401),
    ] {
        let answer = call(&mut gate.browser(), asked, fields, b"");
        assert_eq!(answer.status(), status, "{asked} {fields:?}");
    }
    assert_eq!(app.seen().len(), 3);
}

#[test]
fn another_sites_page_does_not_write_by_a_get_either() {
    let app = App::new();
    let gate = gate(&app);
    let mut ann = gate.signed_in("ann");
    for (origin, path, over, status) in [
        ("https://evil.example", "/a", None, 200),
        ("https://evil.example", "/a", Some("DELETE"), 403),
        ("https://evil.example", "/a?_method=delete", None, 403),
        ("null", "/a?_method=delete", None, 403),
        ("https://partner.example", "/a?_method=delete", None, 200),
        (OWN, "/a?_method=delete", None, 200),
    ] {
        let mut fields = vec![("origin", origin), ("sec-fetch-mode", "cors")];
        fields.extend(over.map(|method| ("x-http-method-override", method)));
        let answer = ann.send("GET", path, &fields, b"");
        assert_eq!(answer.status(), status, "{origin} {path} {over:?}");
    }
}
