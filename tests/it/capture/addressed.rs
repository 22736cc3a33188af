//! Sessions in addresses, as Java servers have them: `/home;jsessionid=0A1B`.

use std::collections::BTreeMap;
use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::sync::Mutex;

use super::{CLASSES, LIMITS, asked, location, released, submit};
use crate::shadow::would;
use crate::support::app::{App, Recorded};
use crate::support::browser::Browser;
use crate::support::gate::{Gate, Setup};
use crate::support::legacy::PASSWORD;
use crate::support::wire::Answer;

/// Whose each session is; nobody's before the login, which elevates the one that is there.
type Sessions = Mutex<BTreeMap<String, Option<String>>>;

/// Takes the session from the cookie, and where none comes from the address. It is in every address that it writes.
fn java() -> App {
    let sessions = Sessions::default();
    App::scripted(move |request, stream| serve(&sessions, request, stream))
}

fn serve(sessions: &Sessions, request: &Recorded, stream: &mut BufReader<TcpStream>) -> bool {
    let mut sessions = sessions.lock().unwrap();
    let mut words = request.head.first.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let path = target.split(['?', ';']).next().unwrap();
    let cookie = request.head.field("cookie").unwrap_or_default();
    let cookie = cookie
        .split("; ")
        .find_map(|pair| pair.strip_prefix("JSESSIONID="));
    let shown = target.split(";jsessionid=").nth(1);
    let shown = shown.map(|rest| rest.split(['?', '/', ';']).next().unwrap());
    let known = cookie.or(shown).filter(|id| sessions.contains_key(*id));
    let (id, set) = if let Some(id) = known {
        (id.to_owned(), String::new())
    } else {
        let id = format!("SESSION-{:08}.node1", sessions.len());
        sessions.insert(id.clone(), None);
        let set = format!("Set-Cookie: JSESSIONID={id}; Path=/; HttpOnly\r\n");
        (id, set)
    };
    let body = String::from_utf8(request.body.clone()).unwrap();
    let form: BTreeMap<_, _> = form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect();
    let right = form.get("password").is_some_and(|typed| typed == PASSWORD);
    let mut status = "200 OK".to_owned();
    let text = match (method, path) {
        ("POST", "/login") if right => {
            sessions.insert(id.clone(), form.get("username").cloned());
            status = format!("302 Found\r\nLocation: /home;jsessionid={id}");
            String::new()
        }
        (_, "/login") => format!(
            "<form method=\"post\" action=\"/login;jsessionid={id}\"><input name=\"username\"><input type=\"password\" name=\"password\"></form>"
        ),
        _ => format!("this is {path} of {:?}", sessions[&id]),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\n{set}Content-Type: text/html\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    );
    stream.get_mut().write_all(answer.as_bytes()).is_ok()
}

fn gate(app: &App, capture: &str) -> Gate {
    setup(app, capture).start()
}

fn setup(app: &App, capture: &str) -> Setup {
    Setup::new(&app.url())
        .with(LIMITS)
        .raw_routes(&format!(
            "{CLASSES}[[sites.app.routes]]\npath = \"/admin\"\nrequire = \"admin\"\n[[sites.app.routes]]\npath = \"/login\"\ncapture = \"form\"\n\
             [sites.app.captures.form]\nscope = \"login\"\nusername = \"username\"\npassword = \"password\"\n{capture}\n"
        ))
}

/// The address that the form of a login page is posted to.
fn action(shown: &Answer) -> String {
    let text = shown.text();
    let (_, rest) = text.split_once("action=\"").expect("a form");
    rest.split('"').next().unwrap().to_owned()
}

/// A right password, posted to where the form says; gives the code page, the code and the session.
fn pending(gate: &Gate, browser: &mut Browser, user: &str) -> (String, String, String) {
    let before = gate.sent();
    let shown = browser.get("/login");
    let to = action(&shown);
    let page = asked(&submit(browser, &to, &shown, user, PASSWORD));
    let (_, id) = to.split_once('=').unwrap();
    (page, gate.messages.after(before), id.to_owned())
}

/// Gives the session.
fn inside(gate: &Gate, browser: &mut Browser, user: &str) -> String {
    let (page, code, id) = pending(gate, browser, user);
    released(browser, &page, &code);
    id
}

const WAYS: [&str; 2] = ["", "auth_cookies = [\"JSESSIONID\"]"];

#[test]
fn a_login_form_with_the_session_in_its_address_is_captured() {
    for capture in WAYS {
        let app = java();
        let gate = gate(&app, capture);
        let mut browser = gate.browser();
        let (page, code, id) = pending(&gate, &mut browser, "ann");
        let posts = app.lines().into_iter();
        let posts: Vec<String> = posts.filter(|line| line.starts_with("POST")).collect();
        assert_eq!(posts, [format!("POST /login;jsessionid={id} HTTP/1.1")]);
        let free = released(&mut browser, &page, &code);
        assert_eq!(location(&free), format!("/home;jsessionid={id}"));
        let home = browser.get(&location(&free));
        assert_eq!(home.text(), "this is /home of Some(\"ann\")");
        assert_eq!(
            app.last().head.first,
            format!("GET /home;jsessionid={id} HTTP/1.1")
        );
    }
}

/// The spellings of an address that shows a session.
fn addresses(path: &str, id: &str) -> [String; 4] {
    [
        format!("{path};jsessionid={id}"),
        format!("{path};x=1;jsessionid={id}?y"),
        format!("{path}%3Bjsessionid={id}"),
        format!("/;jsessionid={id}{path}"),
    ]
}

/// What an elevated session opens, it opens by its address too: nobody gets that far.
#[test]
fn g1_g2_a_session_in_an_address_opens_nothing_to_who_has_not_its_cookie() {
    for capture in WAYS {
        let app = java();
        let gate = gate(&app, capture);
        let mut bob = gate.browser();
        inside(&gate, &mut bob, "bob");
        // One of ann's logins is over, and one waits for its code.
        let live = inside(&gate, &mut gate.browser(), "ann");
        let (_, _, waiting) = pending(&gate, &mut gate.browser(), "ann");
        let mut without = bob.clone();
        without.jar.remove("JSESSIONID");
        for id in [&live, &waiting] {
            let stranger = gate.browser();
            for browser in [&bob, &without, &stranger] {
                let mut beside = browser.clone();
                // Beside a cookie of that value, but of another name.
                for name in ["jsessionid", "JSESSIONIDX", "x"] {
                    beside.jar.insert(name.to_owned(), id.clone());
                }
                for browser in [browser, &beside] {
                    for path in ["/home", "/public/news", "/open/news", "/lost", "/login"] {
                        for address in addresses(path, id) {
                            app.forget();
                            let answer = browser.clone().get(&address);
                            let up = app.lines();
                            assert!(up.is_empty(), "{capture}: {address}: {up:?}");
                            assert!(!answer.text().contains("ann"), "{address}");
                            let post = browser.clone().post(&address, &[("a", "b")]);
                            assert!(app.lines().is_empty(), "{capture}: POST {address}");
                            assert!(!post.text().contains("ann"), "{address}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn g2_a_login_into_a_session_whose_cookie_does_not_come_is_refused() {
    for capture in WAYS {
        let app = java();
        let gate = gate(&app, capture);
        let (_, _, waiting) = pending(&gate, &mut gate.browser(), "ann");
        let mut bob = gate.browser();
        bob.get("/login");
        let mut also = bob.clone();
        also.jar.insert("JSESSIONID".to_owned(), waiting.clone());
        app.forget();
        let before = gate.sent();
        let mut browsers = vec![bob];
        if !capture.is_empty() {
            // What is a session only by its length keeps nobody else from signing in: it is theirs then.
            browsers.push(also);
        }
        for browser in &mut browsers {
            let form = [("username", "bob"), ("password", PASSWORD)];
            browser.post(&format!("/login;jsessionid={waiting}"), &form);
        }
        let up = app.lines();
        assert!(up.iter().all(|line| !line.starts_with("POST")), "{up:?}");
        assert_eq!(gate.sent(), before);
    }
}

#[test]
fn an_old_address_leads_to_the_same_page_without_its_session() {
    let app = java();
    let gate = gate(&app, "");
    let mut browser = gate.browser();
    let own = inside(&gate, &mut browser, "ann");
    for (address, clean) in [
        ("/home;jsessionid=OLD-SESSION.node1?x=1", "/home?x=1"),
        ("/home?PHPSESSID=OLD-SESSION&x=1", "/home?x=1"),
        ("//evil.example/;jsessionid=OLD-SESSION", "//evil.example/"),
    ] {
        let answer = browser.get(address);
        assert_eq!(answer.status(), 303, "{address}");
        let to = format!("http://app.localhost{clean}");
        assert_eq!(answer.field("location"), Some(&*to));
        let post = browser.post(address, &[("a", "b")]);
        assert_eq!(post.status(), 403, "{address}");
    }
    // A page's style for who came without a cookie, in the anonymous zone.
    let style = format!("/public/a.css;jsessionid={own}");
    let answer = gate.browser().get(&style);
    assert_eq!(
        (answer.status(), &*location(&answer)),
        (303, "/public/a.css")
    );
    // Their own goes up with its cookie, and so does what is no session.
    for address in [format!("/home;jsessionid={own}"), "/home;v=1".to_owned()] {
        let answer = browser.get(&address);
        assert_eq!(answer.text(), "this is /home of Some(\"ann\")", "{address}");
    }
}

/// The routes of a step-up that is only tried out are the first scope's, and that is in force.
#[test]
fn s3_a_step_up_in_shadow_takes_no_session_out_of_an_address() {
    for capture in WAYS {
        let app = java();
        let setup = setup(&app, capture).with("[scopes.admin]\nshadow = true\n");
        let gate = setup.start();
        let mut ann = gate.browser();
        let own = inside(&gate, &mut ann, "ann");
        let (_, _, waiting) = pending(&gate, &mut gate.browser(), "bob");
        let mut bare = ann.clone();
        bare.jar.retain(|name, _| name != "JSESSIONID");
        for path in ["/admin/users", "/home"] {
            let shown = bare.get(&format!("{path};jsessionid={waiting}"));
            assert_eq!(
                (shown.status(), &*location(&shown)),
                (303, path),
                "{capture}"
            );
            let posted = bare.post(&format!("{path};jsessionid={waiting}"), &[("a", "b")]);
            assert_eq!(posted.status(), 403, "{capture} {path}");
        }
        assert_eq!(would(&gate, "admin", "ask"), 0);
        let mine = ann.get(&format!("/admin/users;jsessionid={own}"));
        assert_eq!(mine.text(), "this is /admin/users of Some(\"ann\")");
        assert_eq!(would(&gate, "admin", "ask"), 1);
    }
}

#[test]
fn where_everything_is_in_shadow_an_address_is_the_applications_own_matter_and_spoken_of() {
    let app = java();
    let both = "[scopes.login]\nshadow = true\n[scopes.admin]\nshadow = true\n";
    let gate = setup(&app, "").with(both).start();
    // Somebody whose browser keeps no cookies.
    let mut browser = gate.browser();
    let to = action(&browser.get("/login"));
    let (_, id) = to.split_once('=').unwrap();
    browser.jar.clear();
    browser.post(&to, &[("username", "ann"), ("password", PASSWORD)]);
    assert_eq!(would(&gate, "login", "send"), 1);
    for (count, path) in ["/home", "/public/news", "/admin/users"].iter().enumerate() {
        browser.jar.clear();
        let shown = browser.get(&format!("{path};jsessionid={id}"));
        assert_eq!(shown.text(), format!("this is {path} of Some(\"ann\")"));
        // What is open to all is not spoken of.
        assert_eq!(would(&gate, "login", "ask"), 1);
        assert_eq!(would(&gate, "admin", "ask"), count / 2);
    }
}
