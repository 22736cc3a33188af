use proptest::prelude::*;

use super::*;

/// 2026-01-01T00:00:00Z.
const NOW: u64 = 1_767_225_600;

fn field(text: &str) -> HeaderValue {
    HeaderValue::from_bytes(text.as_bytes()).unwrap()
}

fn names(texts: &[&str]) -> Names {
    Names::parse(texts.iter().copied()).unwrap()
}

/// Name, value, `http_only`, `deletes`.
fn read(text: &str) -> Option<(String, String, bool, bool)> {
    let field = field(text);
    let set = set(&field, NOW)?;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Some((text(set.name), text(set.value), set.http_only, set.deletes))
}

fn deletes(attributes: &str) -> bool {
    read(&format!("sid=x; {attributes}")).unwrap().3
}

#[test]
fn names_are_literals_or_globs_and_letter_for_letter() {
    for (wanted, name, is) in [
        ("sessionid", "sessionid", true),
        ("sessionid", "SessionID", false),
        ("sessionid", "sessionid2", false),
        ("DW*", "DW0123456789abcdef", true),
        ("DW*", "DW", true),
        ("DW*", "dw0123", false),
        ("DW*", "DokuWiki", false),
        ("wordpress_logged_in_*", "wordpress_logged_in_5c0", true),
        ("wordpress_logged_in_*", "wordpress_5c0", false),
        ("username-*-8888", "username-127-0-0-1-8888", true),
        ("username-*-8888", "username-127-0-0-1-8889", false),
        ("*", "anything", true),
        ("*auth", "/a/b/auth", true),
        ("a**b", "a/x/b", true),
        ("**", "x", true),
        ("**/x", "x", false),
        ("pmaAuth-?", "pmaAuth-1", false),
        ("pmaAuth-?", "pmaAuth-?", true),
        ("user[id]*", "user[id]7", true),
        ("user[id]*", "useri7", false),
        ("{a}*", "{a}1", true),
        ("{a}*", "a1", false),
        (r"a\*", r"a\b", true),
        ("!a*", "!ab", true),
        ("é*", "éa", true),
    ] {
        assert_eq!(names(&[wanted]).has(name.as_bytes()), is, "{wanted} {name}");
    }
    assert!(names(&["a*"]).has(b"a\xff\n\xfe"));
    assert!(!names(&[]).has(b""));
    assert!(names(&["x", "a*"]).has(b"x") && names(&["x", "a*"]).has(b"ab"));
}

#[test]
fn what_can_be_no_cookie_name_is_refused() {
    for bad in [
        "", " ", "a b", "a\t", "a=b", "a;b", "a,b", "\"a\"", "a\n", "a\u{7f}", "a\u{a0}b", "*=",
    ] {
        assert_eq!(
            Names::parse(["good", bad]).unwrap_err(),
            NotACookieName,
            "{bad:?}"
        );
    }
}

#[test]
fn literals_are_those_without_a_star_as_written() {
    let all = names(&["sessionid", "DW*", "user[id]"]);
    assert_eq!(
        all.literals().collect::<Vec<_>>(),
        ["sessionid", "user[id]"]
    );
    assert!(!all.is_empty());
    assert!(names(&[]).is_empty() && Names::default().is_empty());
}

/// Each of these is `sid` or `demo_session` to some server: see [`like`].
#[test]
fn g2_a_cookie_that_a_server_could_read_as_a_wanted_one_is_found() {
    let wanted = names(&["demo_session", "sid", "DW*", "remember-*-7"]);
    for text in [
        "sid=1",
        "demo_session=1",
        "DW0=1",
        "remember-me-7=1",
        // Stripped as text: Python, JavaScript, Java.
        "\u{a0}sid=1",
        "sid\u{2003}=1",
        "\u{feff}sid=1",
        "\u{3000}demo_session\u{85}=1",
        // Folded: PHP, ASP.NET.
        "demo.session=1",
        "demo session=1",
        "demo[session=1",
        "Demo_Session=1",
        "SID=1",
        "dw0=1",
        "Remember.Me.7=1",
        // Decoded: Rack, Perl.
        "%73id=1",
        "+sid=1",
        "%20sid=1",
        "sid%00x=1",
        "demo%5fsession=1",
        "D%57x=1",
        // Quoted.
        "\"sid\"=1",
        "$sid=1",
        // Another end of a cookie: a comma, a blank.
        "x,sid=1",
        "x=1,sid=1",
        "x=1, sid=1",
        "x=1 sid=1",
        "x=1\tsid =1",
        "x=\"1\" sid = 1",
        "x=\"1\",demo.session=1",
        "x=1\u{a0}sid=1",
        "x=a=b,sid=1=",
        // Without a name.
        "=sid=1",
    ] {
        let field = field(text);
        for (name, value) in pairs([&field].into_iter()) {
            assert!(wanted.could_be(name, value), "{text:?}");
        }
    }
}

#[test]
fn a_cookie_that_has_nothing_to_do_with_a_wanted_one_is_let_be() {
    let wanted = names(&["demo_session", "sid", "DW*", "_"]);
    for text in [
        "x=1",
        "sid2=1",
        "asid=1",
        "lang=en",
        "_ga=GA1.2.3",
        "csrftoken=sid",
        "to=/login?sid=1",
        "note=my%20sid=1",
        "sid",
        "x=sid",
        "x=MTIz==",
        "x={\"a\":\"sid\"}",
        "demo=session",
        "w=DW",
        "-=1",
    ] {
        let field = field(text);
        for (name, value) in pairs([&field].into_iter()) {
            assert!(!wanted.could_be(name, value), "{text:?}");
        }
    }
    assert!(wanted.could_be(b"_", b"1"), "by its name all the same");
    assert!(!names(&[]).could_be(b"sid", b"1"));
    let wanted = names(&["sid"]);
    assert!(!wanted.could_be(b"sid", b""), "taken away without a date");
    assert!(wanted.could_be(b"%73id", b""), "somebody's doing");
}

proptest! {
    #[test]
    fn whatever_has_a_wanted_name_could_be_it(name in "[a-zA-Z0-9_.%-]{1,12}", value in proptest::collection::vec(any::<u8>(), 1..20)) {
        for wanted in [name.clone(), format!("{name}*"), format!("*{name}"), "*".to_owned()] {
            prop_assert!(names(&[&wanted]).could_be(name.as_bytes(), &value));
        }
    }
}

#[test]
fn a_set_cookie_is_read_as_browsers_read_it() {
    for (text, name, value, http_only) in [
        ("a=b", "a", "b", false),
        ("a=b; HttpOnly", "a", "b", true),
        ("a=b;httponly", "a", "b", true),
        ("a=b; Path=/; HTTPONLY ; Secure", "a", "b", true),
        ("a=b; HttpOnly=false", "a", "b", true),
        ("a=b; NotHttpOnly", "a", "b", false),
        ("a=b; Path=/HttpOnly", "a", "b", false),
        (" a \t= b ;x", "a", "b", false),
        (
            r#"username-1="2|1:0|10:17|8:user|44:eyJ1=="; Path=/"#,
            "username-1",
            r#""2|1:0|10:17|8:user|44:eyJ1==""#,
            false,
        ),
        ("a=b=c==", "a", "b=c==", false),
        ("a=%3B%20x", "a", "%3B%20x", false),
        ("a=b c", "a", "b c", false),
        ("a=b,c", "a", "b,c", false),
        ("a=\"x\"", "a", "\"x\"", false),
        ("just", "", "just", false),
        // Comes back as `a=b`, so that is what it is.
        ("=a=b", "a", "b", false),
        ("==a", "", "a", false),
        ("A=b", "A", "b", false),
        ("=x", "", "x", false),
    ] {
        let read = read(text).unwrap();
        assert_eq!(
            (&*read.0, &*read.1, read.2, read.3),
            (name, value, http_only, false),
            "{text}"
        );
    }
    for nothing in ["", "=", ";", " ; HttpOnly", " = ; Path=/"] {
        assert_eq!(read(nothing), None, "{nothing:?}");
    }
    let raw = HeaderValue::from_bytes(b"a=\xe9\xff; Path=/").unwrap();
    assert_eq!(set(&raw, NOW).unwrap().value, b"\xe9\xff");
}

#[test]
fn max_age_decides_whether_a_cookie_goes_and_wins_over_expires() {
    for (attributes, is) in [
        ("Max-Age=0", true),
        ("max-age=-1", true),
        ("Max-Age=-0", true),
        ("MAX-AGE=000", true),
        ("Max-Age= 0 ", true),
        ("Max-Age=1", false),
        ("Max-Age=99999999999999999999999999", false),
        ("Max-Age=", false),
        ("Max-Age=-", false),
        ("Max-Age=+0", false),
        ("Max-Age=0x", false),
        ("Max-Age=\"0\"", false),
        ("Max-Age=zero; Expires=Thu, 01 Jan 1970 00:00:00 GMT", true),
        ("Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", false),
        ("Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60", false),
        ("Max-Age=0; Expires=Fri, 31 Dec 2099 00:00:00 GMT", true),
        ("Max-Age=0; Max-Age=60", false),
        ("Max-Age=60; Max-Age=0", true),
        ("Max-Age=60; Max-Age=x", false),
        ("X-Max-Age=0", false),
    ] {
        assert_eq!(deletes(attributes), is, "{attributes}");
    }
}

#[test]
fn a_past_date_in_any_form_takes_a_cookie_away() {
    for (date, is) in [
        ("Thu, 01-Jan-1970 00:00:01 GMT", true),
        ("Thu, 01 Jan 1970 00:00:00 GMT", true),
        ("Thursday, 01-Jan-70 00:00:00 GMT", true),
        ("Thu Jan  1 00:00:00 1970", true),
        ("1 Jan 1970 0:0:0", true),
        ("Thu, 01-JAN-1970 00:00:01 UTC", true),
        ("\"Thu, 01 Jan 1970 00:00:00 GMT\"", true),
        ("Tue, 01-Jan-69 00:00:00 GMT", false),
        ("Fri, 31 Dec 1999 23:59:59 GMT", true),
        ("Fri, 31-Dec-99 23:59:59 GMT", true),
        ("Mon, 01-Jan-1601 00:00:00 GMT", true),
        ("Wed, 31 Dec 2025 23:59:59 GMT", true),
        ("Thu, 01 Jan 2026 00:00:00 GMT", true),
        ("Thu, 01 Jan 2026 00:00:01 GMT", false),
        ("Thu, 01-Jan-26 00:00:00 GMT", true),
        ("Thu, 01-Jan-27 00:00:00 GMT", false),
        ("Fri, 31 December 9999 23:59:59 GMT", false),
        ("01 Jan 2020 12:00:00.123 +0000", true),
        ("2020 Jan 01 12:00:00", true),
        // No dates: the cookie stays for the session.
        ("", false),
        ("0", false),
        ("-1", false),
        ("never", false),
        ("Thu, 01 Jan 1600 00:00:00 GMT", false),
        ("Sun, 30 Feb 2020 00:00:00 GMT", false),
        ("Thu, 00 Jan 1970 00:00:00 GMT", false),
        ("Thu, 01 Jan 1970 24:00:00 GMT", false),
        ("Thu, 01 Jan 1970 00:60:00 GMT", false),
        ("Thu, 01 Jan 1970", false),
        ("01 Jan 19700 00:00:00", false),
        ("1970-01-01T00:00:00Z", false),
    ] {
        assert_eq!(deletes(&format!("Expires={date}; Path=/")), is, "{date}");
    }
    assert!(!deletes(
        "Expires=Thu, 01 Jan 1970 00:00:00 GMT; Expires=Fri, 31 Dec 2099 00:00:00 GMT"
    ));
}

#[test]
fn a_year_of_two_digits_is_of_this_century_up_to_69() {
    for (date, unix) in [
        ("01 Jan 69 00:00:00", Some(3_124_224_000)),
        ("01 Jan 70 00:00:00", Some(0)),
        ("01 Jan 00 00:00:00", Some(946_684_800)),
        ("01 Jan 100 00:00:00", None),
    ] {
        assert_eq!(date::unix(date.as_bytes()), unix, "{date}");
    }
}

#[test]
fn an_empty_value_takes_a_cookie_away() {
    assert!(read("sid=").unwrap().3);
    assert!(read("sid= ; Max-Age=60").unwrap().3);
    assert!(!read("sid=\"\"").unwrap().3);
}

#[test]
fn cookie_fields_are_read_in_order_and_byte_for_byte() {
    let fields = [
        field(r#"a=1; b="x|y"; c=d=e;f;=g; a=2 ;; ; h= i%20j"#),
        field("z=\u{e9}"),
    ];
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let read: Vec<_> = pairs(fields.iter())
        .map(|(name, value)| (text(name), text(value)))
        .collect();
    let expected = [
        ("a", "1"),
        ("b", "\"x|y\""),
        ("c", "d=e"),
        ("", "f"),
        ("", "g"),
        ("a", "2"),
        ("h", "i%20j"),
        ("z", "\u{e9}"),
    ];
    assert_eq!(
        read,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

fn jar(cookies: &str) -> Jar {
    Jar::of(pairs([field(cookies)].iter()))
}

fn after(cookies: &str, sets: &[&str]) -> Option<String> {
    let mut jar = jar(cookies);
    for text in sets {
        jar.take_in(&set(&field(text), NOW).unwrap());
    }
    jar.field().map(|field| field.to_str().unwrap().to_owned())
}

#[test]
fn s7_a_jar_sends_what_a_browser_would_send_after_these_answers() {
    for (before, sets, sent) in [
        ("a=1; b=2", &[][..], Some("a=1; b=2")),
        ("a=1; b=2", &["c=3; Path=/"], Some("a=1; b=2; c=3")),
        ("a=1; b=2; c=3", &["b=9"], Some("a=1; b=9; c=3")),
        // phpMyAdmin changes its identifier twice in one answer: the last one wins.
        ("id=0", &["id=1; HttpOnly", "id=2"], Some("id=2")),
        ("a=1; b=2", &["a=; Max-Age=0"], Some("b=2")),
        ("a=1", &["a=x; expires=Thu, 01-Jan-1970 00:00:01 GMT"], None),
        ("a=1; b=2", &["a=; Max-Age=0", "a=3"], Some("b=2; a=3")),
        ("a=1", &["A=2"], Some("a=1; A=2")),
        ("a=1; b=2; a=3", &["a=4"], Some("a=4; b=2")),
        ("a=1; b=2; a=3", &["a="], Some("b=2")),
        ("a=1", &["b="], Some("a=1")),
        (r#"a="x=|%""#, &["b=\"|\""], Some(r#"a="x=|%"; b="|""#)),
        ("bare", &[], Some("bare")),
    ] {
        assert_eq!(after(before, sets).as_deref(), sent, "{before} {sets:?}");
    }
    assert_eq!(Jar::default().field(), None);
}

#[test]
fn s7_a_cookie_without_a_path_stays_in_the_folder_that_set_it() {
    for (text, path, told) in [
        ("a=1", "/app/login.php", "a=1; Path=/app"),
        ("a=1; HttpOnly", "/login", "a=1; HttpOnly; Path=/"),
        ("a=1; Secure;", "/a/b/", "a=1; Secure;; Path=/a/b"),
        // RFC 6265 section 5.2.4: what is no absolute path is none, and the last one counts.
        ("a=1; Path", "/a/b", "a=1; Path; Path=/a"),
        ("a=1; Path=", "/a/b", "a=1; Path=; Path=/a"),
        ("a=1; path=x", "/a/b", "a=1; path=x; Path=/a"),
        ("a=1; Path=/; path=", "/a/b", "a=1; Path=/; path=; Path=/a"),
        ("Path=/x", "/a/b", "Path=/x; Path=/a"),
        // A semicolon would end the attribute.
        ("a=1", "/a;v=1/b/login;jsessionid=2", "a=1; Path=/"),
        ("a=1", "/a/b;jsessionid=2", "a=1; Path=/a"),
        // As it was sent.
        ("a=1; Path=/", "/a/b", "a=1; Path=/"),
        ("a=1; PATH = /x ; Secure", "/a/b", "a=1; PATH = /x ; Secure"),
        ("a=1; Path=x; Path=/y", "/a/b", "a=1; Path=x; Path=/y"),
    ] {
        assert_eq!(placed(&field(text), path), field(told), "{text} at {path}");
    }
    let raw = HeaderValue::from_bytes(b"a=\xff\"|; Path=/").unwrap();
    assert_eq!(placed(&raw, "/login"), raw);
}

#[test]
fn a_jar_names_no_cookie_that_came_without_a_name() {
    let sent = jar("=a=b; c; =d; e=f").field();
    assert_eq!(sent, Some(field("=a=b; c; d; e=f")));
}

#[test]
fn a_jar_keeps_bytes_that_are_no_text() {
    let raw = HeaderValue::from_bytes(b"a=\xe9\xff; b=\xfe").unwrap();
    let jar = Jar::of(pairs([raw.clone()].iter()));
    assert_eq!(jar.field(), Some(raw));
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_stumble(bytes in prop::collection::vec(any::<u8>(), 0..80), now: u64) {
        if let Ok(field) = HeaderValue::from_bytes(&bytes) {
            if let Some(read) = set(&field, now) {
                let mut jar = Jar::default();
                jar.take_in(&read);
                prop_assert_eq!(jar.field().is_none(), read.deletes);
            }
            let jar = Jar::of(pairs([field].iter()));
            let sent = jar.field();
            let again = Jar::of(pairs(sent.iter()));
            prop_assert!(jar.pairs().eq(again.pairs()));
        }
    }

    #[test]
    fn any_date_is_read_without_stumbling(text in "([0-9]{1,5}|[A-Za-z]{1,4}|[:;, .-]){0,14}") {
        let _ = date::unix(text.as_bytes());
    }

    #[test]
    fn every_date_is_found_in_every_usual_form(unix in 0_i64..4_000_000_000) {
        let date = jiff::Timestamp::from_second(unix).unwrap().to_zoned(jiff::tz::TimeZone::UTC);
        for form in ["%a, %d %b %Y %H:%M:%S GMT", "%a, %d-%b-%Y %H:%M:%S GMT", "%A, %d-%b-%Y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"] {
            let text = date.strftime(form).to_string();
            prop_assert_eq!(date::unix(text.as_bytes()), Some(unix), "{}", text);
        }
    }

    #[test]
    fn a_jar_keeps_its_order(
        before in prop::collection::vec(("[a-e]", "[0-9]{1,3}"), 0..6),
        sets in prop::collection::vec(("[a-g]", "[0-9]{0,3}"), 0..8),
    ) {
        let mut jar = Jar::of(before.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
        let mut expected = before;
        for (name, value) in &sets {
            jar.take_in(&set(&field(&format!("{name}={value}; Path=/")), NOW).unwrap());
            let place = expected.iter().position(|(known, _)| known == name).unwrap_or(expected.len());
            expected.retain(|(known, _)| known != name);
            if !value.is_empty() {
                expected.insert(place, (name.clone(), value.clone()));
            }
        }
        let kept: Vec<_> = jar.pairs().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        let expected: Vec<_> = expected.into_iter().map(|(name, value)| (name.into_bytes(), value.into_bytes())).collect();
        prop_assert_eq!(kept, expected);
    }
}
