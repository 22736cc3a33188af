//! Two models of servers: whatever they read differently, the reader refuses.

use proptest::prelude::*;

use super::*;

/// A name as a browser writes it into a form, of characters that this reader takes.
fn browser_name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9_.\\[\\]é;:,'\"\r\n-]{1,12}".prop_map(|name| {
        name.replace('"', "%22")
            .replace('\r', "%0D")
            .replace('\n', "%0A")
    })
}

/// Fields as they are in a page: name, value, and a file name where it is a file.
fn browser_fields() -> impl Strategy<Value = Vec<(String, Vec<u8>, Option<String>)>> {
    let value = prop_oneof![
        "[a-z0-9 =;:\"'é\r\n-]{0,30}".prop_map(String::into_bytes),
        prop::collection::vec(32..=255u8, 0..20),
    ]
    .prop_filter("a byte order mark is no value", |value| {
        !begins_with_mark(value)
    });
    let filename = prop::option::weighted(0.2, "[a-z .;é\\\\]{0,8}[a-z]");
    prop::collection::vec((browser_name(), value, filename), 0..6)
}

fn browser_body(boundary: &str, fields: &[(String, Vec<u8>, Option<String>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value, filename) in fields {
        let head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"");
        body.extend(head.into_bytes());
        if let Some(filename) = filename {
            let more = format!("; filename=\"{filename}\"\r\nContent-Type: image/png");
            body.extend(more.into_bytes());
        }
        body.extend(b"\r\n\r\n");
        body.extend(value);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{boundary}--\r\n").into_bytes());
    body
}

/// Pieces of which attacks are made; `x` is the boundary.
const PIECES: [&str; 33] = [
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    "\n\n",
    "--x",
    "\r\n--x",
    "\n--x",
    "--x--",
    "\r\n--x\r\n",
    "\r\n--x--\r\n",
    "\n--x\n",
    "--",
    "\"",
    "'",
    "\\",
    ";",
    "; ",
    "=",
    "*",
    ":",
    " ",
    "\t",
    "\0",
    "name=\"b\"",
    "; name=\"b\"",
    "; name=b",
    "; name*=utf-8''b",
    "filename=\"b\"",
    "; filename=\"b\"",
    "\r\n name=\"b\"",
    "Content-Disposition: form-data; name=\"b\"",
    "\r\nContent-Disposition: form-data; name=\"b\"",
];

/// A browser's body with the boundary `x`, and what an attacker made of it.
fn attacked_body() -> impl Strategy<Value = Vec<u8>> {
    let edit = (
        any::<prop::sample::Index>(),
        0..4usize,
        prop::sample::select(&PIECES[..]),
    );
    let fields = prop::collection::vec(
        (
            "[ab]",
            "[ab\r\n-]{0,3}",
            prop::option::weighted(0.2, "[ab]"),
        ),
        1..3,
    );
    (fields, prop::collection::vec(edit, 0..3)).prop_map(|(fields, edits)| {
        let fields: Vec<_> = fields
            .into_iter()
            .map(|(name, value, filename)| (name, value.into_bytes(), filename))
            .collect();
        let mut body = browser_body("x", &fields);
        for (at, cut, piece) in edits {
            let at = at.index(body.len() + 1);
            let end = (at + cut).min(body.len());
            body.splice(at..end, piece.bytes());
        }
        body
    })
}

/// Name, value, whether it is a file.
type Model = Vec<(Vec<u8>, Vec<u8>, bool)>;

/// A server that takes any line end, finds a delimiter at the start of any line and goes on behind the last one, joins
/// lines, and lets the last of two win.
fn lenient(boundary: &str, body: &[u8]) -> Model {
    let delimiter = format!("--{boundary}").into_bytes();
    let mut parts: Vec<Vec<&[u8]>> = Vec::new();
    for line in body.split_inclusive(|&b| b == b'\n') {
        if line.starts_with(&delimiter) {
            parts.push(Vec::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(line);
        }
    }
    parts
        .iter()
        .filter_map(|lines| {
            let is_empty = |line: &&[u8]| line.trim_ascii().is_empty();
            let end = lines.iter().position(is_empty)?;
            let mut headers: Vec<Vec<u8>> = Vec::new();
            for line in &lines[..end] {
                let is_more = line[0].is_ascii_whitespace() || !line.contains(&b':');
                match headers.last_mut() {
                    Some(last) if is_more => last.extend(line.trim_ascii_end()),
                    None if is_more => {}
                    _ => headers.push(line.trim_ascii().to_vec()),
                }
            }
            let mut value = lines[end + 1..].concat();
            if value.ends_with(b"\n") {
                value.pop();
            }
            if value.ends_with(b"\r") {
                value.pop();
            }
            let disposition = headers.iter().rfind(|header| {
                header
                    .to_ascii_lowercase()
                    .starts_with(b"content-disposition")
            })?;
            let (mut name, mut file, mut quoted) = (None, false, false);
            let parameters = disposition.split(|&b| {
                quoted ^= b == b'"';
                b == b';' && !quoted
            });
            for parameter in parameters {
                let mut sides = parameter.splitn(2, |&b| b == b'=');
                let (key, text) = (
                    sides.next()?.trim_ascii().to_ascii_lowercase(),
                    sides.next().unwrap_or_default(),
                );
                let text = text.trim_ascii();
                let inner = text.get(1..text.len().max(2) - 1).unwrap_or_default();
                let bare = match (text.first(), text.last()) {
                    (Some(b'"'), Some(b'"')) | (Some(b'\''), Some(b'\'')) => inner.to_vec(),
                    _ => text.to_vec(),
                };
                match &key[..] {
                    b"name" => name = Some(bare),
                    b"name*" => name = Some(text.rsplit(|&b| b == b'\'').next()?.to_vec()),
                    b"filename" | b"filename*" => file = true,
                    _ => {}
                }
            }
            Some((name?, value, file))
        })
        .collect()
}

/// A server that knows only CRLF and only what is in double quotes, and lets the first of two win.
fn strict(boundary: &str, body: &[u8]) -> Model {
    let text = [b"\r\n", body].concat();
    let delimiter = format!("\r\n--{boundary}").into_bytes();
    let starts: Vec<usize> = memmem::find_iter(&text, &delimiter)
        .filter(|at| {
            let behind = &text[at + delimiter.len()..];
            behind.starts_with(b"\r\n") || behind.starts_with(b"--")
        })
        .collect();
    let mut fields = Model::new();
    for pair in starts.windows(2) {
        let part = &text[pair[0] + delimiter.len()..pair[1]];
        if part.starts_with(b"--") {
            break;
        }
        let Some(end) = memmem::find(part, b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&part[..end]).into_owned();
        let Some(disposition) = head
            .split("\r\n")
            .find(|line| line.starts_with("Content-Disposition: form-data"))
        else {
            continue;
        };
        let value_of = |key: &str| {
            let (_, rest) = disposition.split_once(&format!("; {key}=\""))?;
            Some(rest.split('"').next()?.as_bytes().to_vec())
        };
        if let Some(name) = value_of("name") {
            fields.push((
                name,
                part[end + 4..].to_vec(),
                value_of("filename").is_some(),
            ));
        }
    }
    fields
}

fn model(fields: Vec<Field>) -> Model {
    fields
        .into_iter()
        .map(|field| (field.name, field.value, field.file))
        .collect()
}

#[test]
fn the_two_models_read_a_browsers_form_alike_and_an_attackers_differently() {
    let fields = vec![
        ("a".to_owned(), b"1\r\n2".to_vec(), None),
        ("b".to_owned(), vec![], Some("c".to_owned())),
    ];
    let wanted: Model = vec![
        (b"a".to_vec(), b"1\r\n2".to_vec(), false),
        (b"b".to_vec(), vec![], true),
    ];
    let body = browser_body("x", &fields);
    assert_eq!(lenient("x", &body), wanted);
    assert_eq!(strict("x", &body), wanted);
    let text = String::from_utf8(body).unwrap();
    for (from, to) in [
        ("1\r\n", "1\r\n--xy\r\n"),
        ("1\r\n", "1\n--x\n"),
        ("\"a\"", "\"a\"; name=\"b\""),
        ("\"a\"", "a"),
        ("\"a\"", "'a'"),
        ("form-data; name=\"a\"", "form-data;\r\n name=\"a\""),
        ("\"a\"", "\"a\"; name*=utf-8''b"),
        (
            "\"a\"",
            "\"a\"\r\nContent-Disposition: form-data; name=\"b\"",
        ),
        (
            "--x--\r\n",
            "--x--\r\n--x\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n",
        ),
    ] {
        let body = text.replacen(from, to, 1).into_bytes();
        assert_ne!(lenient("x", &body), strict("x", &body), "{to:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn what_a_browser_sends_is_what_is_read(sent in browser_fields(), boundary in "[-]{0,30}[a-zA-Z0-9'+_.-]{0,39}[a-zA-Z0-9]") {
        let boundary = boundary.replace('\'', "_");
        let body = browser_body(&boundary, &sent);
        let content_type = format!("multipart/form-data; boundary={boundary}");
        // A short boundary may stand in a value, and some server would take it for one.
        let delimiters = memmem::find_iter(&body, &format!("--{boundary}")).count();
        prop_assume!(delimiters == sent.len() + 1);
        let wanted: Model = sent.iter().map(|(name, value, filename)| (name.clone().into_bytes(), value.clone(), filename.is_some())).collect();
        let wanted_names: Vec<_> = wanted.iter().map(|field| field.0.clone()).collect();
        let fits = sent.iter().all(|(name, _, filename)| name != "_charset_" && filename.as_ref().is_none_or(|f| !f.ends_with('\\')));
        prop_assume!(fits);
        prop_assert_eq!(model(fields(&content_type, &body).unwrap()), wanted);
        let found = names(Some(&content_type), &body);
        prop_assert!(wanted_names.iter().all(|name| found.contains(name)));
    }

    #[test]
    fn no_bytes_make_reading_panic(content_type in "[ -~]{0,40}", body in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = fields(&content_type, &body);
        let _ = fields("multipart/form-data; boundary=x", &body);
        let _ = names(None, &body);
    }

    #[test]
    fn no_flipped_bytes_make_reading_panic_or_find_new_names(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        end in any::<prop::sample::Index>(),
    ) {
        let mut body = LOGIN.as_bytes().to_vec();
        for (at, byte) in flips {
            *at.get_mut(&mut body) = byte;
        }
        body.truncate(end.index(body.len()) + 1);
        let found = names(Some(TYPE), &body);
        for field in fields(TYPE, &body).unwrap_or_default() {
            prop_assert!(found.contains(&field.name));
        }
    }

    #[test]
    fn what_two_servers_read_differently_is_ambiguous(body in attacked_body()) {
        let (lenient, strict) = (lenient("x", &body), strict("x", &body));
        if let Ok(fields) = fields("multipart/form-data; boundary=x", &body) {
            let fields = model(fields);
            prop_assert_eq!(&lenient, &fields);
            prop_assert_eq!(&strict, &fields);
        }
        let found = names(Some("multipart/form-data; boundary=x"), &body);
        for (name, ..) in lenient.iter().chain(&strict) {
            // Blanks around it are the caller's to fold; one with a quote or a control character in it is nobody's credential.
            let bare = name.trim_ascii();
            let is_word = !bare.is_empty() && bare.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b));
            prop_assert!(!is_word || found.iter().any(|name| name == bare), "{}", bare.escape_ascii());
        }
    }
}
