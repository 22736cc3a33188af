//! Every page in every state, against golden files and against the rules that hold for all of them.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use self::states::{
    ACTION, ASK, CODE, LOOK, NOW, REFERENCE, REFUSALS, alone, called, code_pages, hidden, in_state,
    mailed, over, pages, told, wrong,
};
use super::*;
use crate::message::Channel;

pub(super) mod states;

fn now() -> Moment {
    Moment {
        unix: NOW,
        mono: Duration::from_secs(7),
    }
}

fn render(page: &Page<'_>, look: &Look<'_>) -> Rendered {
    Pages::new().render(page, look, REFERENCE, now())
}

fn code(page: CodePage<'_>) -> String {
    render(&Page::Code(page), &LOOK).html
}

/// Every page, rendered.
fn rendered() -> Vec<(String, Rendered)> {
    let built = Pages::new();
    pages()
        .into_iter()
        .map(|(name, page, look)| (name, built.render(&page, &look, REFERENCE, now())))
        .collect()
}

/// Start tags with their attributes, of what is not style or script.
fn tags(html: &str) -> Vec<&str> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, after) = after.split_once('>').unwrap();
        rest = match tag {
            "style" | "script" => after.split_once("</").unwrap().1,
            _ => after,
        };
        if tag.starts_with(|c: char| c.is_ascii_lowercase()) {
            tags.push(tag);
        }
    }
    tags
}

/// The value of a tag's attribute.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = tag.split_once(&format!(" {name}=\""))?;
    Some(after.split_once('"').unwrap().0)
}

/// What stands in the first element of that start.
fn inside<'a>(html: &'a str, start: &str) -> &'a str {
    let (_, after) = html
        .split_once(start)
        .unwrap_or_else(|| panic!("no {start} in {html}"));
    after.split_once("</").unwrap().0
}

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/pages")
        .join(format!("{name}.html"))
}

/// `UPDATE_GOLDEN=1` writes them anew. The constant blocks are named in place of being repeated 70 times.
#[test]
fn pages_are_as_the_golden_files_show_them() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut names = BTreeSet::new();
    for (name, page) in rendered() {
        let html =
            page.html
                .replacen(STYLE, "/* style.css */", 1)
                .replacen(SCRIPT, "/* script.js */", 1)
                + "\n";
        let path = golden(&name);
        if update {
            std::fs::write(&path, &html).unwrap();
        }
        let kept = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(
            kept, html,
            "{name}: UPDATE_GOLDEN=1 rewrites it, if that is meant"
        );
        assert!(names.insert(name));
    }
    let kept = std::fs::read_dir(golden("x").parent().unwrap()).unwrap();
    let kept = kept
        .map(|file| {
            file.unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(
        names, kept,
        "a golden file without a page, or the other way round"
    );
}

/// With every text replaced by its key, the keys that can be seen are the keys that are used.
#[test]
fn every_text_is_used_and_every_used_text_exists() {
    fn name_all(path: &str, table: &mut toml::Table, keys: &mut BTreeSet<String>) {
        for (key, value) in table.iter_mut() {
            let path = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            match value {
                toml::Value::Table(inner) => name_all(&path, inner, keys),
                // These two carry the others; the language and the direction have places of their own.
                _ if path.starts_with("page.title")
                    || path == "language"
                    || path == "direction" => {}
                text => {
                    *text = toml::Value::String(format!("[[{path}]]"));
                    keys.insert(path);
                }
            }
        }
    }
    let mut file: toml::Table = include_str!("../../locales/en.toml").parse().unwrap();
    let mut keys = BTreeSet::new();
    name_all("", &mut file, &mut keys);
    let built = Pages::with(Texts::parse(&file.to_string()).unwrap());
    let mut seen = BTreeSet::new();
    for (name, page, look) in pages() {
        let html = built
            .render(&page, &look, REFERENCE, now())
            .html
            .replace(SCRIPT, "")
            .replace(STYLE, "");
        for used in html.split("[[").skip(1) {
            seen.insert(used.split_once("]]").unwrap().0.to_owned());
        }
        for part in [
            "page.",
            "ask.",
            "code.",
            "refused.",
            "sign_out.",
            "signed_out.",
            "sign_in_again.",
            "submit_again.",
            "frame.",
        ] {
            let unknown = html
                .match_indices(part)
                .find(|(at, _)| !html[..*at].ends_with("[[") && !html[..*at].ends_with('_'));
            assert_eq!(unknown, None, "{name} uses a text that does not exist");
        }
    }
    assert_eq!(seen, keys);
    for key in ["page.title", "page.title_error"] {
        assert!(built.texts.has(key));
    }
}

#[test]
fn every_place_in_a_text_is_filled() {
    for (name, page) in rendered() {
        let html = page.html.replace(STYLE, "").replace(SCRIPT, "");
        let html = html.split("<style>:root").next().unwrap().to_owned()
            + html.split("</head>").nth(1).unwrap();
        assert!(!html.contains(['{', '}']), "{name}: {html}");
    }
}

#[test]
fn s8_words_from_outside_stay_words() {
    let hostile = "\"><script>alert('1')</script>{{ 7*7 }}{site}<!--";
    let look = Look {
        site: hostile,
        support: Some(hostile),
        accent: Some("#fff}</style><b>"),
    };
    let code = CodePage {
        action: hostile,
        token: hostile,
        scope: hostile,
        to: Some(hostile),
        ..CODE
    };
    let ask = AskPage {
        action: hostile,
        token: hostile,
        scope: hostile,
        ..ASK
    };
    let mut all = vec![
        Page::Ask(ask),
        Page::Code(code),
        Page::Code(CodePage {
            state: State::Locked { until: NOW },
            ..code
        }),
        Page::SignOut {
            action: hostile,
            token: hostile,
        },
        Page::SignedOut { again: hostile },
        Page::SignInAgain { again: hostile },
        Page::SubmitAgain { back: hostile },
        Page::Frame { link: hostile },
        Page::Refused(Refusal::UnknownChallenge { again: hostile }),
        Page::Refused(Refusal::LoginExpired { again: hostile }),
        Page::Refused(Refusal::NotReleased { again: hostile }),
    ];
    all.extend(REFUSALS.map(Page::Refused));
    let built = Pages::new();
    for page in all {
        let html = built.render(&page, &look, hostile, now()).html;
        assert_eq!(
            (
                html.matches("<script").count(),
                html.matches("<style").count()
            ),
            (1, 1),
            "{html}"
        );
        assert!(
            !html.contains("<b>") && !html.contains("<!--") && !html.contains("49"),
            "{html}"
        );
        assert!(html.contains("&quot;&gt;&lt;script&gt;alert(&#x27;1&#x27;)&lt;&#x2f;script&gt;{{ 7*7 }}{site}&lt;!--"), "{html}");
    }
}

#[test]
fn s8_the_policy_allows_the_blocks_of_the_page_and_no_other() {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    use sha2::{Digest, Sha256};
    let sources = |html: &str, tag: &str| -> String {
        let start = format!("<{tag}>");
        let blocks = html
            .split(&start)
            .skip(1)
            .map(|rest| rest.split_once(&format!("</{tag}>")).unwrap().0);
        let hashes = blocks.map(|block| BASE64_STANDARD.encode(Sha256::digest(block)));
        hashes.fold(String::new(), |list, hash| list + " 'sha256-" + &hash + "'")
    };
    for (name, page) in rendered() {
        let ancestors = if name == "frame" { "'self'" } else { "'none'" };
        let connect = if page.html.contains(" data-ask=") {
            "connect-src 'self'; "
        } else {
            ""
        };
        let policy = format!(
            "default-src 'none'; style-src{}; script-src{}; img-src 'self' data:; {connect}base-uri 'none'; frame-ancestors {ancestors}; form-action 'self'",
            sources(&page.html, "style"),
            sources(&page.html, "script"),
        );
        assert_eq!(
            page.headers(None)[header::CONTENT_SECURITY_POLICY],
            policy,
            "{name}"
        );
    }
}

/// The code page is the one whose form leads there, but none of them can be asked for it in vain.
#[test]
fn s8_every_page_can_be_sent_with_a_form_that_leads_elsewhere() {
    let origin = Origin::parse("https://elsewhere.example:8443").unwrap();
    for (name, page) in rendered() {
        let (plain, leading) = (page.headers(None), page.headers(Some(&origin)));
        let policy = |headers: &HeaderMap| {
            let policy = &headers[header::CONTENT_SECURITY_POLICY];
            policy.to_str().unwrap().to_owned()
        };
        let wanted = policy(&plain) + " https://elsewhere.example:8443";
        assert_eq!(policy(&leading), wanted, "{name}");
        assert_eq!(
            plain.get(header::RETRY_AFTER),
            leading.get(header::RETRY_AFTER),
            "{name}"
        );
    }
}

#[test]
fn nothing_on_a_page_needs_a_second_request_or_breaks_its_policy() {
    for (name, page) in rendered() {
        for tag in tags(&page.html) {
            let names = tag
                .split(' ')
                .skip(1)
                .filter_map(|part| part.split_once('='))
                .map(|(name, _)| name);
            for attribute in names {
                assert!(
                    !attribute.starts_with("on") && attribute != "style" && attribute != "src",
                    "{name}: {tag}"
                );
            }
            for link in ["href", "action"]
                .iter()
                .filter_map(|name| attribute(tag, name))
            {
                let local = link.starts_with("&#x2f;") || link.starts_with('#') || link == "data:,";
                assert!(local, "{name}: {tag}");
            }
        }
    }
    for fetch in ["url(", "@import", "http:", "https:", "//"] {
        assert!(!STYLE.contains(fetch) && !SCRIPT.contains(fetch), "{fetch}");
    }
    for unsafe_call in [
        "innerHTML",
        "eval",
        "document.write",
        "insertAdjacent",
        "</",
    ] {
        assert!(
            !SCRIPT.contains(unsafe_call) && !STYLE.contains(unsafe_call),
            "{unsafe_call}"
        );
    }
}

#[test]
fn every_page_is_sound_html_for_people_who_cannot_see_it() {
    for (name, page) in rendered() {
        let html = &page.html;
        let tags = tags(html);
        let of = |element: &str| {
            tags.iter()
                .filter(|tag| tag.split(' ').next() == Some(element))
                .copied()
                .collect::<Vec<_>>()
        };
        assert!(
            html.starts_with("<!doctype html>\n<html lang=\"en\" dir=\"ltr\">"),
            "{name}"
        );
        for once in ["h1", "main", "title", "header", "footer"] {
            assert_eq!(of(once).len(), 1, "{name}: {once}");
        }
        let ids: Vec<&str> = tags.iter().filter_map(|tag| attribute(tag, "id")).collect();
        assert_eq!(
            ids.iter().collect::<BTreeSet<_>>().len(),
            ids.len(),
            "{name}: {ids:?}"
        );
        for input in of("input")
            .iter()
            .filter(|tag| attribute(tag, "type") != Some("hidden"))
        {
            let id = attribute(input, "id").unwrap();
            assert!(
                of("label")
                    .iter()
                    .any(|label| attribute(label, "for") == Some(id)),
                "{name}: {input}"
            );
            assert_eq!(attribute(input, "placeholder"), None);
            assert_eq!(attribute(input, "value"), None, "{name}: emptied");
        }
        for form in of("form") {
            assert_eq!(attribute(form, "method"), Some("post"), "{name}");
        }
        assert_eq!(
            of("form").len(),
            html.matches("<input type=\"hidden\" name=\"token\" value=\"dG9rZW4\">")
                .count(),
            "{name}"
        );
        for named in ["aria-describedby", "aria-labelledby", "for"] {
            for id in tags
                .iter()
                .filter_map(|tag| attribute(tag, named))
                .flat_map(|ids| ids.split(' '))
            {
                assert!(ids.contains(&id), "{name}: {named} names {id}");
            }
        }
        for link in tags
            .iter()
            .filter_map(|tag| attribute(tag, "href")?.strip_prefix('#'))
        {
            assert!(ids.contains(&link), "{name}: a link leads to {link}");
        }
        assert!(
            tags.iter().filter(|tag| tag.contains(" autofocus")).count() <= 1,
            "{name}"
        );
        assert!(
            html.contains("<bdi dir=\"ltr\">K7QF-2M9D</bdi></p>\n</footer>"),
            "{name}"
        );
    }
}

#[test]
fn a_page_with_an_error_says_so_first_and_has_the_focus_there() {
    for (name, page) in rendered() {
        let title = inside(&page.html, "<title>");
        let error = page.html.contains("<main>\n<section class=\"err\" tabindex=\"-1\" autofocus aria-labelledby=\"problem\">\n<p id=\"problem\">");
        assert_eq!(title.starts_with("Error: "), error, "{name}: {title}");
        assert_eq!(page.html.contains("class=\"err\""), error, "{name}");
        assert!(title.ends_with(" – Example Portal"), "{name}: {title}");
    }
    assert_eq!(
        inside(&code(CODE), "<title>"),
        "Enter your code – Example Portal"
    );
    assert_eq!(inside(&code(CODE), "<h1>"), "Check your phone");
    assert_eq!(
        inside(&code(wrong(CodeError::Empty)), "<title>"),
        "Error: Enter your code – Example Portal"
    );
}

#[test]
fn the_code_field_is_one_plain_field() {
    let field = |page| {
        let html = code(page);
        let fields: Vec<String> = tags(&html)
            .into_iter()
            .filter(|tag| tag.contains("name=\"code\""))
            .map(str::to_owned)
            .collect();
        assert_eq!(fields.len(), 1);
        fields[0].clone()
    };
    let plain = "input id=\"code\" name=\"code\" type=\"text\" inputmode=\"numeric\" autocomplete=\"one-time-code\" \
                 autocapitalize=\"off\" spellcheck=\"false\" required dir=\"ltr\" enterkeyhint=\"go\"";
    assert_eq!(
        field(CODE),
        format!("{plain} aria-describedby=\"how\" autofocus")
    );
    assert_eq!(
        field(wrong(CodeError::Empty)),
        format!("{plain} aria-invalid=\"true\" aria-describedby=\"wrong how\"")
    );
    assert_eq!(
        field(wrong(CodeError::TooEarly { seconds: 2 })),
        format!("{plain} aria-describedby=\"how\"")
    );
    assert!(code(CODE).contains(&format!(
        "<form method=\"post\" action=\"{}\" novalidate>",
        ACTION.replace('/', "&#x2f;")
    )));
}

#[test]
fn actions_stand_in_their_order_and_enter_means_continue() {
    let actions = |page| {
        let html = code(page);
        tags(&html)
            .iter()
            .filter(|tag| attribute(tag, "name") == Some("do"))
            .map(|tag| attribute(tag, "value").unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(actions(CODE), ["answer", "send", "voice", "cancel"]);
    assert_eq!(actions(called(CODE)), ["answer", "voice", "send", "cancel"]);
    assert_eq!(
        actions(mailed(CODE)),
        ["answer", "email", "send", "voice", "cancel"]
    );
    assert_eq!(actions(alone(CODE)), ["answer", "send", "cancel"]);
    assert_eq!(
        actions(CodePage {
            other_channels: &[Channel::Sms],
            ..CODE
        }),
        ["answer", "send", "cancel"]
    );
    assert_eq!(
        actions(in_state(State::NotSent, CODE)),
        ["send", "voice", "cancel"]
    );
    assert_eq!(
        actions(in_state(State::Over, CODE)),
        ["send", "voice", "cancel"]
    );
    assert_eq!(
        actions(in_state(State::Locked { until: NOW + 1 }, CODE)),
        ["cancel"]
    );
    // Enter in a field presses the first submit button of that field's own form.
    let html = code(CODE);
    let form = html
        .split("<form")
        .nth(1)
        .unwrap()
        .split("</form>")
        .next()
        .unwrap();
    assert!(
        form.contains("name=\"code\"")
            && form.matches("<button").count() == 1
            && form.contains("value=\"answer\"")
    );
}

#[test]
fn an_error_leads_to_what_mends_it() {
    let place = |page| {
        let html = code(page);
        let summary = html
            .split("<section")
            .nth(1)
            .unwrap()
            .split("</section>")
            .next()
            .unwrap()
            .to_owned();
        summary
            .split_once("<a href=\"#")
            .map(|(_, after)| after.split_once('"').unwrap().0.to_owned())
    };
    for (page, at) in [
        (wrong(CodeError::Wrong { left: None }), Some("code")),
        (wrong(CodeError::TooEarly { seconds: 3 }), Some("send")),
        (wrong(CodeError::SendLimit { until: NOW }), None),
        (over(CodeError::Expired), Some("send")),
        (called(over(CodeError::TriesUsedUp)), Some("voice")),
        (over(CodeError::CarrierTrouble), Some("voice")),
        (alone(over(CodeError::CarrierTrouble)), Some("send")),
        (over(CodeError::NumberCannot), Some("voice")),
        (alone(over(CodeError::NumberCannot)), None),
        (wrong(CodeError::Undelivered), Some("voice")),
        (called(wrong(CodeError::Undelivered)), Some("send")),
        (alone(wrong(CodeError::Undelivered)), Some("send")),
        // No field, no link to it.
        (over(CodeError::Wrong { left: None }), None),
        (
            in_state(State::Locked { until: NOW }, wrong(CodeError::Expired)),
            None,
        ),
    ] {
        assert_eq!(place(page).as_deref(), at, "{page:?}");
    }
}

#[test]
fn c7_only_a_proven_subject_sees_digits_of_the_number() {
    for (_, page) in code_pages() {
        assert!(!code(hidden(page)).contains("••"), "{page:?}");
    }
    assert!(code(CODE).contains("<bdi dir=\"ltr\">••67</bdi>"));
}

#[test]
fn what_became_of_a_message_is_told_once_and_only_beside_the_field() {
    use crate::challenge::fate::Fate;
    let line = |page: CodePage<'_>| {
        let html = code(page);
        let said = html.matches("could not be delivered").count();
        let line = html.split_once("<p id=\"fate\"").map(|(_, after)| {
            let (line, _) = after.split_once("</p>").unwrap();
            line.to_owned()
        });
        (line, said)
    };
    let failed = told(Fate::Failed, wrong(CodeError::Undelivered));
    assert_eq!(line(failed), (None, 1), "the summary says it");
    let (told_too, said) = line(told(Fate::Failed, wrong(CodeError::Wrong { left: None })));
    assert!(told_too.unwrap().starts_with(" class=\"wrong\">") && said == 1);
    assert_eq!(line(CODE), (None, 0), "nothing to say and nobody to ask");
    let asks = |page| CodePage {
        ask: Some("/.countersign/c/4f1b/state"),
        ..page
    };
    let (empty, _) = line(asks(CODE));
    assert!(
        empty.unwrap().ends_with("state\">"),
        "a place for the script"
    );
    for state in [
        State::NotSent,
        State::Over,
        State::Locked { until: NOW + 1 },
    ] {
        let page = asks(in_state(state, told(Fate::Sent, CODE)));
        assert_eq!(line(page), (None, 0), "{state:?}");
        assert!(
            !render(&Page::Code(page), &LOOK).headers(None)[header::CONTENT_SECURITY_POLICY]
                .to_str()
                .unwrap()
                .contains("connect-src")
        );
    }
}

/// Whether the application took it is told by what it shows afterwards, and in doubt by nobody.
#[test]
fn c7_a_code_page_says_nothing_of_the_password() {
    for (name, page) in code_pages() {
        assert!(!code(page).to_lowercase().contains("password"), "{name}");
    }
}

#[test]
fn c7_equal_arguments_give_equal_bytes() {
    for ((name, first), (_, second)) in rendered().into_iter().zip(rendered()) {
        assert_eq!(
            (first.html, first.policy),
            (second.html, second.policy),
            "{name}"
        );
    }
}

#[test]
fn times_are_marked_up_and_name_their_zone() {
    let html = code(CODE);
    assert!(html.contains("It works until <time datetime=\"2026-11-22T14:37:00Z\">14:37 UTC</time> (5\u{a0}minutes)."), "{html}");
    let just_over = |seconds| {
        code(in_state(
            State::Sent {
                until: NOW + seconds,
            },
            CODE,
        ))
    };
    assert!(
        just_over(61).contains("(2\u{a0}minutes)")
            && just_over(60).contains("(1\u{a0}minute)")
            && just_over(0).contains("(1\u{a0}minute)")
    );
    assert!(
        code(in_state(State::Sent { until: u64::MAX }, CODE)).contains("<time datetime=\"9999-"),
        "a far end is still a page"
    );
}

#[test]
fn the_wait_counts_begun_seconds() {
    let html = code(CodePage {
        resend_in: Duration::from_millis(83_001),
        ..CODE
    });
    assert!(
        html.contains("data-left=\"84\"") && html.contains("<span id=\"left\">1:24</span>"),
        "{html}"
    );
    assert!(!code(CODE).contains("data-left"));
}

#[test]
fn statuses_are_those_of_the_table() {
    for (name, page) in rendered() {
        let status = match name.as_str() {
            "frame" => 401,
            "refused-bad-request" | "refused-ambiguous-login" | "refused-cookies-needed" => 400,
            "refused-denied"
            | "refused-cross-origin"
            | "refused-credentials-elsewhere"
            | "refused-no-phone"
            | "refused-no-address"
            | "refused-without-support" => 403,
            "refused-not-found" => 404,
            "refused-method-not-allowed" => 405,
            "refused-unknown-challenge" | "refused-login-expired" => 410,
            "refused-body-too-large" => 413,
            "refused-misdirected" => 421,
            "refused-head-too-large" => 431,
            "refused-internal" => 500,
            "refused-upstream-down" | "refused-not-released" => 502,
            "refused-full"
            | "refused-logins-full"
            | "refused-nothing-can-send"
            | "refused-upstream-busy" => 503,
            "refused-upstream-slow" => 504,
            _ if name.starts_with("refused-too-many") || name.starts_with("code-locked") => 429,
            _ => 200,
        };
        assert_eq!(page.status, status, "{name}");
        let waits = page.headers(None).contains_key(header::RETRY_AFTER);
        assert_eq!(waits, [429, 503].contains(&status), "{name}: Retry-After");
    }
    let retry = |page: &Page<'_>| render(page, &LOOK).headers(None)[header::RETRY_AFTER].clone();
    assert_eq!(
        retry(&Page::Refused(Refusal::TooMany { until: NOW + 900 })),
        "900"
    );
    assert_eq!(
        retry(&Page::Code(in_state(
            State::Locked { until: NOW + 61 },
            CODE
        ))),
        "61"
    );
}

/// 6 kB compressed is the goal; the raw bound keeps it without a compressor here, since pages compress to less than half.
#[test]
fn pages_are_small() {
    assert!(SCRIPT.len() < 3072, "{}", SCRIPT.len());
    for (name, page) in rendered() {
        assert!(page.html.len() <= 12_000, "{name}: {}", page.html.len());
    }
}

#[test]
fn pages_can_be_shared_between_workers() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&Pages::new());
}
