//! A scope in shadow before real applications: a whole day's work goes as without a gateway, and the log says what would
//! have been asked.

use super::gate::{Application, Gate};
use super::visitor::{Jar, Visitor, location, shapes, value_of};
use super::wire::Answer;

/// What a password that nobody has looks like.
const WRONG: &str = "mistaken-guess";

/// The answer that the gateway looks behind.
const RIGHT: &str = "the right password";

/// What somebody met on their way, as far as it does not differ from one time to the next.
#[derive(Default)]
struct Day {
    met: Vec<Met>,
    /// Every cookie that was theirs at some time.
    jars: Vec<Jar>,
}

#[derive(Debug)]
struct Met {
    what: &'static str,
    status: u16,
    leads: String,
    cookies: Vec<String>,
}

impl Day {
    /// Notes an answer, whose page has to say that. Gives the page.
    fn notes(
        &mut self,
        what: &'static str,
        visitor: &Visitor,
        answer: &Answer,
        says: &str,
    ) -> String {
        let text = answer.text();
        assert!(text.contains(says), "{what}: {}{text}", answer.head.raw);
        self.met.push(Met {
            what,
            status: answer.status(),
            leads: location(answer),
            cookies: shapes(answer),
        });
        self.jars.push(visitor.jar.clone());
        text
    }
}

/// Plays a day before the application and then through a gateway in shadow: it has to be the same. The log tells of one wrong
/// password, one right one, and no secret.
fn as_without_a_gateway(
    app: &Application,
    preset: &str,
    day: fn(&mut Visitor) -> Day,
    password: &str,
) {
    let site = format!("preset = \"{preset}\"\nscopes = [\"login\"]");
    let gate = Gate::in_shadow_before(app, &site);
    let without = day(&mut app.visitor());
    let through = day(&mut gate.visitor());
    let answers = through.met.iter().zip(&without.met);
    for (through, without) in answers {
        let further = through.cookies.strip_prefix(&*without.cookies);
        let further = further.unwrap_or_else(|| panic!("{through:#?} is not {without:#?}"));
        // What the application sets while it is asked whether a login went well is the browser's, too.
        let asked = through.what == RIGHT && further.iter().all(|line| !line.contains("Max-Age=0"));
        assert!(
            further.is_empty() || asked,
            "{through:#?} is not {without:#?}"
        );
        let seen = |met: &Met| (met.what, met.status, met.leads.clone());
        assert_eq!(seen(through), seen(without));
    }
    assert_eq!(through.met.len(), without.met.len());

    let log = gate.ends_having_sent(0);
    let said = |event: &str, text: &str| {
        let is = |line: &&String| {
            line.contains(&format!("\"event\":\"{event}\"")) && line.contains(text)
        };
        log.iter().filter(is).count()
    };
    assert!(said("shadow.ask", "would ask for a code") > 0, "{log:#?}");
    assert_eq!(
        said("shadow.login", "the application refused it"),
        1,
        "{log:#?}"
    );
    let sends = said(
        "shadow.send",
        "would send a code to +1••••43 by sms via trial",
    );
    assert_eq!(sends, 1, "{log:#?}");
    assert_eq!(said("challenge.", ""), 0, "{log:#?}");
    let log = log.join("\n");
    for secret in ["2025550143", password, WRONG] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
    let values = through.jars.iter().flat_map(Jar::values);
    for value in values.filter(|value| value.len() > 3) {
        assert!(!log.contains(value), "{value} in {log}");
    }
}

#[test]
fn a_day_of_flask_in_shadow_goes_as_without_a_gateway() {
    let app = Application::start("flaskapp");
    as_without_a_gateway(&app, "flask", flask, "Fl-pw-1");
}

fn flask(alice: &mut Visitor) -> Day {
    let mut day = Day::default();
    let sent_away = alice.get("/private");
    day.notes("a private page", alice, &sent_away, "");
    let form = alice.get("/login");
    day.notes("the login page", alice, &form, "type=password");
    let fields = |password| {
        [
            ("username", "alice"),
            ("password", password),
            ("remember", "on"),
        ]
    };
    let refused = alice.post("/login", &fields(WRONG));
    day.notes(
        "a wrong password",
        alice,
        &refused,
        "Wrong user or password",
    );
    let accepted = alice.post("/login", &fields("Fl-pw-1"));
    day.notes(RIGHT, alice, &accepted, "");
    for (what, at) in [("home", "/private"), ("the administration", "/admin/")] {
        let shown = alice.get(at);
        day.notes(what, alice, &shown, "Hello alice");
    }
    // Its other login gives a token besides, and the token is good.
    let origin = alice.origin();
    let fields = format!(
        "Accept: application/json\r\nContent-Type: application/json\r\nOrigin: {origin}\r\n"
    );
    let body = b"{\"username\":\"alice\",\"password\":\"Fl-pw-1\"}";
    let by_script = alice.send("POST", "/api/login", &fields, body);
    let text = day.notes("a login by script", alice, &by_script, "access_token");
    let (_, rest) = text.split_once("\"access_token\":\"").expect("it says so");
    let token = rest.split('"').next().unwrap_or_default();
    let bearer = format!("Accept: application/json\r\nAuthorization: Bearer {token}\r\n");
    let shown = alice.exchange("GET", "/api/me", &bearer, b"");
    day.notes("whom the token means", alice, &shown, "alice");
    let left = alice.get("/logout");
    day.notes("the logout", alice, &left, "");
    let sent_away = alice.get("/private");
    day.notes("nobody again", alice, &sent_away, "");
    day
}

#[test]
fn a_day_of_django_in_shadow_goes_as_without_a_gateway() {
    let app = Application::start("django");
    as_without_a_gateway(&app, "django", django, "Dj-pw-1");
}

fn django(alice: &mut Visitor) -> Day {
    let mut day = Day::default();
    let sent_away = alice.get("/admin/");
    let to = location(&sent_away);
    day.notes("the admin", alice, &sent_away, "");
    let form = alice.get(&to);
    let mut page = day.notes("the login page", alice, &form, "name=\"password\"");
    for (what, password, says) in [
        (
            "a wrong password",
            WRONG,
            "Please enter the correct username and password",
        ),
        (RIGHT, "Dj-pw-1", ""),
    ] {
        let token = value_of(&page, "csrfmiddlewaretoken");
        let form = [
            ("csrfmiddlewaretoken", &*token),
            ("username", "alice"),
            ("password", password),
            ("next", "/admin/"),
        ];
        let answer = alice.post(&to, &form);
        page = day.notes(what, alice, &answer, says);
    }
    let home = alice.get("/admin/");
    day.notes("home", alice, &home, "Site administration");
    let form = alice.get("/upload/");
    let page = day.notes("a form", alice, &form, "name=\"file\"");
    let token = value_of(&page, "csrfmiddlewaretoken");
    let file = vec![b'x'; 5_000_000];
    let kept = alice.upload(
        "/upload/",
        &[("csrfmiddlewaretoken", &token)],
        ("file", "scan.bin", &file),
    );
    day.notes(
        "an upload",
        alice,
        &kept,
        "received scan.bin 5000000 bytes from alice",
    );
    let token = value_of(&alice.get("/admin/").text(), "csrfmiddlewaretoken");
    let left = alice.post("/admin/logout/", &[("csrfmiddlewaretoken", &token)]);
    day.notes("the logout", alice, &left, "Logged out");
    let sent_away = alice.get("/admin/");
    day.notes("nobody again", alice, &sent_away, "");
    day
}

#[test]
fn a_day_of_dokuwiki_in_shadow_goes_as_without_a_gateway() {
    let app = Application::start("dokuwiki");
    as_without_a_gateway(&app, "dokuwiki", dokuwiki, "wiki-pw-1");
}

fn dokuwiki(alice: &mut Visitor) -> Day {
    let mut day = Day::default();
    let plan = "/doku.php?id=vault:plan";
    let stranger = alice.get(plan);
    day.notes("a private page", alice, &stranger, "Permission Denied");
    let form = alice.get("/doku.php?do=login");
    day.notes("the login page", alice, &form, "name=\"p\"");
    for (what, password, says) in [
        ("a wrong password", WRONG, "username or password was wrong"),
        (RIGHT, "wiki-pw-1", ""),
    ] {
        let form = [
            ("sectok", ""),
            ("id", "start"),
            ("do", "login"),
            ("u", "alice"),
            ("p", password),
        ];
        let answer = alice.post("/doku.php?id=start", &form);
        day.notes(what, alice, &answer, says);
    }
    let shown = alice.get(plan);
    day.notes("the private page", alice, &shown, "heron-4-violet");

    let form = alice.get("/doku.php?id=vault:log&do=edit");
    let page = day.notes("an editor", alice, &form, "wikitext");
    let hidden = [
        "sectok",
        "id",
        "rev",
        "date",
        "prefix",
        "suffix",
        "changecheck",
        "target",
    ];
    let hidden = hidden.map(|name| (name, value_of(&page, name)));
    // The wiki outlives the test.
    let text = format!(
        "Feed the heron at {} {}.",
        alice.authority(),
        std::process::id()
    );
    let mut fields = hidden
        .each_ref()
        .map(|(name, value)| (*name, &**value))
        .to_vec();
    fields.extend([("wikitext", &*text), ("summary", "fed"), ("do[save]", "1")]);
    let saved = alice.post("/doku.php?id=vault:log", &fields);
    day.notes("what was written", alice, &saved, "");
    let shown = alice.get("/doku.php?id=vault:log");
    day.notes("and stands there", alice, &shown, &text);
    let file = vec![b'x'; 3_000_000];
    let manager = alice.get("/lib/exe/mediamanager.php?ns=vault");
    let token = value_of(&day.notes("the media", alice, &manager, "sectok"), "sectok");
    let kept = alice.upload(
        "/lib/exe/mediamanager.php",
        &[
            ("sectok", &token),
            ("ns", "vault"),
            ("mediaid", "day.zip"),
            ("ow", "1"),
        ],
        ("upload", "day.zip", &file),
    );
    day.notes("an upload", alice, &kept, "day.zip");

    let shown = alice.get("/doku.php?id=start").text();
    let (_, rest) = shown
        .split_once("do=logout&amp;sectok=")
        .expect("a link to leave by");
    let token = rest.split('"').next().unwrap_or_default();
    let left = alice.get(&format!("/doku.php?id=start&do=logout&sectok={token}"));
    day.notes("the logout", alice, &left, "");
    let stranger = alice.get(plan);
    day.notes("nobody again", alice, &stranger, "Permission Denied");
    day
}
