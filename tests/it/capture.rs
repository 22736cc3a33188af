//! The application's own login, then the code, then the application.

mod addressed;
mod admitted;
mod burglary;
mod held;
mod judged;
mod mail;
mod over_http2;
mod quarantined;
mod read;
mod relayed;
mod renewed;
mod review;
mod scripts;
mod sent;
mod sharp;
mod streams;
mod subjects;

use std::io::Read;

use flate2::read::GzDecoder;

use super::support::browser::{Browser, path_of};
use super::support::gate::{Gate, HOST, Setup};
use super::support::legacy::{Legacy, PASSWORD, Portal};
use super::support::wire::Answer;

/// What the site calls itself.
const OWN: &str = "http://app.localhost";

/// Where a browser posts a form from, and what it calls it.
const FORM: &str = "application/x-www-form-urlencoded";

/// Stories that send much are not about how much may be sent.
const LIMITS: &str = "[limits]\nsends_per_hour = { number = 1000, network = 1000 }\nsends_per_day = { number = 1000 }\n";

/// A page of every class.
const CLASSES: &str = r#"
[[sites.app.routes]]
path = "/public/**"
require = "public"
[[sites.app.routes]]
path = "/open/**"
require = "public-full"
[[sites.app.routes]]
path = "/lost"
require = "login-page"
[[sites.app.routes]]
path = "/closed"
require = "deny"
"#;

/// The pages of [`CLASSES`] that anybody may see.
const ANYBODYS: [&str; 3] = ["/public/news", "/open/news", "/lost"];

/// A site whose login is captured. `capture` are more lines of the capture.
fn setup(portal: &Portal, capture: &str) -> Setup {
    let Legacy {
        at,
        fields: (username, password),
        ..
    } = portal.manner;
    let username = username.map_or_else(String::new, |name| format!("username = \"{name}\"\n"));
    Setup::new(&portal.url()).with(LIMITS).raw_routes(&format!(
        "{CLASSES}[[sites.app.routes]]\npath = \"{at}\"\ncapture = \"form\"\n\
         [[sites.app.routes]]\npath = \"/admin\"\nrequire = \"admin\"\n\
         [sites.app.captures.form]\nscope = \"login\"\n{username}password = \"{password}\"\n{capture}\n"
    ))
}

fn gate(portal: &Portal) -> Gate {
    setup(portal, "").start()
}

/// One whose grants are bound to the session cookie.
fn bound(portal: &Portal) -> Gate {
    setup(portal, "auth_cookies = [\"sid\"]").start()
}

fn location(answer: &Answer) -> String {
    path_of(answer.field("location").unwrap_or_default())
}

/// The cookies of an answer that are not the gateway's own, as they stand.
fn theirs(answer: &Answer) -> Vec<&str> {
    let all = answer.head.all("set-cookie").into_iter();
    all.filter(|line| !line.starts_with("__Host-countersign-"))
        .collect()
}

/// The address of the code page that an answer leads to. Nothing else is in it.
fn asked(answer: &Answer) -> String {
    assert_eq!(
        answer.status(),
        303,
        "{}\n{}",
        answer.head.raw,
        answer.text()
    );
    let page = location(answer);
    assert!(page.starts_with("/.countersign/c/"), "{page}");
    assert!(answer.body.is_empty());
    assert!(theirs(answer).is_empty(), "{}", answer.head.raw);
    page
}

/// Opens the login page and submits its form.
fn log_in(browser: &mut Browser, at: &str, user: &str, password: &str) -> Answer {
    let shown = browser.get(at);
    assert_eq!(shown.status(), 200, "{}", shown.head.raw);
    submit(browser, at, &shown, user, password)
}

/// Submits the form of a login page.
fn submit(browser: &mut Browser, at: &str, shown: &Answer, user: &str, password: &str) -> Answer {
    let text = text(shown);
    assert!(text.contains("type=\"password\""), "no form: {text}");
    let hidden = text.split_once("name=\"csrf\" value=\"");
    let csrf = hidden.map(|(_, rest)| rest.split('"').next().unwrap());
    let mut form = vec![("username", user), ("password", password)];
    form.extend(csrf.map(|csrf| ("csrf", csrf)));
    browser.post(at, &form)
}

/// A right password; gives the code page and the code.
fn pending(gate: &Gate, browser: &mut Browser, at: &str, user: &str) -> (String, String) {
    let before = gate.sent();
    let page = asked(&log_in(browser, at, user, PASSWORD));
    (page, gate.messages.after(before))
}

/// A right password and a right code; gives what is released.
fn signed_in(gate: &Gate, browser: &mut Browser, at: &str, user: &str) -> Answer {
    let (page, code) = pending(gate, browser, at, user);
    released(browser, &page, &code)
}

/// A right code; gives what is released.
fn released(browser: &mut Browser, page: &str, code: &str) -> Answer {
    let released = browser.answer(page, code);
    assert_eq!(released.status(), 303, "{}", released.text());
    let to = location(&released);
    assert!(
        !to.starts_with("/.countersign/"),
        "{to}: {}",
        browser.get(page).text()
    );
    released
}

/// Goes where a browser goes by itself.
fn follow(browser: &mut Browser, mut answer: Answer) -> Answer {
    for _ in 0..10 {
        if !(300..400).contains(&answer.status()) {
            return answer;
        }
        answer = browser.get(&location(&answer));
    }
    panic!("round and round: {}", answer.head.raw);
}

/// What somebody sees in the end who goes to `path`.
fn see(browser: &mut Browser, path: &str) -> String {
    let answer = browser.get(path);
    text(&follow(browser, answer))
}

/// The body of an answer as text, out of its coding.
fn text(answer: &Answer) -> String {
    if answer.field("content-encoding") != Some("gzip") {
        return answer.text();
    }
    let mut text = String::new();
    GzDecoder::new(&*answer.body)
        .read_to_string(&mut text)
        .unwrap();
    text
}

/// Sends a body as a page of the site does.
fn send(browser: &mut Browser, method: &str, path: &str, kind: &str, body: &[u8]) -> Answer {
    let fields = [
        ("content-type", kind),
        ("origin", OWN),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
        ("sec-fetch-site", "same-origin"),
    ];
    browser.send(method, path, &fields, body)
}

/// Sends JSON as a script of the site does.
fn script(browser: &mut Browser, method: &str, path: &str, body: &str) -> Answer {
    let fields = [
        ("content-type", "application/json"),
        ("origin", OWN),
        ("referer", "http://app.localhost/login"),
        ("sec-fetch-mode", "cors"),
        ("sec-fetch-dest", "empty"),
        ("sec-fetch-site", "same-origin"),
    ];
    browser.send(method, path, &fields, body.as_bytes())
}

/// A form of these fields.
fn form(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields).finish().into_bytes()
}

/// A form in parts, with the boundary `line`.
fn parts(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut body = String::new();
    for (name, value) in fields {
        body += &format!(
            "--line\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
    }
    (body + "--line--\r\n").into_bytes()
}

/// The content type of [`parts`].
const PARTS: &str = "multipart/form-data; boundary=line";

/// A browser that has one cookie and nothing else.
fn with_cookie(gate: &Gate, name: &str, value: &str) -> Browser {
    let mut browser = gate.browser();
    browser.jar.insert(name.to_owned(), value.to_owned());
    browser
}

/// A browser that asks the application itself.
fn direct(portal: &Portal) -> Browser {
    Browser::new(portal.app.address, HOST)
}
