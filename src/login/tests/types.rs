//! Content types and charsets.

use encoding_rs::{EUC_JP, GBK, SHIFT_JIS, UTF_16LE, WINDOWS_1251, WINDOWS_1252};

use super::*;

#[test]
fn the_type_says_which_form_it_is() {
    let json = r#"{"u":"ann","p":"x"}"#;
    for (content_type, body) in [
        ("application/x-www-form-urlencoded", "u=ann&p=x"),
        (
            "application/x-www-form-urlencoded; charset=UTF-8",
            "u=ann&p=x",
        ),
        (
            "application/x-www-form-urlencoded;charset=\"utf-8\"",
            "u=ann&p=x",
        ),
        ("Application/X-WWW-Form-URLEncoded", "u=ann&p=x"),
        ("application/x-www-form-urlencoded;", "u=ann&p=x"),
        (
            " application/x-www-form-urlencoded ; charset=windows-1252",
            "u=ann&p=x",
        ),
        ("application/json", json),
        ("application/json;charset=utf-8", json),
        ("APPLICATION/JSON; Charset=utf-8", json),
        ("application/vnd.api+json", json),
        ("application/problem+json; charset=us-ascii", json),
    ] {
        let read = reading(&wanted("u", "p"), Some(content_type), body);
        assert_login(&read, "ann", content_type);
    }
}

#[test]
fn what_is_no_form_is_no_login() {
    for content_type in [
        None,
        Some(""),
        Some(" "),
        Some("text/plain"),
        Some("text/plain; charset=utf-16"),
        Some("image/png"),
        Some("application/octet-stream"),
        Some("application/xml;charset=utf-8"),
        Some("multipart/mixed; boundary=x"),
        Some("text/json"),
        Some("application/x-www-form-urlencoded2"),
    ] {
        for body in ["u=ann&p=x", r#"{"u":"ann","p":"x"}"#] {
            let read = reading(&wanted("u", "p"), content_type, body);
            assert_eq!(read, Ok(None), "{content_type:?}");
        }
    }
}

#[test]
fn a_surprising_type_is_refused() {
    for content_type in [
        "application/x-www-form-urlencoded, text/plain",
        "text/plain, application/x-www-form-urlencoded",
        "text/plain; application/json",
        "text/plain; x=\"multipart/form-data\"",
        "application/x-www-form-urlencoded text/plain",
        "application/x-www-form-urlencoded; surprise=1",
        "application/x-www-form-urlencoded; boundary=x",
        "application/x-www-form-urlencoded; charset",
        "application/x-www-form-urlencoded; charset =utf-8",
        "application/x-www-form-urlencoded; charset= utf-8",
        "application/x-www-form-urlencoded; charset=",
        "application/x-www-form-urlencoded; charset='utf-8'",
        "application/x-www-form-urlencoded; charset=\"utf-8",
        "application/x-www-form-urlencoded; charset=\"ut\\f-8\"",
        "application/x-www-form-urlencoded; charset=\"; charset=utf-8\"",
        "application/x-www-form-urlencoded; charset=utf-8; charset=utf-8",
        "application/x-www-form-urlencoded; charset=utf-8; charset=latin1",
        "application/x-www-form-urlencoded; charset=utf-8, text/plain",
        "application/x-www-form-urlencoded; charset*=utf-8''utf-8",
        "application/x-www-form-urlencoded\u{a0}",
        "application/x-www-form-urlencoded;\0",
        "application/x-www-form-urlencoded;é=1",
        "application/x-www-form-urlencoded; charset=utf-8; a b=c",
        "application/json; version=1",
        "application/json, application/json",
        "application//json",
        "/json",
        "+json",
        "application/ +json",
        "form",
        "multipart/form-data",
        "multipart/form-data; boundary=a; boundary=b",
        "application/x-www-form-urlencoded; charset=utf-7",
        "application/x-www-form-urlencoded; charset=UTF-16",
        "application/x-www-form-urlencoded; charset=utf-16be",
        "application/x-www-form-urlencoded; charset=utf-32",
        "application/x-www-form-urlencoded; charset=ibm037",
        "application/x-www-form-urlencoded; charset=cp500",
        "application/x-www-form-urlencoded; charset=iso-2022-jp",
        "application/x-www-form-urlencoded; charset=hz-gb-2312",
        "application/x-www-form-urlencoded; charset=nothing",
        "application/json; charset=utf-16",
    ] {
        for body in ["u=ann&p=x", r#"{"u":"ann","p":"x"}"#] {
            let read = reading(&wanted("u", "p"), Some(content_type), body);
            assert!(read.is_err(), "{content_type:?}: {read:?}");
        }
    }
}

#[test]
fn more_than_64_kib_is_not_read() {
    let mut body = b"u=ann&p=".to_vec();
    body.resize(LIMIT, b'x');
    let at_most = reading(&wanted("u", "p"), URLENCODED, &body);
    assert_login(&at_most, "ann", "64 KiB");
    body.push(b'x');
    for content_type in [URLENCODED, JSON, Some("multipart/form-data; boundary=x")] {
        let read = reading(&wanted("u", "p"), content_type, &body);
        assert_eq!(read, Err(Ambiguous::TOO_LONG), "{content_type:?}");
    }
    let foreign = reading(&wanted("u", "p"), Some("image/png"), &body);
    assert_eq!(foreign, Ok(None));
}

#[test]
fn names_in_old_charsets_are_read() {
    for (site, body, user) in [
        (WINDOWS_1252, "u=Ren%E9&p=x", "René"),
        (WINDOWS_1252, "u=%80uro&p=x", "€uro"),
        (WINDOWS_1251, "u=%E8%E2%E0%ED&p=x", "иван"),
        (SHIFT_JIS, "u=%8ER%93c&p=x", "山田"),
        // The second byte is an ASCII letter, and may come unescaped.
        (SHIFT_JIS, "u=%83%41&p=x", "ア"),
        (SHIFT_JIS, "u=%83A&p=x", "ア"),
        (EUC_JP, "u=%BB%B3%C5%C4&p=x", "山田"),
        (GBK, "u=%D5%C5%C8%FD&p=x", "张三"),
        (UTF_8, "u=%E5%B1%B1%E7%94%B0&p=x", "山田"),
        (UTF_8, "u=%F0%9F%98%80&p=x", "😀"),
        (UTF_8, "u=Ren%C3%A9&p=%E9", "René"),
    ] {
        let read = reading_in(site, &wanted("u", "p"), URLENCODED, body);
        assert_login(&read, user, body);
    }
}

#[test]
fn the_charset_of_the_type_wins_where_it_says_what_the_site_cannot_mean() {
    let typed = |charset: &str| format!("application/x-www-form-urlencoded; charset={charset}");
    for (site, charset, body, user) in [
        (UTF_8, "iso-8859-1", "u=Ren%E9&p=x", "René"),
        (UTF_8, "windows-1252", "u=ann&p=x", "ann"),
        (UTF_8, "shift_jis", "u=%8ER%93c&p=x", "山田"),
        // Scripts name UTF-8 whatever the page is written in.
        (WINDOWS_1252, "utf-8", "u=Ren%C3%A9&p=x", "René"),
        (WINDOWS_1252, "latin1", "u=Ren%E9&p=x", "René"),
    ] {
        let read = reading_in(site, &wanted("u", "p"), Some(&typed(charset)), body);
        assert_login(&read, user, body);
    }
    for (site, charset, body) in [
        // PHP reads é here, Java Ã©.
        (UTF_8, "iso-8859-1", "u=Ren%C3%A9&p=x"),
        (WINDOWS_1252, "windows-1251", "u=%E8&p=x"),
        (WINDOWS_1252, "utf-8", "u=Ren%E9&p=x"),
    ] {
        let read = reading_in(site, &wanted("u", "p"), Some(&typed(charset)), body);
        assert!(read.is_err(), "{body}: {read:?}");
    }
}

#[test]
fn a_site_in_a_charset_that_no_form_is_sent_in_has_no_logins() {
    let read = reading_in(UTF_16LE, &wanted("u", "p"), URLENCODED, "u=anna&p=x");
    assert!(read.is_err(), "{read:?}");
}

#[test]
fn look_alikes_in_old_charsets_are_seen() {
    for (site, body) in [
        (SHIFT_JIS, "u=mallory&p=x&%82%95=bob"),
        (GBK, "u=mallory&p=x&%A3%D5=bob"),
        (WINDOWS_1252, "u=mallory&p=x&%FA=bob"),
    ] {
        let read = reading_in(site, &wanted("u", "p"), URLENCODED, body);
        assert!(read.is_err(), "{body}: {read:?}");
    }
}

#[test]
fn what_the_form_says_of_its_charset_must_not_change_the_user() {
    for body in [
        "_charset_=UTF-8&u=Ren%C3%A9&p=x",
        "_charset_=windows-1252&u=ann&p=x",
        "_charset_=&u=Ren%C3%A9&p=x",
    ] {
        assert!(
            matches!(reading(&wanted("u", "p"), URLENCODED, body), Ok(Some(_))),
            "{body}"
        );
    }
    for body in [
        "_charset_=windows-1252&u=Ren%C3%A9&p=x",
        "u=ann&p=x&_charset_=utf-16",
        "u=ann&p=x&_Charset_=utf-7",
    ] {
        let read = reading(&wanted("u", "p"), URLENCODED, body);
        assert!(read.is_err(), "{body}: {read:?}");
    }
}

#[test]
fn a_field_may_have_a_name_in_the_sites_charset() {
    let wanted = wanted("Benützer", "Kennwort");
    for (site, body) in [
        (WINDOWS_1252, "Ben%FCtzer=ann&Kennwort=x"),
        (UTF_8, "Ben%C3%BCtzer=ann&Kennwort=x"),
    ] {
        assert_login(&reading_in(site, &wanted, URLENCODED, body), "ann", body);
    }
    for (site, body) in [
        (UTF_8, "Ben%FCtzer=ann&Kennwort=x"),
        (WINDOWS_1252, "Ben%FCtzer=ann&Kennwort=x&BEN%DCTZER=bob"),
        (WINDOWS_1252, "Ben%FCtzer=ann&Kennwort=x&Ben%C3%BCtzer=bob"),
    ] {
        let read = reading_in(site, &wanted, URLENCODED, body);
        assert!(read.is_err(), "{body}: {read:?}");
    }
}
