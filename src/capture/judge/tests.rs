use http::{HeaderValue, Request};
use proptest::prelude::*;

use super::super::cookie::Names;
use super::*;
use crate::capture::Credentials;
use crate::request;

mod apps;
mod follow;
mod places;

const ORIGIN: &str = "https://portal.example.com";
/// 2026-01-01T00:00:00Z.
const NOW: u64 = 1_767_225_600;

const FORM: &str =
    "<form method=post><input name=username><input type=password name=password></form>";
const HOME: &str = "<h1>Welcome</h1><a href=/logout>Sign out</a>";

/// A login as a browser posts it.
#[derive(Clone, Default)]
struct Post {
    target: String,
    fields: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Post {
    fn to(target: &str) -> Self {
        Self {
            target: target.to_owned(),
            ..Self::default()
        }
        .field("content-type", "application/x-www-form-urlencoded")
    }

    fn field(mut self, name: &'static str, value: &str) -> Self {
        self.fields.retain(|(known, _)| *known != name);
        self.fields.push((name, value.to_owned()));
        self
    }

    fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        body.as_ref().clone_into(&mut self.body);
        self
    }

    fn checked(&self) -> Checked {
        let mut request = Request::post(&self.target).header("host", "portal.example.com");
        for (name, value) in &self.fields {
            request = request.header(*name, value);
        }
        request::check(request.body(()).unwrap().into_parts().0, false).unwrap()
    }
}

/// An answer with its fields and body.
#[derive(Clone)]
struct Answer {
    status: u16,
    fields: HeaderMap,
    body: Option<Vec<u8>>,
}

impl Answer {
    fn new(status: u16, body: &str) -> Self {
        Self {
            status,
            fields: HeaderMap::new(),
            body: Some(body.as_bytes().to_vec()),
        }
    }

    fn html(body: &str) -> Self {
        Self::new(200, body).with("content-type", "text/html; charset=utf-8")
    }

    fn json(body: &str) -> Self {
        Self::new(200, body).with("content-type", "application/json")
    }

    fn found(location: &str) -> Self {
        Self::new(302, "").with("location", location)
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        self.fields.append(name, value);
        self
    }

    fn sets(self, cookie: &str) -> Self {
        self.with("set-cookie", cookie)
    }

    /// In a coding that cannot be read.
    fn unreadable(mut self) -> Self {
        self.body = None;
        self
    }

    fn seen(&self) -> Answered<'_> {
        Answered {
            status: StatusCode::from_u16(self.status).unwrap(),
            fields: &self.fields,
            body: self.body.as_deref(),
        }
    }
}

fn told(next: &Next) -> String {
    match next {
        Next::Decided(judgement) => format!("{judgement:?}"),
        Next::Probe => "Probe".to_owned(),
        Next::Follow(target) => format!("Follow {}", target.raw()),
    }
}

/// What comes of a login, in a word.
fn judged(capture: &Capture, post: &Post, answer: &Answer) -> String {
    let checked = post.checked();
    let jar = Jar::of(cookie::pairs(
        checked.fields().get_all(header::COOKIE).iter(),
    ));
    let next = posted(
        capture,
        &checked,
        &post.body,
        &jar,
        ORIGIN,
        &answer.seen(),
        NOW,
    );
    told(&next)
}

/// What comes of a page that was followed to.
fn judged_at(post: &Post, at: &str, answer: &Answer, hops: usize) -> String {
    let at = target(at);
    let checked = post.checked();
    let next = followed(
        &Capture::plain(),
        &checked,
        &post.body,
        &at,
        ORIGIN,
        &answer.seen(),
        hops,
    );
    told(&next)
}

fn target(text: &str) -> Target {
    Target::parse(text.parse().unwrap()).unwrap()
}

/// The plainest login there is.
fn login() -> Post {
    Post::to("/login").body("username=alice&password=secret")
}

fn probing() -> Capture {
    Capture {
        probe: Some("/private".to_owned()),
        ..Capture::plain()
    }
}

fn succeeding(cookies: &[&str], location: Option<&str>) -> Capture {
    Capture {
        success_cookie: (!cookies.is_empty())
            .then(|| Names::parse(cookies.iter().copied()).unwrap()),
        success_location: location.map(|pattern| Pattern::parse(pattern).unwrap()),
        ..Capture::plain()
    }
}

#[test]
fn g2_a_failure_status_is_a_wrong_password_whatever_is_set() {
    let sets = |status| {
        Answer::new(status, HOME)
            .sets("sessionid=1; HttpOnly")
            .with("location", "/home")
    };
    for status in [400, 401, 403, 404, 422, 429, 500, 502, 503] {
        for capture in [
            Capture::plain(),
            probing(),
            succeeding(&["sessionid"], None),
            succeeding(&[], Some("/home")),
        ] {
            assert_eq!(judged(&capture, &login(), &sets(status)), "Bad", "{status}");
        }
    }
}

#[test]
fn g2_a_success_cookie_decides_alone() {
    let capture = succeeding(&["sessionid", "DW*"], None);
    for (answer, judgement) in [
        (Answer::html(FORM), "Bad"),
        (Answer::html(HOME), "Bad"),
        (Answer::found("/home"), "Bad"),
        (Answer::json("{}"), "Bad"),
        (Answer::found("/home").sets("csrftoken=1; HttpOnly"), "Bad"),
        (Answer::found("/home").sets("SessionID=1"), "Bad"),
        (Answer::found("/home").sets("sessionid="), "Bad"),
        (Answer::found("/home").sets("sessionid=x; Max-Age=0"), "Bad"),
        (
            Answer::found("/home").sets("sessionid=deleted; expires=Thu, 01-Jan-1970 00:00:01 GMT"),
            "Bad",
        ),
        (Answer::found("/home").sets("sessionid=1"), "Good"),
        (Answer::found("/home").sets("a=b").sets("DW1f=1"), "Good"),
        (Answer::html(FORM).sets("sessionid=1"), "Good"),
        (Answer::json("{\"error\":1}").sets("sessionid=1"), "Good"),
    ] {
        assert_eq!(
            judged(&capture, &login(), &answer),
            judgement,
            "{:?}",
            answer.fields
        );
        let probed = Capture {
            probe: Some("/private".to_owned()),
            ..capture.clone()
        };
        assert_eq!(judged(&probed, &login(), &answer), judgement);
    }
}

#[test]
fn g2_a_success_location_decides_alone_and_by_its_path() {
    for (pattern, location, judgement) in [
        ("/home", "/home", "Good"),
        ("/home", "home", "Good"),
        ("/home", "https://portal.example.com/home", "Good"),
        ("/home", "/home?x=1#y", "Good"),
        ("/home", "/x/../home", "Good"),
        ("/home", "/home/", "Bad"),
        ("/home", "/Home", "Bad"),
        ("/home", "/homes", "Bad"),
        ("/home", "/login", "Bad"),
        ("/home", "/login?next=/home", "Bad"),
        ("/home", "https://evil.example/home", "Bad"),
        ("/home", "//evil.example/home", "Bad"),
        ("/home", "http://portal.example.com/home", "Bad"),
        ("/home", "javascript:/home", "Bad"),
        ("/home", "", "Bad"),
        ("/wp-admin/**", "/wp-admin/", "Good"),
        ("/wp-admin/**", "/wp-admin/x/y.php?z", "Good"),
        ("/wp-admin/**", "/wp-admin/%2e%2e/wp-login.php", "Bad"),
        ("/wp-admin/**", "/wp-admin/..%2fwp-login.php", "Bad"),
        ("/wp-admin/**", "/wp-login.php", "Bad"),
        ("/{a,b}", "/b", "Good"),
    ] {
        let answer = Answer::found(location);
        let capture = succeeding(&[], Some(pattern));
        assert_eq!(
            judged(&capture, &login(), &answer),
            judgement,
            "{pattern} {location}"
        );
    }
    let capture = succeeding(&[], Some("/home"));
    assert_eq!(judged(&capture, &login(), &Answer::html(HOME)), "Bad");
    let twice = Answer::found("/home").with("location", "/login");
    assert_eq!(judged(&capture, &login(), &twice), "Bad");
    // Whatever status it has: it is the application's word.
    let mut created = Answer::html(HOME).with("location", "/home");
    created.status = 201;
    assert_eq!(judged(&capture, &login(), &created), "Good");
}

#[test]
fn g2_of_two_signs_of_success_both_must_be_there() {
    let capture = succeeding(&["sessionid"], Some("/home"));
    for (answer, judgement) in [
        (Answer::found("/home").sets("sessionid=1"), "Good"),
        (Answer::found("/home"), "Bad"),
        (Answer::found("/login").sets("sessionid=1"), "Bad"),
        (Answer::found("/login"), "Bad"),
    ] {
        assert_eq!(judged(&capture, &login(), &answer), judgement);
    }
}

#[test]
fn a_probe_is_asked_for_before_anything_is_guessed() {
    for answer in [
        Answer::html(FORM),
        Answer::html(HOME),
        Answer::json("{\"error\":1}"),
        Answer::found("/home"),
        Answer::found("https://elsewhere.example/"),
        Answer::html(HOME).unreadable(),
        Answer::new(204, ""),
    ] {
        assert_eq!(judged(&probing(), &login(), &answer), "Probe");
    }
}

#[test]
fn g2_only_a_page_without_a_password_field_passes_the_probe() {
    for (answer, judgement) in [
        (Answer::html(HOME), Judgement::Good),
        (Answer::new(200, HOME), Judgement::Good),
        (Answer::new(204, ""), Judgement::Good),
        (Answer::json("{\"user\":\"alice\"}"), Judgement::Good),
        (
            Answer::new(200, FORM).with("content-type", "text/plain"),
            Judgement::Good,
        ),
        (Answer::json("{}").unreadable(), Judgement::Good),
        (Answer::html(FORM), Judgement::Bad),
        (Answer::new(200, FORM), Judgement::Bad),
        (Answer::html(HOME).unreadable(), Judgement::Doubt),
        (Answer::found("/login"), Judgement::Bad),
        (Answer::found("/"), Judgement::Bad),
        (Answer::new(304, ""), Judgement::Bad),
        (Answer::new(307, ""), Judgement::Bad),
        (Answer::new(401, ""), Judgement::Bad),
        (Answer::new(403, HOME), Judgement::Bad),
        (Answer::new(404, HOME), Judgement::Bad),
        (Answer::new(500, HOME), Judgement::Bad),
    ] {
        assert_eq!(
            probed(&answer.seen()),
            judgement,
            "{} {:?}",
            answer.status,
            answer.fields
        );
    }
}

#[test]
fn g2_json_can_say_that_a_login_failed_and_nothing_else() {
    for (body, judgement) in [
        (r#"{"access_token":"x","token_type":"Bearer"}"#, "Doubt"),
        (r#"{"ok":true}"#, "Doubt"),
        (r#"{"success":true,"error":null}"#, "Doubt"),
        (r#"{"error":"","errors":[],"ok":true}"#, "Doubt"),
        (r#"{"errors":{},"token":"x"}"#, "Doubt"),
        (r#"{"error":false}"#, "Doubt"),
        (r#"{"error":0}"#, "Doubt"),
        (r#"{"data":{"error":"nested"}}"#, "Doubt"),
        ("{}", "Doubt"),
        ("\u{feff}{\"ok\":true}", "Doubt"),
        (" {\"ok\" : true}\n", "Doubt"),
        (r#"{"error":"invalid_grant"}"#, "Bad"),
        (r#"{"error":{"code":1}}"#, "Bad"),
        (r#"{"error":1}"#, "Bad"),
        (r#"{"error":true}"#, "Bad"),
        (r#"{"errors":["no"]}"#, "Bad"),
        (r#"{"errors":{"password":["wrong"]}}"#, "Bad"),
        (r#"{"Error":"no"}"#, "Bad"),
        (r#"{"ok":false}"#, "Bad"),
        (r#"{"success":false,"message":"no"}"#, "Bad"),
        (r#"{"Success":false}"#, "Bad"),
        (r#"{"ok":true,"error":"no"}"#, "Bad"),
        (r#"{"error":"","ok":false}"#, "Bad"),
        (r#"{"ok":"maybe","success":false}"#, "Bad"),
        (r#"{"ok":0}"#, "Doubt"),
        (r#"{"ok":"false"}"#, "Doubt"),
        (r#"{"success":null}"#, "Doubt"),
        ("[]", "Doubt"),
        ("true", "Doubt"),
        ("null", "Doubt"),
        ("\"ok\"", "Doubt"),
        ("", "Doubt"),
        ("{", "Doubt"),
        (r#"{"ok":true} x"#, "Doubt"),
        (")]}',\n{\"ok\":true}", "Doubt"),
    ] {
        assert_eq!(
            judged(&Capture::plain(), &login(), &Answer::json(body)),
            judgement,
            "{body}"
        );
    }
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for answer in [
        Answer::json(&deep),
        Answer::json("{}").unreadable(),
        Answer::json(r#"{"ok":true}"#)
            .with("content-type", "text/html")
            .unreadable(),
    ] {
        assert_eq!(judged(&Capture::plain(), &login(), &answer), "Doubt");
    }
    let problem =
        Answer::new(200, r#"{"errors":[1]}"#).with("content-type", "application/vnd.api+json");
    assert_eq!(judged(&Capture::plain(), &login(), &problem), "Bad");
}

#[test]
fn g2_the_form_again_is_a_wrong_password_unless_a_new_closed_cookie_came() {
    let again = || Answer::html(FORM);
    let known = || login().field("cookie", "session=1; csrftoken=2");
    for (post, answer, judgement) in [
        (login(), again(), "Bad"),
        (login(), again().sets("csrftoken=1"), "Bad"),
        (login(), again().sets("session=1; HttpOnly"), "Doubt"),
        (known(), again().sets("session=2; HttpOnly"), "Bad"),
        (known(), again().sets("Session=2; HttpOnly"), "Doubt"),
        (
            known(),
            again().sets("session=2").sets("auth=1; HTTPONLY"),
            "Doubt",
        ),
        (known(), again().sets("auth=1"), "Bad"),
        (known(), again().sets("auth=; HttpOnly"), "Bad"),
        (known(), again().sets("auth=x; HttpOnly; Max-Age=0"), "Bad"),
        (login(), Answer::new(200, FORM), "Bad"),
        (login(), Answer::new(203, FORM), "Bad"),
        (login(), again().unreadable(), "Doubt"),
        (login(), Answer::html(HOME), "Doubt"),
        (
            login(),
            Answer::html(HOME).sets("session=1; HttpOnly"),
            "Doubt",
        ),
        (login(), Answer::new(204, ""), "Doubt"),
        (
            login(),
            Answer::new(200, "ok").with("content-type", "text/plain"),
            "Doubt",
        ),
        (
            login(),
            Answer::new(200, FORM).with("content-type", "text/plain"),
            "Doubt",
        ),
        (login(), Answer::new(101, ""), "Doubt"),
    ] {
        assert_eq!(
            judged(&Capture::plain(), &post, &answer),
            judgement,
            "{:?}",
            answer.fields
        );
    }
}

#[test]
fn g1_what_is_no_login_page_is_not_shown_to_a_stranger() {
    let pointed = Capture {
        credentials: Credentials::Form(crate::login::Wanted {
            username: Some(Place::of("/user/name")),
            password: Place::of("/user/password"),
        }),
        ..Capture::plain()
    };
    let nameless = Capture {
        credentials: Credentials::Form(crate::login::Wanted {
            username: None,
            password: Place::of("password"),
        }),
        ..Capture::plain()
    };
    let plain = Capture::plain;
    let user = "<input name=username>";
    for (capture, answer, shown) in [
        (plain(), Answer::html(FORM), true),
        (plain(), Answer::html("<input type=password>"), true),
        (plain(), Answer::html(user), true),
        (plain(), Answer::new(200, FORM), true),
        (plain(), Answer::html(HOME), false),
        (plain(), Answer::html(""), false),
        (plain(), Answer::html("<input name=user>"), false),
        (
            plain(),
            Answer::html("<!-- <input type=password> -->"),
            false,
        ),
        (plain(), Answer::html(FORM).unreadable(), false),
        (plain(), Answer::json("{}"), false),
        (
            plain(),
            Answer::new(200, FORM).with("content-type", "text/plain"),
            false,
        ),
        (
            plain(),
            Answer::new(200, FORM).with("content-type", "application/pdf"),
            false,
        ),
        (plain(), Answer::new(204, ""), false),
        (
            plain(),
            Answer {
                status: 206,
                ..Answer::html(HOME)
            },
            false,
        ),
        (
            plain(),
            Answer {
                status: 206,
                ..Answer::html(FORM)
            },
            true,
        ),
        (plain(), Answer::found("/home"), true),
        (plain(), Answer::new(304, ""), true),
        (plain(), Answer::new(307, ""), true),
        (plain(), Answer::new(404, HOME), true),
        (plain(), Answer::new(500, HOME).unreadable(), true),
        (pointed.clone(), Answer::html(FORM), true),
        (pointed, Answer::html("<input name='/user/name'>"), false),
        (
            nameless.clone(),
            Answer::html("<input type=password>"),
            true,
        ),
        (nameless, Answer::html(user), false),
    ] {
        assert_eq!(
            admits(&capture, &answer.seen()),
            shown,
            "{} {:?}",
            answer.status,
            answer.body
        );
    }
}

proptest! {
    #[test]
    fn no_answer_makes_the_judge_stumble(
        status in 100_u16..600,
        location in prop::option::of("[ -~]{0,40}"),
        kind in prop::option::of("(text/html|application/json|[ -~]{0,20})"),
        cookie in prop::option::of("[ -~]{0,40}"),
        body in prop::option::of("[ -~]{0,60}"),
        sent in "[ -~]{0,60}",
        posted_as in "(application/x-www-form-urlencoded|application/json|multipart/form-data; boundary=x|)",
    ) {
        let mut answer = Answer { status, fields: HeaderMap::new(), body: body.map(String::into_bytes) };
        for (name, value) in [("location", location), ("content-type", kind), ("set-cookie", cookie)] {
            if let Some(value) = value {
                answer = answer.with(name, &value);
            }
        }
        let post = login().field("content-type", &posted_as).field("referer", &sent).body(&sent);
        let next = judged(&Capture::plain(), &post, &answer);
        let seen = judged_at(&post, "/x", &answer, 1);
        prop_assert!(!(400..600).contains(&status) || (next == "Bad" && seen == "Doubt"));
        let _ = (probed(&answer.seen()), admits(&Capture::plain(), &answer.seen()));
    }
}
