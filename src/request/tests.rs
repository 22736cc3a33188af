//! The check of heads, as a table of what hyper lets through.

use http::Request;

use super::*;

fn checked(
    build: impl FnOnce(http::request::Builder) -> http::request::Builder,
) -> Result<Checked, Malformed> {
    let (parts, ()) = build(Request::builder().header("host", "app.example"))
        .body(())
        .unwrap()
        .into_parts();
    check(parts, true)
}

fn with(fields: &[(&str, &str)]) -> Result<Checked, Malformed> {
    checked(|builder| {
        fields
            .iter()
            .fold(builder.uri("/a?b"), |builder, (name, value)| {
                builder.header(*name, *value)
            })
    })
}

fn names(checked: &Checked) -> Vec<&str> {
    let mut names: Vec<&str> = checked.fields().keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    names
}

#[test]
fn r3_methods_that_are_never_forwarded_are_refused() {
    for method in ["CONNECT", "TRACE"] {
        assert_eq!(
            checked(|builder| builder.method(method).uri("/"))
                .unwrap_err()
                .status(),
            405,
            "{method}"
        );
    }
    for method in [
        "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "get",
    ] {
        assert_eq!(
            checked(|builder| builder.method(method).uri("/"))
                .unwrap()
                .method(),
            method
        );
    }
}

#[test]
fn r3_targets_are_paths_or_whole_addresses_of_their_host() {
    for good in [
        "/",
        "/a/b?c=%2F",
        "http://app.example/x",
        "https://APP.example/x",
        "http://app.example",
    ] {
        assert!(checked(|builder| builder.uri(good)).is_ok(), "{good}");
    }
    for bad in [
        "admin",
        "http://other.example/x",
        "http://u:p@app.example/",
        "ftp://app.example/",
        "http://app.example:81/",
    ] {
        assert_eq!(
            checked(|builder| builder.uri(bad)).unwrap_err().status(),
            400,
            "{bad}"
        );
    }
    assert_eq!(
        checked(|builder| builder.uri("*")).unwrap_err().status(),
        400
    );
    assert!(checked(|builder| builder.method("OPTIONS").uri("*")).is_ok());
}

/// Even where Host says the same.
#[test]
fn r3_user_information_is_refused() {
    let (parts, ()) = Request::builder()
        .uri("http://u:p@app.example/")
        .header("host", "u:p@app.example")
        .body(())
        .unwrap()
        .into_parts();
    assert_eq!(check(parts, true).unwrap_err().status(), 400);
}

#[test]
fn r6_a_whole_address_needs_a_host_as_well() {
    for version in [Version::HTTP_10, Version::HTTP_11] {
        let (parts, ()) = Request::builder()
            .version(version)
            .uri("http://app.example/")
            .body(())
            .unwrap()
            .into_parts();
        assert_eq!(check(parts, true).unwrap_err().status(), 400, "{version:?}");
    }
}

#[test]
fn r6_exactly_one_host() {
    let parts = |fields: &[&str]| {
        let builder = fields
            .iter()
            .fold(Request::builder().uri("/"), |builder, host| {
                builder.header("host", *host)
            });
        builder.body(()).unwrap().into_parts().0
    };
    assert!(check(parts(&["app.example"]), true).is_ok());
    for bad in [
        &[] as &[&str],
        &[""],
        &["app.example", "app.example"],
        &["app.example", "evil.example"],
    ] {
        assert_eq!(
            check(parts(bad), true).unwrap_err().status(),
            400,
            "{bad:?}"
        );
    }
}

#[test]
fn r6_framing_that_two_servers_could_read_differently_is_refused() {
    for bad in [
        &[("transfer-encoding", "chunked"), ("content-length", "5")] as &[_],
        &[("content-length", "5"), ("transfer-encoding", "chunked")],
        &[("content-length", "5"), ("content-length", "6")],
        &[("content-length", "+5")],
        &[("content-length", "5, 5")],
        &[("content-length", "")],
        &[("content-length", "0x5")],
        &[("content-length", "99999999999999999999")],
        &[("transfer-encoding", "gzip, chunked")],
        &[("transfer-encoding", "chunked, chunked")],
        &[("transfer-encoding", "xchunked")],
        &[
            ("transfer-encoding", "chunked"),
            ("transfer-encoding", "chunked"),
        ],
        &[("transfer-encoding", "identity")],
        &[("transfer_encoding", "chunked")],
        &[("content_length", "5")],
        &[("transfer.encoding", "chunked")],
        &[("transfer~encoding", "chunked")],
        &[("content+length", "5")],
        &[("content-length_", "5")],
        &[("_host", "evil.example")],
        &[("connection", "close, content-length")],
        &[("connection", "host")],
        &[("connection", "Cookie")],
        &[("connection", "x-forwarded-for")],
        &[("connection", "authorization")],
    ] {
        assert_eq!(with(bad).unwrap_err().status(), 400, "{bad:?}");
    }
    for (good, framing, closing) in [
        (&[] as &[(&str, &str)], Framing::Empty, false),
        (&[("content-length", "0")], Framing::Empty, false),
        (&[("content-length", "5")], Framing::Length(5), false),
        (
            &[("content-length", "5"), ("content-length", "5")],
            Framing::Length(5),
            false,
        ),
        (&[("transfer-encoding", "Chunked")], Framing::Chunked, true),
    ] {
        let checked = with(good).unwrap();
        assert_eq!(
            (checked.framing(), checked.closing()),
            (framing, closing),
            "{good:?}"
        );
        assert_eq!(names(&checked), [""; 0], "framing is written anew");
    }
    let old = checked(|builder| {
        builder
            .version(Version::HTTP_10)
            .uri("/")
            .header("transfer-encoding", "chunked")
    });
    assert_eq!(
        old.unwrap_err().status(),
        400,
        "no Transfer-Encoding in HTTP/1.0"
    );
}

#[test]
fn r8_hop_by_hop_fields_end_here() {
    let checked = with(&[
        ("connection", "keep-alive, X-Own, close"),
        ("x-own", "1"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("proxy-authorization", "Basic x"),
        ("proxy", "evil"),
        ("te", "trailers"),
        ("trailer", "x"),
        ("upgrade", "h2c"),
        ("http2-settings", "AAMAAABkAAQAAP__"),
        ("expect", "100-continue"),
        ("accept", "*/*"),
    ])
    .unwrap();
    assert_eq!(names(&checked), ["accept"]);
    assert!(checked.expects_continue() && !checked.websocket());
    assert_eq!(with(&[("expect", "something")]).unwrap_err().status(), 417);
}

#[test]
fn r8_connection_itself_ends_here() {
    let checked = with(&[("connection", "X-Own"), ("x-own", "1"), ("accept", "*/*")]).unwrap();
    assert_eq!(names(&checked), ["accept"]);
}

#[test]
fn r8_connection_takes_nothing_away_that_must_go_on() {
    for name in [
        "Host",
        "cookie",
        "Authorization",
        "origin",
        "referer",
        "content-length",
        "Content-Type",
        "forwarded",
        "x-real-ip",
        "X-Forwarded-For",
        "x-forwarded-proto",
        "x-countersign-user",
        "sec-websocket-key",
    ] {
        let malformed = with(&[("connection", &format!("close, {name}"))]).unwrap_err();
        assert_eq!(malformed.status(), 400, "{name}");
    }
}

#[test]
fn r10_no_client_says_who_it_is() {
    for name in [
        "x-remote-user",
        "X-Remote-User",
        "x_remote_user",
        "remote-user",
        "remote_user",
        "x-forwarded-user",
        "x-forwarded-for",
        "x_forwarded_for",
        "x-forwarded-proto",
        "x-forwarded-host",
        "x-real-ip",
        "forwarded",
        "x-auth-request-email",
        "x-webauth-user",
        "x-countersign-user",
        "x_countersign_scope",
        "ssl_client_s_dn",
        "ssl-client-verify",
        "x-ssl-client-cn",
    ] {
        assert_eq!(
            names(&with(&[(name, "root"), ("accept", "*/*")]).unwrap()),
            ["accept"],
            "{name}"
        );
    }
    let kept = with(&[
        ("x-requested-with", "XMLHttpRequest"),
        ("referer", "/"),
        ("sec-fetch-mode", "cors"),
        ("x-csrf-token", "1"),
    ])
    .unwrap();
    assert_eq!(
        names(&kept),
        [
            "referer",
            "sec-fetch-mode",
            "x-csrf-token",
            "x-requested-with"
        ]
    );
}

#[test]
fn r5_a_field_that_says_another_method_is_noticed_and_goes_on() {
    for name in [
        "X-HTTP-Method-Override",
        "x-http-method",
        "X-Method-Override",
        "X_HTTP_METHOD_OVERRIDE",
        "X-HTTP_Method.Override",
    ] {
        let found = with(&[(name, "DELETE")]).unwrap();
        assert!(found.overridden(), "{name}");
        assert_eq!(names(&found), [name.to_ascii_lowercase()]);
        assert!(found.overriding().is_some());
        let own = found.following(found.target().clone(), None);
        assert!(!own.overridden(), "it does not ride on a request of ours");
    }
    for name in ["X-Method", "X-HTTP-Methods", "XxHTTP-Method", "Method"] {
        let found = with(&[(name, "DELETE")]).unwrap();
        assert!(
            !found.overridden() && found.overriding().is_none(),
            "{name}"
        );
    }
}

#[test]
fn r9_a_websocket_handshake_is_whole_or_refused() {
    let good = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
    ];
    let checked = with(&good).unwrap();
    assert!(checked.websocket());
    assert_eq!(
        names(&checked),
        ["sec-websocket-key", "sec-websocket-version"]
    );
    for (at, value) in [(2, "short"), (2, "dGhlIHNhbXBsZSBub25jZQ=!"), (3, "8")] {
        let mut bad = good;
        bad[at].1 = value;
        assert_eq!(with(&bad).unwrap_err().status(), 400, "{bad:?}");
    }
    let without = |name: &str| {
        with(
            &good
                .iter()
                .copied()
                .filter(|(own, _)| *own != name)
                .collect::<Vec<_>>(),
        )
    };
    assert_eq!(without("sec-websocket-key").unwrap_err().status(), 400);
    assert!(
        !without("connection").unwrap().websocket(),
        "an Upgrade that Connection does not name is none"
    );
    let post = self::checked(|builder| {
        good.iter()
            .fold(builder.method("POST").uri("/"), |b, (name, value)| {
                b.header(*name, *value)
            })
    });
    assert_eq!(post.unwrap_err().status(), 400);
    assert!(
        !with(&[("connection", "Upgrade"), ("upgrade", "h2c")])
            .unwrap()
            .websocket()
    );
}

#[test]
fn r9_a_websocket_handshake_is_of_http_1_1_and_without_a_body() {
    let asked = |version: Version, fields: &[(&str, &str)]| {
        checked(|builder| {
            let builder = builder
                .version(version)
                .uri("/")
                .header("connection", "upgrade")
                .header("upgrade", "websocket")
                .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
                .header("sec-websocket-version", "13");
            fields.iter().fold(builder, |builder, (name, value)| {
                builder.header(*name, *value)
            })
        })
    };
    assert!(asked(Version::HTTP_11, &[]).unwrap().websocket());
    assert_eq!(asked(Version::HTTP_10, &[]).unwrap_err().status(), 400);
    let body = asked(Version::HTTP_11, &[("content-length", "5")]);
    assert_eq!(body.unwrap_err().status(), 400);
    assert!(
        !asked(Version::HTTP_2, &[]).is_ok_and(|asked| asked.websocket()),
        "HTTP/2 has no Upgrade"
    );
}

#[test]
fn a1_a_head_has_its_bounds() {
    assert_eq!((MAX_FIELDS, MAX_HEAD), (100, 32 * 1024));
    let many = |count: usize| {
        checked(|builder| (0..count).fold(builder.uri("/"), |b, n| b.header(format!("x-{n}"), "1")))
    };
    assert!(many(MAX_FIELDS - 1).is_ok());
    assert_eq!(many(MAX_FIELDS).unwrap_err(), Malformed::TooLarge);
    let long = |bytes: usize| with(&[("x-long", &"x".repeat(bytes))]);
    assert!(long(MAX_HEAD - 100).is_ok());
    assert_eq!(long(MAX_HEAD).unwrap_err().status(), 431);
}

#[test]
fn r11_http2_is_held_to_the_same_form() {
    let two = |build: &dyn Fn(http::request::Builder) -> http::request::Builder, ended| {
        let (parts, ()) = build(Request::builder().version(Version::HTTP_2))
            .body(())
            .unwrap()
            .into_parts();
        check(parts, ended)
    };
    let plain = two(&|b| b.uri("https://app.example/x"), true).unwrap();
    assert_eq!(
        (plain.authority().to_str().unwrap(), plain.framing()),
        ("app.example", Framing::Empty)
    );
    assert_eq!(
        two(&|b| b.uri("https://app.example/x"), false)
            .unwrap()
            .framing(),
        Framing::Chunked
    );
    assert!(
        !two(&|b| b.uri("https://app.example/x"), false)
            .unwrap()
            .closing()
    );
    assert!(
        two(
            &|b| b.uri("https://app.example/x").header("host", "app.example"),
            true
        )
        .is_ok()
    );
    assert!(
        two(
            &|b| b
                .uri("https://app.example/x")
                .header("host", "evil.example"),
            true
        )
        .is_err()
    );
    assert!(two(&|b| b.uri("https://u@app.example/x"), true).is_err());
    // hyper makes names of HTTP/2 in this way, and it takes more than the other.
    let quoted = HeaderName::from_lowercase(b"x\"y").unwrap();
    assert!(
        two(
            &|b| b.uri("https://app.example/x").header(&quoted, "1"),
            true
        )
        .is_err(),
        "no name in HTTP/1.1"
    );
    assert!(
        two(&|b| b.uri("/x"), true).is_err(),
        "no authority and no Host"
    );
    let nothing = http::Uri::from_parts(http::uri::Parts::default()).unwrap();
    let hosted = |b: http::request::Builder| b.header("host", "app.example");
    assert!(two(&|b| hosted(b.uri("/")), true).is_ok());
    assert!(
        two(&|b| hosted(b.uri(nothing.clone())), true).is_err(),
        "no :path"
    );
    assert!(
        two(
            &|b| b
                .uri("https://app.example/x")
                .header("transfer-encoding", "chunked"),
            true
        )
        .is_err()
    );
}

#[test]
fn r1_a_target_of_nothing_is_the_root_and_goes_up_as_that() {
    for nothing in ["http://app.example", "https://app.example#/x"] {
        let (_, target, _, _) = checked(|builder| builder.uri(nothing))
            .unwrap()
            .into_parts();
        assert_eq!(target.raw(), "/", "{nothing}");
        let mut sent = http::uri::Parts::default();
        sent.path_and_query = Some(target.into_raw());
        let sent = http::Uri::from_parts(sent).unwrap();
        assert_eq!(sent.to_string(), "/", "{nothing}");
    }
}

#[test]
fn r1_what_goes_up_is_what_was_judged() {
    for raw in ["/a%2Fb//c;v=1?x=%5C&y=..", "/%E9/...?", "/A/b.HTML"] {
        let (_, target, _, _) = checked(|builder| builder.uri(raw)).unwrap().into_parts();
        assert_eq!(target.into_raw().as_str(), raw);
    }
}

#[test]
fn a_replayed_request_keeps_its_check_and_loses_the_conditions_of_the_way_back() {
    let came = with(&[
        ("range", "bytes=0-1"),
        ("if-none-match", "\"x\""),
        ("cookie", "a=b"),
    ])
    .unwrap();
    let replayed = came.replaying(Method::POST, Some("text/plain".parse().unwrap()), 5);
    assert_eq!(
        (replayed.method(), replayed.framing()),
        (&Method::POST, Framing::Length(5))
    );
    assert_eq!(names(&replayed), ["content-type", "cookie"]);
}
