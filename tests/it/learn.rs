//! An operator lets Countersign look at an application: `countersign learn`.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::support::app::App;
use super::support::gate::{HOST, Setup};
use super::support::legacy::{Failure, Legacy, PASSWORD, Portal};

/// What the command said and how it ended.
struct Said {
    code: i32,
    out: String,
    err: String,
}

/// Looks at this address with what is typed.
fn learn(address: &str, arguments: &[&str], typed: &str) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    let mut child = command
        .arg("learn")
        .arg(address)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    // Who has failed before it asks reads nothing.
    drop(input.write_all(typed.as_bytes()));
    drop(input);
    let output = child.wait_with_output().unwrap();
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn right() -> String {
    format!("ann\n{PASSWORD}\n")
}

/// Looks at an application with the right password; gives the block.
fn learned(portal: &Portal, arguments: &[&str]) -> String {
    let address = format!("{}{}", portal.app.url(), portal.manner.at);
    let said = learn(&address, arguments, &right());
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("tested in a gateway"), "{}", said.err);
    assert!(!said.out.contains(PASSWORD) && !said.err.contains(PASSWORD));
    said.out
}

/// Looks in vain; gives the last line.
fn fails(address: &str, arguments: &[&str], typed: &str) -> String {
    let said = learn(address, arguments, typed);
    assert_eq!(said.code, 1, "{}", said.err);
    assert_eq!(said.out, "", "nothing is printed as good");
    assert!(!said.err.contains(PASSWORD));
    said.err.lines().last().unwrap().to_owned()
}

fn page(html: &str) -> App {
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{html}",
        html.len()
    );
    App::answering(answer.leak())
}

fn has(block: &str, lines: &[&str]) {
    for line in lines {
        assert!(
            block.lines().any(|own| own == *line),
            "no {line} in\n{block}"
        );
    }
}

#[test]
fn a_login_form_is_learned_and_was_tested() {
    let block = learned(
        &Legacy::default().start(),
        &["--site", "portal", "--url", "https://portal.example.com"],
    );
    has(
        &block,
        &[
            "[sites.portal]",
            "url = \"https://portal.example.com\"",
            "host = \"upstream\"",
            "path = \"/login\"",
            "capture = \"form\"",
            "username = \"username\"",
            "password = \"password\"",
            "probe = \"/home\"",
            "auth_cookies = [\"sid\"]",
        ],
    );
}

#[test]
fn an_application_that_answers_right_and_wrong_alike_is_told_by_a_private_page() {
    let block = learned(&Legacy::in_place().start(), &[]);
    has(&block, &["probe = \"/home\"", "auth_cookies = [\"sid\"]"]);
    assert!(!block.contains("success_"), "{block}");
}

#[test]
fn an_application_that_is_one_script_is_told_by_another_page_of_its_own() {
    let block = learned(&Legacy::one_script().start(), &[]);
    has(&block, &["path = \"/\"", "capture = \"form\""]);
    assert!(block.contains("\nprobe = \"/"), "{block}");
    assert!(!block.contains("probe = \"/\"\n"), "{block}");
}

#[test]
fn a_login_that_wants_its_test_cookie_or_its_token_is_learned() {
    let block = learned(&Legacy::wordpress().start(), &[]);
    has(&block, &["auth_cookies = [\"wordpress_logged_in_5f\"]"]);
    let token = Legacy {
        token: true,
        gzip: true,
        ..Legacy::default()
    };
    has(&learned(&token.start(), &[]), &["probe = \"/home\""]);
}

#[test]
fn where_nobody_is_named_the_code_is_for_the_one_who_was() {
    let alone = Legacy {
        fields: (None, "secret"),
        ..Legacy::default()
    };
    let block = learned(&alone.start(), &[]);
    has(&block, &["fixed_user = \"ann\"", "password = \"secret\""]);
    assert!(!block.contains("username ="), "{block}");
}

#[test]
fn a_wrong_password_is_told_and_asked_for_once_more_only_by_the_drawn_one() {
    for manner in [
        Legacy::default(),
        Legacy::in_place(),
        Legacy {
            failure: Failure::Form(401),
            ..Legacy::default()
        },
    ] {
        let portal = manner.start();
        let address = format!("{}/login", portal.app.url());
        let line = fails(&address, &[], "ann\nnot it\n");
        assert!(
            line.contains("does not take this user name and password"),
            "{line}"
        );
        let tries = portal
            .app
            .lines()
            .iter()
            .filter(|line| line.starts_with("POST"))
            .count();
        assert_eq!(tries, 2, "one drawn, one typed");
    }
}

#[test]
fn http_basic_is_learned() {
    let right = format!("Basic {}", STANDARD.encode(format!("ann:{PASSWORD}")));
    let app = App::scripted(move |request, stream| {
        let known = request.head.field("authorization") == Some(&*right);
        let answer = if known {
            "HTTP/1.1 200 OK\r\nSet-Cookie: JSESSIONID=0123456789abcdef0123; HttpOnly\r\nContent-Length: 2\r\n\r\nin"
        } else {
            "HTTP/1.1 401 \r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 2\r\n\r\nno"
        };
        stream.get_mut().write_all(answer.as_bytes()).is_ok()
    });
    let address = format!("{}/manager/html", app.url());
    let said = learn(&address, &[], &self::right());
    assert_eq!(said.code, 0, "{}", said.err);
    has(
        &said.out,
        &[
            "username = \"basic\"",
            "probe = \"/manager/html\"",
            "auth_cookies = [\"JSESSIONID\"]",
        ],
    );
    let line = fails(&address, &[], "ann\nnot it\n");
    assert!(
        line.contains("does not take this user name and password"),
        "{line}"
    );
}

#[test]
fn a_block_is_written_for_the_gateways_group_and_over_nothing() {
    let portal = Legacy::default().start();
    let address = format!("{}/login", portal.app.url());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portal.toml");
    let file = path.to_str().unwrap();
    let said = learn(&address, &["--output", file], &right());
    assert_eq!((said.code, said.out.as_str()), (0, ""), "{}", said.err);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("[sites.app]\n"), "{text}");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777 & !0o640, 0, "{mode:o}");
    portal.app.forget();
    let line = fails(&address, &["--output", file], &right());
    assert!(line.contains("is there already"), "{line}");
    assert_eq!(portal.app.lines().len(), 0, "told before anything is asked");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);

    let other = folder.path().join("other.toml");
    fails(
        &address,
        &["--output", other.to_str().unwrap()],
        "ann\nwrong\n",
    );
    assert!(!other.exists(), "nothing is written in vain");
}

#[test]
fn what_is_no_login_page_is_told() {
    for (html, told) in [
        (
            "<p>Nothing here</p>",
            "this page has no login form: give the address of the page with the password field",
        ),
        (
            "<a href='/sign/in'>Sign in</a>",
            "it leads to /sign/in: give that address",
        ),
        (
            "<meta http-equiv=refresh content='0;url=/ui'>",
            "it leads to /ui: give that address",
        ),
        (
            "<form method=post><input name=username></form><p>",
            "asked for on a second page",
        ),
        (
            "<div id=root></div><script src=app.js></script>",
            "a script signs people in here",
        ),
        (
            "<form><input name=user><input type=password name=pw></form>",
            "a script signs people in here",
        ),
        ("<input type=password>", "a script signs people in here"),
        (
            "<form method=post action=/a><input type=password name=p></form><form method=post action=/b><input type=password name=p></form>",
            "several login forms, which lead to `/a` and `/b`",
        ),
        (
            "<form method=post action=https://sso.example.com/in><input type=password name=p></form>",
            "the application leads to https://sso.example.com/in: if that is its public address, add --url",
        ),
    ] {
        let line = fails(&format!("{}/", page(html).url()), &[], &right());
        assert!(line.contains(told), "{html}\n{line}");
    }
}

#[test]
fn answers_that_lead_nowhere_are_told() {
    for (answer, told) in [
        (
            "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
            "5 redirects came, and no page",
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: https://app.example.com/\r\nContent-Length: 0\r\n\r\n",
            "leads to https://app.example.com/",
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: about:blank\r\nContent-Length: 0\r\n\r\n",
            "something that no browser asks for",
        ),
        (
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            "answers 404 Not Found to /login",
        ),
        (
            "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
            "answers 503 Service Unavailable to /login",
        ),
        (
            "HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n",
            "as if it had been tried too often",
        ),
        (
            "HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n",
            "asks for `Negotiate`",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
            "it is no page at all",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\n{}",
            "cannot be read",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n",
            "the page is longer than any login page",
        ),
        (
            "220 mail.example.com ESMTP\r\n",
            "the application cannot be reached",
        ),
    ] {
        let app = if answer.contains("104857600") {
            App::scripted(move |_, stream| {
                let to = stream.get_mut();
                let mut more = to.write_all(answer.as_bytes());
                // Until the other side has enough of it.
                while more.is_ok() {
                    more = to.write_all(&[b'x'; 8192]);
                }
                false
            })
        } else {
            App::answering(answer)
        };
        let line = fails(&format!("{}/login", app.url()), &[], &right());
        assert!(line.contains(told), "{answer}\n{line}");
    }
}

#[test]
fn where_nobody_listens_and_what_is_no_address_are_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/login", listener.local_addr().unwrap());
    drop(listener);
    let line = fails(&address, &[], &right());
    assert!(
        line.contains(
            "the application cannot be reached: give the address at which it listens itself"
        ),
        "{line}"
    );
    assert!(line.contains("refused"), "with the cause: {line}");
    for (address, arguments, told) in [
        ("portal/login", &[][..], "is no address of a login page"),
        ("ftp://portal/login", &[], "is no address of a login page"),
        (
            "http://portal/login",
            &["--upstream", "portal:80"],
            "is no upstream",
        ),
        (
            "http://portal/login",
            &["--url", "https://a/b"],
            "is no public address",
        ),
        ("http://portal/login", &["--probe", "home"], "is no page"),
    ] {
        let line = fails(address, arguments, &right());
        assert!(line.contains(told), "{line}");
    }
    let line = fails("http://127.0.0.1:9/", &[], "ann\n");
    assert!(
        line.contains("a user name and a password are needed"),
        "{line}"
    );
}

#[test]
fn a_certificate_that_nobody_believes_is_told() {
    let app = page("clear text");
    let line = fails(&app.url().replace("http:", "https:"), &[], &right());
    assert!(
        line.contains("name its authority with --upstream-ca FILE"),
        "{line}"
    );
}

#[test]
fn the_gateway_itself_is_no_application() {
    let portal = Legacy::default().start();
    let gate = Setup::new(&portal.app.url()).start();
    let upstream = format!("http://{}", gate.address);
    // By the name that its site has; by any other it knows nobody.
    let line = fails(
        &format!("http://{HOST}/login"),
        &["--upstream", &upstream],
        &right(),
    );
    assert!(
        line.contains("this is Countersign itself") || line.contains("answers 421"),
        "{line}"
    );
}

#[test]
fn a_probe_that_is_none_is_told() {
    let portal = Legacy::default().start();
    let address = format!("{}/login", portal.app.url());
    let line = fails(&address, &["--probe", "/public/x"], &right());
    assert!(
        line.contains("/public/x is no page that only a signed-in person gets: anybody gets it"),
        "{line}"
    );
    let line = fails(&address, &["--probe", "/logout"], &right());
    assert!(line.contains("this person does not get it"), "{line}");
    let block = learned(&portal, &["--probe", "/books?all"]);
    has(&block, &["probe = \"/books?all\""]);
}

fn answer(status: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{fields}Content-Type: text/html\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

const FORM: &str =
    "<form method=post action=/login><input name=u><input type=password name=p></form>";

/// Whether a login has the right password, as it stands in a form.
fn is_right(body: &[u8]) -> bool {
    let mut fields = form_urlencoded::parse(body);
    fields.any(|(name, value)| name == "p" && value == PASSWORD)
}

/// As a wiki that everybody reads: each page is 200 to strangers, and says by a way out who is in.
#[test]
fn where_every_page_is_everybodys_the_way_out_tells_who_is_in() {
    let app = App::scripted(|request, stream| {
        let knows = request
            .head
            .field("cookie")
            .is_some_and(|cookies| cookies.contains("DW5f4dcc3b5aa765d6=in"));
        let answer = match request.head.first.split(' ').collect::<Vec<_>>()[..] {
            ["POST", ..] if is_right(&request.body) => answer(
                "302 Found",
                "Location: /start\r\nSet-Cookie: DW5f4dcc3b5aa765d6=in-0123456789abcdef; Path=/; HttpOnly\r\n",
                "",
            ),
            ["POST", ..] => answer("403 No", "", FORM),
            ["GET", "/login", _] => answer("200 OK", "", FORM),
            _ if knows => answer(
                "200 OK",
                "",
                "<a href=/list>All</a> <a href='/leave?t=1'>Log out</a>",
            ),
            _ => answer(
                "200 OK",
                "",
                "<a href=/list>All</a> <a href=/login>Log in</a>",
            ),
        };
        stream.get_mut().write_all(answer.as_bytes()).is_ok()
    });
    let said = learn(&format!("{}/login", app.url()), &[], &right());
    assert_eq!(said.code, 0, "{}", said.err);
    has(
        &said.out,
        &[
            "username = \"u\"",
            "success_cookie = \"DW*\"",
            "auth_cookies = [\"DW*\"]",
            "logout = \"/leave?t=1\"",
        ],
    );
    assert!(!said.out.contains("probe ="), "{}", said.out);
}

/// As phpMyAdmin: whoever is asked for another page by a session that is not signed in begins a new one, and the form that
/// was given before is good for nothing. The gateway looks at its probe first where a session is there already.
#[test]
fn where_a_look_at_the_probe_ends_the_login_under_way_a_cookie_tells() {
    let sessions = std::sync::Mutex::new((0, std::collections::BTreeMap::<String, bool>::new()));
    let app = App::scripted(move |request, stream| {
        let (drawn, sessions) = &mut *sessions.lock().unwrap();
        let cookies = request.head.field("cookie").unwrap_or_default();
        let sid = cookies
            .split("; ")
            .find_map(|pair| pair.strip_prefix("sid="))
            .unwrap_or_default()
            .to_owned();
        let state = sessions.get(&sid).copied();
        let begin = |sessions: &mut std::collections::BTreeMap<String, bool>, drawn: &mut u32| {
            *drawn += 1;
            let sid = format!("0123456789abcdef-{drawn}");
            sessions.insert(sid.clone(), false);
            format!("Set-Cookie: sid={sid}; Path=/; HttpOnly\r\n")
        };
        let answer = match (
            request.head.first.split(' ').collect::<Vec<_>>()[..]
                .to_vec()
                .as_slice(),
            state,
        ) {
            (["POST", ..], Some(_)) if is_right(&request.body) => {
                sessions.insert(sid, true);
                answer(
                    "302 Found",
                    "Location: /home\r\nSet-Cookie: auth-1=fedcba9876543210; Path=/; HttpOnly\r\n",
                    "",
                )
            }
            (["GET", "/home", _], Some(true)) => answer("200 OK", "", "<p>Yours</p>"),
            (["GET", "/login", _], Some(false)) => answer("200 OK", "", FORM),
            _ => {
                sessions.remove(&sid);
                answer("200 OK", &begin(sessions, drawn), FORM)
            }
        };
        stream.get_mut().write_all(answer.as_bytes()).is_ok()
    });
    let said = learn(&format!("{}/login", app.url()), &[], &right());
    assert_eq!(said.code, 0, "{}", said.err);
    has(
        &said.out,
        &[
            "success_cookie = \"auth-1\"",
            "auth_cookies = [\"sid\", \"auth-1\"]",
        ],
    );
    assert!(
        said.err
            .contains("and probe: the right password does not lead to the code page"),
        "{}",
        said.err
    );
}

/// The files of the login page are opened by folder and ending, and pages are closed whoever gets them now.
#[test]
fn files_of_the_login_page_are_opened_and_pages_are_told() {
    let app = App::scripted(|request, stream| {
        let knows = request
            .head
            .field("cookie")
            .is_some_and(|cookies| cookies.contains("sid=in"));
        let file = |kind: &str, body: &str| answer("200 OK", "", body).replace("text/html", kind);
        let answer = match request.head.first.split(' ').collect::<Vec<_>>()[..] {
            ["POST", ..] if is_right(&request.body) => answer(
                "302 Found",
                "Location: /home\r\nSet-Cookie: sid=in-0123456789abcdef; Path=/; HttpOnly\r\n",
                "",
            ),
            ["GET", "/login", _] | ["POST", ..] => answer(
                "200 OK",
                "",
                &format!(
                    "<link rel=stylesheet href=/static/5f4dcc3b5aa7/a.css><script src=/lib/x.php?js></script><script src=/own.js></script>\
                     <img src=/me.png><img src=http://cdn.example.com/a.png>{FORM}<a href=/about>About</a>"
                ),
            ),
            ["GET", "/static/5f4dcc3b5aa7/a.css", _] => {
                file("text/css", "a{background:url(../img/b.svg)}")
            }
            ["GET", "/static/img/b.svg", _] => file("image/svg+xml", "<svg/>"),
            ["GET", "/lib/x.php?js", _] => file("text/javascript", "1"),
            // Another one for who is signed in.
            ["GET", "/me.png", _] => file("image/png", if knows { "me" } else { "anybody" }),
            ["GET", "/about", _] => answer("200 OK", "", "<p>About</p>"),
            ["GET", "/home", _] if knows => answer("200 OK", "", "<p>Yours</p>"),
            _ => answer("404 No", "", ""),
        };
        stream.get_mut().write_all(answer.as_bytes()).is_ok()
    });
    let said = learn(&format!("{}/login", app.url()), &[], &right());
    assert_eq!(said.code, 0, "{}", said.err);
    has(
        &said.out,
        &[
            "path = [\"/static/**.css\", \"/static/img/**.svg\", \"/lib/x.php\"]",
            "path = [\"/static/**.php\", \"/static/img/**.php\"]",
            "# These answer to anybody now, and need a code from here on: /about",
        ],
    );
    assert!(
        !said.out.contains("me.png") && !said.out.contains("cdn"),
        "{}",
        said.out
    );
}
