//! The wide looks: what any server could find, and what nobody does.

use super::*;

fn found(place: &str, content_type: Option<&str>, body: impl AsRef<[u8]>) -> bool {
    in_body(&Place::of(place), content_type, body.as_ref())
}

#[test]
fn a_field_is_found_in_a_query_however_it_is_spelled() {
    for query in [
        "p",
        "p=",
        "p=1",
        "a&p=1",
        "a;p=1",
        "P=1",
        "%70=1",
        "%50=1",
        "%2570=1",
        "%252570=1",
        "+p=1",
        "p[]=1",
        "p%5B%5D=1",
        "p[x][y]=1",
        "[p]=1",
        "p%00x=1",
        "p.=1",
        "%u0070=1",
        "%U0050=1",
        "%C1%B0=1",
        "a&amp;p=1",
        "?p=1",
        "a?p=1",
        "x%26p=1",
        "%EF%BD%90=1",
        "p%=1",
        "p:string=1",
        "!p=1",
        "%A0p=1",
    ] {
        assert!(in_query(&Place::of("p"), query), "{query}");
        assert!(in_query(&Place::of("/p"), query), "{query}");
        assert!(found("p", URLENCODED, query), "{query}");
    }
}

#[test]
fn a_field_is_not_found_in_values_or_in_longer_names() {
    for query in [
        "",
        "&",
        "=",
        "=p",
        "a=p",
        "a=p=1",
        "a=%26p%3D1",
        "a=?p=1",
        "a=+p",
        "pp=1",
        "p_=1",
        "_p=1",
        "xp=1",
        "px=1",
        "p-=1",
        "p1=1",
        "p%E7%94%A8=1",
        "%E7%94%A8p=1",
        "a[p]=1",
        "a.p=1",
        "a:p=1",
        "page=1",
        "q=1",
        "%7070=1",
        "p%3Ax%70=1&a",
        "b=1",
    ] {
        let expected = query.starts_with("p%3A");
        assert_eq!(in_query(&Place::of("p"), query), expected, "{query}");
        assert_eq!(found("p", URLENCODED, query), expected, "{query}");
    }
    for query in [
        "id=start&do=login&u=1",
        "title=Special:UserLogin",
        "passwords=1",
        "pass=1",
        "new_password=1",
    ] {
        assert!(!in_query(&Place::of("password"), query), "{query}");
    }
}

#[test]
fn a_path_of_names_is_found_as_frameworks_write_it() {
    let place = Place::of("/user/password");
    for query in [
        "user[password]=1",
        "user.password=1",
        "USER%5BPassword%5D=1",
        "user[password][]=1",
        "[user][password]=1",
    ] {
        assert!(in_query(&place, query), "{query}");
    }
    for query in [
        "user=1",
        "password=1",
        "user[name]=1",
        "user_password=1",
        "a[user][password]=1",
        "/user/password=1",
    ] {
        assert!(!in_query(&place, query), "{query}");
    }
    for query in ["auth[password]=1", "auth=1", "auth.password=1", "auth[]=1"] {
        assert!(in_query(&Place::of("auth[password]"), query), "{query}");
    }
    for query in ["auth[user]=1", "password=1", "auth_password=1", "author=1"] {
        assert!(!in_query(&Place::of("auth[password]"), query), "{query}");
    }
}

#[test]
fn a_field_is_found_in_forms_of_any_type() {
    for content_type in [
        None,
        Some(""),
        URLENCODED,
        Some("text/plain"),
        Some("text/plain; charset=utf-16"),
        Some("application/octet-stream"),
        Some("application/x-www-form-urlencoded; surprise=1"),
        Some("application/x-www-form-urlencoded, text/plain"),
        Some("nonsense"),
        JSON,
    ] {
        for body in ["p=1", "a=1&p=1", "a=1&P=1", "a=1;p[]=1", "a=1&%2570="] {
            assert!(found("p", content_type, body), "{content_type:?} {body}");
        }
        for body in ["a=1", "a=p", "a=%26p%3D", "pp=1", ""] {
            assert!(!found("p", content_type, body), "{content_type:?} {body}");
        }
    }
}

#[test]
fn a_member_is_found_in_json_of_any_type() {
    for content_type in [
        None,
        URLENCODED,
        JSON,
        Some("text/plain"),
        Some("application/vnd.api+json"),
        Some("application/json; surprise=1"),
        Some("application/json, text/plain"),
    ] {
        for body in [
            r#"{"p":1}"#,
            r#"{"a":{"b":[]},"P":1}"#,
            r#"[{"p":1}]"#,
            r#"{"\u0070":1}"#,
            r#"{"\p":1}"#,
            r#"{"p\u0000x":1}"#,
            r#"{"p":"#,
            r#"{"a":"}","p":1"#,
            r#"{"a":"\"}","p":1"#,
            r#"{"a":1,"p" : 1,,"#,
            "{'p':1}",
            "{p:1}",
            "{a:1,p=1}",
            r#"{"a":1;"p":1}"#,
            r#"{/*"*/"p":1}"#,
            "{//\"\n\"p\":1}",
            "{#'\n'p':1}",
            r#"{"a":/*x"p":1}"#,
            "\u{feff}{\"p\":1}",
            "\n {\"p\":1}",
            "\0{\0\"\0p\0\"\0:\x001\0}",
            r#"{"p[]":1}"#,
            "{\"p\"\r\n\t:1}",
        ] {
            assert!(found("p", content_type, body), "{content_type:?} {body}");
            assert!(found("/p", content_type, body), "{content_type:?} {body}");
        }
        for body in [
            "{}",
            r#"{"a":"p"}"#,
            r#"{"a":"\"p\":1"}"#,
            r#"{"a":"'p':1, p:1"}"#,
            r#"{"a":{"p":1}}"#,
            r#"{"a":["p",1]}"#,
            r#"{"pp":1,"_p":2}"#,
            r#"{"url":"http://x/?a=1&p=2;p=3"}"#,
        ] {
            let is_form_too = body.contains("&p=")
                && !matches!(
                    content_type,
                    None | JSON | Some("text/plain" | "application/vnd.api+json")
                );
            assert_eq!(
                found("p", content_type, body),
                is_form_too,
                "{content_type:?} {body}"
            );
        }
    }
}

#[test]
fn the_last_token_of_a_pointer_is_found_anywhere_in_json() {
    for place in ["/auth/pass", "auth[pass]"] {
        for body in [
            r#"{"auth":{"pass":1}}"#,
            r#"{"auth":{"user":{"PASS":1"#,
            r#"[[{"pass":1}]]"#,
        ] {
            assert!(found(place, JSON, body), "{place} {body}");
        }
        for body in [
            r#"{"auth":{"passed":1}}"#,
            r#"{"auth":"pass"}"#,
            r#"{"auth":["pass"]}"#,
        ] {
            let scalar = place == "auth[pass]";
            assert_eq!(found(place, JSON, body), scalar, "{place} {body}");
        }
    }
}

#[test]
fn in_what_is_no_form_only_what_is_written_as_one_is_found() {
    let image = Some("image/png");
    assert!(found("p", image, b"\x89PNG\0\x01&p=x"));
    assert!(found("p", image, b"\x89PNG\0\x01&+%50=x\0"));
    for body in [
        &b"\x89PNG&p\0=x"[..],
        b"a&p&b",
        b"a;p",
        b"\x89&\x01p=x",
        b"\0;p\xff=x",
    ] {
        assert!(!found("p", image, body), "{body:?}");
    }
}

#[test]
fn a_member_without_its_object_is_found() {
    assert!(found("p", JSON, r#""p":1}"#));
}

#[test]
fn a_form_in_a_charset_that_hides_names_has_every_field() {
    for content_type in [
        "application/x-www-form-urlencoded; charset=ibm037",
        "application/x-www-form-urlencoded; charset=utf-7",
        "application/json; charset=utf-32",
        "multipart/form-data; boundary=x; charset=cp500",
        "application/x-www-form-urlencoded; surprise=1; charset=utf-16",
        "application/x-www-form-urlencoded; surprise; charset=utf-16",
        "application/x-www-form-urlencoded; charset =utf-16",
        "application/x-www-form-urlencoded, text/plain; charset=utf-16",
    ] {
        assert!(found("p", Some(content_type), [0x97]), "{content_type}");
        assert!(!found("p", Some(content_type), []), "{content_type}");
    }
    assert!(!found("p", Some("text/xml; charset=utf-16"), "<\0"));
}

#[test]
fn what_is_read_as_a_login_is_found_by_the_wide_look() {
    for (content_type, body) in [
        (URLENCODED, "a=1&u=ann&p=x"),
        (JSON, r#"{"u":"ann","p":"x"}"#),
        (Some("application/x+json"), r#"{"a":{},"u":"ann","p":"x"}"#),
    ] {
        assert!(matches!(
            reading(&wanted("u", "p"), content_type, body),
            Ok(Some(_))
        ));
        assert!(
            found("u", content_type, body) && found("p", content_type, body),
            "{body}"
        );
    }
}
