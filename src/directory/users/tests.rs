use super::*;
use crate::email::Email;

fn users(text: &str) -> Users {
    Users::parse(text).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn subject(name: &str) -> Subject {
    Subject::parse(name).unwrap()
}

/// `line:column: message; help` of everything that is wrong with the file.
fn problems(text: &str) -> Vec<String> {
    Users::parse(text)
        .expect_err("a file with mistakes")
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn a_users_file_is_read_as_documented() {
    let users = users(
        r#"
            [[user]]
            name = "ann"
            phone = "+12025550143"
            aliases = ["ann@example.com", "A. Nonym"]
            email = "ann@example.com"
            locale = "fr"
            disabled = false

            [[user]]
            name = "Bob"
        "#,
    );
    let ann = Person {
        subject: subject("ann"),
        phone: Some(Phone::parse("+12025550143").unwrap()),
        email: Some(Email::parse("ann@example.com").unwrap()),
        locale: Some("fr".to_owned()),
    };
    for name in ["ann", "ANN ", "ann@example.com", "a. nonym"] {
        assert_eq!(
            users.by_name(&subject(name)).as_deref(),
            Some(&ann),
            "{name}"
        );
    }
    let bob = Person {
        subject: subject("bob"),
        phone: None,
        email: None,
        locale: None,
    };
    assert_eq!(users.by_name(&subject("bob")).as_deref(), Some(&bob));
    assert_eq!(users.by_name(&subject("carol")), None);
    assert_eq!(users.len(), 2);
    assert!(Users::parse("").unwrap().is_empty());
}

#[test]
fn two_people_with_one_number_are_nobody() {
    let users = users(
        r#"
            user = [
                { name = "ann", phone = "+12025550143" },
                { name = "bob", phone = "+12025550144" },
                { name = "carl", phone = "+12025550144" },
                { name = "dora", phone = "+12025550144" },
            ]
        "#,
    );
    let found = |number: &str| {
        users
            .by_phone(&Phone::parse(number).unwrap())
            .map(|person| person.subject.to_string())
    };
    assert_eq!(found("+12025550143").as_deref(), Some("ann"));
    assert_eq!(found("+12025550144"), None);
    assert_eq!(found("+12025550145"), None);
    assert!(users.by_name(&subject("carl")).is_some());
}

#[test]
fn the_disabled_are_not_found_but_keep_their_names() {
    let text = r#"
[[user]]
name = "ann"
phone = "+12025550143"
aliases = ["anna"]
disabled = true
[[user]]
name = "bob"
phone = "+12025550143"
"#;
    let users = users(text);
    assert_eq!(users.by_name(&subject("ann")), None);
    assert_eq!(users.by_name(&subject("anna")), None);
    let number = Phone::parse("+12025550143").unwrap();
    assert_eq!(
        users.by_phone(&number).map(|person| person.subject.clone()),
        Some(subject("bob"))
    );
    let again = format!("{text}[[user]]\nname = \"Anna\"\n");
    assert_eq!(
        problems(&again),
        [
            "11:8: `anna` on line 11 is a name or alias on line 5 already; one name leads to one person"
        ]
    );
}

#[test]
fn all_mistakes_of_a_file_are_reported_at_once() {
    let text = r#"
users = []
[[user]]
nmae = "ann"
phone = "(202) 555-0143"
[[user]]
name = "bob"
phone = "2025550144"
email = "bob"
locale = "french"
aliases = "bobby"
disabled = "no"
wings = 2
[[user]]
name = "BOB"
phone = 12025550145
aliases = ["bob ", 7, ""]
[[user]]
name = "ann"
phone = "+12021110143"
"#;
    assert_eq!(
        problems(text),
        [
            "2:1: a users file has no `users`; it has [[user]] entries only",
            "3:1: this user has no name; add name = \"…\"",
            "4:1: a user has no `nmae`; did you mean `name`?",
            "5:9: a phone number is + and digits only, with the country code; write \"+12025550143\"",
            "8:9: a phone number is + and digits only, with the country code; write \"+12025550144\"",
            "9:9: this is no email; one is ann@example.com",
            "10:10: this is no locale; one is en or pt-BR",
            "11:11: `aliases` has the wrong type: string; it is a list, as in [\"ann@example.com\"]",
            "12:12: `disabled` has the wrong type: string; it is true or false",
            "13:1: a user has no `wings`; a user has name, phone, aliases, email, locale, disabled",
            "15:8: `bob` on line 15 is a name or alias on line 7 already; one name leads to one person",
            "16:9: `phone` has the wrong type: integer; it is text in quotes, as in \"+12025550143\"",
            "17:12: `bob` on line 17 is a name or alias on line 7 already; one name leads to one person",
            "17:20: `aliases` has the wrong type: integer; it is text in quotes",
            "17:23: a user name has 1 to 128 bytes and no control characters",
            "20:9: no number has 111 after the area code",
        ]
    );
}

#[test]
fn users_that_are_no_list_are_told_how_to_be_one() {
    assert_eq!(
        problems("[user]\nname = \"ann\"\n"),
        ["1:2: users are a list; begin each with [[user]], two brackets"]
    );
    assert_eq!(
        problems("user = [\"ann\"]\n"),
        ["1:9: a user is a table; begin each with [[user]]"]
    );
}

#[test]
fn broken_toml_does_not_hide_the_other_mistakes() {
    let text = "[[user]]\nname = ann\n[[user]]\nname = \"bob\"\nphone = \"202-555-0143\"\n[[user]\nname = \"c\"\n";
    let found = Users::parse(text).unwrap_err();
    let lines: Vec<usize> = found.iter().map(|problem| problem.line).collect();
    assert!(
        lines.contains(&2) && lines.contains(&5) && lines.contains(&6),
        "{found:#?}"
    );
    // The name is there, behind the mistake: nobody is told to add it.
    let found = Users::parse("[[user]]\nname \"ann\"\n").unwrap_err();
    assert!(found.iter().all(|problem| problem.line == 2), "{found:#?}");
}

#[test]
fn a_place_counts_characters_not_bytes() {
    let problem = &Users::parse("user = [{ name = \"é\", \"ü\" = 1 }]\n").unwrap_err()[0];
    assert_eq!((problem.line, problem.column), (1, 23));
    assert_eq!(
        &"user = [{ name = \"é\", \"ü\" = 1 }]\n"[problem.span.clone()],
        "\"ü\""
    );
}

/// A log keeps the message of a bad file: the number in it is no business of the log's (C8).
#[test]
fn c8_a_number_is_in_the_help_only() {
    let problem =
        &Users::parse("[[user]]\nname = \"ann\"\nphone = \"(202) 555-0143\"\n").unwrap_err()[0];
    assert!(
        !problem.message.contains("0143")
            && problem.help.as_ref().unwrap().contains("+12025550143")
    );
}

#[test]
fn a_hundred_thousand_people_are_no_trouble() {
    let mut text = String::new();
    for n in 0..100_000 {
        text.push_str("[[user]]\nname = \"user");
        text.push_str(&n.to_string());
        text.push_str("\"\nphone = \"+1202");
        text.push_str(&(2_000_000 + n).to_string());
        text.push_str("\"\n");
    }
    let users = users(&text);
    assert_eq!(users.len(), 100_000);
    let last = users.by_name(&subject("user99999")).unwrap();
    assert_eq!(last.phone.as_ref().map(Phone::e164), Some("+12022099999"));
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused_with_places_inside_it(
        text in "(\\[\\[user\\]\\]\n|(name|phone|aliases|x) = (\"[a-z+0-9 é]{0,12}\"|1|\\[\"a\"\\]|\\[)\n|[\\PC\n]{0,8}){0,8}",
    ) {
        if let Err(problems) = Users::parse(&text) {
            proptest::prop_assert!(!problems.is_empty());
            for problem in problems {
                proptest::prop_assert!(problem.line <= text.matches('\n').count() + 1, "{problem:?}");
                proptest::prop_assert!(problem.span.end <= text.len(), "{problem:?}");
            }
        }
    }
}
