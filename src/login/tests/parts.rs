//! Logins in multipart forms, from the body to the user.

use encoding_rs::WINDOWS_1252;

use super::*;

const MULTIPART: Option<&str> = Some("multipart/form-data; boundary=----WebKitFormBoundary7MA4");

/// A body as Chromium writes it.
fn body(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend_from_slice(b"------WebKitFormBoundary7MA4\r\n");
        let head = format!("Content-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(value);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"------WebKitFormBoundary7MA4--\r\n");
    body
}

#[test]
fn a_login_in_parts_is_read() {
    for (username, password) in [
        ("log", "pwd"),
        ("u", "p"),
        ("auth[username]", "auth[password]"),
        ("pma_username", "pma_password"),
    ] {
        let body = body(&[
            ("x", b"1"),
            (username, "René &=;%41+".as_bytes()),
            (password, b"\x01"),
        ]);
        let read = reading(&wanted(username, password), MULTIPART, body);
        assert_login(&read, "René &=;%41+", username);
    }
    let latin = body(&[("u", b"Ren\xe9"), ("p", b"x")]);
    let read = reading_in(WINDOWS_1252, &wanted("u", "p"), MULTIPART, &latin);
    assert_login(&read, "René", "latin");
    assert_eq!(
        reading(&wanted("u", "p"), MULTIPART, body(&[("u", b"ann")])),
        Ok(None)
    );
}

#[test]
fn the_field_games_in_parts_are_refused() {
    for name in [
        "u", "U", " u", "u[]", "u[x]", "u%00x", "%75", "u:string", "ú", "u;", "[u]",
    ] {
        for fields in [
            &[("u", &b"mallory"[..]), ("p", b"x"), (name, b"bob")][..],
            &[(name, b"bob"), ("u", b"mallory"), ("p", b"x")],
        ] {
            let read = reading(&wanted("u", "p"), MULTIPART, body(fields));
            assert!(read.is_err(), "{name}: {read:?}");
        }
        let wanted = wanted("u", "p");
        let once = body(&[("u", b"mallory"), ("p", b"x")]);
        let query = format!("{}=bob", name.replace(' ', "+"));
        let read = read(&wanted, UTF_8, MULTIPART, &once, Some(&query));
        assert!(read.is_err(), "{query}");
    }
    for user in [&b"ann\0"[..], b"ann\r\nbob", b"Ren\xe9"] {
        let read = reading(
            &wanted("u", "p"),
            MULTIPART,
            body(&[("u", user), ("p", b"x")]),
        );
        assert!(read.is_err(), "{user:?}: {read:?}");
    }
    // It would be the charset of all the others (RFC 7578 section 4.6).
    let charset = body(&[("_charset_", b"utf-8"), ("u", b"ann"), ("p", b"x")]);
    assert!(reading(&wanted("u", "p"), MULTIPART, charset).is_err());
}

#[test]
fn a_part_is_found_under_any_type_and_a_value_is_not() {
    let with = body(&[("x", b"1"), ("P[]", b"x")]);
    let without = body(&[("x", b"&p=1&a=p"), ("pp", b"{\"p\":1}")]);
    for content_type in [
        MULTIPART,
        None,
        Some("multipart/form-data"),
        Some("text/plain, multipart/form-data; boundary=----WebKitFormBoundary7MA4"),
    ] {
        for cut in [with.len(), with.len() - 8] {
            let found = in_body(&Place::of("p"), content_type, &with[..cut]);
            assert!(found, "{content_type:?} {cut}");
        }
        let is_other_form = !matches!(content_type, Some(text) if text.starts_with("multipart"));
        let found = in_body(&Place::of("p"), content_type, &without);
        assert_eq!(found, is_other_form, "{content_type:?}");
    }
}
