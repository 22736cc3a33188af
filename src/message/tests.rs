use super::*;

const VALUES: Values<'_> = Values {
    name: "Example Portal",
    code: "049271",
    scope: "Sign in",
    minutes: 5,
    host: Some("portal.example.com"),
};

fn rendered(template: &str) -> String {
    Template::parse(template)
        .unwrap()
        .render(&VALUES)
        .as_str()
        .to_owned()
}

#[test]
fn the_default_message_names_the_site_and_ends_with_the_line_for_browsers() {
    let text = Template::default().render(&VALUES);
    assert_eq!(
        text.as_str(),
        "Example Portal: 049271 is your Sign in code. Valid 5 min. Never share it.\n\n@portal.example.com #049271"
    );
    let written = "{NAME}: {CODE} is your {SCOPE} code. Valid {MINUTES} min. Never share it.";
    assert_eq!(Template::parse(written), Ok(Template::default()));
}

#[test]
fn every_place_is_filled_wherever_it_stands() {
    for (template, text) in [
        ("{CODE}", "049271"),
        ("{CODE}{CODE}", "049271049271"),
        (
            "{HOST} {SCOPE}{NAME}/{MINUTES}: {CODE}!",
            "portal.example.com Sign inExample Portal/5: 049271!",
        ),
        ("código {CODE}", "código 049271"),
        ("two\nlines {CODE}", "two\nlines 049271"),
    ] {
        assert_eq!(
            rendered(template),
            format!("{text}\n\n@portal.example.com #049271")
        );
    }
}

#[test]
fn a_value_is_never_read_as_a_template() {
    let values = Values {
        name: "{CODE}",
        scope: "{",
        ..VALUES
    };
    let text = Template::parse("{NAME} {SCOPE} {CODE}")
        .unwrap()
        .render(&values);
    assert!(
        text.as_str().starts_with("{CODE} { 049271\n"),
        "{}",
        text.as_str()
    );
}

#[test]
fn a_bad_template_is_refused_with_what_to_write_instead() {
    let unknown = |name: &str, like, column| BadTemplate::Unknown {
        name: name.to_owned(),
        like,
        column,
    };
    for (template, wanted) in [
        ("", BadTemplate::NoCode),
        ("CODE", BadTemplate::NoCode),
        ("{NAME}: your code", BadTemplate::NoCode),
        ("{CODE} {CDOE}", unknown("CDOE", Some("CODE"), 8)),
        ("{code}", unknown("code", Some("CODE"), 1)),
        ("é {MINUTE} {CODE}", unknown("MINUTE", Some("MINUTES"), 3)),
        ("{SITE} {CODE}", unknown("SITE", None, 1)),
        ("{} {CODE}", unknown("", None, 1)),
        ("{ CODE }", unknown(" CODE ", Some("CODE"), 1)),
        ("{CODE} {", BadTemplate::Unbalanced { column: 8 }),
        ("{CODE} }", BadTemplate::Unbalanced { column: 8 }),
        ("{CODE", BadTemplate::Unbalanced { column: 1 }),
        ("{{CODE}}", BadTemplate::Unbalanced { column: 1 }),
        ("}{CODE}", BadTemplate::Unbalanced { column: 1 }),
    ] {
        assert_eq!(Template::parse(template), Err(wanted), "{template:?}");
    }
    assert_eq!(
        Template::parse("{CDOE}").unwrap_err().to_string(),
        "no place is named {CDOE}; did you mean {CODE}?"
    );
    assert_eq!(
        BadTemplate::NoCode.to_string(),
        "a message needs {CODE} in it"
    );
}

#[test]
fn a_template_has_at_most_2048_characters() {
    let longest = format!("{}{{CODE}}", "é".repeat(2042));
    assert!(Template::parse(&longest).is_ok());
    assert_eq!(
        Template::parse(&format!("{longest}x")),
        Err(BadTemplate::TooLong(2049))
    );
}

#[test]
fn a_foreign_character_is_found_where_it_is_written() {
    let foreign = |character, place, column| {
        Some(Foreign {
            character,
            place,
            column,
        })
    };
    for (template, name, scope, wanted) in [
        ("{CODE}", "ж", "ж", None),
        ("{NAME}: {CODE} € £ é", "Näme", "ж", None),
        ("Tu código: {CODE}", "x", "x", foreign('ó', None, 5)),
        ("{CODE} – {NAME}", "ж", "x", foreign('–', None, 8)),
        (
            "{NAME} {SCOPE} {CODE} á",
            "Ein langer Name",
            "x",
            foreign('á', None, 23),
        ),
        (
            "{SCOPE} {NAME} {CODE} á",
            "Café Łódź",
            "x",
            foreign('Ł', Some(Place::Name), 6),
        ),
        (
            "{CODE} {MINUTES} {HOST} {SCOPE}",
            "ж",
            "Iniciar sesión",
            foreign('ó', Some(Place::Scope), 13),
        ),
    ] {
        let values = Values {
            name,
            scope,
            ..VALUES
        };
        let template = Template::parse(template).unwrap();
        assert_eq!(template.foreign(&values), wanted, "{template:?}");
    }
}

#[test]
fn the_code_ends_where_the_eye_finds_it_first() {
    for (template, wanted) in [
        ("{CODE}", 6),
        ("{CODE} again {CODE}", 6),
        ("{NAME}: {CODE} is it", 22),
        ("é{MINUTES}{SCOPE}{HOST}{CODE}", 33),
    ] {
        let template = Template::parse(template).unwrap();
        let ends = template.code_ends(&VALUES);
        assert_eq!(ends, wanted);
        let text = template.render(&VALUES);
        let start: String = text.as_str().chars().take(ends).collect();
        assert!(start.ends_with("049271"), "{start}");
        assert_eq!(start.matches("049271").count(), 1);
    }
}

#[test]
fn c8_a_text_is_not_in_its_debug_form() {
    assert_eq!(
        format!("{:?}", Template::default().render(&VALUES)),
        "Text(…)"
    );
}

#[test]
fn a_channel_is_read_as_it_is_written() {
    for channel in [Channel::Sms, Channel::Voice] {
        assert_eq!(channel.to_string().parse(), Ok(channel));
    }
    assert_eq!("SMS".parse::<Channel>(), Err(NotAChannel));
}

#[test]
fn message_ids_are_distinct_and_fit_a_header() {
    let (one, other) = (Id::draw(), Id::draw());
    assert_ne!(one, other);
    assert_eq!(one.as_str().len(), 22);
    assert!(
        one.as_str()
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    );
}

proptest::proptest! {
    #[test]
    fn what_is_foreign_is_what_the_count_names(name in "[a-zäжЖ]{0,8}", scope in "[a-z😀]{0,8}", text in "[a-z€ó\n]{0,8}") {
        let template = Template::parse(&format!("{text}{{NAME}}{text}{{SCOPE}}{{CODE}}")).unwrap();
        let values = Values { name: &name, scope: &scope, ..VALUES };
        let named = match segments::count(template.render(&values).as_str()).alphabet {
            segments::Alphabet::Ucs2 { forced_by, .. } => Some(forced_by),
            segments::Alphabet::Gsm7 => None,
        };
        let foreign = template.foreign(&values);
        proptest::prop_assert_eq!(foreign.map(|foreign| foreign.character), named);
        if let Some(foreign) = foreign {
            let source = match foreign.place {
                Some(Place::Name) => name,
                Some(Place::Scope) => scope,
                _ => text,
            };
            proptest::prop_assert_eq!(source.chars().nth(foreign.column - 1), Some(foreign.character));
        }
    }

    #[test]
    fn any_text_is_a_template_or_is_refused(text in "[{}A-Zé \n]{0,30}|(\\{(NAME|CODE|HOST|X)\\}|[{} ])*") {
        if let Ok(template) = Template::parse(&text) {
            let ending = "\n\n@portal.example.com #049271";
            let body = template.render(&VALUES).as_str().strip_suffix(ending).map(str::to_owned);
            let filled = body.is_some_and(|body| body.contains("049271") && !body.contains(['{', '}']));
            proptest::prop_assert!(filled, "{text:?}");
        }
    }
}

#[test]
fn what_a_program_sends_may_hold_braces_that_are_no_places() {
    for (text, rendered) in [
        (
            "Your temporary {NAME} {SCOPE} code is {CODE}",
            "Your temporary Example Sign in code is 049271",
        ),
        ("{CODE}", "049271"),
        ("{{CODE}} {CODE}}", "{049271} 049271}"),
        ("{code} {CODE} { CODE } {}", "{code} 049271 { CODE } {}"),
        ("{MINUTES}{HOST}{CODE}{", "{MINUTES}{HOST}049271{"),
        ("{NAME{CODE}", "{NAME049271"),
        ("é{CODE}é", "é049271é"),
    ] {
        let template = Template::lenient(text).unwrap();
        let values = Values {
            name: "Example",
            code: "049271",
            scope: "Sign in",
            minutes: 15,
            host: None,
        };
        assert_eq!(template.render(&values).as_str(), rendered, "{text}");
    }
    for text in ["", "no code", "{code}", "{ CODE}", "CODE", "{CODE"] {
        assert_eq!(Template::lenient(text), Err(BadTemplate::NoCode), "{text}");
    }
    let long = format!("{{CODE}}{}", "x".repeat(2042));
    assert!(Template::lenient(&long).is_ok());
    assert_eq!(
        Template::lenient(&format!("{long}x")),
        Err(BadTemplate::TooLong(2049))
    );
}
