//! Adminer: the same answer to a right and a wrong password, and every page of the database under the login's own path.

use super::burglar::{Burglar, Door};
use super::gate::{ALICE, Application, BOB, Gate, LONG};
use super::visitor::{Visitor, code_page, shapes, value_of};
use super::wire::Answer;

const SITE: &str = r#"
preset = "adminer"
scopes = ["login"]
"#;

const PASSWORD: &str = "adm-pw-1";
const LOGIN: &str = "/adminer.php";
const HOME: &str = "/adminer.php?username=alice";
const PLAN: &str = "/adminer.php?username=alice&db=garden&select=plan";

/// What stands in alice's table, and in bob's.
const PRIVATE: &str = "heron-4-violet";
const BOBS: &str = "carp-7-orange";

const MARKS: [&str; 4] = [PRIVATE, BOBS, "Logged as", "value=\"Logout\""];

const DOORS: [Door; 10] = [
    Door::opens("GET /adminer.php?username=alice&db=garden&select=plan"),
    Door::opens("GET //adminer.php?username=alice&db=garden&select=plan"),
    Door::opens("GET /%61dminer.php?username=alice&db=garden&select=plan"),
    Door::opens("GET /adminer.php/x?username=alice&db=garden&select=plan"),
    Door::opens("GET /adminer.php?username=alice&%64b=garden&select=plan"),
    Door::opens("GET /adminer.php?username=alice&+db=garden&select=plan"),
    Door::shut("GET /adminer.php?file=default.css&username=alice"),
    Door::opens("GET /adminer.php?username=alice&auth[username]=alice&auth[password]=adm-pw-1"),
    Door::shut("GET /adminer.php"),
    Door::opens_with("POST /adminer.php?username=alice&sql=", "lang=en"),
];

#[test]
fn only_the_right_password_rings_though_both_get_the_same_answer() {
    let app = Application::start("adminer");
    let mut gate = Gate::before(&app, SITE);
    let mut alice = gate.visitor();
    let (at, form) = alice.walk(PLAN);
    assert_eq!(at, LOGIN);
    assert!(form.text().contains("auth[password]"), "{}", form.text());
    let style = gate.visitor().get("/adminer.php?file=default.css");
    assert_eq!(style.status(), 200, "{}", style.head.raw);

    let refused = log_in(&mut alice, "alice", "wrong");
    let (at, told) = alice.follow(LOGIN, refused);
    assert_eq!(at, HOME);
    assert!(
        told.text().contains("Access denied for user"),
        "{}",
        told.text()
    );

    let page = code_page(&log_in(&mut alice, "alice", PASSWORD));
    let message = gate.message();
    assert_eq!(message.to, ALICE, "the wrong password has sent nothing");
    let released = alice.enter(&page, &message.code);
    let (at, home) = alice.follow(&page, released);
    assert_eq!(at, HOME);
    assert!(home.text().contains("Logged as"), "{}", home.text());
    assert!(alice.get(PLAN).text().contains(PRIVATE));

    // SQL is run.
    let form = alice
        .get("/adminer.php?username=alice&db=garden&sql=")
        .text();
    let ran = alice.post(
        "/adminer.php?username=alice&db=garden&sql=",
        &[
            ("token", &token_of(&form)),
            ("query", "SELECT CONCAT('swan-', 6 * 7) AS bird"),
        ],
    );
    assert!(ran.text().contains("swan-42"), "{}", ran.text());
    let left = alice.post(HOME, &[("logout", "Logout"), ("token", &token_of(&form))]);
    assert_eq!(left.status(), 302, "{}", left.text());
    assert!(alice.get(HOME).text().contains("auth[password]"));
    gate.ends_having_sent(1);
}

/// Nearly as long as a login is held at all; and its cookies come as they were set, in their order.
#[test]
fn a_login_held_for_nearly_five_minutes_is_released_as_it_came() {
    let app = Application::start("adminer");
    let mut gate = Gate::with_a_clock(&app, SITE);
    let given = shapes(&log_in(&mut app.visitor(), "alice", PASSWORD));
    let mut alice = gate.visitor();
    let page = code_page(&log_in(&mut alice, "alice", PASSWORD));
    let message = gate.message();
    gate.later(LONG);
    let released = alice.enter(&page, &message.code);
    assert!(
        shapes(&released).starts_with(&given),
        "{given:?}: {}",
        released.head.raw
    );
    let (_, home) = alice.follow(&page, released);
    assert!(home.text().contains("Logged as"), "{}", home.text());
    gate.ends_having_sent(1);
}

#[test]
fn no_cookie_of_any_moment_opens_adminer_without_its_grant() {
    let app = Application::start("adminer");
    let mut gate = Gate::before(&app, SITE);
    let mut old = app.visitor();
    log_in(&mut old, "alice", PASSWORD);
    let mut alice = gate.visitor();
    alice.walk(PLAN);
    let before = alice.jar.clone();
    let page = code_page(&log_in(&mut alice, "alice", PASSWORD));
    let message = gate.message();
    let during = alice.jar.clone();
    let burglar = Burglar {
        gate: &gate,
        app: &app,
        doors: &DOORS,
        marks: &MARKS,
        // Everybody gets its cookies, empty ones too: they are tried in every jar.
        sessions: &[],
        password: PASSWORD,
    };
    burglar.knows_the_application(&old.jar);
    burglar.gets_nothing(&[&before, &during, &old.jar]);
    // Pages that the login page's own address may lead to are not tried in every way: after thirty strangers there Adminer
    // lets nobody in for half an hour.
    for more in ["", "&sql=", "&privileges="] {
        for jar in [&during, &old.jar] {
            let mut thief = gate.visitor();
            thief.jar = jar.clone();
            let shown = thief.get(&format!("{HOME}{more}")).text();
            assert!(!MARKS.iter().any(|mark| shown.contains(mark)), "{shown}");
        }
    }
    let released = alice.enter(&page, &message.code);
    alice.follow(&page, released);
    assert!(alice.get(PLAN).text().contains(PRIVATE));
    burglar.gets_nothing(&[&before, &alice.jar.without_ours()]);
    gate.ends_having_sent(1);
}

/// The name of one and the password of the other, and one's session under the other's grant.
#[test]
fn https_under_another_name_is_none_of_adminers_business() {
    let app = Application::start("adminer");
    for host in ["upstream", "preserve"] {
        let mut gate = Gate::over_tls(&app, &format!("host = \"{host}\"{SITE}"));
        let mut alice = gate.visitor();
        let refused = log_in(&mut alice, "alice", "wrong");
        assert!(
            alice
                .follow(LOGIN, refused)
                .1
                .text()
                .contains("Access denied")
        );
        let page = code_page(&log_in(&mut alice, "alice", PASSWORD));
        let released = alice.enter(&page, &gate.message().code);
        let (_, home) = alice.follow(&page, released);
        assert!(home.text().contains("Logged as"), "{}", home.text());
        assert!(alice.get(PLAN).text().contains(PRIVATE));
        gate.ends_having_sent(1);
    }
}

#[test]
fn alices_grant_never_serves_adminers_bob() {
    let app = Application::start("adminer");
    let mut gate = Gate::before(&app, SITE);
    let depth = "/adminer.php?username=bob&db=pond&select=depth";
    let mut bobs = app.visitor();
    log_in(&mut bobs, "bob", PASSWORD);
    assert!(bobs.get(depth).text().contains(BOBS));
    let mut alice = gate.visitor();
    let page = code_page(&log_in(&mut alice, "alice", PASSWORD));
    let code = gate.message().code;
    alice.enter(&page, &code);
    for jar in [
        alice.jar.ours().and(&bobs.jar),
        alice.jar.and(&bobs.jar),
        bobs.jar.and(&alice.jar),
    ] {
        let mut thief = gate.visitor();
        thief.jar = jar;
        let shown = thief.get(depth).text();
        assert!(!shown.contains(BOBS), "{shown}");
    }
    // Adminer keeps two people in one session: the code is bob's, and so is the grant then.
    let page = code_page(&log_in(&mut alice, "bob", PASSWORD));
    let message = gate.message();
    assert_eq!(message.to, BOB);
    assert!(!alice.get(depth).text().contains(BOBS));
    alice.enter(&page, &message.code);
    assert!(alice.get(depth).text().contains(BOBS));
    gate.ends_having_sent(2);
}

#[test]
fn a_login_that_adminer_reads_differently_rings_nobody() {
    let app = Application::start("adminer");
    let gate = Gate::before(&app, SITE);
    let kind = "application/x-www-form-urlencoded";
    for more in [
        "auth[username]=bob",
        "auth%5Busername%5D=bob",
        "%20auth[username]=bob",
        "auth[username][]=bob",
        "auth[username]%00=bob",
        "auth[username]x=bob",
        "auth=bob",
    ] {
        let body = format!(
            "auth[driver]=server&auth[server]=&auth[db]=&auth[username]=alice&auth[password]={PASSWORD}&{more}"
        );
        let answer = gate.visitor().post_bytes(LOGIN, kind, body.as_bytes());
        assert_eq!(answer.status(), 400, "{body}: {}", answer.text());
    }
    gate.ends_having_sent(0);
}

/// The session's token is the last of the page: those before belong to the choice of a language.
fn token_of(page: &str) -> String {
    let at = page
        .find("name='query'")
        .or_else(|| page.find("id=\"logout\""));
    let rest = &page[at.unwrap_or_default()..];
    let rest = rest
        .split_once("name='token'")
        .map_or(rest, |(_, rest)| rest);
    match rest.split_once("value='") {
        Some((_, rest)) => rest.split('\'').next().unwrap_or_default().to_owned(),
        None => value_of(rest, "token"),
    }
}

/// Opens the login page and submits its form.
fn log_in(visitor: &mut Visitor, user: &str, password: &str) -> Answer {
    visitor.get(LOGIN);
    visitor.post(
        LOGIN,
        &[
            ("auth[driver]", "server"),
            ("auth[server]", ""),
            ("auth[username]", user),
            ("auth[password]", password),
            ("auth[db]", ""),
        ],
    )
}
