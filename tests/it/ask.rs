//! The gate asks who somebody is, and then for the code.

use super::support::app::App;
use super::support::browser::{Browser, path_of, token};
use super::support::gate::{Gate, HOST, Setup, other_than};
use super::support::wire::Answer;

fn gate(app: &App) -> Gate {
    Setup::new(&app.url()).start()
}

/// The sends of many people from one machine.
const CROWD: &str = "[limits]\nsends_per_hour = { network = 10000 }";

fn location(answer: &Answer) -> String {
    path_of(answer.field("location").unwrap_or_default())
}

/// The values of the cookies that an answer sets, without how long they live: that is told in seconds from now.
fn cookies(answer: &Answer) -> Vec<&str> {
    let all = answer.head.all("set-cookie").into_iter();
    all.map(|line| line.split(';').next().unwrap()).collect()
}

#[test]
fn a_request_a_code_a_grant_the_application() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.browser();
    let released = browser.pass_ask("/private?x=1", "ann", &gate.messages);
    assert_eq!(path_of(released.field("location").unwrap()), "/private?x=1");
    assert!(
        app.seen().is_empty(),
        "nothing reaches the application before the code"
    );
    let page = browser.get("/private?x=1");
    assert_eq!(
        (page.status(), page.text()),
        (200, "app saw GET /private?x=1 HTTP/1.1".to_owned())
    );
    assert_eq!(app.lines(), ["GET /private?x=1 HTTP/1.1"]);
    assert!(
        gate.messages.all().contains("Example Portal"),
        "{}",
        gate.messages.all()
    );
}

#[test]
fn people_are_known_by_name_alias_and_number_however_they_type_them() {
    let app = App::new();
    let gate = Setup::new(&app.url())
        .with("[limits]\nsends_per_hour = { number = 100, network = 100 }\nsends_per_day = { number = 100 }")
        .start();
    for typed in [
        "ann",
        "  ANN ",
        "ann@example.com",
        "Ann@Example.COM",
        "+12025550143",
        "(202) 555-0143",
        "1-202-555-0143",
        "\u{ff12}\u{ff10}\u{ff12}\u{3000}\u{ff15}\u{ff15}\u{ff15}\u{ff10}\u{ff11}\u{ff14}\u{ff13}",
    ] {
        let mut browser = gate.browser();
        browser.pass_ask("/", typed, &gate.messages);
        assert_eq!(browser.get("/").status(), 200, "{typed}");
    }
    let numbers = gate.messages.all().matches("+12025550143").count();
    assert_eq!(numbers, gate.messages.count());
}

/// An answer without what must differ: identifiers, tokens, references, and the seconds that have passed.
pub(super) fn shape(answer: &Answer) -> String {
    let mut text = format!("{}\n{}", answer.head.raw, answer.text());
    for (start, end) in [
        ("Date: ", "\r"),
        ("__Host-countersign-app=", ";"),
        ("action=\"&#x2f;.countersign&#x2f;c&#x2f;", "\""),
        ("Location: /.countersign/c/", "\r"),
        ("name=\"token\" value=\"", "\""),
        ("Reference <bdi dir=\"ltr\">", "<"),
        ("this reference at hand: <bdi dir=\"ltr\">", "<"),
        ("<time ", "</time>"),
        ("data-left=\"", "\""),
        ("data-ends=\"", "\""),
        ("<span id=\"left\">", "<"),
        ("ask again in ", "second"),
    ] {
        let mut rest = text.as_str();
        let mut blanked = String::new();
        while let Some((before, after)) = rest.split_once(start) {
            let (_, after) = after.split_once(end).unwrap();
            blanked.push_str(before);
            blanked.push_str(start);
            blanked.push('…');
            rest = after;
        }
        blanked.push_str(rest);
        text = blanked;
    }
    text
}

/// Who is known and who is not, in five ways; and [`OTHERS`].
pub const PEOPLE: &str = r#"
[[user]]
name = "ann"
phone = "+12025550143"

[[user]]
name = "abroad"
phone = "+442079460018"

[[user]]
name = "nophone"

[[user]]
name = "gone"
phone = "+12025550199"
disabled = true

[[user]]
name = "bob"
phone = "+12025550167"

[[user]]
name = "cat"
phone = "+12025550168"

[[user]]
name = "dan"
phone = "+12025550169"
"#;

/// As many more people as must have got no message before it is said to be so for everybody.
pub const OTHERS: [&str; 3] = ["bob", "cat", "dan"];

const NAMES: [&str; 6] = ["ann", "nobody", "abroad", "nophone", "gone", "+12025550111"];

/// A browser on its way, with the code page that it was led to.
pub struct Visitor {
    pub name: &'static str,
    pub browser: Browser,
    pub page: String,
}

/// Lets everybody take the same step and finds no difference between them.
pub fn all_alike(
    what: &str,
    visitors: &mut [Visitor],
    mut step: impl FnMut(&mut Visitor) -> Vec<Answer>,
) -> Vec<Answer> {
    let mut first: Option<(Vec<Answer>, Vec<String>)> = None;
    let known = visitors[0].name;
    for visitor in visitors {
        let answers = step(visitor);
        let shapes: Vec<String> = answers.iter().map(shape).collect();
        match &first {
            None => first = Some((answers, shapes)),
            Some((_, expected)) => {
                let lines = |shapes: &[String]| -> Vec<String> {
                    let all = shapes.iter().flat_map(|shape| shape.lines());
                    all.map(str::to_owned).collect()
                };
                let pairs = lines(expected).into_iter().zip(lines(&shapes));
                let differing: Vec<_> = pairs.filter(|(one, other)| one != other).collect();
                assert!(
                    *expected == shapes,
                    "{what}: {} is told apart from {} by {differing:#?}",
                    visitor.name,
                    known
                );
            }
        }
    }
    first.unwrap().0
}

pub fn visitors(gate: &Gate) -> Vec<Visitor> {
    visitors_named(gate, &NAMES)
}

pub fn visitors_named(gate: &Gate, names: &[&'static str]) -> Vec<Visitor> {
    let new = |name| Visitor {
        name,
        browser: gate.browser(),
        page: String::new(),
    };
    names.iter().copied().map(new).collect()
}

pub fn name_themselves(visitors: &mut [Visitor]) -> Vec<Answer> {
    all_alike("naming oneself", visitors, |visitor| {
        let browser = &mut visitor.browser;
        let (to_ask, ask) = (browser.get("/private"), "/.countersign/ask/login");
        let page = browser.get(ask);
        let named = browser.post(ask, &[("token", &token(&page)), ("name", visitor.name)]);
        visitor.page = location(&named);
        vec![to_ask, page, named]
    })
}

#[test]
fn c7_known_and_unknown_people_get_the_same_bytes_at_every_step() {
    let app = App::new();
    let gate = Setup::new(&app.url()).users(PEOPLE).with(CROWD).start();
    let mut people = visitors(&gate);
    name_themselves(&mut people);
    assert_eq!(gate.sent(), 1, "only one of them can get a message");
    let wrong = other_than(&gate.messages.code(1));

    let pages = all_alike("the code page", &mut people, |visitor| {
        vec![visitor.browser.get(&visitor.page)]
    });
    let page = pages[0].text();
    assert_eq!(pages[0].status(), 200);
    assert!(page.contains("If we have a phone number for you"), "{page}");
    assert!(
        !page.contains("••") && !page.contains(">43<"),
        "no digits of the number"
    );

    let pages = all_alike("a wrong code", &mut people, |visitor| {
        vec![
            visitor.browser.answer(&visitor.page, &wrong),
            visitor.browser.get(&visitor.page),
        ]
    });
    assert!(pages[1].text().contains("That is not the code we sent"));

    let pages = all_alike("asking too early", &mut people, |visitor| {
        vec![
            visitor.browser.press(&visitor.page, "send"),
            visitor.browser.get(&visitor.page),
        ]
    });
    assert!(pages[1].text().contains("You can ask again in"));

    gate.later(31);
    let pages = all_alike("asking again", &mut people, |visitor| {
        let pressed = visitor.browser.press(&visitor.page, "send");
        gate.settle();
        vec![pressed, visitor.browser.get(&visitor.page)]
    });
    assert!(pages[1].text().contains("The earlier code still works"));
    assert_eq!(gate.sent(), 2);

    gate.later(61);
    all_alike("a call", &mut people, |visitor| {
        let pressed = visitor.browser.press(&visitor.page, "voice");
        gate.settle();
        vec![pressed, visitor.browser.get(&visitor.page)]
    });
    assert_eq!(gate.sent(), 3);

    for _ in 0..4 {
        all_alike("more wrong codes", &mut people, |visitor| {
            vec![
                visitor.browser.answer(&visitor.page, &wrong),
                visitor.browser.get(&visitor.page),
            ]
        });
    }
    let pages = all_alike("the end", &mut people, |visitor| {
        vec![visitor.browser.get(&visitor.page)]
    });
    assert!(pages[0].text().contains("Too many wrong codes"));

    let pages = all_alike("beginning anew", &mut people, |visitor| {
        let pressed = visitor.browser.press(&visitor.page, "send");
        gate.settle();
        visitor.page = location(&pressed);
        vec![pressed, visitor.browser.get(&visitor.page)]
    });
    assert!(pages[1].text().contains("name=\"code\""));
    assert_eq!(gate.sent(), 4);
    for _ in 0..5 {
        all_alike("being locked", &mut people, |visitor| {
            vec![
                visitor.browser.answer(&visitor.page, &wrong),
                visitor.browser.get(&visitor.page),
            ]
        });
    }
    let pages = all_alike("a lock", &mut people, |visitor| {
        vec![visitor.browser.get(&visitor.page)]
    });
    assert_eq!(pages[0].status(), 429);
    all_alike("an end of all", &mut people, |visitor| {
        let cancelled = visitor.browser.press(&visitor.page, "cancel");
        vec![cancelled, visitor.browser.get(&visitor.page)]
    });
}

/// Joining the challenge of another name would tell that both are one person.
#[test]
fn c7_two_names_of_one_person_are_as_apart_as_two_of_nobody() {
    let app = App::new();
    let gate = gate(&app);
    for (one, other) in [
        ("ann", "ann@example.com"),
        ("ann", "+12025550143"),
        ("nobody", "nobody@example.com"),
    ] {
        let mut browser = gate.browser();
        let first = browser.ask("/", one);
        assert_eq!(browser.ask("/", one), first, "{one}: a second tab joins");
        let second = browser.ask("/", other);
        assert_ne!(first, second, "{one} and {other}");
    }
}

#[test]
fn c7_carriers_that_are_down_are_down_for_known_and_unknown_alike() {
    let app = App::new();
    let gate = Setup::new(&app.url()).users(PEOPLE).with(CROWD).start();
    gate.messages.break_down();
    for name in OTHERS {
        gate.browser().ask("/", name);
    }
    let mut people = visitors(&gate);
    name_themselves(&mut people);
    gate.settle();
    let pages = all_alike("the page while carriers are down", &mut people, |visitor| {
        vec![visitor.browser.get(&visitor.page)]
    });
    let text = pages[0].text();
    assert!(text.contains("We could not send the message"), "{text}");
    assert!(text.contains("value=\"send\""), "it can be tried again");
    assert_eq!(gate.sent(), 0);

    gate.messages.come_back();
    gate.later(31);
    for visitor in &mut people {
        visitor.browser.press(&visitor.page, "send");
    }
    gate.settle();
    let pages = all_alike("the page when carriers are back", &mut people, |visitor| {
        vec![visitor.browser.get(&visitor.page)]
    });
    assert!(!pages[0].text().contains("We could not send"));
    let Visitor { browser, page, .. } = &mut people[0];
    let opened = browser.answer(page, &gate.messages.code(1));
    assert_eq!(location(&opened), "/private");
}

#[test]
fn a_number_outside_the_policy_is_never_sent_to() {
    let app = App::new();
    let gate = Setup::new(&app.url()).users(PEOPLE).start();
    let mut browser = gate.browser();
    let page = browser.ask("/", "abroad");
    assert_eq!(gate.sent(), 0);
    let page = browser.get(&page);
    assert!(page.text().contains("If we have a phone number for you"));
}

#[test]
fn what_is_no_code_is_told_in_words_and_costs_no_try() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.browser();
    let page = browser.ask("/", "ann");
    let code = gate.messages.code(1);
    for (typed, words) in [
        ("", "Enter the 6-digit code"),
        ("  ", "Enter the 6-digit code"),
        ("12345", "The code has 6 digits. You entered 5"),
        ("1234567", "The code has 6 digits. You entered 7"),
        ("abcdef", "The code has digits only"),
        ("12 34 5x", "The code has digits only"),
    ] {
        let answer = browser.answer(&page, typed);
        assert_eq!((answer.status(), &*location(&answer)), (303, &*page));
        let shown = browser.get(&page).text();
        assert!(shown.contains(words), "{typed:?}: {shown}");
        assert!(shown.contains("<title>Error: Enter your code"), "{typed:?}");
        assert!(
            typed.trim().is_empty() || !shown.contains(typed),
            "the field is emptied"
        );
    }
    assert_eq!(location(&browser.answer(&page, &code)), "/");
}

#[test]
fn a_wrong_code_opens_nothing_and_the_last_two_tries_are_told() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.browser();
    let page = browser.ask("/", "ann");
    let wrong = other_than(&gate.messages.code(1));
    for left in [4, 3, 2, 1] {
        let answer = browser.answer(&page, &wrong);
        assert_eq!((answer.status(), &*location(&answer)), (303, &*page));
        assert_eq!(cookies(&answer), [""; 0]);
        let shown = browser.get(&page).text();
        assert!(shown.contains("That is not the code we sent. Use the newest message"));
        assert_eq!(shown.contains("You can try 2 more times"), left == 2);
        assert_eq!(shown.contains("You can try 1 more time"), left == 1);
    }
    assert_eq!(browser.get("/").status(), 303);
    assert!(app.seen().is_empty());
    assert_eq!(
        location(&browser.answer(&page, &gate.messages.code(1))),
        "/"
    );
}

#[test]
fn typed_codes_are_read_as_people_write_them() {
    let app = App::new();
    let gate = gate(&app);
    for spell in [
        |code: &str| format!(" {} {} ", &code[..3], &code[3..]),
        |code: &str| {
            code.chars()
                .map(|c| char::from_u32(0xff10 + c.to_digit(10).unwrap()).unwrap())
                .collect()
        },
        |code: &str| format!("Example Portal: {code} is your Sign in code. Valid 5 min."),
    ] {
        let mut browser = gate.browser();
        let before = gate.messages.count();
        let page = browser.ask("/x", "bob");
        let typed = spell(&gate.messages.after(before));
        assert_eq!(location(&browser.answer(&page, &typed)), "/x", "{typed}");
    }
}

#[test]
fn a_code_that_is_too_old_opens_nothing() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.browser();
    let page = browser.ask("/", "ann");
    let code = gate.messages.code(1);
    gate.later(5 * 60);
    let shown = browser.get(&page);
    assert!(shown.text().contains("That code has expired"));
    let answer = browser.post(
        &page,
        &[("token", &token(&shown)), ("code", &code), ("do", "answer")],
    );
    assert_eq!(location(&answer), page);
    assert_eq!(browser.get("/").status(), 303);
    assert!(browser.cookie("-login").is_none());
    // And the whole challenge ends.
    gate.later(5 * 60);
    assert_eq!(browser.get(&page).status(), 410);
}

#[test]
fn c2_a_code_page_is_its_own_browsers_alone() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.browser();
    let page = browser.ask("/", "ann");
    let code = gate.messages.code(1);
    let shown = browser.get(&page);
    // One without cookies, and one with a challenge of its own.
    let mut bare = gate.browser();
    let mut other = gate.browser();
    other.ask("/", "bob");
    for foreign in [&mut bare, &mut other] {
        assert_eq!(foreign.get(&page).status(), 410);
        for form in [
            &[("code", &*code), ("do", "answer")],
            &[("do", "send"), ("x", "")],
        ] {
            let mut form = form.to_vec();
            let stolen = token(&shown);
            form.push(("token", &stolen));
            let answer = foreign.post(&page, &form);
            assert!(cookies(&answer).is_empty(), "{}", answer.head.raw);
            assert_ne!(location(&answer), "/");
        }
        assert_eq!(foreign.get(&page).status(), 410);
    }
    assert_eq!(gate.sent(), 2, "nobody's buttons but one's own send");
    assert_eq!(location(&browser.answer(&page, &code)), "/");
}

#[test]
fn an_unknown_challenge_is_gone() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.browser();
    browser.ask("/", "ann");
    let unknown = browser.get("/.countersign/c/AAAAAAAAAAAAAAAAAAAAAA");
    assert_eq!(unknown.status(), 410);
    assert!(unknown.text().contains("This page has ended"));
    assert_eq!(browser.get("/.countersign/c/AAAA").status(), 404);
}

#[test]
fn s3_a_code_of_one_scope_never_opens_the_other() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.browser();
    let login = browser.ask("/", "ann");
    let for_login = gate.messages.code(1);
    let admin = browser.ask("/admin", "ann");
    let for_admin = gate.messages.code(2);
    assert_ne!(login, admin);
    assert_eq!(location(&browser.answer(&admin, &for_login)), admin);
    assert_eq!(location(&browser.answer(&login, &for_admin)), login);
    assert!(browser.cookie("-login").is_none() && browser.cookie("-admin").is_none());
    assert_eq!(location(&browser.answer(&login, &for_login)), "/");
}

#[test]
fn s3_a_grant_of_one_scope_never_opens_the_other() {
    let app = App::new();
    let gate = gate(&app);
    let mut login = gate.signed_in("ann");
    assert_eq!(login.get("/admin").status(), 303);
    let mut admin = gate.browser();
    admin.pass_ask("/admin", "bob", &gate.messages);
    assert_eq!(admin.get("/admin").status(), 200);
    assert_eq!(admin.get("/").status(), 303);
    // Nor under the other's name.
    for (browser, from, to, path) in [
        (&login, "-login", "-admin", "/admin"),
        (&admin, "-admin", "-login", "/"),
    ] {
        let mut forger = browser.clone();
        let value = browser.cookie(from).unwrap().to_owned();
        forger
            .jar
            .insert(format!("__Host-countersign-app{to}"), value);
        assert_eq!(forger.get(path).status(), 303, "{from} as {to}");
    }
    assert_eq!(app.lines(), ["GET /admin HTTP/1.1"]);
}

#[test]
fn a_double_click_on_the_right_code_does_not_lose_the_login() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.browser();
    let page = browser.ask("/private", "ann");
    let shown = browser.get(&page);
    let (code, token) = (gate.messages.code(1), token(&shown));
    let form = [("token", &*token), ("code", &*code), ("do", "answer")];
    let (mut second, mut late) = (browser.clone(), browser.clone());
    let first = browser.post(&page, &form);
    let again = second.post(&page, &form);
    assert_eq!(location(&first), "/private");
    assert_eq!(location(&again), "/private");
    assert_eq!(cookies(&first), cookies(&again));
    assert_eq!(cookies(&first).len(), 3, "{:?}", cookies(&first));
    // The first request with the grant ends that.
    assert_eq!(browser.get("/private").status(), 200);
    let late = late.post(&page, &form);
    assert_eq!((late.status(), &*location(&late)), (303, &*page));
    assert!(cookies(&late).is_empty(), "{}", late.head.raw);
}

#[test]
fn a_used_code_opens_nothing_a_minute_later() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.browser();
    let page = browser.ask("/private", "ann");
    let shown = browser.get(&page);
    let mut second = browser.clone();
    let code = gate.messages.code(1);
    assert_eq!(location(&browser.answer(&page, &code)), "/private");
    gate.later(61);
    let form = [
        ("token", &*token(&shown)),
        ("code", &*code),
        ("do", "answer"),
    ];
    assert!(cookies(&second.post(&page, &form)).is_empty());
    // Nor on another challenge.
    let mut other = gate.browser();
    let page = other.ask("/private", "ann");
    assert_eq!(location(&other.answer(&page, &code)), page);
}

#[test]
fn reading_a_page_sends_nothing_and_spends_nothing() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.browser();
    let page = browser.ask("/", "ann");
    let wrong = other_than(&gate.messages.code(1));
    browser.answer(&page, &wrong);
    let first = shape(&browser.get(&page));
    gate.later(45);
    for _ in 0..10 {
        let head = browser.send("HEAD", &page, &[], b"");
        assert_eq!((head.status(), head.body.len()), (200, 0));
        let shown = browser.get(&page);
        assert!(shown.text().contains("That is not the code we sent"));
        browser.get("/.countersign/ask/login");
        browser.get("/.countersign/sign-out");
        browser.get("/private");
    }
    assert_eq!(gate.sent(), 1);
    assert!(first.contains("That is not the code we sent"));
    assert_eq!(
        location(&browser.answer(&page, &gate.messages.code(1))),
        "/private"
    );
}

#[test]
fn a_prefetch_begins_nothing() {
    let app = App::new();
    let gate = gate(&app);
    let mut stranger = gate.browser();
    let mut person = gate.signed_in("ann");
    let before = gate.running().flow().store.len();
    let holds = gate.running().flow().store.holds.len();
    for browser in [&mut stranger, &mut person] {
        let answer = browser.send(
            "GET",
            "/admin",
            &[
                ("sec-purpose", "prefetch"),
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-dest", "document"),
            ],
            b"",
        );
        assert_eq!(answer.status(), 503);
        assert!(cookies(&answer).is_empty());
    }
    assert_eq!(gate.running().flow().store.len(), before);
    assert_eq!(gate.running().flow().store.holds.len(), holds);
}

#[test]
fn a_post_never_renders_a_page() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.browser();
    let ask = "/.countersign/ask/login";
    for (name, words) in [
        ("", "Enter your user name or phone number"),
        ("a\u{7}b", "That is neither a user name nor a phone number"),
    ] {
        let page = browser.get(ask);
        let answer = browser.post(ask, &[("token", &token(&page)), ("name", name)]);
        assert_eq!(answer.status(), 303);
        let shown = browser.get(&location(&answer)).text();
        assert!(shown.contains(words), "{shown}");
    }
    let page = browser.ask("/", "ann");
    for form in [
        &[("do", "answer"), ("code", "")],
        &[("do", "answer"), ("code", "12345")],
        &[("do", "send"), ("code", "")],
        &[("do", "voice"), ("code", "")],
        &[("do", "cancel"), ("code", "")],
    ] {
        let token = token(&browser.get(&page));
        let mut form = form.to_vec();
        form.push(("token", &token));
        let answer = browser.post(&page, &form);
        assert_eq!((answer.status(), answer.body.len()), (303, 0), "{form:?}");
    }
}

#[test]
fn back_after_success_leads_on() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.browser();
    let page = browser.ask("/private?a=b", "ann");
    browser.answer(&page, &gate.messages.code(1));
    for _ in 0..2 {
        let back = browser.get(&page);
        assert_eq!((back.status(), &*location(&back)), (303, "/private?a=b"));
        browser.get("/private?a=b");
    }
}

#[test]
fn s4_identifiers_change_at_every_success_and_none_is_adopted() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.browser();
    let page = browser.ask("/", "ann");
    let before = browser.cookie("").unwrap().to_owned();
    browser.answer(&page, &gate.messages.code(1));
    let after = browser.cookie("").unwrap().to_owned();
    let first = browser.cookie("-login").unwrap().to_owned();
    assert_ne!(before, after);
    // The old secret opens nothing any more.
    let mut old = gate.browser();
    old.jar.insert("__Host-countersign-app".to_owned(), before);
    assert_eq!(old.get("/").status(), 303);
    // Another success, another grant.
    let mut again = gate.signed_in("ann");
    assert_ne!(again.cookie("-login").unwrap(), first);
    // Two cookies of our name: none counts.
    let twice = format!(
        "__Host-countersign-app-login={first}; __Host-countersign-app-login={}",
        again.cookie("-login").unwrap()
    );
    again.jar.clear();
    assert_eq!(
        again.send("GET", "/", &[("cookie", &twice)], b"").status(),
        303
    );
    let once = format!("__Host-countersign-app-login={first}");
    assert_eq!(
        again.send("GET", "/", &[("cookie", &once)], b"").status(),
        200
    );
}

#[test]
fn s1_s2_cookies_are_closed_to_scripts_and_other_sites_and_small() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.browser();
    let opened = browser.pass_ask("/", "ann", &gate.messages);
    for line in opened.head.all("set-cookie") {
        assert!(line.starts_with("__Host-countersign-app"), "{line}");
        for part in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(line.split("; ").any(|own| own == part), "{part}: {line}");
        }
        assert!(!line.contains("Domain"), "{line}");
        let value = line.split(';').next().unwrap().split_once('=').unwrap().1;
        assert!(value.len() <= 512);
    }
    assert_eq!(opened.field("cache-control"), Some("no-store"));
    // Changed by one bit anywhere, it is nothing.
    let good = browser.cookie("-login").unwrap().to_owned();
    for at in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(bytes).unwrap();
        // The last character has bits that no byte is made of.
        if at + 1 == good.len() {
            continue;
        }
        browser
            .jar
            .insert("__Host-countersign-app-login".to_owned(), forged);
        assert_eq!(browser.get("/").status(), 303, "byte {at}");
    }
}

#[test]
fn c6_another_code_has_its_waits_and_the_earlier_ones_still_work() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.browser();
    let page = browser.ask("/", "ann");
    for (n, wait) in [(1, 30), (2, 60), (3, 120)] {
        browser.press(&page, "send");
        assert_eq!(gate.sent(), n, "pressed at once");
        let shown = browser.get(&page).text();
        assert!(shown.contains("You can ask again in"), "{shown}");
        gate.later(wait - 15);
        browser.press(&page, "send");
        assert_eq!(gate.sent(), n, "pressed before {wait} s");
        gate.later(15);
        let pressed = browser.press(&page, "send");
        assert_eq!((pressed.status(), &*location(&pressed)), (303, &*page));
        assert_eq!(gate.sent(), n + 1, "pressed after {wait} s");
        let shown = browser.get(&page).text();
        assert!(shown.contains("The earlier code still works"), "{shown}");
    }
    gate.later(40);
    browser.press(&page, "send");
    assert_eq!(gate.sent(), 4, "four sends are all");
    assert!(
        browser
            .get(&page)
            .text()
            .contains("We cannot send more codes until")
    );
    // Three live side by side: the first made room for the fourth.
    let codes: Vec<String> = (1..=4).map(|n| gate.messages.code(n)).collect();
    assert_eq!(location(&browser.answer(&page, &codes[0])), page);
    assert_eq!(location(&browser.answer(&page, &codes[1])), "/");
}

#[test]
fn c2_the_first_code_works_after_the_second_was_sent() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.browser();
    let page = browser.ask("/", "ann");
    gate.later(31);
    browser.press(&page, "send");
    assert_eq!(gate.sent(), 2);
    assert_eq!(
        location(&browser.answer(&page, &gate.messages.code(1))),
        "/"
    );
}

#[test]
fn the_voice_button_makes_a_call_that_says_the_digits() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.browser();
    let page = browser.ask("/", "ann");
    gate.later(31);
    browser.press(&page, "voice");
    assert_eq!(gate.sent(), 2);
    let printed = gate.messages.all();
    let call = &printed[printed.find("call to +12025550143").expect("a call")..];
    let code = gate.messages.code(2);
    let spoken: Vec<String> = code.chars().map(String::from).collect();
    assert!(call.contains(&spoken.join(", ")), "{call}");
    assert!(!call.contains(&code), "digits one by one: {call}");
    assert!(
        browser
            .get(&page)
            .text()
            .contains("We called with a new code")
    );
    assert_eq!(location(&browser.answer(&page, &code)), "/");
}

#[test]
fn cancelling_ends_the_challenge_and_signs_out() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.browser();
    let page = browser.ask("/", "ann");
    let shown = browser.get(&page);
    // Good-bye before the message went out would keep it from going.
    let code = gate.messages.code(1);
    let answer = browser.press(&page, "cancel");
    assert_eq!(
        (answer.status(), &*location(&answer)),
        (303, "/.countersign/sign-out")
    );
    let ended = browser.get("/.countersign/sign-out");
    assert!(ended.text().contains("You are signed out"));
    let form = [
        ("token", &*token(&shown)),
        ("code", &*code),
        ("do", "answer"),
    ];
    assert!(cookies(&browser.post(&page, &form)).is_empty());
    assert_eq!(browser.get("/").status(), 303);
    assert_eq!(gate.running().flow().store.len(), 0);
}

#[test]
fn a_browser_that_keeps_no_cookies_is_told_so() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.browser();
    let ask = "/.countersign/ask/login";
    let page = browser.get(ask);
    browser.jar.clear();
    let answer = browser.post(ask, &[("token", &token(&page)), ("name", "ann")]);
    assert_eq!(answer.status(), 400);
    assert!(answer.text().contains("Cookies are needed"));
    assert_eq!(gate.sent(), 0);
}

/// Every form of ours, sent as another site's page would send it, and as a broken one.
#[test]
fn s8_c10_no_form_is_taken_from_elsewhere() {
    let app = App::new();
    let gate = gate(&app);
    let mut signed_in = gate.signed_in("bob");
    let mut browser = gate.browser();
    let page = browser.ask("/", "ann");
    let sent = gate.sent();
    let code = gate.messages.code(sent);
    gate.later(31);
    let own = format!("http://{HOST}");
    let foreign: &[&[(&str, &str)]] = &[
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "null"), ("sec-fetch-site", "cross-site")],
        &[("origin", &own), ("sec-fetch-site", "cross-site")],
        &[("origin", &own), ("sec-fetch-site", "same-site")],
        &[("origin", &own), ("sec-fetch-site", "none")],
        &[("origin", &own), ("origin", "https://evil.example")],
        &[("origin", "http://app.localhost.evil.example")],
        &[("origin", "https://app.localhost")],
        &[("referer", "https://evil.example/http://app.localhost/")],
        &[("referer", "http://app.localhost.evil.example/")],
    ];
    let forms = |browser: &mut Browser, path: &str, fields: &str| {
        let shown = browser.get(path);
        (path.to_owned(), format!("token={}&{fields}", token(&shown)))
    };
    let all = [
        forms(&mut browser, "/.countersign/ask/login", "name=ann"),
        forms(&mut browser, &page, &format!("do=answer&code={code}")),
        forms(&mut browser, &page, "do=send"),
        forms(&mut browser, &page, "do=voice"),
        forms(&mut browser, &page, "do=cancel"),
        forms(&mut signed_in, "/.countersign/sign-out", "x=y"),
    ];
    let kind = ("content-type", "application/x-www-form-urlencoded");
    for (path, form) in &all {
        let browser = if path.ends_with("sign-out") {
            &mut signed_in
        } else {
            &mut browser
        };
        for fields in foreign {
            let fields = [&[kind], *fields].concat();
            let answer = browser.send("POST", path, &fields, form.as_bytes());
            assert_eq!(answer.status(), 403, "{path} {form} {fields:?}");
            assert!(cookies(&answer).is_empty());
        }
        // From here, but with a token of another form, of nobody, or none.
        for token in ["token=AAAAAAAAAAAAAAAAAAAAAA&", "token=&", "token=%00&", ""] {
            let form = format!("{token}{}", form.split_once('&').unwrap().1);
            let answer = browser.send("POST", path, &[kind, ("origin", &own)], form.as_bytes());
            assert_eq!(answer.status(), 303, "{path} {form}");
            assert!(cookies(&answer).is_empty());
            assert!(!location(&answer).ends_with(".localhost/"), "{form}");
        }
        // And what is no form.
        let json = [("content-type", "application/json"), ("origin", &*own)];
        let answer = browser.send("POST", path, &json, form.as_bytes());
        assert_eq!(answer.status(), 400, "{path}");
    }
    assert_eq!(gate.sent(), sent, "nothing was sent");
    assert_eq!(signed_in.get("/").status(), 200, "nobody was signed out");
    assert!(
        browser.get(&page).text().contains("open for too long"),
        "the page says to try again"
    );
    // A browser that sends neither field is an old one: the token is enough.
    let (path, form) = &all[1];
    let opened = browser.send("POST", path, &[kind], form.as_bytes());
    assert_eq!(location(&opened), "/");
}

#[test]
fn s8_pages_keep_scripts_frames_and_caches_out() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.browser();
    let code = browser.ask("/", "ann");
    for path in [
        "/.countersign/ask/login",
        &code,
        "/.countersign/sign-out",
        "/.countersign/x",
    ] {
        let page = browser.get(path);
        assert_eq!(page.field("cache-control"), Some("no-store"), "{path}");
        assert_eq!(page.field("referrer-policy"), Some("same-origin"));
        assert_eq!(page.field("x-content-type-options"), Some("nosniff"));
        let policy = page.field("content-security-policy").unwrap();
        for part in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"));
    }
}

#[test]
fn an_application_without_users_has_one_who_is_asked() {
    let app = App::new();
    let gate = Setup::new(&app.url()).site("fixed_user = \"ann\"").start();
    let mut browser = gate.browser();
    let page = browser.get("/.countersign/ask/login");
    assert!(!page.text().contains("name=\"name\""));
    // Whatever a stranger sends along, it is ann who gets the message.
    let code_page = browser.ask("/", "bob");
    let code = gate.messages.code(1);
    assert!(gate.messages.all().contains("+12025550143"));
    assert!(!browser.get(&code_page).text().contains("••"));
    assert_eq!(location(&browser.answer(&code_page, &code)), "/");
    assert_eq!(browser.get("/").status(), 200);
}

/// What another person had here ends when somebody else comes in (design section 3).
#[test]
fn who_comes_in_as_another_person_ends_the_first_ones_grants() {
    let app = App::new();
    let gate = gate(&app);
    let mut browser = gate.signed_in("ann");
    let kept = browser.clone();
    let page = browser.get("/.countersign/ask/login");
    let before = gate.sent();
    let named = browser.post(
        "/.countersign/ask/login",
        &[("token", &token(&page)), ("name", "bob")],
    );
    let page = location(&named);
    assert_eq!(kept.clone().get("/").status(), 200, "naming ends nothing");
    browser.answer(&page, &gate.messages.after(before));
    assert_eq!(browser.get("/").status(), 200);
    assert_eq!(kept.clone().get("/").status(), 303);
}
