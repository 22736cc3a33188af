//! Who signs out of the gateway is signed out of the application, as the presets say: seen at the application itself, with
//! the cookies of before.

use std::path::Path;
use std::process::Command;

use super::gate::{Application, Gate};
use super::visitor::{Visitor, code_page, value_of};
use super::wire::Answer;

/// Signed in, by the preset alone.
fn inside(gate: &mut Gate, at: &str, form: &[(&str, &str)]) -> Visitor {
    let mut alice = gate.visitor();
    let page = code_page(&log_in(&mut alice, at, form));
    let released = alice.enter(&page, &gate.message().code);
    alice.follow(&page, released);
    alice
}

/// Opens a login form and submits it, with the token that the application keeps in a cookie.
fn log_in(visitor: &mut Visitor, at: &str, form: &[(&str, &str)]) -> Answer {
    visitor.get(at);
    let jar = visitor.jar.clone();
    let tokens = [("csrftoken", "csrfmiddlewaretoken"), ("_xsrf", "_xsrf")];
    let tokens = tokens
        .iter()
        .filter_map(|(cookie, field)| Some((*field, jar.value(cookie)?)));
    let form: Vec<_> = form.iter().copied().chain(tokens).collect();
    visitor.post(at, &form)
}

fn gate(app: &Application, preset: &str) -> Gate {
    Gate::before(app, &format!("preset = \"{preset}\"\nscopes = [\"login\"]"))
}

/// What the application shows to the cookies that a visitor of the gateway has of it.
fn at_the_application(app: &Application, visitor: &Visitor, target: &str) -> String {
    let mut direct = app.visitor();
    direct.jar = visitor.jar.without_ours();
    direct.get(target).text()
}

const NAME: (&str, &str) = ("username", "alice");

#[test]
fn s5_signing_out_ends_djangos_session_for_who_kept_its_cookies_too() {
    let app = Application::start("django");
    let mut gate = gate(&app, "django");
    let private = "Site administration";
    let mut alice = inside(&mut gate, "/admin/login/", &[NAME, ("password", "Dj-pw-1")]);
    let kept = alice.clone();
    assert!(at_the_application(&app, &kept, "/admin/").contains(private));
    alice.sign_out();
    assert!(!at_the_application(&app, &kept, "/admin/").contains(private));
    assert_eq!(alice.jar.value("sessionid"), None);
    assert!(!alice.walk("/admin/").1.text().contains(private));
    let log = gate.ends_having_sent(1).join("\n");
    assert!(!log.contains("sign_out.failed"), "{log}");
}

/// A login that somebody thinks better of has opened a session, which nobody has seen: it is over, too.
#[test]
fn s5_cancelling_a_held_login_ends_djangos_session() {
    let app = Application::start("django");
    let mut gate = gate(&app, "django");
    let before = sessions_of_django();
    let mut alice = gate.visitor();
    let form = [NAME, ("password", "Dj-pw-1")];
    let page = code_page(&log_in(&mut alice, "/admin/login/", &form));
    gate.message();
    assert_eq!(sessions_of_django(), before + 1);
    let token = value_of(&alice.get(&page).text(), "token");
    alice.post(&page, &[("token", &token), ("do", "cancel")]);
    assert_eq!(sessions_of_django(), before);
    assert!(
        !alice
            .walk("/admin/")
            .1
            .text()
            .contains("Site administration")
    );
    gate.ends_having_sent(1);
}

/// How many sessions it keeps.
fn sessions_of_django() -> usize {
    let database = Path::new(env!("CARGO_TARGET_TMPDIR")).join("apps/django/site/db.sqlite3");
    let count = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('select count(*) from django_session').fetchone()[0])";
    let said = Command::new("/usr/bin/python3")
        .args(["-c", count])
        .arg(database)
        .output()
        .expect("Django runs by it");
    let said = String::from_utf8_lossy(&said.stdout);
    said.trim().parse().expect("a number")
}

/// Its session is all in its cookies, which no server can take back: the browser has none of them afterwards, and who kept
/// them gets nothing through the gateway.
#[test]
fn s5_signing_out_takes_flasks_cookies_away() {
    let app = Application::start("flaskapp");
    let mut gate = gate(&app, "flask");
    let form = [NAME, ("password", "Fl-pw-1"), ("remember", "on")];
    let mut alice = inside(&mut gate, "/login", &form);
    let mut kept = alice.clone();
    assert!(at_the_application(&app, &kept, "/private").contains("Hello alice"));
    alice.sign_out();
    assert!(!at_the_application(&app, &alice, "/private").contains("Hello"));
    assert_eq!(alice.jar.value("remember_token"), None);
    assert!(at_the_application(&app, &kept, "/private").contains("Hello alice"));
    assert!(!kept.walk("/private").1.text().contains("Hello"));
    let log = gate.ends_having_sent(1).join("\n");
    assert!(!log.contains("sign_out.failed"), "{log}");
}

/// The Lab signs its cookie and keeps no sessions: it is as with Flask.
#[test]
fn s5_signing_out_takes_the_labs_cookie_away() {
    let app = Application::start("jupyter");
    let site = "preset = \"jupyter\"\nscopes = [\"login\"]\nfixed_user = \"alice\"";
    let mut gate = Gate::before(&app, site);
    let mut alice = inside(&mut gate, "/login", &[("password", "Ju-pw-1")]);
    let kept = alice.clone();
    let lab = |visitor: &Visitor| {
        at_the_application(&app, visitor, "/lab").contains("jupyter-config-data")
    };
    assert!(lab(&kept));
    alice.sign_out();
    assert!(!lab(&alice));
    assert!(
        !kept
            .clone()
            .walk("/lab")
            .1
            .text()
            .contains("jupyter-config-data")
    );
    let log = gate.ends_having_sent(1).join("\n");
    assert!(!log.contains("sign_out.failed"), "{log}");
}

/// `DokuWiki`'s logout wants the token of a page: without it nobody leaves, so that its preset says nothing of it.
#[test]
fn dokuwiki_takes_no_logout_without_a_token() {
    let app = Application::start("dokuwiki");
    let mut gate = gate(&app, "dokuwiki");
    let form = [
        ("id", "start"),
        ("do", "login"),
        ("u", "alice"),
        ("p", "wiki-pw-1"),
    ];
    let mut alice = gate.visitor();
    alice.get("/doku.php?do=login");
    let page = code_page(&alice.post("/doku.php?id=start", &form));
    let released = alice.enter(&page, &gate.message().code);
    alice.follow(&page, released);
    let kept = alice.clone();
    let plan = |visitor: &Visitor| at_the_application(&app, visitor, "/doku.php?id=vault:plan");
    assert!(plan(&kept).contains("heron-4-violet"));
    at_the_application(&app, &kept, "/doku.php?id=start&do=logout");
    assert!(
        plan(&kept).contains("heron-4-violet"),
        "the wiki has not taken it"
    );
    alice.sign_out();
    assert!(
        plan(&kept).contains("heron-4-violet"),
        "nor has the gateway tried"
    );
    let mut thief = kept.clone();
    assert!(
        !thief
            .walk("/doku.php?id=vault:plan")
            .1
            .text()
            .contains("heron-4-violet")
    );
    gate.ends_having_sent(1);
}
