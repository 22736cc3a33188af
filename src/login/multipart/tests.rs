use proptest::prelude::*;

use super::*;

/// Name, value and whether it is a file.
type Found = Result<Vec<(String, Vec<u8>, bool)>, Ambiguous>;

fn read(content_type: &str, body: &[u8]) -> Found {
    let simple = |field: Field| {
        let name = String::from_utf8(field.name).expect("names are UTF-8");
        (name, field.value, field.file)
    };
    Ok(fields(content_type, body)?
        .into_iter()
        .map(simple)
        .collect())
}

fn field(name: &str, value: &str) -> (String, Vec<u8>, bool) {
    (name.to_owned(), value.as_bytes().to_vec(), false)
}

fn file(name: &str, value: &str) -> (String, Vec<u8>, bool) {
    (name.to_owned(), value.as_bytes().to_vec(), true)
}

fn found(body: &str) -> Vec<String> {
    names(Some(TYPE), body.as_bytes())
        .into_iter()
        .map(|name| String::from_utf8_lossy(&name).into_owned())
        .collect()
}

const TYPE: &str = "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW";

/// What Chromium posts for a user name, a password and a file that nobody chose.
const LOGIN: &str = "------WebKitFormBoundary7MA4YWxkTrZu0gW\r\n\
    Content-Disposition: form-data; name=\"user\"\r\n\
    \r\n\
    alice\r\n\
    ------WebKitFormBoundary7MA4YWxkTrZu0gW\r\n\
    Content-Disposition: form-data; name=\"pass\"\r\n\
    \r\n\
    s3cret\r\n\
    ------WebKitFormBoundary7MA4YWxkTrZu0gW\r\n\
    Content-Disposition: form-data; name=\"key\"; filename=\"\"\r\n\
    Content-Type: application/octet-stream\r\n\
    \r\n\
    \r\n\
    ------WebKitFormBoundary7MA4YWxkTrZu0gW--\r\n";

#[test]
fn a_login_as_chromium_posts_it_is_read() {
    let wanted = vec![
        field("user", "alice"),
        field("pass", "s3cret"),
        file("key", ""),
    ];
    assert_eq!(read(TYPE, LOGIN.as_bytes()), Ok(wanted));
}

#[test]
fn what_the_usual_clients_send_is_read() {
    let boundary = "----WebKitFormBoundary7MA4YWxkTrZu0gW";
    for (client, content_type, from, to, wanted) in [
        (
            "no line end at the end",
            TYPE,
            "--\r\n",
            "--",
            field("user", "alice"),
        ),
        (
            "Firefox",
            "multipart/form-data; boundary=---------------------------9051914041544843365972754266",
            boundary,
            "---------------------------9051914041544843365972754266",
            field("user", "alice"),
        ),
        (
            "Firefox, newer",
            "multipart/form-data; boundary=----geckoformboundary5aa4",
            boundary,
            "----geckoformboundary5aa4",
            field("user", "alice"),
        ),
        (
            "curl",
            "multipart/form-data; boundary=------------------------d74496d66958873e",
            boundary,
            "------------------------d74496d66958873e",
            field("user", "alice"),
        ),
        (
            "requests",
            "multipart/form-data; boundary=2a8ae6ad-f4ad-4d9a-a92c-6d217011fe0f",
            boundary,
            "2a8ae6ad-f4ad-4d9a-a92c-6d217011fe0f",
            field("user", "alice"),
        ),
        (
            "undici",
            "multipart/form-data; boundary=----formdata-undici-0123456789",
            boundary,
            "----formdata-undici-0123456789",
            field("user", "alice"),
        ),
        (
            "aiohttp, no blank",
            "multipart/form-data;boundary=x",
            boundary,
            "x",
            field("user", "alice"),
        ),
        (
            "Dart",
            "multipart/form-data; boundary=dart-http-boundary-+_.a",
            boundary,
            "dart-http-boundary-+_.a",
            field("user", "alice"),
        ),
        (
            "quotes",
            "multipart/form-data; boundary=\"x\"",
            boundary,
            "x",
            field("user", "alice"),
        ),
        (
            "RFC 2046",
            "multipart/form-data; boundary=\"a'()+_,-./:?=z\"",
            boundary,
            "a'()+_,-./:?=z",
            field("user", "alice"),
        ),
        (
            "a long boundary",
            "multipart/form-data; boundary=1234567890123456789012345678901234567890123456789012345678901234567890",
            boundary,
            "1234567890123456789012345678901234567890123456789012345678901234567890",
            field("user", "alice"),
        ),
        (
            "lower case",
            TYPE,
            "Content-Disposition",
            "content-disposition",
            field("user", "alice"),
        ),
        (
            "a quote in a name",
            TYPE,
            "\"user\"",
            "\"us%22er\"",
            field("us%22er", "alice"),
        ),
        (
            "a line end in a name",
            TYPE,
            "\"user\"",
            "\"us%0D%0Aer\"",
            field("us%0D%0Aer", "alice"),
        ),
        (
            "a name of PHP",
            TYPE,
            "\"user\"",
            "\"auth[user]\"",
            field("auth[user]", "alice"),
        ),
        (
            "a semicolon in a name",
            TYPE,
            "\"user\"",
            "\"a;b=c: d, e'f\"",
            field("a;b=c: d, e'f", "alice"),
        ),
        (
            "a name beyond ASCII",
            TYPE,
            "\"user\"",
            "\"Benützer\"",
            field("Benützer", "alice"),
        ),
        ("an empty value", TYPE, "alice", "", field("user", "")),
        (
            "lines in a value",
            TYPE,
            "alice",
            "\r\na\r\n\r\nb\r\n",
            field("user", "\r\na\r\n\r\nb\r\n"),
        ),
        (
            "dashes in a value",
            TYPE,
            "alice",
            "--\r\n--WebKit--\r\n--",
            field("user", "--\r\n--WebKit--\r\n--"),
        ),
        (
            "bare line ends in a value",
            TYPE,
            "alice",
            "\na\rb\r",
            field("user", "\na\rb\r"),
        ),
        (
            "a value beyond ASCII",
            TYPE,
            "alice",
            "Zoë",
            field("user", "Zoë"),
        ),
        (
            "a file",
            TYPE,
            "\"user\"\r\n",
            "\"user\"; filename=\"C:\\a.txt\"\r\nContent-Type: text/plain\r\n",
            file("user", "alice"),
        ),
        (
            "a file without type",
            TYPE,
            "\"user\"\r\n",
            "\"user\"; filename=\"ä;b%22.txt\"\r\n",
            file("user", "alice"),
        ),
        (
            "aiohttp",
            TYPE,
            "Content-Disposition: form-data; name=\"user\"",
            "Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name=\"user\"",
            field("user", "alice"),
        ),
        (
            "Spring",
            TYPE,
            "\"user\"\r\n",
            "\"user\"\r\nContent-Type: text/plain;charset=UTF-8\r\n",
            field("user", "alice"),
        ),
        (
            "Apache",
            TYPE,
            "\"user\"\r\n",
            "\"user\"\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: 8bit\r\n",
            field("user", "alice"),
        ),
        (
            "encodings that change nothing",
            TYPE,
            "\"user\"\r\n",
            "\"user\"\r\nContent-Transfer-Encoding: Binary\r\n",
            field("user", "alice"),
        ),
    ] {
        let body = LOGIN.replace(from, to);
        let read =
            read(content_type, body.as_bytes()).unwrap_or_else(|why| panic!("{client}: {why}"));
        assert_eq!((read.len(), &read[0]), (3, &wanted), "{client}");
        let names = names(Some(content_type), body.as_bytes());
        assert!(
            names.contains(&wanted.0.into_bytes()),
            "{client}: {names:?}"
        );
    }
}

#[test]
fn a_form_without_fields_has_none() {
    assert_eq!(
        read("multipart/form-data; boundary=x", b"--x--\r\n"),
        Ok(vec![])
    );
}

#[test]
fn a_content_type_with_more_or_less_than_a_boundary_is_ambiguous() {
    for content_type in [
        "",
        "multipart/form-data",
        "multipart/form-data;",
        "multipart/form-data; boundary",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=\"x",
        "multipart/form-data; boundary=x\"",
        "multipart/form-data; boundary='x'",
        "multipart/form-data; boundary=\"x\\y\"",
        "multipart/form-data; boundary=\"x y\"",
        "multipart/form-data; boundary=\"x \"",
        "multipart/form-data; boundary=x ",
        "multipart/form-data; boundary=x;",
        "multipart/form-data; boundary=x,y",
        "multipart/form-data; boundary=x:y",
        "multipart/form-data; boundary=\"=?utf-8?q?x?=\"",
        "multipart/form-data; boundary=--",
        "multipart/form-data; boundary=\"x\"y",
        "multipart/form-data; boundary=x; boundary=x",
        "multipart/form-data; boundary=x; boundary=y",
        "multipart/form-data; boundary=x; charset=utf-8",
        "multipart/form-data; charset=utf-8; boundary=x",
        "multipart/form-data; boundary*=utf-8''x",
        "multipart/form-data; boundary*0=x",
        "multipart/form-data; Boundary=x",
        "multipart/form-data; boundary =x",
        "multipart/form-data; boundary= x",
        "multipart/form-data;  boundary=x",
        "multipart/form-data ; boundary=x",
        "multipart/form-data, boundary=x",
        "Multipart/Form-Data; boundary=x",
        "multipart/mixed; boundary=x",
        "multipart/form-data; boundary=é",
        "multipart/form-data; boundary=12345678901234567890123456789012345678901234567890123456789012345678901",
    ] {
        let ambiguous = Err(Ambiguous("the boundary of the multipart form"));
        for boundary in ["x", "--", "x y", "=?utf-8?q?x?="] {
            let body = LOGIN.replace("----WebKitFormBoundary7MA4YWxkTrZu0gW", boundary);
            assert_eq!(
                read(content_type, body.as_bytes()),
                ambiguous,
                "{content_type}"
            );
        }
    }
}

const DELIMITER: &str = "------WebKitFormBoundary7MA4YWxkTrZu0gW";

#[test]
fn what_servers_could_read_differently_is_ambiguous() {
    let long_name = format!("\"{}\"", "u".repeat(1024));
    let long_file = format!("\"user\"; filename=\"{}\"", "u".repeat(1024));
    let (before, behind, end, within, head, line, disposition) = (
        "before the first part of the multipart form",
        "behind a delimiter of the multipart form",
        "the end of the multipart form",
        "a delimiter within a line of the multipart form",
        "the end of the head of a part",
        "a line in the head of a part",
        "the disposition of a part",
    );
    let (epilogue, unknown, control, twice, encoding, kind) = (
        "behind the last part of the multipart form",
        "an unknown header of a part",
        "a control character in the head of a part",
        "a header of a part that is there twice",
        "the transfer encoding of a part",
        "the content type of a part",
    );
    let first =
        "------WebKitFormBoundary7MA4YWxkTrZu0gW\r\nContent-Disposition: form-data; name=\"user\"";
    let last = "gW--\r\n";
    for (from, to, reason) in [
        // Around the parts.
        (LOGIN, "", before),
        (first, &format!("\r\n{first}"), before),
        (first, &format!("preamble\r\n{first}"), before),
        (first, &first[1..], before),
        (first, &format!("-{first}"), before),
        (last, "gW--\r\nepilogue", epilogue),
        (last, "gW--\r\n\r\n", epilogue),
        (last, "gW--\n", epilogue),
        (last, "gW-- \r\n", epilogue),
        (last, "gW--\r", epilogue),
        (last, "gW-\r\n", behind),
        (last, "gW\r\n", end),
        (last, "gW", behind),
        (last, "", end),
        (last, "gw--\r\n", end),
        (last, &format!("gW--\r\n{LOGIN}"), epilogue),
        (last, &format!("gW--{LOGIN}"), epilogue),
        // Delimiters.
        ("gW\r\n", "gW \r\n", behind),
        ("gW\r\n", "gW\t\r\n", behind),
        ("gW\r\n", "gW\n", behind),
        ("gW\r\n", "gW\r", behind),
        ("gW\r\n", "gWx\r\n", behind),
        ("alice\r\n", "alice\n", within),
        ("alice\r\n", "alice\r", within),
        ("alice\r\n", "alice", within),
        ("alice", &format!("alice{DELIMITER}"), within),
        ("alice", &format!("alice\n{DELIMITER}x"), within),
        ("alice", &format!("alice\r\n{DELIMITER}x"), behind),
        ("alice", &format!("alice\r\n{DELIMITER}--"), epilogue),
        ("alice", &format!("alice\r\n{DELIMITER} "), behind),
        ("alice", DELIMITER, head),
        ("\r\n\r\nalice\r\n", "\r\n\r\n", head),
        ("user", DELIMITER, within),
        // Lines of a head.
        ("\r\n\r\nalice", "\n\nalice", head),
        ("\r\n\r\nalice", "\r\ralice", head),
        ("\r\n\r\nalice", "\r\nalice", head),
        ("\"user\"", "\"user\"\nContent-Type: text/plain", control),
        ("\"user\"", "\"user\"\rContent-Type: text/plain", control),
        (
            "form-data; name=\"user\"",
            "form-data;\r\n name=\"user\"",
            line,
        ),
        ("\"user\"", "\"user\"\r\nfolded", line),
        ("\"user\"", "\"user\"\r\n: x", unknown),
        ("\"user\"", "\"user\"\r\n X: y", unknown),
        ("Content-Disposition: ", "Content-Disposition : ", unknown),
        ("Content-Disposition: ", " Content-Disposition: ", unknown),
        ("Content-Disposition: ", "Content-Disposition:", line),
        (
            "Content-Disposition: ",
            "Content-Disposition:  ",
            disposition,
        ),
        ("Content-Disposition: ", "Content-Disposition:\t", control),
        ("Content-Disposition: ", "\r\nContent-Disposition: ", line),
        (
            "Content-Disposition: form-data; name=\"user\"\r\n",
            "",
            head,
        ),
        (
            "Content-Disposition: form-data; name=\"user\"",
            "nothing",
            line,
        ),
        (
            "Content-Disposition: form-data; name=\"user\"",
            "Content-Type: text/plain",
            disposition,
        ),
        (
            "\"user\"",
            "\"user\"\r\nContent-Disposition: form-data; name=\"user\"",
            twice,
        ),
        (
            "\"user\"",
            "\"user\"\r\ncontent-disposition: form-data; name=\"other\"",
            twice,
        ),
        (
            "\"user\"",
            "\"user\"\r\nContent-Type: text/plain\r\nContent-Type: text/plain",
            twice,
        ),
        ("\"user\"", "\"user\"\r\nContent-Length: 2", unknown),
        ("\"user\"", "\"user\"\r\nX-Any: thing", unknown),
        ("\"user\"", "\"user\"\r\nContent-ID: user", unknown),
        ("\"user\"", &long_name, head),
        ("\"user\"", &long_file, head),
        ("\"user\"", "\"us\0er\"", control),
        ("\"user\"", "\"us\u{1b}er\"", control),
        ("\"user\"", "\"us\u{7f}er\"", control),
        ("\"user\"", "\"us\u{85}er\"", control),
        ("\"user\"", "\"us\u{2028}er\"", control),
        ("\"user\"", "\"us\ter\"", control),
        // The disposition.
        ("form-data; name", "attachment; name", disposition),
        ("form-data; name", "Form-Data; name", disposition),
        ("form-data; name", "name", disposition),
        ("; name=\"user\"", "", disposition),
        ("; name=\"user\"", ";", disposition),
        ("; name=\"user\"", ";name=\"user\"", disposition),
        ("; name=\"user\"", ";  name=\"user\"", disposition),
        ("; name=\"user\"", "; name =\"user\"", disposition),
        ("; name=\"user\"", "; name= \"user\"", disposition),
        ("; name=\"user\"", "; Name=\"user\"", disposition),
        ("; name=\"user\"", "; x=\"y\"; name=\"user\"", disposition),
        ("; name=\"user\"", "; filename=\"a\"", disposition),
        (
            "; name=\"user\"",
            "; filename=\"a\"; name=\"user\"",
            disposition,
        ),
        ("; name=\"user\"", "; name*=utf-8''user", disposition),
        ("; name=\"user\"", "; name*0=\"user\"", disposition),
        ("\"user\"", "\"user\";", disposition),
        ("\"user\"", "\"user\" ", disposition),
        ("\"user\"", "\"user\"; x=\"y\"", disposition),
        ("\"user\"", "\"user\"; name=\"user\"", disposition),
        ("\"user\"", "\"user\"; name*=utf-8''other", disposition),
        ("\"user\"", "\"user\"; filename=a", disposition),
        ("\"user\"", "\"user\"; filename='a'", disposition),
        ("\"user\"", "\"user\"; filename*=utf-8''a", disposition),
        (
            "\"user\"",
            "\"user\"; filename=\"a\"; filename=\"b\"",
            disposition,
        ),
        (
            "\"user\"",
            "\"user\"; filename=\"a\"; filename*=utf-8''b",
            disposition,
        ),
        ("\"user\"", "\"user\"; filename=\"a\\\"", disposition),
        (
            "\"user\"",
            "\"user\"; filename=\"a\\\"; name=\"b\"",
            disposition,
        ),
        (
            "\"user\"",
            "\"user\"; filename=\"a; Name = b\"",
            disposition,
        ),
        (
            "\"user\"",
            "\"user\"; filename=\"=?utf-8?q?a?=\"",
            disposition,
        ),
        ("\"user\"", "user", disposition),
        ("\"user\"", "'user'", disposition),
        ("\"user\"", "\"user", disposition),
        ("\"user\"", "user\"", disposition),
        ("\"user\"", "\"\"", disposition),
        ("\"user\"", "\" user\"", disposition),
        ("\"user\"", "\"user \"", disposition),
        ("\"user\"", "\"us\\er\"", disposition),
        ("\"user\"", "\"us\\\"er\"", disposition),
        ("\"user\"", "\"user\\\"", disposition),
        ("\"user\"", "\"us\"er\"", disposition),
        ("\"user\"", "\"x; name=user\"", disposition),
        ("\"user\"", "\"x; name*=user\"", disposition),
        ("\"user\"", "\"=?utf-8?q?user?=\"", disposition),
        ("\"user\"", "\"_charset_\"", disposition),
        ("\"user\"", "\"_Charset_\"", disposition),
        // What a part says of its value.
        (
            "\"user\"",
            "\"user\"\r\nContent-Transfer-Encoding: base64",
            encoding,
        ),
        (
            "\"user\"",
            "\"user\"\r\nContent-Transfer-Encoding: quoted-printable",
            encoding,
        ),
        (
            "\"user\"",
            "\"user\"\r\nContent-Transfer-Encoding: ",
            encoding,
        ),
        (
            "\"user\"",
            "\"user\"\r\nContent-Type: text/plain; charset=utf-16",
            kind,
        ),
        (
            "\"user\"",
            "\"user\"\r\nContent-Type: text/plain; charset=iso-8859-1",
            kind,
        ),
        (
            "\"user\"",
            "\"user\"\r\nContent-Type: text/plain; x=y",
            kind,
        ),
        ("\"user\"", "\"user\"\r\nContent-Type: text/html", kind),
        (
            "\"user\"",
            "\"user\"\r\nContent-Type: application/octet-stream",
            kind,
        ),
        (
            "\"user\"",
            "\"user\"\r\nContent-Type: application/json",
            kind,
        ),
        (
            "\"user\"",
            "\"user\"\r\nContent-Type: application/x-www-form-urlencoded",
            kind,
        ),
        (
            "\"user\"",
            "\"user\"\r\nContent-Type: multipart/mixed; boundary=y",
            kind,
        ),
        ("\"user\"", "\"user\"\r\nContent-Type: ", kind),
        (
            "\"user\"",
            "\"user\"; filename=\"a\"\r\nContent-Type: multipart/mixed; boundary=y",
            kind,
        ),
        (
            "\"user\"",
            "\"user\"; filename=\"a\"\r\nContent-Type: Message/rfc822",
            kind,
        ),
        (
            "\"user\"",
            "\"user\"; filename=\"a\"\r\nContent-Type: application/x-www-form-urlencoded ; a=b",
            kind,
        ),
        (
            "\"user\"",
            "\"user\"; filename=\"a\"\r\nContent-Type: image/png, multipart/mixed",
            kind,
        ),
        (
            "\"user\"",
            "\"user\"; filename=\"a\"\r\nContent-Type: x",
            kind,
        ),
        (
            "\"user\"\r\n\r\nalice",
            "\"user\"\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nZoë",
            "a part with a charset of its own",
        ),
        (
            "\"user\"",
            "\"user\"; filename=\"\"",
            "a part with an empty file name",
        ),
        ("alice", "\u{feff}alice", "a byte order mark before a value"),
    ] {
        assert!(LOGIN.contains(from), "{from:?}");
        let body = LOGIN.replacen(from, to, 1);
        assert_eq!(
            read(TYPE, body.as_bytes()),
            Err(Ambiguous(reason)),
            "{from:?} → {to:?}"
        );
    }
}

#[test]
fn bytes_that_are_no_utf_8_are_ambiguous_in_a_head_and_the_forms_own_in_a_value() {
    let latin_1 = |text: &str| {
        text.chars()
            .map(|c| u8::try_from(c).unwrap())
            .collect::<Vec<u8>>()
    };
    for part in ["\"usér\"", "\"user\"; filename=\"é\""] {
        let body = latin_1(&LOGIN.replace("\"user\"", part));
        let ambiguous = Err(Ambiguous("the head of a part is no UTF-8"));
        assert_eq!(read(TYPE, &body), ambiguous);
    }
    let body = latin_1(&LOGIN.replace("alice", "Zoë"));
    assert_eq!(read(TYPE, &body).unwrap()[0].1, b"Zo\xeb");
    for mark in ["\u{fe}\u{ff}", "\u{ff}\u{fe}", "\0\0\u{fe}\u{ff}"] {
        let body = latin_1(&LOGIN.replace("alice", &format!("{mark}alice")));
        let ambiguous = Err(Ambiguous("a byte order mark before a value"));
        assert_eq!(read(TYPE, &body), ambiguous);
    }
}

#[test]
fn a_thousand_parts_are_read_and_one_more_is_ambiguous() {
    let part = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n";
    let form = |parts: usize| format!("{}--x--\r\n", part.repeat(parts));
    let content_type = "multipart/form-data; boundary=x";
    assert_eq!(
        read(content_type, form(1000).as_bytes()).unwrap().len(),
        1000
    );
    let ambiguous = Err(Ambiguous("too many parts in the multipart form"));
    assert_eq!(read(content_type, form(1001).as_bytes()), ambiguous);
}

#[test]
fn the_longest_head_that_django_reads_is_read() {
    let head = |length: usize| {
        let name = "n".repeat(length - "Content-Disposition: form-data; name=\"\"".len());
        LOGIN.replacen("user", &name, 1)
    };
    assert!(read(TYPE, head(1018).as_bytes()).is_ok());
    let ambiguous = Err(Ambiguous("the end of the head of a part"));
    assert_eq!(read(TYPE, head(1019).as_bytes()), ambiguous);
}

#[test]
fn every_name_that_some_server_could_find_is_found() {
    for (body, wanted) in [
        // Quotes.
        (
            "Content-Disposition: form-data; name=\"pass\"\r\n\r\n",
            "pass",
        ),
        ("content-disposition:form-data;name=pass\r\n\r\n", "pass"),
        (
            "CONTENT-DISPOSITION: FORM-DATA; NAME='pass'\r\n\r\n",
            "pass",
        ),
        ("Content-Disposition: form-data; name = \t\"pass\"", "pass"),
        (
            "Content-Disposition: form-data; name\u{a0}=\"pass\"",
            "pass",
        ),
        ("Content-Disposition: form-data; name=pass; x=y", "pass"),
        ("Content-Disposition: form-data; name=pass x=y", "pass"),
        (
            "Content-Disposition: form-data; name=pass word; x=y",
            "pass word",
        ),
        ("Content-Disposition: form-data; name=\"pass", "pass"),
        ("Content-Disposition: form-data; name='pass", "pass"),
        ("Content-Disposition: form-data; name=\"pass; x", "pass; x"),
        ("Content-Disposition: form-data; name=\"pa;ss\"", "pa;ss"),
        ("Content-Disposition: form-data; name=\"pa'ss\"", "pa'ss"),
        ("Content-Disposition: form-data; name=\"p\\a\\ss\"", "pass"),
        (
            "Content-Disposition: form-data; name=\"p\\a\\ss\"",
            "p\\a\\ss",
        ),
        (
            "Content-Disposition: form-data; name=\"pa\\\"ss\"",
            "pa\"ss",
        ),
        ("Content-Disposition: form-data; name=\"pa\\\"ss\"", "pa\\"),
        ("Content-Disposition: form-data; name=\\\"pass\\\"", "pass"),
        ("Content-Disposition: form-data; name=\"pa\"ss", "pass"),
        ("Content-Disposition: form-data; name=\" pass \"", "pass"),
        (
            "Content-Disposition: form-data; name=auth[pass]",
            "auth[pass]",
        ),
        ("Content-Disposition: form-data; name=a.pass", "a.pass"),
        // Dispositions.
        ("Content-Disposition: name=pass", "pass"),
        ("Content-Disposition: attachment; name=pass", "pass"),
        ("Content-Disposition : form-data, name=pass", "pass"),
        ("X: y\tContent-Disposition: form-data; name=pass", "pass"),
        ("--xContent-Disposition: form-data; name=pass", "pass"),
        (
            "Content-Disposition: form-data; name=user; name=pass",
            "pass",
        ),
        (
            "Content-Disposition: form-data; name=pass; name=user",
            "pass",
        ),
        (
            "Content-Disposition: form-data; filename=\"a; name=pass\"",
            "pass",
        ),
        (
            "Content-Disposition: form-data; filename=\"a\\\"; name=pass; \"",
            "pass",
        ),
        (
            "Content-Disposition: form-data; name=user\r\nContent-Disposition: form-data; name=pass",
            "pass",
        ),
        (
            "Content-Type: text/plain\r\nContent-ID: pass\r\n\r\n",
            "pass",
        ),
        // Lines.
        ("Content-Disposition: form-data;\r\n name=pass", "pass"),
        ("Content-Disposition: form-data;\n\tname=pass", "pass"),
        ("Content-Disposition: form-data;\rname=pass", "pass"),
        (
            "Content-Disposition:\r\n form-data;\r\n name=\r\n pass",
            "pass",
        ),
        ("Content-Disposition: form-data; na\nme=pass", "pass"),
        ("Content-Disposition: form-data; name=\"pa\nss\"", "pass"),
        ("Content-Disposition: form-data; name=\"pa\r\n ss\"", "pass"),
        (
            "Content-Disposition: form-data; name=\"pa\r\n  ss\"",
            "pa ss",
        ),
        (
            "Content-Disposition: form-data; name=\"pa\r\n  ss\"",
            "pa  ss",
        ),
        (
            "Content-Disposition: form-data; name=pa\nss\nContent-Type: text/plain\n\n",
            "pass",
        ),
        ("Content-Disposition: form-data; name=\"pass\nX: y", "pass"),
        ("Content-Disposition: form-data; name='pass\r\nX: y", "pass"),
        (
            "Content-Disposition: form-data; name=pass word\nX: y",
            "pass word",
        ),
        ("Content-Disposition: form-data;\n\nname=pass", "pass"),
        ("Content-Disposition: form-data;\r\r name=pass", "pass"),
        (
            "Content-Disposition: form-data; name=user\n\nx\n--x\nContent-Disposition: form-data; name=pass",
            "pass",
        ),
        (
            "--x\r\n\r\n\r\n\r\nContent-Disposition: form-data; name=user\r\n\r\n\r\n--x\r\nContent-Disposition: form-data; name=pass",
            "pass",
        ),
        // Encodings.
        (
            "Content-Disposition: form-data; name*=utf-8''p%61ss",
            "pass",
        ),
        (
            "Content-Disposition: form-data; name*=\"utf-8'en'p%61ss\"",
            "pass",
        ),
        ("Content-Disposition: form-data; name*=pass", "pass"),
        (
            "Content-Disposition: form-data; name *0* = utf-8''p; name*1=%61; name*2=\"ss\"",
            "pass",
        ),
        (
            "Content-Disposition: form-data; name*1=ss; name*0=pa",
            "pass",
        ),
        (
            "Content-Disposition: form-data; name*1=pa; name*0=ss",
            "pass",
        ),
        (
            "Content-Disposition: form-data; name=\"=?utf-8?q?p=61ss?=\"",
            "pass",
        ),
        (
            "Content-Disposition: form-data; name=\"p=?utf-8?Q?a?= =?utf-8?b?c3M=?=\"",
            "pass",
        ),
        (
            "Content-Disposition: form-data; name=\"=?utf-16le?b?cABhAHMAcwA?=\"",
            "pass",
        ),
        ("Content-Disposition: form-data; name=\"p%61ss\"", "pass"),
        ("Content-Disposition: form-data; name=\"p%22s\"", "p\"s"),
        ("Content-Disposition: form-data; name=\"p%22s\"", "p%22s"),
        (
            "Content-Disposition: form-data; name=\"pass\0x\"",
            "pass\0x",
        ),
        (
            "\0C\0ontent-Disposition\0: form-data; n\0ame=\"p\0ass\"",
            "pass",
        ),
    ] {
        let found = found(body);
        assert!(
            found.iter().any(|name| name == wanted),
            "{body:?}: {found:?}"
        );
    }
}

#[test]
fn a_value_a_file_name_or_another_type_of_body_is_no_name() {
    let body = LOGIN
        .replace("alice", "name=\"other\"; name=other")
        .replace("filename=\"\"", "filename=\"other\"");
    let found = found(&body);
    assert!(
        ["user", "pass", "key"]
            .iter()
            .all(|name| found.iter().any(|f| f == name))
    );
    assert!(
        !found.iter().any(|name| name.contains("other")),
        "{found:?}"
    );
    assert!(names(Some("text/plain"), LOGIN.as_bytes()).is_empty());
    for content_type in [None, Some("x/MultiPart;;")] {
        assert!(names(content_type, LOGIN.as_bytes()).contains(&b"pass".to_vec()));
    }
}

/// What is found in the longest body is bound by its length, whatever it repeats.
#[test]
fn the_names_of_a_hostile_body_are_bounded() {
    for piece in [
        "name=",
        ";name=",
        " name=",
        "\"name=",
        "'name=",
        ";name=\"",
        ";name='",
        "name=\"\\\";",
        ";name*0=a",
        ";name=a",
        "(name=",
        "\nname=",
        "\n name=x:",
        "name\0=",
        ";name==?",
        "=?a?b?",
        "name=%61 ",
        "content-disposition;name=",
        "content-id:name=",
    ] {
        let body = format!(
            "Content-Disposition: name={}",
            piece.repeat(64 * 1024 / piece.len())
        );
        let total: usize = names(None, body.as_bytes()).iter().map(Vec::len).sum();
        assert!(total < 20 * 64 * 1024, "{piece:?}: {total}");
    }
}

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
            let end = lines.iter().position(|line| is_empty(&line))?;
            let mut headers: Vec<Vec<u8>> = Vec::new();
            for line in &lines[..end] {
                let is_more = line[0].is_ascii_whitespace() || !line.contains(&b':');
                match headers.last_mut() {
                    Some(last) if is_more => last.extend(line.trim_ascii()),
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
        // A name with a quote in it is nobody's credential.
        for (name, ..) in lenient.into_iter().chain(strict).filter(|field| !field.0.is_empty() && !field.0.contains(&b'"')) {
            prop_assert!(found.contains(&name), "{:?}", String::from_utf8_lossy(&name));
        }
    }
}
