//! JSON logins.

use super::*;

fn json(body: &str) -> Result<Option<String>, Ambiguous> {
    reading(&wanted("u", "p"), JSON, body)
}

#[test]
fn json_logins_are_read() {
    for (username, password, body, user) in [
        (
            "username",
            "password",
            r#"{"username":"ann","password":"x"}"#,
            "ann",
        ),
        (
            "username",
            "password",
            r#"{"client_id":"node-red-editor","grant_type":"password","scope":"","username":"ann","password":"x"}"#,
            "ann",
        ),
        (
            "u",
            "p",
            " {\n\t\"p\" : \"\\\"\\u00e9\" ,\r\n \"u\" : \"a\\u006e\\u006E\" }\n",
            "ann",
        ),
        ("u", "p", r#"{"u":"山田","p":""}"#, "山田"),
        ("u", "p", r#"{"u":"\ud83d\ude00","p":""}"#, "😀"),
        (
            "u",
            "p",
            r#"{"u":"a&u=b;+%41","p":"x","next":[1,-2.5e3,true,null,{"u":"bob"}]}"#,
            "a&u=b;+%41",
        ),
        ("u", "p", r#"{"u":"","p":""}"#, ""),
        ("u", "p", r#"{"\u0075":"ann","p":""}"#, "ann"),
        ("u", "p", r#"{"u":"ann","p":"a\u0001\n"}"#, "ann"),
        (
            "/auth/user",
            "/auth/pass",
            r#"{"auth":{"user":"ann","pass":"x"},"user":"bob"}"#,
            "ann",
        ),
        ("/u", "/p", r#"{"u":"ann","p":"x"}"#, "ann"),
        ("/0/u", "/1", r#"[{"u":"ann"},"x"]"#, "ann"),
        (
            "/a~1b/~0",
            "/p~01",
            r#"{"a/b":{"~":"ann"},"p~1":"x"}"#,
            "ann",
        ),
        (
            "/variables/login",
            "/variables/password",
            r#"{"query":"mutation {}","variables":{"login":"ann","password":"x"}}"#,
            "ann",
        ),
        ("auth[user]", "p", r#"{"auth[user]":"ann","p":"x"}"#, "ann"),
        ("/", "p", r#"{"":"ann","p":"x"}"#, "ann"),
    ] {
        let read = reading(&wanted(username, password), JSON, body);
        assert_login(&read, user, body);
    }
}

#[test]
fn json_without_both_credentials_is_no_login() {
    for body in [
        "",
        " \r\n",
        "{}",
        "[]",
        "null",
        "1",
        r#""u""#,
        r#"["u","p"]"#,
        r#"{"u":"ann"}"#,
        r#"{"p":"x"}"#,
        r#"[{"u":"ann","p":"x"}]"#,
        r#"{"a":{"u":"ann","p":"x"}}"#,
        r#"{"u":"ann","q":"p","pp":"x"}"#,
        r#"{"u":1,"q":2}"#,
    ] {
        assert_eq!(json(body), Ok(None), "{body}");
    }
    let pointer = wanted("/a/u", "/a/p");
    for body in [
        r#"{"u":"ann","p":"x"}"#,
        r#"{"a":"ann"}"#,
        r#"{"a":[{"u":"ann","p":"x"}]}"#,
        r#"{"a":{"u":"ann"},"p":"x"}"#,
        r#"{"x":{"U":"ann","P":"x"}}"#,
        r#"{"a/u":"ann","a/p":"x"}"#,
    ] {
        assert_eq!(reading(&pointer, JSON, body), Ok(None), "{body}");
    }
}

#[test]
fn json_that_readers_differ_about_is_refused() {
    for body in [
        // Twice: first or last wins; Go and .NET take any case
        r#"{"u":"mallory","u":"bob","p":"x"}"#,
        r#"{"u":"mallory","U":"bob","p":"x"}"#,
        r#"{"u":"mallory","\u0075":"bob","p":"x"}"#,
        r#"{"u":"ann","p":"x","p":"x"}"#,
        r#"{"u":"ann","p":"x","a":1,"a":2}"#,
        r#"{"u":"ann","p":"x","a":1,"A":2}"#,
        r#"{"u":"ann","p":"x","a":{"é":1,"É":2}}"#,
        r#"{"u":"ann","p":"x","a":[[{"k":1,"\u212a":2}]]}"#,
        r#"{"u":"ann","p":"x","a":{"s":1,"ſ":2}}"#,
        // Under another spelling, too or only
        r#"{"u":"mallory","u\u0000":"bob","p":"x"}"#,
        r#"{"u":"mallory"," u":"bob","p":"x"}"#,
        r#"{"u":"mallory","ｕ":"bob","p":"x"}"#,
        r#"{"u":"mallory","u[]":"bob","p":"x"}"#,
        r#"{"U":"bob","p":"x"}"#,
        r#"{"u":"bob","P":"x"}"#,
        r#"{"u\u0000x":"bob","p":"x"}"#,
        // No text
        r#"{"u":1,"p":"x"}"#,
        r#"{"u":null,"p":"x"}"#,
        r#"{"u":true,"p":"x"}"#,
        r#"{"u":["ann"],"p":"x"}"#,
        r#"{"u":{"u":"ann"},"p":"x"}"#,
        r#"{"u":"ann","p":1}"#,
        r#"{"u":"ann","p":1.5}"#,
        r#"{"u":"ann","p":-1}"#,
        r#"{"u":"ann","p":[]}"#,
        r#"{"u":{"$ne":""},"p":{"$ne":""}}"#,
        // NUL and controls
        r#"{"u":"ann\u0000","p":"x"}"#,
        r#"{"u":"ann\n","p":"x"}"#,
        r#"{"u":"ann\u007f","p":"x"}"#,
        r#"{"u":"ann\u0085","p":"x"}"#,
        r#"{"u":"ann","p":"\u0000"}"#,
        "{\"u\":\"a\tb\",\"p\":\"x\"}",
        "{\"u\":\"ann\0\",\"p\":\"x\"}",
        // What some take for JSON
        "\u{feff}{\"u\":\"ann\",\"p\":\"x\"}",
        r#"{"u":"ann","p":"x"}{"u":"bob","p":"x"}"#,
        r#"{"u":"ann","p":"x"} x"#,
        "{\"u\":\"ann\",\"p\":\"x\"}\0",
        r#"{"u":"ann","p":"x",}"#,
        r"{'u':'ann','p':'x'}",
        r#"{u:"ann",p:"x"}"#,
        r#"{"u":"ann"/*,"u":"bob"*/,"p":"x"}"#,
        "{\"u\":\"ann\",\"p\":\"x\"}//",
        r#"{"u":"ann","p":"x","n":NaN}"#,
        r#"{"u":"ann","p":"x","n":01}"#,
        r#"{"u":"ann","p":"x","n":1e999}"#,
        r#"{"u":"ann","p":"x""#,
        r#"{"u":"ann\ud800","p":"x"}"#,
        r#"{"u":"\x61nn","p":"x"}"#,
        "{\u{a0}\"u\":\"ann\",\"p\":\"x\"}",
        "u=ann&p=x",
    ] {
        assert!(json(body).is_err(), "{body}: {:?}", json(body));
    }
    for body in [
        &b"{\"u\":\"\xe9\",\"p\":\"x\"}"[..],
        b"{\"u\":\"ann\",\"p\":\"\xff\"}",
        b"{\"u\":\"\xc1\xa1nn\",\"p\":\"x\"}",
        b"{\"u\":\"ann\",\"p\":\"x\"}\xff",
        b"\xff\xfe{\0}\0",
        b"{\0\"\0u\0\"\0",
    ] {
        assert!(reading(&wanted("u", "p"), JSON, body).is_err());
    }
}

#[test]
fn pointers_are_followed_in_exact_letters_only() {
    let pointer = wanted("/auth/user", "/auth/pass");
    for body in [
        r#"{"auth":{"user":"mallory","pass":"x"},"Auth":{"user":"bob","pass":"x"}}"#,
        r#"{"auth":{"user":"mallory","pass":"x"}," auth":{"user":"bob","pass":"x"}}"#,
        r#"{"Auth":{"user":"bob","pass":"x"}}"#,
        r#"{"auth":{"User":"bob","pass":"x"}}"#,
        r#"{"auth":{"user":"bob","user\u0000":"x","pass":"x"}}"#,
        r#"{"auth":{"user":{},"pass":"x"}}"#,
    ] {
        let read = reading(&pointer, JSON, body);
        assert!(read.is_err(), "{body}: {read:?}");
    }
}

#[test]
fn json_in_another_charset_is_refused_unless_it_is_ascii() {
    let typed = Some("application/json; charset=iso-8859-1");
    let ascii = reading(&wanted("u", "p"), typed, r#"{"u":"\u00e9","p":"x"}"#);
    assert_login(&ascii, "é", "ascii");
    assert!(reading(&wanted("u", "p"), typed, r#"{"u":"é","p":"x"}"#).is_err());
}

#[test]
fn json_is_read_to_32_levels() {
    let nested = |levels: usize, open: &str, close: &str| {
        let inner = format!("{}{}", open.repeat(levels), close.repeat(levels));
        json(&format!(r#"{{"u":"ann","p":"x","a":{inner}}}"#))
    };
    assert_login(&nested(31, "[", "]"), "ann", "31 arrays in an object");
    assert_eq!(nested(32, "[", "]"), Err(Ambiguous("the JSON is too deep")));
    assert_eq!(
        nested(20_000, "[", "]"),
        Err(Ambiguous("the JSON is too deep"))
    );
    let objects = |levels: usize| {
        let inner = format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
        json(&format!(r#"{{"u":"ann","p":"x","a":{inner}}}"#))
    };
    assert_login(&objects(31), "ann", "32 objects");
    assert_eq!(objects(32), Err(Ambiguous("the JSON is too deep")));
}

#[test]
fn a_credential_in_json_and_query_is_refused() {
    for (username, query) in [
        ("u", "u=bob"),
        ("/u", "u=bob"),
        ("/a/u", "a[u]=bob"),
        ("/a/u", "A.u=bob"),
    ] {
        let body = br#"{"u":"ann","a":{"u":"ann"},"p":"x"}"#;
        let wanted = wanted(username, "p");
        let with = read(&wanted, UTF_8, JSON, body, Some(query));
        assert!(with.is_err(), "{username} {query}");
        let without = read(&wanted, UTF_8, JSON, body, Some("id=1&x=u")).map(who);
        assert_login(&without, "ann", username);
    }
}
