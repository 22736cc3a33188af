//! `countersign learn` against the real applications: what it prints is taken as it stands, and somebody signs in through it.

use std::io::Write;
use std::process::{Command, Stdio};

use super::gate::{ALICE, Application, Gate};
use super::header::Known;
use super::visitor::{Visitor, code_page};
use super::wire::Answer;

/// An application, and how alice signs in to it.
struct Way {
    app: &'static str,
    /// The login page.
    page: &'static str,
    password: &'static str,
    /// What is private, and what stands there.
    private: (&'static str, &'static str),
    /// Her login: the page it stands on, where it goes, and its fields; those without a value have the page's.
    form: &'static [(&'static str, &'static str)],
}

/// Lets the program look at an application. Gives what it printed, what it told, and whether it went well.
fn learn(app: &Application, page: &str, url: &str, password: &str) -> (String, String, bool) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["learn", &format!("http://127.0.0.1:{}{page}", app.port)])
        .args(["--url", url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it was built for these tests");
    let mut input = child.stdin.take().expect("it is piped");
    drop(input.write_all(format!("alice\n{password}\n").as_bytes()));
    drop(input);
    let said = child.wait_with_output().expect("it was started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&said.stdout), text(&said.stderr));
    assert!(!out.contains(password) && !err.contains(password), "{err}");
    (out, err, said.status.success())
}

/// A gateway with what was learned, as it was printed.
fn learned(app: &Application, page: &str, password: &str) -> Gate {
    Gate::of(|url| {
        let (block, told, well) = learn(app, page, url, password);
        assert!(well, "{told}");
        block
    })
}

/// Learns it, and signs in: a wrong password rings nobody, the right one opens nothing before its code.
fn holds(way: &Way) {
    let app = Application::start(way.app);
    let mut gate = learned(&app, way.page, way.password);
    let (private, content) = way.private;
    let shut = |visitor: &mut Visitor| {
        let (_, met) = visitor.walk(private);
        assert!(!met.text().contains(content), "{private} is open");
    };
    shut(&mut gate.visitor());

    let mut wrong = gate.visitor();
    let answer = sign_in(&mut wrong, way, "not-the-password");
    assert!(!to_code_page(&answer), "{}", answer.head.raw);
    shut(&mut wrong);

    let mut alice = gate.visitor();
    let page = code_page(&sign_in(&mut alice, way, way.password));
    shut(&mut alice.clone());
    let message = gate.message();
    assert_eq!(message.to, ALICE);
    let entered = alice.enter(&page, &message.code);
    alice.follow(&page, entered);
    let (_, met) = alice.walk(private);
    assert!(met.text().contains(content), "{private}: {}", met.head.raw);
    gate.ends_having_sent(1);
}

fn to_code_page(answer: &Answer) -> bool {
    let to = answer.field("location").unwrap_or_default();
    to.contains("/.countersign/c/")
}

/// Fills the application's own form in.
fn sign_in(visitor: &mut Visitor, way: &Way, password: &str) -> Answer {
    let (at, shown) = visitor.walk(way.page);
    let text = shown.text();
    let mut to = at.clone();
    let mut fields: Vec<(&str, String)> = Vec::new();
    for (name, value) in way.form {
        match *name {
            "to" => to = String::from(*value),
            _ if *value == "?" => fields.push((name, value_of(&text, name))),
            _ if *value == "*" => fields.push((name, password.to_owned())),
            _ => fields.push((name, (*value).to_owned())),
        }
    }
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    visitor.post(&to, &fields)
}

/// The value of a hidden input, however its attributes are ordered.
fn value_of(page: &str, name: &str) -> String {
    let named = format!("name=\"{name}\"");
    let tags = page.split('<').filter(|tag| tag.starts_with("input"));
    let value = tags.filter(|tag| tag.contains(&named)).find_map(|tag| {
        let (_, rest) = tag.split_once("value=\"")?;
        rest.split('"').next()
    });
    value
        .unwrap_or_else(|| panic!("no {name} in {page}"))
        .to_owned()
}

#[test]
fn what_is_learned_of_dokuwiki_holds() {
    holds(&Way {
        app: "dokuwiki",
        page: "/doku.php?id=start&do=login",
        password: "wiki-pw-1",
        private: ("/doku.php?id=vault:plan", "heron-4-violet"),
        form: &[
            ("to", "/doku.php?id=start"),
            ("sectok", "?"),
            ("id", "start"),
            ("do", "login"),
            ("u", "alice"),
            ("p", "*"),
        ],
    });
}

#[test]
fn what_is_learned_of_django_holds() {
    holds(&Way {
        app: "django",
        page: "/admin/login/?next=/admin/",
        password: "Dj-pw-1",
        private: ("/admin/auth/user/", "bob@example.test"),
        form: &[
            ("csrfmiddlewaretoken", "?"),
            ("next", "/admin/"),
            ("username", "alice"),
            ("password", "*"),
        ],
    });
}

#[test]
fn what_is_learned_of_flask_login_holds_for_its_new_login_and_its_old_one() {
    holds(&Way {
        app: "flaskapp",
        page: "/login",
        password: "Fl-pw-1",
        private: ("/private", "Hello alice"),
        form: &[("username", "alice"), ("password", "*")],
    });
    holds(&Way {
        app: "flaskapp",
        page: "/legacy/login",
        password: "Fl-pw-1",
        private: ("/legacy/home", "Hello alice"),
        form: &[("username", "alice"), ("password", "*")],
    });
}

#[test]
fn what_is_learned_of_wordpress_holds() {
    holds(&Way {
        app: "wordpress",
        page: "/wp-login.php",
        password: "wp-pw-1",
        private: ("/plan/", "heron-4-violet"),
        form: &[
            ("log", "alice"),
            ("pwd", "*"),
            ("redirect_to", "?"),
            ("testcookie", "1"),
        ],
    });
}

#[test]
fn what_is_learned_of_phpmyadmin_holds() {
    holds(&Way {
        app: "phpmyadmin",
        page: "/",
        password: "pma-pw-1",
        private: (
            "/index.php?route=/sql&db=garden&table=plan&pos=0",
            "heron-4-violet",
        ),
        form: &[
            ("to", "/index.php?route=/"),
            ("set_session", "?"),
            ("token", "?"),
            ("server", "1"),
            ("pma_username", "alice"),
            ("pma_password", "*"),
        ],
    });
}

#[test]
fn what_is_learned_of_jupyterlab_holds_for_the_one_who_is_named() {
    holds(&Way {
        app: "jupyter",
        page: "/login?next=%2Flab",
        password: "Ju-pw-1",
        private: (
            "/api/contents/ledger.txt?content=1",
            "the ledger of the herons",
        ),
        form: &[("_xsrf", "?"), ("password", "*")],
    });
}

/// With HTTP Basic, by the browser's own window.
fn holds_with_basic(name: &'static str, page: &str, password: &str, content: &str) {
    let app = Application::start(name);
    let mut gate = learned(&app, page, password);
    assert_eq!(gate.visitor().get(page).status(), 401);
    let wrong = Known::new(gate.visitor(), "alice", "not-it").get(page);
    assert_eq!(wrong.status(), 401, "{}", wrong.head.raw);
    let mut alice = Known::new(gate.visitor(), "alice", password);
    let (to, met) = alice.pass(&mut gate, page);
    assert_eq!(to, ALICE);
    assert!(met.text().contains(content), "{}", met.head.raw);
    gate.ends_having_sent(1);
}

#[test]
fn what_is_learned_of_tomcats_manager_holds() {
    holds_with_basic(
        "tomcat",
        "/manager/html",
        "to-pw-1",
        "Tomcat Web Application Manager",
    );
}

#[test]
fn what_is_learned_of_radicale_holds() {
    holds_with_basic(
        "radicale",
        "/alice/calendar.ics/plan.ics",
        "Rad-pw-1",
        "heron-4-violet",
    );
}

#[test]
fn of_a_login_by_script_it_says_that_it_cannot() {
    let app = Application::start("nodered");
    let (out, told, well) = learn(&app, "/", "http://localhost:9999", "Nr-pw-1");
    assert!(!well && out.is_empty(), "{out}");
    assert!(
        told.contains("a script signs people in here") && told.contains("answer = \"relay\""),
        "{told}"
    );
}
