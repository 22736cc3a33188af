//! An operator asks whether some way leads past the code: `countersign doctor`.

use std::io::{BufReader, Write};
use std::net::TcpListener;
use std::process::Command;

use serde_json::Value;

use super::support::app::{App, Asleep, Recorded};
use super::support::gate::{Gate, Setup};
use super::support::wire::read_head;

/// What the command said and how it ended.
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    /// The lines of findings that begin so, each with its way out.
    fn findings(&self, severity: &str) -> Vec<String> {
        let lines: Vec<&str> = self.out.lines().collect();
        let found = lines.windows(2);
        found
            .filter(|pair| pair[0].starts_with(severity) && pair[1].starts_with("  = "))
            .map(|pair| pair.join("\n"))
            .collect()
    }
}

fn doctor(gate: &Gate, arguments: &[&str]) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .arg("doctor")
        .args(arguments)
        .arg("--config")
        .arg(gate.file("countersign.toml"))
        .output()
        .unwrap();
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A page of an application: the request line's beginning, the status, more fields, the body.
type Page = (&'static str, u16, &'static str, &'static str);

/// An application with these pages, and 404 for all else.
fn app(pages: &'static [Page]) -> App {
    App::scripted(answering(pages))
}

fn answering(
    pages: &'static [Page],
) -> impl Fn(&Recorded, &mut BufReader<std::net::TcpStream>) -> bool + Send + Sync + 'static {
    move |request, stream| {
        let line = request.head.first.trim_end_matches(" HTTP/1.1");
        let page = pages.iter().find(|(asked, ..)| *asked == line);
        let &(_, status, fields, body) =
            page.unwrap_or(&("", 404, "", "<title>Not found</title>nothing here"));
        let kind = if fields.contains("Content-Type") {
            ""
        } else {
            "Content-Type: text/html\r\n"
        };
        let answer = format!(
            "HTTP/1.1 {status} X\r\n{kind}{fields}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.get_mut().write_all(answer.as_bytes()).is_ok()
    }
}

const LOGIN: &str = "<title>Log in</title><form method=post><input name=log><input type=password name=pwd><input type=submit name=wp-submit></form>";

const OTHER_LOGIN: &str = "<title>Members</title><form method=post><input name=member><input type=password name=secret></form>";

/// The login of an application, captured.
const CAPTURED: &str = "[[sites.app.routes]]\npath = \"/login\"\ncapture = \"form\"\n";

const FORM: &str = "[sites.app.captures.form]\nscope = \"login\"\nusername = \"log\"\npassword = \"pwd\"\nprobe = \"/home\"\nauth_cookies = [\"sid\"]";

const WORDPRESS: &[Page] = &[
    ("GET /", 200, "", "<title>Blog</title>hello"),
    (
        "GET /wp-login.php",
        200,
        "Set-Cookie: wordpress_test_cookie=1\r\n",
        LOGIN,
    ),
    (
        "GET /xmlrpc.php",
        405,
        "Content-Type: text/plain\r\n",
        "XML-RPC server accepts POST requests only.",
    ),
    (
        "POST /xmlrpc.php",
        200,
        "Content-Type: text/xml\r\n",
        "<methodResponse><fault>403</fault></methodResponse>",
    ),
    (
        "GET /wp-json/wp/v2/users/me",
        401,
        "Content-Type: application/json\r\n",
        "{\"code\":\"rest_not_logged_in\"}",
    ),
];

const PRESET: &str = "preset = \"wordpress\"";

/// The files of a gateway that does not run.
fn files(setup: Setup) -> Gate {
    setup.start().stopped()
}

fn open(path: &str, class: &str) -> String {
    format!("[[sites.app.routes]]\npath = \"{path}\"\nrequire = \"{class}\"\n")
}

#[test]
fn nothing_found_tells_what_was_tried_and_posts_nothing() {
    let app = app(WORDPRESS);
    let gate = files(Setup::new(&app.url()).site(PRESET).raw_routes(""));
    let said = doctor(&gate, &[]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.ends_with("\nnothing found\n"), "{}", said.out);
    for tried in [
        "tried app: the marks of preset wordpress\n",
        "tried app: 3 doors of preset wordpress, 3 shut\n",
        "tried app: 43 addresses where applications take logins, 43 shut\n",
        "tried app: who listens on port",
    ] {
        assert!(said.out.contains(tried), "{tried}: {}", said.out);
    }
    let lines = app.lines();
    assert!(
        lines.iter().all(|line| line.starts_with("GET ")),
        "{lines:?}"
    );
    assert_eq!(said.err, "");
}

#[test]
fn a_door_of_the_preset_that_a_route_opens_is_told_with_what_came() {
    let app = app(WORDPRESS);
    let gate = files(
        Setup::new(&app.url())
            .site(PRESET)
            .raw_routes(&open("/xmlrpc.php", "public-full")),
    );
    let said = doctor(&gate, &[]);
    assert_eq!(said.code, 1, "{}", said.out);
    let found = said.findings("error app: POST /xmlrpc.php: 200: ");
    assert_eq!(found.len(), 1, "{}", said.out);
    assert!(found[0].contains("XML-RPC takes name and password in the body"));
    assert!(
        found[0].contains("path = \"/xmlrpc.php\", require = \"deny\" or \"login\"; or capture it")
    );
    assert!(
        said.err.contains("posts wrong credentials of nobody"),
        "{}",
        said.err
    );
    let posts: Vec<_> = app
        .seen()
        .into_iter()
        .filter(|request| request.head.first.starts_with("POST "))
        .collect();
    let own = String::from_utf8(posts[0].body.clone()).unwrap();
    assert!(own.contains("countersign-doctor"), "{own}");
}

#[test]
fn without_posting_the_same_door_is_a_warning() {
    let app = app(WORDPRESS);
    let gate = files(
        Setup::new(&app.url())
            .site(PRESET)
            .raw_routes(&open("/xmlrpc.php", "public-full")),
    );
    let said = doctor(&gate, &["--no-post"]);
    assert_eq!(said.code, 1, "{}", said.out);
    assert_eq!(
        said.findings("warning app: GET /xmlrpc.php: 405: ").len(),
        1,
        "{}",
        said.out
    );
    assert!(said.err.is_empty(), "{}", said.err);
    assert!(app.lines().iter().all(|line| line.starts_with("GET ")));
}

#[test]
fn another_login_page_is_told_if_its_form_goes_up_as_it_is() {
    let app = app(&[
        ("GET /", 200, "", "<title>Shop</title>hello"),
        ("GET /login", 200, "", LOGIN),
        ("GET /user/login", 200, "", OTHER_LOGIN),
        ("GET /signin", 200, "", OTHER_LOGIN),
        (
            "GET /rest/",
            401,
            "WWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM\r\n",
            "",
        ),
        ("GET /api/login", 405, "Allow: POST\r\n", ""),
    ]);
    let capture = format!("{}{CAPTURED}", open("/admin", "admin"));
    let table = FORM;
    let routes = |more: &str| format!("{capture}{more}");
    let shut = files(Setup::new(&app.url()).raw_routes(&routes("")).with(table));
    let said = doctor(&shut, &[]);
    assert_eq!(said.code, 0, "{}", said.out);

    let anonymous = routes(&open("/{user,rest,api}/**", "public"));
    let anonymous = files(Setup::new(&app.url()).raw_routes(&anonymous).with(table));
    let said = doctor(&anonymous, &[]);
    assert_eq!(
        said.code, 0,
        "neither forms nor Authorization go up there: {}",
        said.out
    );

    let wide = routes(&open("/{user,rest,api}/**", "public-full"));
    let wide = files(Setup::new(&app.url()).raw_routes(&wide).with(table));
    let said = doctor(&wide, &[]);
    assert_eq!(said.code, 1, "{}", said.out);
    assert_eq!(
        said.findings(
            "error app: GET /user/login: 200: its form with a password field is sent to /user/login"
        )
        .len(),
        1,
        "{}",
        said.out
    );
    assert_eq!(
        said.findings("error app: GET /rest/: 401: another login, by HTTP NTLM or Negotiate")
            .len(),
        1,
        "{}",
        said.out
    );
    assert_eq!(
        said.findings("warning app: GET /api/login: 405: this may be a login for programs")
            .len(),
        1,
        "{}",
        said.out
    );
    assert!(!said.out.contains("/signin"), "it is shut: {}", said.out);
    assert!(
        said.out.ends_with("\n2 errors, 1 warning\n"),
        "{}",
        said.out
    );

    // The capture's own form is captured there too, or refused.
    let said = doctor(
        &files(
            Setup::new(&app.url())
                .raw_routes(&routes(&open("/login", "login-page")))
                .with(table),
        ),
        &[],
    );
    assert_eq!(said.code, 0, "{}", said.out);
}

#[test]
fn an_application_that_answers_everything_alike_has_no_doors() {
    let app = App::answering(
        "HTTP/1.1 401 X\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n{\"error\":\"no one\"}",
    );
    let routes = open("/admin", "admin") + &open("/**", "public-full");
    let gate = files(Setup::new(&app.url()).raw_routes(&routes));
    let said = doctor(&gate, &[]);
    assert_eq!(said.code, 0, "{}", said.out);
}

#[test]
fn a_preset_that_does_not_fit_says_which_expectations_failed_and_where_it_would() {
    let elsewhere = app(&[
        ("GET /", 302, "Location: /news/\r\n", ""),
        ("GET /news/wp-login.php", 200, "", LOGIN),
    ]);
    let gate = files(Setup::new(&elsewhere.url()).site(PRESET).raw_routes(""));
    let said = doctor(&gate, &[]);
    assert_eq!(said.code, 1, "{}", said.out);
    let found = said.findings("error app: GET /wp-login.php: 404, expected `wp-submit` in the body; GET /wp-login.php: 404, expected the cookie `wordpress_test_cookie`: ");
    assert_eq!(found.len(), 1, "{}", said.out);
    assert!(found[0].ends_with("preset wordpress does not fit: WordPress answers so under /news\n  = write: base = \"/news\""), "{}", found[0]);

    let gate = files(
        Setup::new(&elsewhere.url())
            .site("preset = \"wordpress\"\nbase = \"/news\"")
            .raw_routes(""),
    );
    let said = doctor(&gate, &[]);
    assert_eq!(said.code, 0, "{}", said.out);

    let wiki = app(&[("GET /doku.php", 200, "Set-Cookie: DokuWiki=1\r\n", "wiki")]);
    let gate = files(Setup::new(&wiki.url()).site(PRESET).raw_routes(""));
    let said = doctor(&gate, &[]);
    assert!(
        said.out
            .contains("this looks like DokuWiki\n  = write: preset = \"dokuwiki\"\n"),
        "{}",
        said.out
    );

    let nothing = app(&[]);
    let gate = files(Setup::new(&nothing.url()).site(PRESET).raw_routes(""));
    let said = doctor(&gate, &[]);
    assert!(
        said.out.contains("this does not look like WordPress"),
        "{}",
        said.out
    );
}

#[test]
fn an_application_that_does_not_answer_is_one_sentence_and_an_exit_code_of_its_own() {
    let asleep = Asleep::new();
    let gate = files(Setup::new(&asleep.url()).site(PRESET).raw_routes(""));
    let said = doctor(&gate, &[]);
    assert_eq!(said.code, 4, "{}", said.out);
    let first = said.out.lines().next().unwrap();
    let expected = format!(
        "error app: the application at {} does not answer: cannot connect to ",
        asleep.url()
    );
    assert!(first.starts_with(&expected), "{}", said.out);
    assert!(
        said.out
            .ends_with("nothing found; 1 application not looked at\n"),
        "{}",
        said.out
    );
}

#[test]
#[allow(clippy::print_stderr, reason = "says why it tries nothing")]
fn a_port_that_listens_beyond_loopback_is_told() {
    if !std::path::Path::new("/proc/net/tcp").exists() {
        return eprintln!("no /proc/net/tcp here");
    }
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            if read_head(&mut stream).is_some() {
                let answer = "HTTP/1.1 404 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                drop(stream.get_mut().write_all(answer.as_bytes()));
            }
        }
    });
    let gate = files(Setup::new(&format!("http://127.0.0.1:{port}")));
    let said = doctor(&gate, &[]);
    assert_eq!(said.code, 1, "{}", said.out);
    let found = said.findings(&format!(
        "error app: something listens on 0.0.0.0:{port} (every address): "
    ));
    assert_eq!(found.len(), 1, "{}", said.out);
    assert!(
        found[0].contains(&format!("listen on 127.0.0.1:{port} only")),
        "{}",
        found[0]
    );
}

#[test]
fn programs_get_one_object() {
    let app = app(WORDPRESS);
    let gate = files(
        Setup::new(&app.url())
            .site(PRESET)
            .raw_routes(&open("/xmlrpc.php", "public-full")),
    );
    let said = doctor(&gate, &["--json", "--no-post"]);
    let told: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}", said.out));
    assert_eq!(
        (&told["ok"], &told["errors"], &told["warnings"]),
        (&Value::from(false), &Value::from(1), &Value::from(1))
    );
    let seen = |at: usize| &told["findings"][at]["seen"];
    assert!(
        seen(0)
            .as_str()
            .unwrap()
            .starts_with("GET /xmlrpc.php is public-full"),
        "{told}"
    );
    assert_eq!(seen(1), "GET /xmlrpc.php: 405");
    let found = &told["findings"][1];
    assert_eq!(
        (&found["site"], &found["severity"]),
        (&Value::from("app"), &Value::from("warning"))
    );
    assert!(told["tried"].as_array().unwrap().len() > 2, "{told}");
}

#[test]
fn a_site_that_is_not_there_is_told_with_those_that_are() {
    let app = app(WORDPRESS);
    let gate = files(Setup::new(&app.url()));
    let said = doctor(&gate, &["--site", "shop"]);
    assert_eq!((said.code, said.out.as_str()), (5, ""));
    assert!(
        said.err.contains("there is no site `shop`: there are app"),
        "{}",
        said.err
    );
    assert_eq!(doctor(&gate, &["--site", "app"]).code, 0);
    assert_eq!(
        app.lines().first().map(String::as_str),
        Some("GET / HTTP/1.1"),
        "the other was not asked"
    );
}

#[test]
fn a_page_that_answers_under_another_spelling_too_is_told_if_that_needs_less() {
    const USERS: &str = "<title>Users</title><p>all of them</p>";
    let app = app(&[
        ("GET /", 200, "", "<title>Home</title>hello"),
        ("GET /admin", 200, "", USERS),
        ("GET /Admin", 200, "", USERS),
        ("GET /admin/", 200, "", USERS),
        ("GET /?q=admin", 200, "", USERS),
    ]);
    let gate = files(Setup::new(&app.url()));
    let said = doctor(&gate, &[]);
    assert_eq!(said.code, 1, "{}", said.out);
    let found = said.findings("error app: ");
    assert_eq!(
        found,
        [
            "error app: GET /?q=admin: 200, as GET /admin: the same page, which needs scope `login` there and scope `admin` here\n  \
          = write above the route that lets it pass: path = \"/\", query = { \"q\" = \"admin\" }, require = \"admin\""
        ],
        "what the routes know by any spelling is no finding: {}",
        said.out
    );
    // What the gate wants as much for is not asked about.
    let lines = app.lines();
    assert!(
        !lines.iter().any(|line| line.contains("/Admin")),
        "{lines:?}"
    );

    let mended =
        "[[sites.app.routes]]\npath = \"/\"\nquery = { q = \"admin\" }\nrequire = \"admin\"\n";
    let mended = files(Setup::new(&app.url()).raw_routes(&(open("/admin", "admin") + mended)));
    let said = doctor(&mended, &[]);
    assert_eq!(said.code, 0, "{}", said.out);
}

#[test]
fn pages_that_answer_as_those_that_are_not_there_are_counted_and_not_guessed_at() {
    let all = App::answering("HTTP/1.1 302 X\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n");
    let said = doctor(&files(Setup::new(&all.url())), &[]);
    assert_eq!(said.code, 0, "{}", said.out);
    let told = "1 guarded page in 0 spellings, 0 of which need less; 1 more cannot be told from pages that are not there";
    assert!(said.out.contains(told), "{}", said.out);

    // A front page that takes no notice of its query is not the page.
    let plain = App::scripted(|request, stream| {
        let admin = request.head.first.starts_with("GET /admin ");
        let (status, body) = if request.head.first.starts_with("GET /?") || admin {
            ("200 OK", "<title>Same</title>one page for all")
        } else {
            ("404 No", "")
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.get_mut().write_all(answer.as_bytes()).is_ok()
    });
    let said = doctor(&files(Setup::new(&plain.url())), &[]);
    assert_eq!(said.code, 0, "{}", said.out);
}

#[test]
fn what_the_login_page_leads_to_is_looked_at() {
    const PAGE: &str = "<title>Log in</title><form method=post><input name=log><input type=password name=pwd></form>\
        <form method=post action=/partner/enter><input name=firm><input type=password name=key></form>\
        <a href=\"members/enter?from=login\">Members</a><a href=https://elsewhere.example.com/>Elsewhere</a><a href=/shut>Shut</a>";
    let app = app(&[
        ("GET /", 200, "", "<title>Home</title>hello"),
        ("GET /login", 200, "", PAGE),
        ("GET /members/enter?from=login", 200, "", OTHER_LOGIN),
        ("GET /shut", 200, "", OTHER_LOGIN),
    ]);
    let setup = |more: &str| {
        let routes = format!("{}{CAPTURED}{more}", open("/admin", "admin"));
        files(Setup::new(&app.url()).raw_routes(&routes).with(FORM))
    };
    let said = doctor(&setup(""), &[]);
    assert_eq!(said.code, 0, "{}", said.out);
    assert!(
        said.out.contains("tried app: 2 links of the login page\n"),
        "{}",
        said.out
    );

    let said = doctor(&setup(&open("/{members,partner}/**", "public-full")), &[]);
    assert_eq!(said.code, 1, "{}", said.out);
    assert_eq!(
        said.findings("error app: GET /members/enter?from=login: 200: its form")
            .len(),
        1,
        "{}",
        said.out
    );
    let form =
        "error app: GET /login: 200: its form with a password field is sent to /partner/enter";
    assert_eq!(said.findings(form).len(), 1, "{}", said.out);
    assert!(said.out.ends_with("\n2 errors\n"), "{}", said.out);
}

#[test]
fn what_the_configuration_alone_tells_is_told_without_the_application() {
    let asleep = Asleep::new();
    let routes = open("/**", "public-full") + &open("/admin", "admin");
    let said = doctor(&files(Setup::new(&asleep.url()).raw_routes(&routes)), &[]);
    assert_eq!(said.code, 1, "{}", said.out);
    let found = said.findings("error app: route 2 (/admin: require scope admin, countersign.toml:");
    assert_eq!(found.len(), 1, "{}", said.out);
    assert!(found[0].contains("it never matches"), "{}", found[0]);

    let said = doctor(&files(Setup::new(&asleep.url()).raw_routes("")), &[]);
    let found = said.findings("warning configuration: countersign.toml:");
    assert!(
        found
            .iter()
            .any(|found| found.contains("(C0312)") && found.contains("admin")),
        "{}",
        said.out
    );

    let routes = open("/**.php", "public-full");
    let said = doctor(
        &files(Setup::new(&asleep.url()).site(PRESET).raw_routes(&routes)),
        &[],
    );
    let found = said.findings("error app: GET /xmlrpc.php is public-full (countersign.toml:");
    assert!(
        found[0].contains("preset wordpress shuts it: deny"),
        "{}",
        said.out
    );
}

#[test]
fn a_capture_that_waits_for_another_field_is_told() {
    let app = app(&[
        ("GET /", 200, "", "<title>Home</title>hello"),
        ("GET /login", 200, "", OTHER_LOGIN),
    ]);
    let routes = open("/admin", "admin") + CAPTURED;
    let said = doctor(
        &files(Setup::new(&app.url()).raw_routes(&routes).with(FORM)),
        &[],
    );
    assert_eq!(said.code, 1, "{}", said.out);
    let found = said.findings("error app: GET /login: 200: its password field is `secret`, and capture `form` waits for `pwd`");
    assert_eq!(found.len(), 1, "{}", said.out);
    assert!(
        found[0].ends_with("\n  = in [sites.app.captures.form]: password = \"secret\""),
        "{}",
        found[0]
    );
}

#[test]
fn a_preset_whose_marks_are_gone_fits_if_its_login_is_there() {
    let form = "<form method=post><input name=username><input name=password type=password></form>";
    let app = App::scripted(move |request, stream| {
        let (status, body) = if request.head.first.starts_with("GET /login ") {
            ("200 OK", form)
        } else {
            ("404 No", "")
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\nServer: gunicorn\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.get_mut().write_all(answer.as_bytes()).is_ok()
    });
    let setup = Setup::new(&app.url()).site("preset = \"flask\"");
    let said = doctor(&files(setup), &[]);
    assert_eq!(said.code, 0, "{}", said.out);
    assert!(
        said.out
            .contains("none of its marks, and its login where it says"),
        "{}",
        said.out
    );
}
