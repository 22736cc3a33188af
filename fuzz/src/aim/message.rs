//! Templates of messages: what can be read can be sent, with the code in it.

use countersign::message::{Template, Values, segments};

/// What templates are bent with.
pub const WORDS: &[&str] = &[
    "{CODE}",
    "{NAME}",
    "{SCOPE}",
    "{MINUTES}",
    "{HOST}",
    "{",
    "}",
    "{{",
    "}}",
    "{code}",
    "{COD}",
    "\n",
    "\r\n",
    "@host #",
    "\u{20ac}",
    "\u{e9}",
    "\u{1f600}",
    "^",
    "~",
    "is your code",
];

/// Templates are there.
pub const DEPTH: &[(&str, u64)] = &[(A_TEMPLATE, 100)];

const A_TEMPLATE: &str = "a template";

/// A template that is read renders with the code where it says it is, and costs what it is said to cost.
pub fn message(bytes: &[u8]) -> &'static str {
    let Ok(text) = str::from_utf8(bytes) else {
        return "no text";
    };
    let mut came = "no template";
    let values = Values {
        name: "Files",
        code: "314159",
        scope: "login",
        minutes: 5,
        host: Some("app.example.com"),
    };
    let strict = Template::parse(text);
    if strict.is_ok() && !text.contains("{MINUTES}") && !text.contains("{HOST}") {
        assert_eq!(Template::lenient(text).ok(), strict.as_ref().ok().cloned());
    }
    for template in [strict, Template::lenient(text)].into_iter().flatten() {
        came = A_TEMPLATE;
        let (whole, words) = (template.render(&values), template.words(&values));
        let (whole, words) = (whole.as_str(), words.as_str());
        assert!(words.contains("314159"), "no code");
        assert!(
            whole.ends_with("\n@app.example.com #314159"),
            "no line for browsers"
        );
        let ends = template.code_ends(&values);
        let before: String = whole.chars().take(ends).collect();
        assert!(
            before.ends_with("314159"),
            "the code is not where it is said to end"
        );
        let once = before.matches("314159").count() == 1;
        assert!(once || text.contains("314159"), "it is not the first code");
        let foreign = template.foreign(&values);
        let odd = whole.chars().find(|&odd| segments::septets(odd).is_none());
        assert_eq!(foreign.map(|foreign| foreign.character), odd);
        let _ = segments::count(whole);
    }
    came
}
