use std::path::Path;

use super::*;

const VALUES: Values<'_> = Values {
    name: "Example Portal",
    code: "049271",
    scope: "Sign in",
    minutes: 5,
    host: Some("portal.example.com"),
};

fn named(name: &str) -> Script {
    Script::new(&Values { name, ..VALUES }, None)
}

/// All forms of a script that are markup.
fn marked_up(script: &Script) -> [String; 3] {
    [script.bxml(), script.twiml(), script.ncco()].map(|text| text.as_str().to_owned())
}

/// What a parser makes of markup: its text, every pause and every change of pace being a mark of our own. `None` if a
/// parser would stumble.
fn heard(markup: &str) -> Option<String> {
    let mut heard = String::new();
    let mut open = Vec::new();
    let mut rest = markup;
    while let Some(at) = rest.find(['<', '&']) {
        heard.push_str(&rest[..at]);
        let (inside, after) = if rest[at..].starts_with('<') {
            rest[at + 1..].split_once('>')?
        } else {
            rest[at + 1..].split_once(';')?
        };
        if rest[at..].starts_with('&') {
            heard.push(match inside {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "apos" => '\'',
                "#92" => '\\',
                _ => return None,
            });
        } else if let Some(name) = inside.strip_prefix('/') {
            if open.pop()? != name {
                return None;
            }
        } else if inside.ends_with('/') {
            heard.push(if inside.contains("500ms") { '_' } else { '~' });
        } else if !inside.starts_with('?') {
            open.push(inside.split(' ').next()?);
        }
        rest = after;
    }
    heard.push_str(rest);
    (open.is_empty() && !rest.contains('>')).then_some(heard)
}

/// The markup in an NCCO.
fn talk(ncco: &str) -> String {
    let ncco: serde_json::Value = serde_json::from_str(ncco).unwrap();
    assert_eq!(ncco.as_array().unwrap().len(), 1);
    assert_eq!(ncco[0]["action"], "talk");
    ncco[0]["text"].as_str().unwrap().to_owned()
}

/// Those in which a call can be made.
fn languages() -> Vec<&'static str> {
    words::all().iter().map(|(tag, _)| tag.as_str()).collect()
}

/// `UPDATE_GOLDEN=1` writes them anew: read them in the diff.
#[test]
fn every_form_reads_as_in_its_file() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/voice");
    let values = Values {
        name: "Smith & Söhne",
        ..VALUES
    };
    for language in languages() {
        let script = Script::new(&values, Some(language));
        for (form, text) in [
            ("txt", script.plain()),
            ("bxml", script.bxml()),
            ("twiml", script.twiml()),
            ("ncco", script.ncco()),
        ] {
            let file = golden.join(format!("call.{language}.{form}"));
            let text = text.as_str().to_owned() + "\n";
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                std::fs::write(&file, &text).unwrap();
            }
            let written = std::fs::read_to_string(&file).unwrap_or_default();
            assert_eq!(written, text, "{}", file.display());
        }
    }
}

#[test]
fn plain_text_says_the_digits_one_by_one_three_times() {
    assert_eq!(
        named("Example Portal").plain().as_str(),
        "Hello, this is Example Portal. Your code is 0, 4, 9, 2, 7, 1. Again: 0, 4, 9, 2, 7, 1. \
         Again: 0, 4, 9, 2, 7, 1. It is good for 5 minutes. If you did not ask for this, hang up."
    );
    let values = Values {
        minutes: 1,
        ..VALUES
    };
    let last = Script::new(&values, None);
    assert!(last.plain().as_str().contains("good for 1 minute."));
}

#[test]
fn every_form_says_the_same() {
    for language in languages() {
        let script = Script::new(&VALUES, Some(language));
        let plain = script.plain();
        let plain = plain.as_str().replace("0, 4, 9, 2, 7, 1", "0_4_9_2_7_1");
        assert_eq!(plain.matches("0_4_9_2_7_1").count(), 3, "{language}");
        let [bxml, twiml, ncco] = marked_up(&script);
        // No voice of Bandwidth's speaks it: the call is in English, whole.
        let bxml = (language != "pt-BR").then_some(bxml);
        for markup in bxml.into_iter().chain([twiml, talk(&ncco)]) {
            let heard = heard(&markup).unwrap();
            assert_eq!(heard.trim_start_matches(['~', '\n']), plain, "{markup}");
            assert!(heard.contains('~'), "nothing is heard in the first second");
        }
    }
}

#[test]
fn a_vendor_without_a_voice_for_a_language_says_all_of_it_in_english() {
    let script = |locale| Script::new(&VALUES, locale);
    let brazilian = script(Some("pt-BR"));
    assert_eq!(brazilian.bxml().as_str(), script(None).bxml().as_str());
    assert_ne!(brazilian.twiml().as_str(), script(None).twiml().as_str());
}

#[test]
fn a_call_is_in_the_language_of_the_person_and_so_is_its_voice() {
    for (locale, said, bandwidth, twilio, vonage) in [
        (
            None,
            "Hello, this is Example Portal.",
            "en_US",
            "Polly.Joanna",
            "en-US",
        ),
        (
            Some("ja"),
            "Hello, this is Example Portal.",
            "en_US",
            "Polly.Joanna",
            "en-US",
        ),
        (
            Some("fr"),
            "Bonjour, ici Example Portal.",
            "fr",
            "Polly.Celine",
            "fr-FR",
        ),
        (
            Some("fr-CA"),
            "Bonjour, ici Example Portal.",
            "fr",
            "Polly.Celine",
            "fr-FR",
        ),
        (
            Some("es"),
            "Hola, le llama Example Portal.",
            "es_MX",
            "Polly.Penelope",
            "es-US",
        ),
        (
            Some("de-AT"),
            "Guten Tag, hier ist Example Portal.",
            "de",
            "Polly.Marlene",
            "de-DE",
        ),
        (
            Some("it"),
            "Buongiorno, qui Example Portal.",
            "it",
            "Polly.Carla",
            "it-IT",
        ),
    ] {
        let script = Script::new(&VALUES, locale);
        assert!(script.plain().as_str().starts_with(said), "{locale:?}");
        let [bxml, twiml, ncco] = marked_up(&script);
        let locale = format!("<SpeakSentence locale=\"{bandwidth}\">{said}");
        assert!(bxml.contains(&locale), "{bxml}");
        let say = format!("<Say voice=\"{twilio}\" language=\"{vonage}\">{said}");
        assert!(twiml.contains(&say), "{twiml}");
        let talk = format!("\"language\":\"{vonage}\",");
        assert!(ncco.contains(&talk), "{ncco}");
    }
    let brazilian = Script::new(&VALUES, Some("pt"));
    let say = "<Say voice=\"Polly.Vitoria\" language=\"pt-BR\">Olá, aqui é";
    assert!(brazilian.twiml().as_str().contains(say));
    assert!(
        brazilian
            .ncco()
            .as_str()
            .contains("\"language\":\"pt-BR\",")
    );
}

#[test]
fn one_minute_is_one_in_every_language() {
    for (locale, one, more) in [
        ("en", "good for 1 minute.", "good for 5 minutes."),
        ("es", "Vale 1 minuto.", "Vale 5 minutos."),
        ("fr", "valable 1 minute.", "valable 5 minutes."),
        ("pt-BR", "vale por 1 minuto.", "vale por 5 minutos."),
        ("de", "gilt 1 Minute.", "gilt 5 Minuten."),
        ("it", "Vale 1 minuto.", "Vale 5 minuti."),
    ] {
        for (minutes, wanted) in [(1, Some(one)), (5, Some(more)), (0, None)] {
            let values = Values { minutes, ..VALUES };
            let text = Script::new(&values, Some(locale)).plain();
            let said = |life: &str| text.as_str().contains(life);
            let heard: Vec<&str> = [one, more].into_iter().filter(|life| said(life)).collect();
            assert_eq!(heard, Vec::from_iter(wanted), "{}", text.as_str());
            assert!(!text.as_str().contains("  "), "{}", text.as_str());
        }
    }
}

#[test]
fn a_run_of_digits_is_nowhere_in_what_is_said() {
    let script = named("Example Portal");
    for said in marked_up(&script)
        .into_iter()
        .chain([script.plain().as_str().to_owned()])
    {
        assert!(!said.contains("04"), "{said}");
        for digit in ["4", "9", "2", "7"] {
            assert_eq!(said.matches(digit).count(), 3, "{digit} in {said}");
        }
    }
}

#[test]
fn codes_of_every_length_are_said_whole() {
    for code in ["0123", "01234567"] {
        let script = Script::new(&Values { code, ..VALUES }, None);
        let apart: Vec<String> = code.chars().map(String::from).collect();
        assert_eq!(
            script.plain().as_str().matches(&apart.join(", ")).count(),
            3
        );
        assert_eq!(
            script
                .twiml()
                .as_str()
                .matches(&apart.join("<break time='500ms'/>"))
                .count(),
            3
        );
    }
}

#[test]
fn a_name_is_never_read_as_markup() {
    let name = "<Hangup/>&amp; \"]}<!--' \\u0041 ]]> \\";
    for (locale, around) in [
        ("en", ["Hello, this is ", ". Your"]),
        ("es", ["le llama ", ". Su"]),
        ("fr", ["ici ", ". Votre"]),
        ("de", ["hier ist ", ". Ihr"]),
        ("it", ["qui ", ". Il"]),
    ] {
        let script = Script::new(&Values { name, ..VALUES }, Some(locale));
        assert!(script.plain().as_str().contains(name));
        let [bxml, twiml, ncco] = marked_up(&script);
        for markup in [bxml, twiml, talk(&ncco)] {
            let heard = heard(&markup).unwrap();
            assert!(heard.contains(&around.join(name)), "{heard}");
        }
    }
}

#[test]
fn what_xml_cannot_hold_is_a_blank() {
    let name = "a\0b\u{1b}c\nd\u{85}e\u{ffff}f\u{fffe}g";
    for markup in marked_up(&named(name)) {
        assert!(markup.contains("this is a b c d e f g. Your"), "{markup}");
    }
}

#[test]
fn only_digits_are_taken_for_a_code() {
    let values = Values {
        code: "0<4&٣9",
        ..VALUES
    };
    let script = Script::new(&values, None);
    assert!(script.plain().as_str().contains("Your code is 0, 4, 9."));
    assert!(heard(script.bxml().as_str()).unwrap().contains("0_4_9"));
}

/// 200 characters is what `name` may have; Twilio takes 4,000, Vonage says 1,500 without the markup.
#[test]
fn the_longest_script_is_short_enough_for_every_vendor() {
    let values = Values {
        name: &"\"".repeat(200),
        code: "01234567",
        minutes: 15,
        ..VALUES
    };
    for language in languages() {
        let script = Script::new(&values, Some(language));
        assert!(
            script.twiml().as_str().chars().count() <= 4000,
            "{language}"
        );
        assert!(script.bxml().as_str().len() <= 65536, "{language}");
        assert!(
            script.plain().as_str().chars().count() <= 1500,
            "{language}"
        );
    }
}

#[test]
fn c8_a_script_is_not_in_its_debug_form() {
    let script = named("Example Portal");
    assert_eq!(format!("{script:?}"), "Script(…)");
    assert_eq!(format!("{:?}", script.bxml()), "Text(…)");
}

proptest::proptest! {
    #[test]
    fn any_name_and_code_make_whole_markup(language in proptest::sample::select(languages()), name in "\\PC{0,40}|[<>&\"'\\\\;/a\0\n]{0,20}", code in "[0-9]{4,8}", minutes in 1..16u64) {
        let script = Script::new(&Values { name: &name, code: &code, minutes, ..VALUES }, Some(language));
        let [bxml, twiml, ncco] = marked_up(&script);
        let clean = name.replace(|c: char| c.is_control(), " ");
        for markup in [bxml, twiml, talk(&ncco)] {
            let heard = heard(&markup);
            proptest::prop_assert!(heard.as_ref().is_some_and(|heard| heard.contains(&clean)), "{:?}", heard);
        }
    }
}

#[test]
fn a_call_about_a_code_whose_life_is_not_known_says_nothing_of_it() {
    let values = Values {
        minutes: 0,
        ..VALUES
    };
    let text = Script::new(&values, None).plain();
    assert!(
        text.as_str()
            .ends_with("0, 4, 9, 2, 7, 1. If you did not ask for this, hang up."),
        "{}",
        text.as_str()
    );
}
