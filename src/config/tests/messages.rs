//! What a text message costs, to the last character.

use super::*;

/// What is told of a scope `login` with these keys; its site is `localhost`, so that `@localhost #` and the digits
/// come behind the message.
fn told(scope: &str) -> Vec<(Rule, String)> {
    let configuration = GOOD.replace("[scopes.login]\n", &format!("[scopes.login]\n{scope}\n"));
    let folder = Folder::new(&configuration);
    let loaded = folder.load();
    assert!(loaded.config.is_some(), "{}", folder.told(&loaded));
    loaded
        .problems
        .into_iter()
        .map(|problem| (problem.rule, problem.title))
        .collect()
}

fn costs(segments: usize) -> Vec<(Rule, String)> {
    vec![(
        Rule::Costly,
        format!("text message costs {segments} segments"),
    )]
}

#[test]
fn nothing_is_said_of_one_segment_and_something_of_the_next_character() {
    let last = "\n\n@localhost #000000".len();
    for (letter, fits) in [("a", 160), ("ж", 70)] {
        let message = |length: usize| {
            format!(
                "message = \"{{CODE}}{}\"",
                letter.repeat(length - last - "000000".len())
            )
        };
        assert_eq!(told(&message(fits)), []);
        assert_eq!(told(&message(fits + 1)), costs(2));
    }
}

#[test]
fn every_value_is_as_long_as_it_will_be() {
    let last = "\n\n@localhost #000000".len();
    let fill = |values: &str| "a".repeat(160 - last - values.len());
    for (template, rendered, keys, longer) in [
        // The digits stand twice: in the message and in the last line.
        ("{CODE}", "000000", "digits = 6", "digits = 7"),
        (
            "{CODE}{MINUTES}",
            "0000009",
            "code_life = \"9m\"",
            "code_life = \"10m\"",
        ),
        // What has begun counts as a minute.
        (
            "{CODE}{MINUTES}",
            "0000009",
            "code_life = \"9m\"",
            "code_life = \"9m1s\"",
        ),
        (
            "{CODE}{SCOPE}",
            "000000login",
            "title = \"login\"",
            "title = \"logins\"",
        ),
    ] {
        let message = format!("message = \"{template}{}\"\n", fill(rendered));
        assert_eq!(told(&(message.clone() + keys)), [], "{template}");
        assert_eq!(told(&(message + longer)), costs(2), "{template}");
    }
}

#[test]
fn a_message_that_nobody_sends_costs_nothing() {
    let long = format!("message = \"{{CODE}}{}\"", "a".repeat(200));
    assert_eq!(told(&long), costs(2));
    let spoken = GOOD
        .replace(
            "[scopes.login]\n",
            &format!("[scopes.login]\nchannels = [\"voice\"]\n{long}\n"),
        )
        .replace("sms = [\"main\"]", "sms = [\"main\"]\nvoice = [\"main\"]");
    let folder = Folder::new(&spoken);
    assert_eq!(folder.told(&folder.load()), "");
}

#[test]
fn what_a_message_costs_is_asked_once_nothing_else_is_wrong() {
    let long = format!(
        "[scopes.login]\ndigits = 9\nmessage = \"{{CODE}}{}\"\n",
        "a".repeat(200)
    );
    let loaded = Folder::new(&GOOD.replace("[scopes.login]\n", &long)).load();
    let rules: Vec<Rule> = loaded.problems.iter().map(|problem| problem.rule).collect();
    assert_eq!(rules, [Rule::OutOfRange]);
}

#[test]
fn the_code_is_within_the_first_40_characters() {
    let message = |before: usize| format!("message = \"{}{{CODE}}\"", "a".repeat(before));
    assert_eq!(told(&message(34)), []);
    let late = "the code comes late in the text message".to_owned();
    assert_eq!(told(&message(35)), [(Rule::LateCode, late)]);
}

#[test]
fn of_several_sites_the_costliest_is_named_and_of_equals_the_first() {
    let site = |name: &str, host: &str| {
        format!(
            "[sites.{name}]\nname = \"x\"\nurl = \"http://{host}.localhost:8080\"\nupstream = \"http://127.0.0.1:1\"\nsupport = \"x\"\ndirectory = \"staff\"\nscopes = [\"login\"]\n"
        )
    };
    let scope = format!(
        "[scopes.login]\nmessage = \"{}{{CODE}}{}\"\n",
        "a".repeat(40),
        "a".repeat(200)
    );
    for (first, second, costliest) in [
        ("aa", "bbb", "second"),
        ("aaa", "bbb", "first"),
        ("aaa", "bb", "first"),
    ] {
        let sites = site("first", first) + &site("second", second);
        let configuration = GOOD
            .replace("[scopes.login]\n", &(sites + &scope))
            .replace("scopes = [\"login\", \"admin\"]", "scopes = [\"admin\"]");
        let folder = Folder::new(&configuration);
        let loaded = folder.load();
        let titles: Vec<&str> = loaded
            .problems
            .iter()
            .map(|problem| problem.title.as_str())
            .collect();
        let wanted = [
            format!("text message costs 2 segments on site `{costliest}`"),
            // As late on the one as on the other.
            "the code comes late in the text message on site `first`".to_owned(),
        ];
        assert_eq!(titles, wanted, "{}", folder.told(&loaded));
    }
}
