//! What goes up and what comes down, as tables; and what becomes of a connection that died at rest.

use std::cell::RefCell;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Version};
use http_body_util::BodyExt;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::LocalSet;

use super::head::Constant;
use super::identity::Identity;
use super::*;
use crate::challenge::tests::{at, verified};
use crate::form::Form;
use crate::gate::tests::site;
use crate::gate::{Mentioned, Said, Verdict, decide};
use crate::grant::Grant;
use crate::request::check;
use crate::route::Class;
use crate::site::{Origin, Site};

/// The site of these tables: `/open` and `/read` for everybody, the rest for who has a grant.
fn portal() -> Site {
    site(&[("/open", Class::PublicFull), ("/read", Class::Public)])
}

fn settings(upstream: &str, host: HostMode) -> Settings {
    let (scheme, authority) = upstream.split_once("://").unwrap();
    let (name, port) = authority.split_once(':').unwrap_or((authority, "80"));
    let (name, port) = (name.to_owned(), port.parse().unwrap());
    Settings {
        address: match scheme {
            "https" => Address::Tls {
                host: name,
                port,
                ca: None,
            },
            _ => Address::Tcp { host: name, port },
        },
        authority: authority.to_owned(),
        host,
        rewrite: Vec::new(),
    }
}

static PEER: HeaderValue = HeaderValue::from_static("2001:db8::9");

fn surroundings<'a>(
    site: &'a Site,
    identity: Option<&'a Identity>,
    constant: &'a Constant,
) -> Surroundings<'a> {
    Surroundings {
        site,
        peer_text: &PEER,
        identity,
        unix: 1_795_375_800,
        constant,
    }
}

fn checked(method: &str, path: &str, fields: &[(&str, &str)]) -> Checked {
    let mut builder = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "app.example");
    for (name, value) in fields {
        builder = builder.header(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    check(builder.body(()).unwrap().into_parts().0, true).unwrap()
}

/// A pass for the request, as ann who has the grant for login.
fn passed(site: &Site, request: &Checked) -> Pass {
    let held = [Grant::issue(verified("login", "ann"), [1; 16], at(0))];
    let held = if request.target().path() == "/private" {
        &held[..]
    } else {
        &[]
    };
    let said = Said {
        form: &Form::Unread,
        logins: &[],
        password: Mentioned::Nowhere,
        bearer: None,
    };
    match decide(site, request, said, held) {
        Verdict::Forward(pass) => pass,
        other => panic!("{other:?}"),
    }
}

fn written(
    upstream: &str,
    host: HostMode,
    identity: Option<&Identity>,
    request: Checked,
) -> Request<Upload> {
    let site = portal();
    let pass = passed(&site, &request);
    let settings = settings(upstream, host);
    let constant = Constant::new(&settings, &site);
    head::write(
        &pass,
        request,
        Upload::empty(),
        &settings,
        &surroundings(&site, identity, &constant),
    )
}

fn values<'f>(fields: &'f HeaderMap, name: &str) -> Vec<&'f [u8]> {
    fields
        .get_all(name)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect()
}

#[test]
fn host_origin_and_referer_are_one() {
    let own = "http://10.0.0.5:8080";
    for (field, value, upstream) in [
        ("origin", "https://app.example", "http://10.0.0.5:8080"),
        ("origin", "https://friend.example", "https://friend.example"),
        ("referer", "https://app.example", "http://10.0.0.5:8080"),
        ("referer", "https://app.example/", "http://10.0.0.5:8080/"),
        (
            "referer",
            "https://app.example/a?b=https://app.example/",
            "http://10.0.0.5:8080/a?b=https://app.example/",
        ),
        ("referer", "https://app.example?a", "http://10.0.0.5:8080?a"),
        (
            "referer",
            "https://app.example.evil/",
            "https://app.example.evil/",
        ),
        (
            "referer",
            "https://app.example:8443/",
            "https://app.example:8443/",
        ),
        ("referer", "http://app.example/", "http://app.example/"),
        (
            "referer",
            "https://app.example/caf\u{e9}",
            "https://app.example/caf\u{e9}",
        ),
        ("referer", "about:blank", "about:blank"),
    ] {
        for (mode, host, wanted) in [
            (HostMode::Upstream, "10.0.0.5:8080", upstream),
            (HostMode::Preserve, "app.example", value),
        ] {
            let request = checked("POST", "/private", &[(field, value)]);
            let up = written(own, mode, None, request);
            assert_eq!(values(up.headers(), "host"), [host.as_bytes()]);
            assert_eq!(
                values(up.headers(), field),
                [wanted.as_bytes()],
                "{mode:?} {value}"
            );
        }
    }
    let up = written(
        "https://app.internal:8443",
        HostMode::Upstream,
        None,
        checked("POST", "/private", &[("origin", "https://app.example")]),
    );
    assert_eq!(
        values(up.headers(), "origin"),
        [b"https://app.internal:8443"]
    );
}

#[test]
fn r6_each_request_has_one_framing() {
    for (method, fields, length, coding) in [
        ("GET", &[] as &[(&str, &str)], None, None),
        ("HEAD", &[], None, None),
        ("OPTIONS", &[], None, None),
        ("POST", &[], Some("0"), None),
        ("DELETE", &[], Some("0"), None),
        ("POST", &[("content-length", "12")], Some("12"), None),
        ("POST", &[("content-length", "0012")], Some("12"), None),
        ("GET", &[("content-length", "12")], Some("12"), None),
        (
            "POST",
            &[("transfer-encoding", "Chunked")],
            None,
            Some("chunked"),
        ),
    ] {
        let up = written(
            "http://up",
            HostMode::Upstream,
            None,
            checked(method, "/private", fields),
        );
        let text = |name| {
            values(up.headers(), name)
                .into_iter()
                .map(|value| std::str::from_utf8(value).unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            text("content-length"),
            Vec::from_iter(length),
            "{method} {fields:?}"
        );
        assert_eq!(
            text("transfer-encoding"),
            Vec::from_iter(coding),
            "{method} {fields:?}"
        );
        assert_eq!(up.version(), Version::HTTP_11);
        assert_eq!(text("host").len(), 1, "{method} {fields:?}");
    }
}

#[test]
fn r1_the_target_is_the_one_that_was_judged() {
    for target in [
        "/private",
        "/private?a=%2F..&b",
        "/private?",
        "/private?//a%2Fb;c=%C3%A9/../%e9",
    ] {
        let up = written(
            "http://up",
            HostMode::Upstream,
            None,
            checked("GET", target, &[]),
        );
        assert_eq!(up.uri().to_string(), target);
    }
}

#[test]
fn r10_each_way_takes_its_own_fields_up() {
    let fields = [
        ("cookie", "a=1; __Host-countersign-portal-login=x; b=\"2\""),
        ("authorization", "Basic YTpi"),
        ("x-app-user", "root"),
        ("x_app_user", "root"),
    ];
    let identity = Identity::new(identity::Settings {
        header: Some(HeaderName::from_static("x-app-user")),
        ..identity::Settings::default()
    });
    for (path, cookie, authorization, who) in [
        (
            "/private",
            Some("a=1; b=\"2\""),
            Some("Basic YTpi"),
            Some("ann"),
        ),
        ("/open", Some("a=1; b=\"2\""), Some("Basic YTpi"), None),
        ("/read", None, None, None),
    ] {
        let up = written(
            "http://up",
            HostMode::Upstream,
            Some(&identity),
            checked("GET", path, &fields),
        );
        let field = |name: &str| {
            let all = values(up.headers(), name);
            assert!(all.len() <= 1, "{path} {name}");
            all.first().map(|value| std::str::from_utf8(value).unwrap())
        };
        assert_eq!(field("cookie"), cookie, "{path}");
        assert_eq!(field("authorization"), authorization, "{path}");
        assert_eq!(field("x-app-user"), who, "{path}");
        assert_eq!(field("x_app_user"), None, "{path}");
        assert_eq!(field("x-forwarded-for"), Some("2001:db8::9"));
        assert_eq!(field("x-real-ip"), Some("2001:db8::9"));
        assert_eq!(field("x-forwarded-proto"), Some("https"));
        assert_eq!(field("x-forwarded-host"), Some("app.example"));
    }
}

#[test]
fn only_what_means_the_same_twice_is_kept_to_be_sent_again() {
    for (method, body, kept) in [
        (Method::GET, "", true),
        (Method::HEAD, "", true),
        (Method::PUT, "", true),
        (Method::DELETE, "", true),
        (Method::POST, "", false),
        (Method::PATCH, "", false),
        (Method::PUT, "body", false),
        (Method::GET, "body", false),
    ] {
        let mut request = Request::new(Upload::bytes(Bytes::from_static(body.as_bytes())));
        *request.method_mut() = method.clone();
        assert_eq!(head::copy(&request).is_some(), kept, "{method} {body:?}");
    }
}

/// What a visitor with a pass for `path` gets of an answer with these fields.
fn cleaned(
    upstream: &str,
    host: HostMode,
    path: &str,
    status: u16,
    fields: &[(&str, &str)],
) -> Result<HeaderMap, Failed> {
    cleaned_for(&portal(), upstream, host, (path, status), fields)
}

fn cleaned_for(
    site: &Site,
    upstream: &str,
    host: HostMode,
    (path, status): (&str, u16),
    fields: &[(&str, &str)],
) -> Result<HeaderMap, Failed> {
    let pass = passed(&portal(), &checked("GET", path, &[]));
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in fields {
        response.headers_mut().append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    let settings = settings(upstream, host);
    let constant = Constant::new(&settings, site);
    answer::clean(
        &mut response,
        &pass,
        &settings,
        &surroundings(site, None, &constant),
    )?;
    assert_eq!(response.version(), Version::HTTP_11);
    Ok(response.headers().clone())
}

/// What becomes of a field of an answer of `http://10.0.0.5:8080` where answers are mapped back; elsewhere nothing does.
fn check_mapped(rows: &[(&str, &str, &str)]) {
    let own = "http://10.0.0.5:8080";
    for &(name, value, mapped) in rows {
        for (mode, wanted) in [(HostMode::Upstream, mapped), (HostMode::Preserve, value)] {
            let fields = cleaned(own, mode, "/private", 302, &[(name, value)]).unwrap();
            assert_eq!(
                values(&fields, name),
                [wanted.as_bytes()],
                "{mode:?} {name}: {value}"
            );
        }
    }
}

#[test]
fn what_an_application_says_of_its_own_origin_is_mapped_back() {
    check_mapped(&[
        (
            "location",
            "http://10.0.0.5:8080/a?b#c",
            "https://app.example/a?b#c",
        ),
        ("location", "http://10.0.0.5:8080", "https://app.example"),
        (
            "location",
            "http://10.0.0.5:8080?a",
            "https://app.example?a",
        ),
        ("location", "HTTP://10.0.0.5:8080/", "https://app.example/"),
        // Behind a proxy with TLS applications guess the other scheme.
        (
            "location",
            "https://10.0.0.5:8080/a",
            "https://app.example/a",
        ),
        ("location", "//10.0.0.5:8080/a", "https://app.example/a"),
        ("location", "//10.0.0.5/a", "https://app.example/a"),
        ("location", "/a", "/a"),
        ("location", "", ""),
        ("location", "http://10.0.0.5/", "https://app.example/"),
        // What stands behind the host is the application's business, in any charset.
        (
            "location",
            "http://10.0.0.5:8080/caf\u{e9}",
            "https://app.example/caf\u{e9}",
        ),
        (
            "location",
            "http://ann@10.0.0.5:8080/",
            "http://ann@10.0.0.5:8080/",
        ),
        (
            "location",
            "http://10.0.0.5:80801/",
            "http://10.0.0.5:80801/",
        ),
        (
            "location",
            "http://10.0.0.5:8080.evil.example/",
            "http://10.0.0.5:8080.evil.example/",
        ),
        (
            "location",
            "http://10.0.0.5:8080@evil.example/",
            "http://10.0.0.5:8080@evil.example/",
        ),
        (
            "location",
            "https://else.example/?to=http://10.0.0.5:8080/",
            "https://else.example/?to=http://10.0.0.5:8080/",
        ),
        (
            "location",
            "/login?url=http://10.0.0.5:8080/a",
            "/login?url=http://10.0.0.5:8080/a",
        ),
        (
            "location",
            "http://10.0.0.5:8080/login?url=/a",
            "https://app.example/login?url=/a",
        ),
    ]);
}

#[test]
fn what_else_names_an_address_is_mapped_back_or_left_alone() {
    check_mapped(&[
        (
            "content-location",
            "http://10.0.0.5:8080/a",
            "https://app.example/a",
        ),
        (
            "refresh",
            "0; url=http://10.0.0.5:8080/a",
            "0; url=https://app.example/a",
        ),
        (
            "refresh",
            "5;URL=http://10.0.0.5:8080/a",
            "5;URL=https://app.example/a",
        ),
        (
            "refresh",
            "5; url='http://10.0.0.5:8080/a'",
            "5; url='https://app.example/a'",
        ),
        (
            "refresh",
            "0;http://10.0.0.5:8080/a",
            "0;https://app.example/a",
        ),
        (
            "refresh",
            "5, URL = \"http://10.0.0.5\"",
            "5, URL = \"https://app.example\"",
        ),
        (
            "refresh",
            "0;url='http://10.0.0.5'.evil.example/'",
            "0;url='http://10.0.0.5'.evil.example/'",
        ),
        ("refresh", "5; url=/a", "5; url=/a"),
        ("refresh", "5", "5"),
        (
            "link",
            "<http://10.0.0.5:8080/a>",
            "<http://10.0.0.5:8080/a>",
        ),
    ]);
}

#[test]
fn each_of_several_references_is_mapped_in_its_place() {
    let fields = cleaned(
        "http://10.0.0.5:8080",
        HostMode::Upstream,
        "/private",
        302,
        &[
            ("location", "http://10.0.0.5:8080/a"),
            ("location", "/b"),
            ("location", "//10.0.0.5/c"),
        ],
    )
    .unwrap();
    assert_eq!(
        values(&fields, "location"),
        [
            &b"https://app.example/a"[..],
            b"/b",
            b"https://app.example/c"
        ]
    );
}

#[test]
fn a_cookie_that_the_public_host_is_not_under_is_one_for_the_public_host_alone() {
    for (cookie, mended) in [
        ("a=1", "a=1"),
        ("a=1; Domain=app.internal", "a=1"),
        ("a=1; domain = .APP.internal ; Path=/", "a=1; Path=/"),
        (
            "a=1;Path=/;Domain=app.internal;HttpOnly",
            "a=1;Path=/;HttpOnly",
        ),
        // Browsers that know the public name alone would throw these away.
        ("a=1; Domain=internal", "a=1"),
        ("a=1; Domain=localhost", "a=1"),
        ("a=1; Domain=other.example; Secure", "a=1; Secure"),
        ("a=1; Domain=x.app.example", "a=1"),
        ("a=1; Domain=pp.example", "a=1"),
        ("a=1; Domain=app.internal:8443", "a=1"),
        // These cover it.
        ("a=1; Domain=app.example", "a=1; Domain=app.example"),
        ("a=1; Domain=.App.Example", "a=1; Domain=.App.Example"),
        ("a=1; Domain=example", "a=1; Domain=example"),
        // The last one counts, and an empty one is none.
        ("a=1; Domain=app.example; Domain=internal", "a=1"),
        (
            "a=1; Domain=internal; Domain=app.example",
            "a=1; Domain=internal; Domain=app.example",
        ),
        ("a=1; Domain=internal; Domain=", "a=1; Domain="),
        ("a=1; Domain=", "a=1; Domain="),
        ("a=1; Domain", "a=1; Domain"),
        ("domain=app.internal", "domain=app.internal"),
        // Browsers know no quotes here.
        ("a=\"; Domain=app.internal\"", "a=\""),
    ] {
        let up = "https://app.internal:8443";
        let fields = cleaned(
            up,
            HostMode::Upstream,
            "/private",
            200,
            &[
                ("set-cookie", "first=1"),
                ("set-cookie", cookie),
                ("set-cookie", "last=1"),
            ],
        )
        .unwrap();
        assert_eq!(
            values(&fields, "set-cookie"),
            [b"first=1", mended.as_bytes(), b"last=1"],
            "{cookie}"
        );
        let fields = cleaned(
            up,
            HostMode::Preserve,
            "/private",
            200,
            &[("set-cookie", cookie)],
        )
        .unwrap();
        assert_eq!(values(&fields, "set-cookie"), [cookie.as_bytes()]);
    }
}

#[test]
fn nothing_is_under_an_address() {
    for (public, domain, kept) in [
        ("http://127.0.0.1:8080", "0.0.1", false),
        ("http://127.0.0.1:8080", "127.0.0.1", true),
        ("http://[::1]:8080", "[::1]", true),
        ("http://[::1]:8080", "1]", false),
        ("http://localhost:8080", "localhost", true),
        ("http://app.localhost", "localhost", true),
    ] {
        let mut site = portal();
        site.origin = Origin::parse(public).unwrap();
        let cookie = format!("a=1; Domain={domain}");
        let fields = cleaned_for(
            &site,
            "http://10.0.0.5",
            HostMode::Upstream,
            ("/private", 200),
            &[("set-cookie", &cookie)],
        )
        .unwrap();
        let wanted = if kept { &cookie } else { "a=1" };
        assert_eq!(
            values(&fields, "set-cookie"),
            [wanted.as_bytes()],
            "{public} {domain}"
        );
    }
}

#[test]
fn s6_an_answer_touches_nothing_of_ours() {
    for (name, value, stays) in [
        ("set-cookie", "__Host-countersign-portal=x", false),
        ("set-cookie", "countersign-portal-login=; Max-Age=0", false),
        ("set-cookie", "x=__Host-countersign-portal=x", true),
        ("clear-site-data", "\"cookies\"", false),
        ("clear-site-data", "\"cache\", \"cookies\"", false),
        ("clear-site-data", "\"*\"", false),
        ("clear-site-data", "\"cache\"", true),
        ("connection", "keep-alive", false),
        ("keep-alive", "timeout=5", false),
        ("trailer", "x", false),
        ("proxy-authenticate", "Basic", false),
        ("x-kept", "1", true),
    ] {
        let fields = cleaned(
            "http://up",
            HostMode::Upstream,
            "/private",
            200,
            &[(name, value)],
        )
        .unwrap();
        assert_eq!(fields.contains_key(name), stays, "{name}: {value}");
    }
}

#[test]
fn the_anonymous_zone_sets_no_cookie_and_varies_by_it() {
    let fields = cleaned(
        "http://up",
        HostMode::Upstream,
        "/read",
        200,
        &[("set-cookie", "sid=1"), ("vary", "Accept")],
    )
    .unwrap();
    assert_eq!(values(&fields, "set-cookie"), [b""; 0]);
    assert_eq!(values(&fields, "vary"), [&b"Accept"[..], b"Cookie"]);
}

#[test]
fn r6_an_answer_with_two_ends_is_unsound() {
    for fields in [
        &[("transfer-encoding", "chunked"), ("content-length", "5")] as &[_],
        &[("transfer-encoding", "gzip")],
        &[("transfer-encoding", "gzip, chunked")],
        &[
            ("transfer-encoding", "chunked"),
            ("transfer-encoding", "chunked"),
        ],
        &[("transfer-encoding", "")],
    ] {
        let failed = cleaned("http://up", HostMode::Upstream, "/private", 200, fields);
        assert!(matches!(failed, Err(Failed::Unsound(_))), "{fields:?}");
    }
    let chunked = &[("transfer-encoding", "Chunked")];
    let fields = cleaned("http://up", HostMode::Upstream, "/private", 200, chunked).unwrap();
    assert!(fields.is_empty(), "{fields:?}");
}

#[test]
fn r8_hop_by_hop_fields_of_an_answer_end_here() {
    let said = [
        ("connection", "X-Internal, keep-alive, Set-Cookie"),
        ("x-internal", "10.0.0.7"),
        ("keep-alive", "timeout=5"),
        ("proxy-authenticate", "Basic"),
        ("upgrade", "h2c"),
        ("trailer", "x"),
        ("set-cookie", "a=1"),
        ("x-kept", "1"),
    ];
    let fields = cleaned("http://up", HostMode::Upstream, "/private", 200, &said).unwrap();
    let mut names: Vec<&str> = fields.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["set-cookie", "x-kept"]);
}

#[test]
fn r9_a_tunnel_says_what_it_is_anew() {
    let fields = cleaned(
        "http://up",
        HostMode::Upstream,
        "/private",
        101,
        &[
            ("connection", "upgrade, x-hop"),
            ("upgrade", "WebSocket"),
            ("x-hop", "1"),
            ("sec-websocket-accept", "a"),
        ],
    )
    .unwrap();
    assert_eq!(values(&fields, "connection"), [b"Upgrade"]);
    assert_eq!(values(&fields, "upgrade"), [b"websocket"]);
    assert_eq!(values(&fields, "sec-websocket-accept"), [b"a"]);
    assert!(!fields.contains_key("x-hop"));
}

#[test]
fn each_failure_has_its_status() {
    let broken = || std::io::Error::other("x");
    for (failed, status) in [
        (Failed::Connect(broken()), 502),
        (Failed::Unsound("x"), 502),
        (Failed::ConnectTimeout, 504),
        (Failed::Full, 503),
        (Failed::Timeout, 504),
    ] {
        assert_eq!(failed.status(), status, "{failed}");
    }
}

/// An application that answers the first request of its first connection, and closes it at the second.
async fn closes_late(listener: TcpListener, arrived: Rc<RefCell<Vec<usize>>>) {
    for connection in 1.. {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        let mut count = 0;
        let mut line = String::new();
        while stream
            .read_line(&mut line)
            .await
            .is_ok_and(|count| count > 0)
        {
            if line == "\r\n" {
                arrived.borrow_mut().push(connection);
                count += 1;
                if connection == 1 && count == 2 {
                    break;
                }
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                stream.get_mut().write_all(answer).await.unwrap();
            }
            line.clear();
        }
    }
}

/// Two requests with a rest between them; the second finds its connection closing. Gives the second's status, and
/// over which connections requests arrived.
async fn after_a_rest(method: &'static str) -> (Option<StatusCode>, Vec<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let arrived = Rc::new(RefCell::default());
    tokio::task::spawn_local(closes_late(listener, Rc::clone(&arrived)));
    let settings = settings(&format!("http://{address}"), HostMode::Upstream);
    let site = portal();
    let constant = Constant::new(&settings, &site);
    let upstream = Upstream::new(Arc::new(settings), None, &Room::new(8, 1));
    let send = async |method| {
        let request = checked(method, "/private", &[]);
        let pass = passed(&site, &request);
        let response = upstream
            .forward(
                &pass,
                request,
                Upload::empty(),
                &surroundings(&site, None, &constant),
            )
            .await?;
        let status = response.status();
        response.into_body().collect().await.unwrap();
        Ok::<_, Failed>(status)
    };
    send("GET").await.unwrap();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(1)).await;
    tokio::time::resume();
    let second = send(method).await.ok();
    (second, arrived.take())
}

#[tokio::test]
async fn a_get_over_a_connection_that_closed_at_rest_is_sent_once_more() {
    let (status, arrived) = LocalSet::new().run_until(after_a_rest("GET")).await;
    assert_eq!((status, arrived), (Some(StatusCode::OK), vec![1, 1, 2]));
}

#[tokio::test]
async fn a_post_over_a_connection_that_closed_at_rest_is_not_sent_twice() {
    let (status, arrived) = LocalSet::new().run_until(after_a_rest("POST")).await;
    assert_eq!((status, arrived), (None, vec![1, 1]));
}

/// Connections that rest hold files too: they must not keep other sites from their applications.
#[tokio::test]
async fn a7_a_connection_that_rests_makes_way_for_one_that_is_needed() {
    let story = async {
        let site = portal();
        let room = Room::new(2, 3);
        let mut upstreams = Vec::new();
        for _ in 0..3 {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::task::spawn_local(closes_late(listener, Rc::default()));
            let settings = settings(&format!("http://{address}"), HostMode::Upstream);
            upstreams.push(Upstream::new(Arc::new(settings), None, &room));
        }
        for upstream in &upstreams {
            let constant = Constant::new(upstream.settings(), &site);
            let request = checked("GET", "/private", &[]);
            let pass = passed(&site, &request);
            let surroundings = surroundings(&site, None, &constant);
            let answered = upstream.forward(&pass, request, Upload::empty(), &surroundings);
            let answer = answered.await.unwrap();
            answer.into_body().collect().await.unwrap();
        }
        upstreams
            .iter()
            .map(|own| own.pool.resting())
            .sum::<usize>()
    };
    assert_eq!(LocalSet::new().run_until(story).await, 2);
}
