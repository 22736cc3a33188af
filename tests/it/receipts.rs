//! Receipts, from the vendor's POST to the code page; and the address at which a vendor gets the words of a call.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use self::hook::{Hook, now, path, poll, post, request, signature, signed, tell};
use crate::support::app::App;
use crate::support::browser::path_of;
use crate::support::gate::{HOST, Setup, other_than};

pub mod hook;

#[test]
fn what_is_delivered_shows_on_the_page_and_to_its_script() {
    let (app, hook) = (App::new(), Hook::new());
    let gate = hook.gate(&app);
    let mut waiting = hook.waiting(&gate);
    // The carrier took it.
    let shown = waiting.shown();
    assert!(shown.contains(">Sent at <time datetime="), "{shown}");
    let asks = waiting.page.replace('/', "&#x2f;");
    assert!(
        shown.contains(&format!("data-ask=\"{asks}&#x2f;state\"")),
        "{shown}"
    );
    let told = waiting.told();
    let text = format!("Sent at {}", told["time"].as_str().unwrap());
    assert_eq!(
        (&told["state"], &told["text"]),
        (&json!("sent"), &json!(text))
    );
    // It tells of a message by its own name for it, and by ours.
    hook.tells(&gate, 2, "sent");
    assert_eq!(waiting.told(), told, "nothing new, not even the time");
    let word = json!({"id": hook.message(2)["id"], "state": "delivered"});
    assert_eq!(tell(gate.address, &hook.message(2), &word).status(), 204);
    let shown = waiting.shown();
    assert!(shown.contains(">Delivered at <time datetime="), "{shown}");
    assert!(!shown.contains("data-ask"), "and asks no more: {shown}");
    assert_eq!(waiting.state(), "delivered");
    // The code is what it was, and afterwards there is nothing to ask.
    let page = waiting.page.clone();
    let released = waiting.browser.answer(&page, &hook.code(2));
    assert_eq!(path_of(released.field("location").unwrap()), "/admin");
    assert_eq!(poll(&mut waiting.browser, &page).status(), 410);
}

#[test]
fn what_could_not_be_delivered_offers_a_call_and_its_code_stays_good() {
    let (app, hook) = (App::new(), Hook::new());
    let gate = hook.gate(&app);
    let mut waiting = hook.waiting(&gate);
    let word = json!({"id": "V-2", "state": "failed", "reason": "landline"});
    assert_eq!(tell(gate.address, &hook.message(2), &word).status(), 204);
    let words = "It could not be delivered. Call me instead, or send a new code";
    let shown = waiting.shown();
    assert!(
        shown.contains(&format!("<p><a href=\"#voice\">{words}</a></p>")),
        "{shown}"
    );
    assert_eq!(shown.matches(words).count(), 1);
    assert!(shown.contains("<title>Error: ") && shown.contains("name=\"code\""));
    assert_eq!(waiting.told(), json!({"state": "failed", "text": words}));
    // A wrong answer has the summary, and what is known stays on the page.
    let page = waiting.page.clone();
    waiting.browser.answer(&page, &other_than(&hook.code(2)));
    let shown = waiting.shown();
    assert!(
        shown.contains("<a href=\"#code\">That is not the code"),
        "{shown}"
    );
    assert!(
        shown.contains(&format!("<p id=\"fate\" class=\"wrong\">{words}</p>")),
        "{shown}"
    );
    // The call is another message: nothing is known of it but that it was taken.
    gate.later(31);
    waiting.browser.press(&page, "voice");
    assert_eq!(hook.count(&gate), 3);
    assert_eq!(hook.message(3)["channel"], "voice");
    let shown = waiting.shown();
    assert!(
        shown.contains("We called at <time") && !shown.contains(words),
        "{shown}"
    );
    // And what comes late of the first one says nothing of it.
    hook.tells(&gate, 2, "delivered");
    assert_eq!(waiting.state(), "sent");
    let released = waiting.browser.answer(&page, &hook.code(2));
    assert_eq!(path_of(released.field("location").unwrap()), "/admin");
}

#[test]
fn a_message_that_no_carrier_took_has_failed() {
    let (app, hook) = (App::new(), Hook::new());
    let gate = hook.gate(&app);
    let mut waiting = hook.waiting(&gate);
    gate.later(31);
    hook.breaks_down();
    let page = waiting.page.clone();
    waiting.browser.press(&page, "send");
    gate.settle();
    assert_eq!(waiting.state(), "failed");
    let shown = waiting.shown();
    assert!(shown.contains("We could not send the message"), "{shown}");
    assert!(!shown.contains("could not be delivered"), "{shown}");
}

#[test]
fn receipts_twice_late_and_in_any_order_end_alike() {
    let (app, hook) = (App::new(), Hook::new());
    let gate = hook.gate(&app);
    for (story, end) in [
        (&["delivered", "sent"][..], "delivered"),
        (&["sent", "delivered", "delivered", "failed"], "delivered"),
        (&["failed", "sent"], "failed"),
        (&["failed", "delivered"], "delivered"),
    ] {
        let mut waiting = hook.waiting(&gate);
        let n = hook.count(&gate);
        for state in story {
            hook.tells(&gate, n, state);
        }
        assert_eq!(waiting.state(), end, "{story:?}");
    }
}

#[test]
fn a_receipt_may_come_before_the_carriers_own_answer() {
    for state in ["delivered", "failed"] {
        let (app, hook) = (App::new(), Hook::new());
        let gate = hook.gate(&app);
        let mut waiting = hook.waiting(&gate);
        gate.later(31);
        hook.is_hasty(json!({"state": state}));
        let page = waiting.page.clone();
        waiting.browser.press(&page, "send");
        assert_eq!(hook.count(&gate), 3);
        assert_eq!(waiting.state(), state);
    }
}

#[test]
fn c9_who_cannot_sign_changes_nothing() {
    let (app, hook) = (App::new(), Hook::new());
    let gate = hook.gate(&app);
    let mut waiting = hook.waiting(&gate);
    let path = path(&hook.message(2));
    let body = json!({"id": "V-2", "state": "failed"}).to_string();
    let other = json!({"id": "V-2", "state": "delivered"}).to_string();
    for lines in [
        vec![],
        vec!["Countersign-Signature: ".to_owned()],
        vec![signature(b"another key", now(), &body)],
        vec![signed(now(), &other)],
        vec![signed(now() - 400, &body)],
        vec![signed(now(), &body), signed(now(), &body)],
    ] {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let answer = post(gate.address, &path, &lines, &body);
        assert_eq!((answer.status(), answer.body.len()), (403, 0), "{lines:?}");
        assert_eq!(answer.field("cache-control"), Some("no-store"));
    }
    let answer = request(gate.address, "GET", &path, &[], "");
    assert_eq!(answer.status(), 403, "nor by GET");
    for body in ["{", "{}", "[1]", ""] {
        let answer = post(gate.address, &path, &[&signed(now(), body)], body);
        assert_eq!((answer.status(), answer.body.len()), (400, 0), "{body}");
    }
    assert_eq!(waiting.state(), "sent");
}

#[test]
fn c9_an_address_with_another_secret_is_nobodys() {
    let (app, hook) = (App::new(), Hook::new());
    let gate = hook.gate(&app);
    let mut waiting = hook.waiting(&gate);
    let path = path(&hook.message(2));
    let secret = path.rsplit('/').next().unwrap().to_owned();
    let own = |carrier: &str| gate.running().flow().ring.receipt_secret(carrier);
    assert_eq!(own("hook"), secret);
    let body = json!({"id": "V-2", "state": "failed"}).to_string();
    let line = signed(now(), &body);
    let unknown = post(gate.address, "/.countersign/nothing", &[], "");
    for wrong in [
        format!(
            "receipts/hook/{}",
            other_than(&format!("{}0", &secret[..21]))
        ),
        format!("receipts/hook/{}", &secret[..21]),
        format!("receipts/hook/{secret}/"),
        format!("receipts/hook/{secret}="),
        "receipts/hook/".to_owned(),
        "receipts/hook".to_owned(),
        "receipts/".to_owned(),
        "receipts".to_owned(),
        format!("receipts/spare/{secret}"),
        format!("receipts//{secret}"),
        format!("receipts/Hook/{secret}"),
        format!("receipts/%68ook/{secret}"),
    ] {
        let answer = post(
            gate.address,
            &format!("/.countersign/{wrong}"),
            &[&line],
            &body,
        );
        assert_eq!(answer.status(), 404, "{wrong}");
        assert_eq!(
            answer.body.len(),
            unknown.body.len(),
            "as any other: {wrong}"
        );
    }
    // The right secret of a carrier that has nothing to tell, and of one that there is not.
    for carrier in ["paper", "nobody"] {
        let path = format!("/.countersign/receipts/{carrier}/{}", own(carrier));
        assert_eq!(post(gate.address, &path, &[&line], &body).status(), 404);
    }
    assert_eq!(waiting.state(), "sent");
}

#[test]
fn c9_a_receipt_of_another_carrier_or_message_is_not_about_this_one() {
    let (app, hook) = (App::new(), Hook::new());
    let gate = hook.gate(&app);
    let mut first = hook.waiting(&gate);
    let mut second = hook.waiting(&gate);
    let spare = format!(
        "/.countersign/receipts/spare/{}",
        gate.running().flow().ring.receipt_secret("spare")
    );
    // The other carrier is the same vendor with the same key: only the address tells them apart.
    for id in [json!("V-2"), hook.message(2)["id"].clone()] {
        let body = json!({"id": id, "state": "failed"}).to_string();
        let answer = post(gate.address, &spare, &[&signed(now(), &body)], &body);
        assert_eq!(
            answer.status(),
            204,
            "unknown and known get the same answer"
        );
    }
    let challenge = first.page.rsplit('/').next().unwrap().to_owned();
    for id in ["V-3", "V-22", "v-2", " V-2", "V-2\n", "", &challenge, "💥"] {
        let word = json!({"id": id, "state": "failed"});
        let answer = tell(gate.address, &hook.message(2), &word);
        assert_eq!((answer.status(), answer.body.len()), (204, 0), "{id:?}");
    }
    assert_eq!(
        (first.state(), second.state()),
        ("sent".to_owned(), "sent".to_owned())
    );
    hook.tells(&gate, 4, "delivered");
    assert_eq!(
        (first.state(), second.state()),
        ("sent".to_owned(), "delivered".to_owned())
    );
}

/// The vendor knows one public address for all sites, and one site's challenge is told of at another's door.
#[test]
fn receipts_come_in_at_every_site() {
    let (app, hook) = (App::new(), Hook::new());
    let second = format!(
        "[sites.second]\nname = \"Second\"\nurl = \"http://second.localhost\"\nupstream = \"{}\"\nsupport = \"Help desk\"\n\
         directory = \"people\"\nscopes = [\"login\"]\n[[sites.second.routes]]\npath = \"/\"\nrequire = \"deny\"\n",
        app.url()
    );
    let gate = hook.start(Setup::new(&app.url()).with(&second));
    let mut waiting = hook.waiting(&gate);
    let body = json!({"id": "V-2", "state": "delivered"}).to_string();
    let mut stream = crate::support::wire::connect(gate.address);
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: second.localhost\r\nContent-Length: {}\r\n{}\r\n\r\n{body}",
        path(&hook.message(2)),
        body.len(),
        signed(now(), &body),
    );
    stream.get_mut().write_all(head.as_bytes()).unwrap();
    let answer = crate::support::wire::read_answer(&mut stream, false).unwrap();
    assert_eq!(answer.status(), 204);
    assert_eq!(waiting.state(), "delivered");
}

/// Vendors are machines: what would make a form suspicious says nothing here, and nothing of the site's gate stands
/// before them.
#[test]
fn a_vendor_needs_no_cookies_and_no_origin() {
    let (app, hook) = (App::new(), Hook::new());
    let gate = hook.start(Setup::new(&app.url()).routes(&[("/**", "deny")]));
    let mut browser = gate.browser();
    assert_eq!(browser.get("/").status(), 403, "the site is closed");
    let path = format!(
        "/.countersign/receipts/hook/{}",
        gate.running().flow().ring.receipt_secret("hook")
    );
    let body = json!({"id": "V-1", "state": "delivered"}).to_string();
    let line = signed(now(), &body);
    for lines in [
        &[][..],
        &["Origin: https://vendor.example"],
        &["Origin: null", "Sec-Fetch-Site: cross-site"],
        &["Cookie: __Host-countersign-app=x; __Host-countersign-app=y; a=b"],
        &[
            "Content-Type: text/plain",
            "Authorization: Basic dmVuZG9yOng=",
        ],
        &[
            "Referer: https://vendor.example/",
            "Accept: application/json",
        ],
        &["Expect: 100-continue"],
    ] {
        let lines: Vec<&str> = lines.iter().copied().chain([line.as_str()]).collect();
        let mut answer = post(gate.address, &format!("{path}?a=%2F&b"), &lines, &body);
        if answer.status() == 100 {
            answer = post(gate.address, &path, &[&line], &body);
        }
        assert_eq!((answer.status(), answer.body.len()), (204, 0), "{lines:?}");
        assert!(answer.head.all("set-cookie").is_empty());
    }
    let by_get = signed(now(), "");
    assert_eq!(
        request(gate.address, "GET", &path, &[&by_get], "").status(),
        400,
        "it is heard"
    );
    assert_eq!(request(gate.address, "HEAD", &path, &[], "").status(), 204);
    for method in ["PUT", "DELETE", "OPTIONS", "PATCH"] {
        let answer = request(gate.address, method, &path, &[&line], &body);
        assert_eq!(answer.status(), 405, "{method}");
    }
    assert!(app.seen().is_empty(), "none of it goes on");
}

#[test]
fn a_vendor_behind_a_proxy_that_ends_tls_is_heard() {
    let (app, hook) = (App::new(), Hook::new());
    let setup = Setup::new(&app.url())
        .with("[listen]\nhttp = [\"127.0.0.1:0\"]\ntrusted_proxies = [\"127.0.0.1\"]")
        .site("url = \"https://app.localhost\"");
    let gate = hook.start(setup);
    let path = format!(
        "/.countersign/receipts/hook/{}",
        gate.running().flow().ring.receipt_secret("hook")
    );
    let line = signed(now(), "[]");
    let by_https = ["X-Forwarded-Proto: https", &line];
    assert_eq!(post(gate.address, &path, &by_https, "[]").status(), 204);
    // By http it has been read on the way, and the address with it: a GET is told where to go, a POST is not taken.
    let answer = request(gate.address, "GET", &format!("{path}?a=%2F"), &[&line], "");
    let location = format!("https://{HOST}{path}?a=%2F");
    assert_eq!(
        (answer.status(), answer.field("location")),
        (308, Some(location.as_str()))
    );
    assert_eq!(post(gate.address, &path, &[&line], "[]").status(), 403);
}

#[test]
fn a1_what_a_vendor_posts_is_bounded() {
    let (app, hook) = (App::new(), Hook::new());
    let gate = hook.gate(&app);
    let mut waiting = hook.waiting(&gate);
    let message = hook.message(2);
    let of = |id: &str, state: &str| json!({"id": id, "state": state});
    // A flood of messages that nobody knows; of one post no more than so many are read.
    let mut flood = vec![of("X", "failed"); 100];
    flood.push(of("V-2", "delivered"));
    for _ in 0..20 {
        assert_eq!(tell(gate.address, &message, &json!(flood)).status(), 204);
    }
    assert_eq!(waiting.state(), "sent", "the last one is one too many");
    flood.remove(0);
    assert_eq!(tell(gate.address, &message, &json!(flood)).status(), 204);
    assert_eq!(waiting.state(), "delivered");
    // 64 KiB and no more.
    for (length, status) in [(64 * 1024, 204), (64 * 1024 + 1, 413)] {
        let body = format!("[{}]", " ".repeat(length - 2));
        let line = signed(now(), &body);
        let answer = post(gate.address, &path(&message), &[&line], &body);
        assert_eq!(answer.status(), status, "{length}");
    }
}

#[test]
fn only_the_browser_that_waits_is_told_and_asking_costs_nothing() {
    let (app, hook) = (App::new(), Hook::new());
    let gate = hook.gate(&app);
    let mut waiting = hook.waiting(&gate);
    let page = waiting.page.clone();
    let state = format!("{page}/state");
    let mut stranger = gate.browser();
    assert_eq!(poll(&mut stranger, &page).status(), 410);
    let mut other = hook.waiting(&gate).browser;
    assert_eq!(poll(&mut other, &page).status(), 410);
    let answer = waiting
        .browser
        .send("GET", &state, &[("sec-purpose", "prefetch")], b"");
    assert_eq!((answer.status(), answer.body.len()), (503, 0));
    assert_eq!(waiting.browser.post(&state, &[]).status(), 404);
    for odd in ["/state/", "/states", "/state?x", "/"] {
        let answer = waiting.browser.get(&format!("{page}{odd}"));
        let found = odd == "/state?x";
        assert_eq!(answer.status(), if found { 200 } else { 404 }, "{odd}");
    }
    let answer = poll(&mut waiting.browser, &page);
    assert_eq!(
        answer.head.names(),
        [
            "cache-control",
            "connection",
            "content-length",
            "content-type",
            "date",
            "x-content-type-options"
        ],
        "no cookies among them"
    );
    assert_eq!(answer.field("content-type"), Some("application/json"));
    assert_eq!(answer.field("cache-control"), Some("no-store"));
    for _ in 0..300 {
        assert_eq!(waiting.state(), "sent");
    }
    assert_eq!(hook.count(&gate), 4, "nothing was sent for it");
    let policy = waiting.browser.get(&page);
    let policy = policy.field("content-security-policy").unwrap();
    assert!(policy.contains("; connect-src 'self'; "), "{policy}");
    let released = waiting.browser.answer(&page, &hook.code(2));
    assert_eq!(
        path_of(released.field("location").unwrap()),
        "/admin",
        "nor a try"
    );
}

/// A page without what differs from one request to the next.
fn shape(page: &str) -> String {
    let mut text = page.to_owned();
    for (start, end) in [
        ("&#x2f;.countersign&#x2f;c&#x2f;", "\""),
        ("name=\"token\" value=\"", "\""),
        ("<bdi dir=\"ltr\">", "<"),
        ("<time ", "</time>"),
        ("data-left=\"", "\""),
        ("data-ends=\"", "\""),
        ("<span id=\"left\">", "<"),
    ] {
        let mut parts = text.split(start);
        let mut blanked = parts.next().unwrap().to_owned();
        for part in parts {
            blanked.push_str(start);
            blanked.push_str(&part[part.find(end).unwrap()..]);
        }
        text = blanked;
    }
    text
}

#[test]
fn c7_a_strangers_page_never_changes() {
    let (app, hook) = (App::new(), Hook::new());
    let gate = hook.gate(&app);
    let mut pages = Vec::new();
    for (user, known) in [("ann", true), ("nobody", false)] {
        let mut browser = gate.browser();
        let page = browser.ask("/", user);
        assert_eq!(hook.count(&gate), 1, "known only");
        let shows = |browser: &mut crate::support::browser::Browser| {
            let polled = poll(browser, &page);
            assert_eq!(polled.status(), 200);
            (shape(&browser.get(&page).text()), polled.text())
        };
        let first = shows(&mut browser);
        for state in ["sent", "failed", "delivered"] {
            if known {
                hook.tells(&gate, 1, state);
            }
            assert_eq!(shows(&mut browser), first, "{user} {state}");
        }
        assert!(!first.0.contains("id=\"fate\"") && !first.0.contains("data-ask"));
        assert_eq!(first.1, r#"{"state":"none","text":""}"#);
        pages.push(first);
    }
    assert_eq!(pages[0], pages[1]);
}

#[test]
fn nobody_is_told_what_a_call_says_without_its_token() {
    let (app, hook) = (App::new(), Hook::new());
    let gate = hook.gate(&app);
    let unknown = request(gate.address, "GET", "/.countersign/nothing", &[], "");
    for token in [
        "",
        "x",
        "4kGyAAAAAAAAAAAAAAAAAA",
        "a/b",
        "%41",
        &"x".repeat(4000),
    ] {
        for method in ["GET", "POST", "HEAD"] {
            let path = format!("/.countersign/voice/{token}");
            let answer = request(gate.address, method, &path, &[], "");
            assert_eq!(answer.status(), 404, "{method} {token}");
            assert_eq!(answer.field("cache-control"), Some("no-store"));
            let length = if method == "HEAD" {
                0
            } else {
                unknown.body.len()
            };
            assert_eq!(answer.body.len(), length, "as any other");
        }
    }
    let large = "x".repeat(64 * 1024 + 1);
    let answer = post(gate.address, "/.countersign/voice/x", &[], &large);
    assert_eq!(answer.status(), 413);
    assert!(app.seen().is_empty());
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn c8_neither_addresses_nor_what_is_posted_there_is_logged() {
    let log = Log::default();
    let logger = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    tracing::subscriber::set_global_default(logger).unwrap();
    let (app, hook) = (App::new(), Hook::new());
    let gate = hook.gate(&app);
    drop(hook.waiting(&gate));
    let message = hook.message(2);
    let address = path(&message);
    hook.tells(&gate, 2, "sent");
    let failed = |id: &str, reason: &str| json!({"id": id, "state": "failed", "reason": reason});
    for word in [failed("V-2", "landline"), failed("V-1", "+12025550143")] {
        assert_eq!(tell(gate.address, &message, &word).status(), 204);
    }
    post(gate.address, &address, &[], "TheForgedBody");
    post(gate.address, &format!("{address}x"), &[], "TheForgedBody");
    request(
        gate.address,
        "GET",
        "/.countersign/voice/TheOneTimeToken",
        &[],
        "",
    );
    drop(gate);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let told = |text: &str| log.matches(text).count();
    assert_eq!(
        (told("state=\"sent\""), told("state=\"landline\"")),
        (1, 1),
        "{log}"
    );
    assert_eq!(told("state=\"transient\""), 1, "{log}");
    assert_eq!(told("a receipt was refused"), 1, "{log}");
    let secret = address.rsplit('/').next().unwrap();
    for text in [
        secret,
        "TheForgedBody",
        "TheOneTimeToken",
        "2025550143",
        "hook key",
    ] {
        assert!(!log.contains(text), "{text} was logged");
    }
    for n in [1, 2] {
        assert!(
            !log.contains(&format!(" {} ", hook.code(n))),
            "a code was logged"
        );
    }
}
