//! Bytes on a socket: what no SDK sends, and every byte of what is answered.

use std::io::{BufReader, Write};
use std::net::TcpStream;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::gate::{ACCOUNT, Api, FROM, OTHER_ACCOUNT, PAPER, PASSWORD, USER};
use super::sdk::order;
use super::support::bare::wait;
use super::support::gate::other_than;
use super::support::wire::{Answer, connect, read_answer};

const ANN: &str = "+12025550143";

/// A connection that goes on for as long as the API lets it.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    login: String,
}

impl Client {
    pub(crate) fn new(api: &Api) -> Self {
        Self {
            stream: connect(api.address),
            login: basic(USER, PASSWORD),
        }
    }

    /// With another Authorization field; an empty one is left out.
    fn by(mut self, login: &str) -> Self {
        self.login = login.to_owned();
        self
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.raw(&format!("GET {path} HTTP/1.1\r\nHost: api\r\n\r\n"))
    }

    fn raw(&mut self, bytes: &str) -> Answer {
        self.stream.get_mut().write_all(bytes.as_bytes()).unwrap();
        read_answer(&mut self.stream, bytes.starts_with("HEAD")).expect("an answer")
    }

    fn post(&mut self, path: &str, kind: &str, body: &str) -> Answer {
        let login = match self.login.as_str() {
            "" => String::new(),
            login => format!("Authorization: {login}\r\n"),
        };
        self.raw(&format!(
            "POST {path} HTTP/1.1\r\nHost: api\r\n{login}Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    pub(crate) fn call(&mut self, call: &str, body: &Value) -> (u16, Value) {
        let path = format!("/api/v1/accounts/{ACCOUNT}/code/{call}");
        let answer = self.post(&path, "application/json", &body.to_string());
        (
            answer.status(),
            serde_json::from_slice(&answer.body).unwrap(),
        )
    }

    pub(crate) fn verify(&mut self, to: &str, scope: &str, code: &str) -> (u16, Value) {
        self.call("verify", &question(to, scope, code))
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn question(to: &str, scope: &str, code: &str) -> Value {
    json!({ "to": to, "scope": scope, "expirationTimeInMinutes": 3, "code": code })
}

pub(crate) fn valid(valid: bool) -> (u16, Value) {
    (200, json!({ "valid": valid }))
}

#[test]
fn bodies_are_json_under_any_name_and_answers_are_as_short_as_bandwidths() {
    let api = Api::here(PAPER);
    let mut client = Client::new(&api);
    let path = format!("/api/v1/accounts/{ACCOUNT}/code/messaging");
    let kinds = ["application/json; charset=utf-8", "text/plain", "x"];
    for (n, kind) in (1..).zip(kinds) {
        let answer = client.post(&path, kind, &order(ANN, "login").to_string());
        assert_eq!(answer.status(), 200, "{}", answer.text());
        assert_eq!(answer.field("content-type"), Some("application/json"));
        assert_eq!(answer.field("cache-control"), Some("no-store"));
        assert_eq!(answer.field("x-request-id").map(str::len), Some(36));
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        let members: Vec<&String> = body.as_object().unwrap().keys().collect();
        assert_eq!(members, ["messageId"]);
        api.messages.code(n);
    }
    let verify = format!("/api/v1/accounts/{ACCOUNT}/code/verify");
    let asked = question(ANN, "login", &api.messages.code(3)).to_string();
    assert_eq!(
        client.post(&verify, "text/plain", &asked).text(),
        "{\"valid\":true}"
    );
    assert_eq!(
        client.post(&verify, "text/plain", &asked).text(),
        "{\"valid\":false}"
    );
}

#[test]
fn a_path_that_is_not_there_and_a_method_that_is_not_taken_are_told_in_json() {
    let api = Api::here(PAPER);
    let mut client = Client::new(&api);
    let code = format!("/api/v1/accounts/{ACCOUNT}/code/verify");
    for path in [
        "/",
        "/api/v1",
        "/api/v2/openapi.json",
        &format!("{code}/"),
        "/.countersign/ask",
    ] {
        let answer = client.get(path);
        assert_eq!(
            (answer.status(), answer.text().as_str()),
            (404, "{\"message\":\"Not Found\"}"),
            "{path}"
        );
    }
    for (method, path, allow) in [
        ("GET", code.as_str(), "POST"),
        ("PUT", &code, "POST"),
        ("DELETE", "/api/v1/oauth2/token", "POST"),
        ("POST", "/api/v1/openapi.json", "GET, HEAD"),
        ("OPTIONS", &code, "POST"),
    ] {
        let answer = client.raw(&format!(
            "{method} {path} HTTP/1.1\r\nHost: api\r\nContent-Length: 0\r\n\r\n"
        ));
        assert_eq!(
            (answer.status(), answer.field("allow")),
            (405, Some(allow)),
            "{method} {path}"
        );
        assert_eq!(answer.text(), "{\"message\":\"Method Not Allowed\"}");
    }
    let traced = Client::new(&api).raw(&format!("TRACE {code} HTTP/1.1\r\nHost: api\r\n\r\n"));
    assert_eq!(
        (traced.status(), traced.field("allow")),
        (405, Some("POST"))
    );
    let head = client.raw("HEAD /api/v1/openapi.json HTTP/1.1\r\nHost: api\r\n\r\n");
    assert_eq!((head.status(), head.body.len()), (200, 0));
}

#[test]
fn what_cannot_be_read_is_a_400_in_bandwidths_form() {
    let api = Api::here(PAPER);
    let path = format!("/api/v1/accounts/{ACCOUNT}/code/verify");
    for (body, told) in [
        ("{}", "to number is required"),
        ("", "request body is not a JSON object"),
        ("to=1", "request body is not a JSON object"),
        (
            "{\"to\":\"1\",\"to\":\"2\"}",
            "request body has a field twice",
        ),
        (
            "{\"to\":\"(508) 769-6555\"}",
            "to number is invalid: write \"+15087696555\"",
        ),
    ] {
        let answer = Client::new(&api).post(&path, "application/json", body);
        let read: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(
            (answer.status(), read["error"].as_str()),
            (400, Some(told)),
            "{body}"
        );
        assert_eq!(read["requestId"].as_str(), answer.field("x-request-id"));
    }
    let answer = Client::new(&api).post(&path, "application/json", &" ".repeat(64 * 1024 + 1));
    assert_eq!(answer.status(), 400);
    assert!(answer.text().contains("request body is longer than 64 KiB"));
    assert_eq!(answer.field("connection"), Some("close"));
    let full = format!("{{}}{}", " ".repeat(64 * 1024 - 2));
    assert!(
        Client::new(&api)
            .post(&path, "application/json", &full)
            .text()
            .contains("to number is required")
    );
    // Two Hosts, and a length that contradicts itself.
    let odd = Client::new(&api).raw(&format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 2\r\n\r\n{{}}"
    ));
    assert_eq!(odd.status(), 400);
    let read: Value = serde_json::from_slice(&odd.body).unwrap();
    assert!(read["error"].is_string() && read["requestId"].is_string());
}

#[test]
fn who_may_call_is_told_from_who_may_not() {
    let api = Api::here(PAPER);
    let body = question(ANN, "login", "123456").to_string();
    let path = |account: &str| format!("/api/v1/accounts/{account}/code/verify");
    let right = basic(USER, PASSWORD);
    for (login, account, status) in [
        (right.clone(), ACCOUNT, 200),
        (right.replace("Basic", "basic"), ACCOUNT, 200),
        (right.clone(), OTHER_ACCOUNT, 403),
        (right.clone(), "nobody", 403),
        (basic("other", "another"), OTHER_ACCOUNT, 200),
        (basic("other", PASSWORD), ACCOUNT, 401),
        (basic(USER, "another"), ACCOUNT, 401),
        (basic(USER, ""), ACCOUNT, 401),
        (String::new(), ACCOUNT, 401),
        (String::new(), "nobody", 401),
        ("Bearer x".to_owned(), ACCOUNT, 401),
        ("Digest x".to_owned(), ACCOUNT, 401),
    ] {
        let answer = Client::new(&api)
            .by(&login)
            .post(&path(account), "application/json", &body);
        assert_eq!(answer.status(), status, "{login} {account}");
        if status == 401 {
            assert_eq!(answer.text(), "{\"message\":\"Unauthorized\"}");
            assert!(
                answer
                    .field("www-authenticate")
                    .unwrap()
                    .starts_with("Basic ")
            );
        }
    }
}

#[test]
fn a_token_is_good_for_an_hour_and_its_own_account() {
    let api = Api::here(PAPER);
    let form = "application/x-www-form-urlencoded";
    let kind = "grant_type=client_credentials";
    let answer = Client::new(&api).post("/api/v1/oauth2/token", form, kind);
    assert_eq!(
        (answer.status(), answer.field("cache-control")),
        (200, Some("no-store"))
    );
    let told: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(
        (&told["expires_in"], &told["token_type"]),
        (&json!(3600), &json!("Bearer"))
    );
    let token = format!("Bearer {}", told["access_token"].as_str().unwrap());
    let body = question(ANN, "login", "123456").to_string();
    let status = |account: &str| {
        let path = format!("/api/v1/accounts/{account}/code/verify");
        Client::new(&api)
            .by(&token)
            .post(&path, "application/json", &body)
            .status()
    };
    assert_eq!((status(ACCOUNT), status(OTHER_ACCOUNT)), (200, 403));
    api.later(3601);
    assert_eq!(status(ACCOUNT), 401);

    let in_form = format!("{kind}&client_id=other&client_secret=another");
    let token = |login: &str, body: &str| {
        let answer = Client::new(&api)
            .by(login)
            .post("/api/v1/oauth2/token", form, body);
        (
            answer.status(),
            serde_json::from_slice::<Value>(&answer.body).unwrap(),
        )
    };
    assert_eq!(token("", &in_form).0, 200);
    let wrong = in_form.replace("another", "wrong");
    assert_eq!(
        token("", &wrong),
        (401, json!({ "error": "invalid_client" }))
    );
    let long = " ".repeat(64 * 1024 + 1);
    assert_eq!(
        token("", &long),
        (400, json!({ "error": "invalid_request" }))
    );
    assert_eq!(token("", ""), (400, json!({ "error": "invalid_request" })));
    assert_eq!(
        token("", "grant_type=password&username=u&password=p"),
        (400, json!({ "error": "unsupported_grant_type" }))
    );
}

#[test]
fn c5_wrong_passwords_run_out_and_come_back_and_tokens_go_on() {
    let api = Api::here(PAPER);
    let form = "application/x-www-form-urlencoded";
    let answer = Client::new(&api).post(
        "/api/v1/oauth2/token",
        form,
        "grant_type=client_credentials",
    );
    let token: Value = serde_json::from_slice(&answer.body).unwrap();
    let token = format!("Bearer {}", token["access_token"].as_str().unwrap());
    let mut client = Client::new(&api).by(&basic(USER, "wrong"));
    for n in 0..20 {
        assert_eq!(client.verify(ANN, "login", "123456").0, 401, "{n}");
    }
    client.login = basic(USER, PASSWORD);
    let (status, told) = client.verify(ANN, "login", "123456");
    assert_eq!(status, 429);
    assert!(told["error"].is_string() && told["requestId"].is_string());
    client.login = token;
    assert_eq!(client.verify(ANN, "login", "123456"), valid(false));
    client.login = basic(USER, PASSWORD);
    api.later(601);
    assert_eq!(client.verify(ANN, "login", "123456"), valid(false));
}

#[test]
fn r10_a_trusted_proxy_says_whose_passwords_are_wrong_and_nobody_else_does() {
    for (trusted, lines) in [
        (true, "[listen]\ntrusted_proxies = [\"127.0.0.1/32\"]\n"),
        (false, ""),
    ] {
        let api = Api::here(&format!("{PAPER}{lines}"));
        let mut client = Client::new(&api);
        let mut status = |password: &str, from: &str| {
            client.login = format!("{}\r\nX-Forwarded-For: {from}", basic(USER, password));
            client.verify(ANN, "login", "123456").0
        };
        for n in 0..20 {
            assert_eq!(status("wrong", &format!("192.0.2.{n}")), 401);
        }
        assert_eq!(status(PASSWORD, "192.0.2.99"), 429);
        let elsewhere = if trusted { 200 } else { 429 };
        assert_eq!(status(PASSWORD, "198.51.100.1"), elsewhere);
    }
}

#[test]
fn c2_a_code_belongs_to_one_account_number_and_scope_and_the_newest_counts() {
    let api = Api::here(PAPER);
    let mut client = Client::new(&api);
    let mut bare = order(ANN, "x");
    bare.as_object_mut().unwrap().remove("scope");
    assert_eq!(client.call("messaging", &bare).0, 200);
    let code = api.messages.code(1);
    assert!(
        api.messages
            .all()
            .contains(&format!("Example 2FA: Your code is {code}."))
    );
    let mut other = Client::new(&api).by(&basic("other", "another"));
    let path = format!("/api/v1/accounts/{OTHER_ACCOUNT}/code/verify");
    let asked = question(ANN, "2FA", &code).to_string();
    assert_eq!(
        other.post(&path, "application/json", &asked).text(),
        "{\"valid\":false}"
    );
    assert_eq!(client.verify(ANN, "2fa", &code), valid(false));
    assert_eq!(client.verify("+12025550144", "2FA", &code), valid(false));
    assert_eq!(client.call("voice", &bare).0, 200);
    let newer = api.messages.code(2);
    if newer != code {
        assert_eq!(client.verify(ANN, "2FA", &code), valid(false));
    }
    assert_eq!(client.verify(ANN, "2FA", &newer), valid(true));
}

#[test]
fn c3_of_two_right_answers_at_once_one_is_true() {
    let api = Api::here(PAPER);
    for n in 1..=5 {
        let mut client = Client::new(&api);
        assert_eq!(client.call("messaging", &order(ANN, "login")).0, 200);
        let code = api.messages.code(n);
        let answers: Vec<(u16, Value)> = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..4)
                .map(|_| {
                    let mut client = Client::new(&api);
                    let code = &code;
                    scope.spawn(move || client.verify(ANN, "login", code))
                })
                .collect();
            asking.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let right = answers
            .iter()
            .filter(|answer| **answer == valid(true))
            .count();
        assert_eq!(right, 1, "{answers:?}");
        // What was wrong just now would add up to a rest.
        api.later(901);
    }
}

#[test]
fn c4_five_wrong_codes_lock_a_number_and_scope_and_a_new_code_does_not_open_it() {
    let api = Api::here(PAPER);
    let mut client = Client::new(&api);
    client.call("messaging", &order(ANN, "login"));
    let code = api.messages.code(1);
    for _ in 0..5 {
        assert_eq!(
            client.verify(ANN, "login", &other_than(&code)),
            valid(false)
        );
    }
    let (status, told) = client.verify(ANN, "login", &code);
    assert_eq!(status, 429);
    assert_eq!(
        told["error"],
        "This number has exceeded verification attempts, please wait 2 minutes"
    );
    assert_eq!(client.call("messaging", &order(ANN, "login")).0, 200);
    let code = api.messages.code(2);
    assert_eq!(client.verify(ANN, "login", &code).0, 429);
    assert_eq!(
        client.verify(ANN, "admin", &code),
        valid(false),
        "another scope"
    );
    api.later(121);
    assert_eq!(client.verify(ANN, "login", &code), valid(true));
}

#[test]
fn c6_ten_messages_and_five_calls_an_hour_go_to_a_number_also_after_a_restart() {
    let api = Api::here(PAPER);
    let mut client = Client::new(&api);
    for n in 1..=10 {
        assert_eq!(
            client.call("messaging", &order(ANN, &format!("s{n}"))).0,
            200
        );
    }
    for _ in 0..5 {
        assert_eq!(client.call("voice", &order(ANN, "login")).0, 200);
    }
    assert_eq!(client.call("voice", &order(ANN, "login")).0, 429);
    assert_eq!(
        client.call("messaging", &order("+12025550144", "login")).0,
        200
    );
    drop(client);
    let api = api.restart();
    let mut client = Client::new(&api);
    let (status, told) = client.call("messaging", &order(ANN, "login"));
    assert_eq!(status, 429);
    assert!(told["error"].is_string() && told["requestId"].is_string());
    assert_eq!(api.messages.count(), 16);
    api.later(3601);
    assert_eq!(client.call("messaging", &order(ANN, "login")).0, 200);
}

#[test]
fn from_is_one_that_a_carrier_lists_if_any_does() {
    let hook = Hook::start(|_| 202);
    let listed = hook.carrier(&format!("from = [\"{FROM}\", \"73737\"]"));
    let api = Api::here(&listed);
    let mut client = Client::new(&api);
    let from = |from: &str| {
        let mut order = order(ANN, "login");
        order["from"] = json!(from);
        order
    };
    assert_eq!(client.call("messaging", &from(FROM)).0, 200);
    assert_eq!(client.call("messaging", &from("73737")).0, 200);
    for (call, sender) in [
        ("messaging", "+12025550102"),
        ("voice", "73737"),
        ("messaging", "ACME"),
    ] {
        let (status, told) = client.call(call, &from(sender));
        assert_eq!(status, 400, "{call} {sender}: {told}");
        assert!(
            told["error"]
                .as_str()
                .unwrap()
                .starts_with("from number is "),
            "{told}"
        );
    }
    // A carrier that lists none takes any.
    let api = Api::here(PAPER);
    assert_eq!(
        Client::new(&api).call("messaging", &from("+12025550102")).0,
        200
    );
}

#[test]
fn a_number_that_is_not_sent_to_is_a_400_that_says_why() {
    let api = Api::here(PAPER);
    let mut client = Client::new(&api);
    for (to, why) in [
        ("+442079460000", "GB is not among the countries"),
        ("+18005550143", "toll-free"),
        ("+19005550143", "premium"),
    ] {
        let (status, told) = client.call("messaging", &order(to, "login"));
        let error = told["error"].as_str().unwrap();
        assert_eq!(status, 400, "{error}");
        assert!(
            error.starts_with("to number is refused: not sent to: ") && error.contains(why),
            "{error}"
        );
    }
    assert_eq!(api.messages.count(), 0);
}

#[test]
fn a_carrier_that_fails_is_a_500_and_the_code_before_is_good_again() {
    let hook = Hook::start(|n| if n == 1 { 202 } else { 401 });
    let api = Api::here(&hook.carrier(""));
    let mut client = Client::new(&api);
    assert_eq!(client.call("messaging", &order(ANN, "login")).0, 200);
    let code = hook.code();
    let (status, told) = client.call("messaging", &order(ANN, "login"));
    assert_eq!((status, &told["error"]), (500, &json!("Internal Error")));
    assert!(told["requestId"].is_string());
    let unsent = hook.code();
    if unsent != code {
        assert_eq!(client.verify(ANN, "login", &unsent), valid(false));
    }
    assert_eq!(client.verify(ANN, "login", &code), valid(true));
}

#[test]
fn where_nobody_knows_whether_it_went_out_the_code_is_good() {
    // It takes the message and hangs up.
    let hook = Hook::start(|_| 0);
    let api = Api::here(&hook.carrier(""));
    let mut client = Client::new(&api);
    assert_eq!(client.call("messaging", &order(ANN, "login")).0, 500);
    assert_eq!(client.verify(ANN, "login", &hook.code()), valid(true));
}

/// A webhook carrier's other end.
struct Hook {
    url: String,
    texts: std::sync::mpsc::Receiver<String>,
}

impl Hook {
    /// Answers message number `n` with the status that `answer` gives; 0 hangs up.
    fn start(answer: impl Fn(usize) -> u16 + Send + Sync + 'static) -> Self {
        use super::support::app::App;
        let (sender, texts) = std::sync::mpsc::channel();
        let sender = std::sync::Mutex::new((0, sender));
        let app = App::scripted(move |request, stream| {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            let text = body["text"].as_str().unwrap().to_owned();
            let mut seen = sender.lock().unwrap();
            seen.0 += 1;
            seen.1.send(text).unwrap();
            let status = answer(seen.0);
            let said = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
            status != 0 && stream.get_mut().write_all(said.as_bytes()).is_ok()
        });
        Self {
            url: app.url(),
            texts,
        }
    }

    /// Carriers that post to it.
    fn carrier(&self, more: &str) -> String {
        format!(
            "[carriers.hook.webhook]\nurl = \"{}\"\nsigning_key = \"file:hook.key\"\n{more}\n\
             [delivery]\nsms = [\"hook\"]\nvoice = [\"hook\"]\n",
            self.url
        )
    }

    /// The code of the next message.
    fn code(&self) -> String {
        let text = wait(&self.texts);
        text.chars().filter(char::is_ascii_digit).collect()
    }
}

/// The password is another one from the moment that the reload is done, over a connection that is kept, too; a code that was
/// sent before is right after it.
#[test]
fn a6_a_reload_counts_for_calls_over_a_connection_that_is_kept() {
    let api = Api::here(PAPER);
    let mut client = Client::new(&api);
    let (status, _) = client.call("messaging", &order(ANN, "login"));
    assert_eq!(status, 200);
    let code = api.messages.code(1);
    api.reload("api.key", "another password");
    assert_eq!(client.verify(ANN, "login", &code).0, 401);
    client.login = basic(USER, "another password");
    assert_eq!(
        client.verify(ANN, "login", &code),
        (200, json!({ "valid": true }))
    );
}
