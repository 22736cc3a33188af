use super::*;

fn filled(text: &str, home: Home) -> String {
    let values = |place: Place| {
        Some(Zeroizing::new(
            match place {
                Place::Text => "A&B: \"049271\" <é>\n\n@x.example #049271",
                Place::From => "A B",
                Place::Secret => "p%ss w\\rd'",
                Place::To => "+12025550143",
                Place::ToDigits => "12025550143",
                Place::Life => "300",
                Place::Minutes => "5",
                Place::Ncco => "[{\"action\":\"talk\"}]",
                _ => "",
            }
            .to_owned(),
        ))
    };
    let template = Template::parse(text, home).expect(text);
    String::from_utf8(template.fill(&values).unwrap().to_vec()).unwrap()
}

#[test]
fn each_value_is_written_as_befits_where_it_stands() {
    for (home, text, is) in [
        (
            Home::Url,
            "https://x.example/{TO}/send?t={TEXT}&f={FROM}&s={SECRET}&d=%d",
            "https://x.example/%2B12025550143/send?t=A%26B%3A%20%22049271%22%20%3C%C3%A9%3E%0A%0A%40x.example%20%23049271&f=A%20B&s=p%25ss%20w%5Crd%27&d=%d",
        ),
        (
            Home::Form,
            "To={TO}&Text={TEXT}&From={FROM}",
            "To=%2B12025550143&Text=A%26B%3A+%22049271%22+%3C%C3%A9%3E%0A%0A%40x.example+%23049271&From=A+B",
        ),
        (
            Home::Json,
            r#"{"to":["{TO_DIGITS}"],"text":"{TEXT}","validity":{LIFE},"m":{MINUTES},"ncco":{NCCO},"s":"\"{SECRET}\\"}"#,
            "{\"to\":[\"12025550143\"],\"text\":\"A&B: \\\"049271\\\" <é>\\u000A\\u000A@x.example #049271\",\"validity\":300,\"m\":5,\"ncco\":[{\"action\":\"talk\"}],\"s\":\"\\\"p%ss w\\\\rd'\\\\\"}",
        ),
        (
            Home::Json,
            r#"{"ncco":"{NCCO}"}"#,
            r#"{"ncco":"[{\"action\":\"talk\"}]"}"#,
        ),
        (
            Home::Xml,
            "<sms to='{TO}'>{TEXT}</sms>{SECRET}",
            "<sms to='+12025550143'>A&amp;B: &quot;049271&quot; &lt;é&gt;\n\n@x.example #049271</sms>p%ss w\\rd&#39;",
        ),
        (
            Home::Plain,
            "{TEXT}",
            "A&B: \"049271\" <é>\n\n@x.example #049271",
        ),
        (Home::Header, "App {SECRET}", "App p%ss w\\rd'"),
    ] {
        assert_eq!(filled(text, home), is, "{text}");
    }
}

/// The reading of the real parsers, whatever the text holds.
#[test]
fn no_value_breaks_out_of_its_place() {
    let nasty: String = (0..=0x2fu8)
        .chain(0x3a..=0x7f)
        .map(char::from)
        .chain("é€😀\u{85}\u{2028}".chars())
        .collect();
    let fill = |text: &str, home| {
        let template = Template::parse(text, home).unwrap();
        let value = |_| Some(Zeroizing::new(nasty.clone()));
        String::from_utf8(template.fill(&value).unwrap().to_vec()).unwrap()
    };
    let json: serde_json::Value =
        serde_json::from_str(&fill(r#"{"a":"{TEXT}","b":1}"#, Home::Json)).unwrap();
    assert_eq!(json, serde_json::json!({"a": nasty, "b": 1}));
    let form = fill("a={TEXT}&b=1", Home::Form);
    let pairs: Vec<(String, String)> = form_urlencoded::parse(form.as_bytes())
        .into_owned()
        .collect();
    assert_eq!(
        pairs,
        [
            ("a".to_owned(), nasty.clone()),
            ("b".to_owned(), "1".to_owned())
        ]
    );
    let url: http::Uri = fill("http://localhost/{TEXT}?a={TEXT}&b=1", Home::Url)
        .parse()
        .unwrap();
    let decoded = |text: &str| {
        percent_encoding::percent_decode_str(text)
            .decode_utf8()
            .unwrap()
            .into_owned()
    };
    assert_eq!(decoded(&url.path()[1..]), nasty);
    assert_eq!(decoded(url.query().unwrap()), format!("a={nasty}&b=1"));
}

#[test]
fn a_mistake_is_told_with_what_was_perhaps_meant() {
    for (home, text, told) in [
        (
            Home::Plain,
            "{TXT}",
            "no place is named {TXT}; did you mean {TEXT}?",
        ),
        (
            Home::Plain,
            "{to}",
            "no place is named {to}; did you mean {TO}?",
        ),
        (
            Home::Url,
            "http://x/?a={ReceiptURL}",
            "no place is named {ReceiptURL}; did you mean {RECEIPT_URL}?",
        ),
        (
            Home::Url,
            "http://x/?a={TO",
            "the brace at character 13 has no partner",
        ),
        (Home::Form, "a=}", "the brace at character 3 has no partner"),
        (
            Home::Form,
            "a=b c",
            "' ' at character 4 cannot stand here: write it percent-encoded",
        ),
        (
            Home::Form,
            "a=1\nb=2",
            "'\\n' at character 4 cannot stand here: write it percent-encoded",
        ),
        (
            Home::Header,
            "a\r\nX: b",
            "'\\r' at character 2 cannot stand here: headers are visible ASCII",
        ),
        (
            Home::Header,
            "{TEXT}",
            "{TEXT} has line ends, and a header has one line",
        ),
        (
            Home::Json,
            r#"{"to":{TO}}"#,
            "{TO} is text: write \"{TO}\", with quotes",
        ),
        (
            Home::Json,
            r#"{"to":"{TO}}"#,
            "it is not JSON once its places are filled: EOF while parsing a string at line 1 column 12",
        ),
        (
            Home::Json,
            r#"{"to":"{TO}",}"#,
            "it is not JSON once its places are filled: key must be a string at line 1 column 14",
        ),
        (
            Home::Json,
            r#"{"validity":"{LIFE}{LIFE}","x":{LIFE}{LIFE}x}"#,
            "it is not JSON once its places are filled: expected `,` or `}` at line 1 column 44",
        ),
    ] {
        let bad = Template::parse(text, home).expect_err(text);
        assert_eq!(bad.to_string(), told, "{text}");
    }
    let bad = Template::parse("{WEATHER_FORECAST}", Home::Plain).unwrap_err();
    assert!(
        bad.to_string()
            .contains("; there are {TO} {TO_DIGITS} {FROM}"),
        "{bad}"
    );
}

#[test]
fn a_place_without_a_value_is_named() {
    let template = Template::parse("{TO} {FROM}", Home::Plain).unwrap();
    let value = |place: Place| (place != Place::From).then(|| Zeroizing::new("x".to_owned()));
    assert_eq!(template.fill(&value).unwrap_err(), Place::From);
}

#[test]
fn what_is_filled_never_grows_and_so_leaves_no_copy() {
    let value = |_| Some(Zeroizing::new("\u{1}".repeat(100)));
    let template = Template::parse("\"{TEXT}\"", Home::Json).unwrap();
    assert_eq!(template.fill(&value).unwrap().capacity(), 602);
    assert_eq!(template.fill(&value).unwrap().len(), 602);
}

#[test]
fn a_media_type_says_how_places_are_written() {
    for (media, home) in [
        ("application/json; charset=utf-8", Some(Home::Json)),
        ("Application/Vnd.Api+JSON", Some(Home::Json)),
        ("application/x-www-form-urlencoded", Some(Home::Form)),
        ("text/plain;charset=UTF-8", Some(Home::Plain)),
        ("text/xml", Some(Home::Xml)),
        ("application/soap+xml", Some(Home::Xml)),
        ("multipart/form-data", None),
        ("", None),
    ] {
        assert_eq!(Home::of(media), home, "{media}");
    }
}
