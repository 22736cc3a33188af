use super::*;

mod models;

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

const BOUNDARY: &str = "----WebKitFormBoundary7MA4YWxkTrZu0gW";

#[test]
fn boundaries_of_the_usual_clients_are_read() {
    for (parameter, boundary) in [
        // Firefox, old and new; curl; requests; undici; Dart; .NET; RFC 2046 in full.
        (
            "boundary=---------------------------9051914041544843365972754266",
            "---------------------------9051914041544843365972754266",
        ),
        (
            "boundary=----geckoformboundary5aa4b1f0c2",
            "----geckoformboundary5aa4b1f0c2",
        ),
        (
            "boundary=------------------------d74496d66958873e",
            "------------------------d74496d66958873e",
        ),
        (
            "boundary=2a8ae6ad-f4ad-4d9a-a92c-6d217011fe0f",
            "2a8ae6ad-f4ad-4d9a-a92c-6d217011fe0f",
        ),
        (
            "boundary=----formdata-undici-012345678901",
            "----formdata-undici-012345678901",
        ),
        (
            "boundary=dart-http-boundary-+_.a",
            "dart-http-boundary-+_.a",
        ),
        ("boundary=\"2a8ae6ad-f4ad-4d9a\"", "2a8ae6ad-f4ad-4d9a"),
        ("boundary=\"a'()+_,-./:?=z\"", "a'()+_,-./:?=z"),
        ("boundary=x", "x"),
        (
            "boundary=1234567890123456789012345678901234567890123456789012345678901234567890",
            "1234567890123456789012345678901234567890123456789012345678901234567890",
        ),
    ] {
        let body = LOGIN.replace(BOUNDARY, boundary);
        for semicolon in ["; ", ";"] {
            let content_type = format!("multipart/form-data{semicolon}{parameter}");
            let read = read(&content_type, body.as_bytes());
            assert_eq!(read.map(|fields| fields.len()), Ok(3), "{content_type}");
        }
    }
}

/// What a client writes in the place of something in [`LOGIN`], and the first field then.
const PARTS: [(&str, &str, &str, &str, bool); 20] = [
    ("gW--\r\n", "gW--", "user", "alice", false),
    (
        "Content-Disposition",
        "content-disposition",
        "user",
        "alice",
        false,
    ), // Dart
    ("\"user\"", "\"us%22er\"", "us%22er", "alice", false),
    ("\"user\"", "\"us%0D%0Aer\"", "us%0D%0Aer", "alice", false),
    ("\"user\"", "\"auth[user]\"", "auth[user]", "alice", false),
    (
        "\"user\"",
        "\"a;b=c: d, e'f\"",
        "a;b=c: d, e'f",
        "alice",
        false,
    ),
    ("\"user\"", "\"Benützer\"", "Benützer", "alice", false),
    ("alice", "", "user", "", false),
    (
        "alice",
        "\r\na\r\n\r\nb\r\n",
        "user",
        "\r\na\r\n\r\nb\r\n",
        false,
    ),
    (
        "alice",
        "--\r\n--WebKit--\r\n--",
        "user",
        "--\r\n--WebKit--\r\n--",
        false,
    ),
    ("alice", "\na\rb\r", "user", "\na\rb\r", false),
    ("alice", "Zoë", "user", "Zoë", false),
    (
        "\"user\"",
        "\"user\"; filename=\"C:\\a.txt\"\r\nContent-Type: text/plain",
        "user",
        "alice",
        true,
    ),
    (
        "\"user\"",
        "\"user\"; filename=\"a;b%22.txt\"\r\nContent-Type: text/html; charset=x",
        "user",
        "alice",
        true,
    ),
    (
        "\"user\"",
        "\"user\"; filename=\"ä;b%22.txt\"",
        "user",
        "alice",
        true,
    ), // requests
    (
        "Content-D",
        "Content-Type: text/plain; charset=utf-8\r\nContent-D",
        "user",
        "alice",
        false,
    ), // aiohttp
    (
        "\"user\"",
        "\"user\"\r\nContent-Type: text/plain;charset=UTF-8",
        "user",
        "alice",
        false,
    ), // Spring
    (
        "\"user\"",
        "\"user\"\r\nContent-Type: text/plain; charset=\"utf-8\"",
        "user",
        "alice",
        false,
    ),
    (
        "\"user\"",
        "\"user\"\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: 8bit",
        "user",
        "alice",
        false,
    ), // Apache
    (
        "\"user\"",
        "\"user\"\r\nContent-Transfer-Encoding: Binary",
        "user",
        "alice",
        false,
    ),
];

#[test]
fn parts_of_the_usual_clients_are_read() {
    for (from, to, name, value, is_file) in PARTS {
        let body = LOGIN.replacen(from, to, 1);
        let read = read(TYPE, body.as_bytes()).unwrap_or_else(|why| panic!("{to:?}: {why}"));
        let wanted = (name.to_owned(), value.as_bytes().to_vec(), is_file);
        assert_eq!((read.len(), &read[0]), (3, &wanted), "{to:?}");
        assert!(found(&body).iter().any(|found| found == name), "{to:?}");
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
            let body = LOGIN.replace(BOUNDARY, boundary);
            assert_eq!(
                read(content_type, body.as_bytes()),
                ambiguous,
                "{content_type}"
            );
        }
    }
}

const FIRST: &str =
    "------WebKitFormBoundary7MA4YWxkTrZu0gW\r\nContent-Disposition: form-data; name=\"user\"";
const LAST: &str = "gW--\r\n";

const BEFORE: &str = "before the first part of the multipart form";
const BEHIND: &str = "behind a delimiter of the multipart form";
const END: &str = "the end of the multipart form";
const WITHIN: &str = "a delimiter within a line of the multipart form";
const EPILOGUE: &str = "behind the last part of the multipart form";
const HEAD: &str = "the end of the head of a part";
const LINE: &str = "a line in the head of a part";
const UNKNOWN: &str = "an unknown header of a part";
const CONTROL: &str = "a control character in the head of a part";
const TWICE: &str = "a header of a part that is there twice";
const DISPOSITION: &str = "the disposition of a part";
const ENCODING: &str = "the transfer encoding of a part";
const KIND: &str = "the content type of a part";

/// What is replaced in [`LOGIN`], why the result is ambiguous, and what stands there instead; `{…}` is filled in.
const REFUSED: &[(&str, &str, &[&str])] = &[
    // Around the parts.
    (LOGIN, BEFORE, &[""]),
    (
        FIRST,
        BEFORE,
        &[
            "\r\n{FIRST}",
            "preamble\r\n{FIRST}",
            "-----WebKitFormBoundary7MA4YWxkTrZu0gW\r\nContent-Disposition: form-data; name=\"user\"",
            "-{FIRST}",
        ],
    ),
    (
        LAST,
        EPILOGUE,
        &[
            "gW--\r\nepilogue",
            "gW--\r\n\r\n",
            "gW--\n",
            "gW-- \r\n",
            "gW--\r",
            "gW--\r\n{LOGIN}",
            "gW--{LOGIN}",
        ],
    ),
    (LAST, BEHIND, &["gW-\r\n", "gW"]),
    (LAST, END, &["gW\r\n", "", "gw--\r\n"]),
    // Delimiters.
    (
        "gW\r\n",
        BEHIND,
        &["gW \r\n", "gW\t\r\n", "gW\n", "gW\r", "gWx\r\n"],
    ),
    ("alice\r\n", WITHIN, &["alice\n", "alice\r", "alice"]),
    (
        "alice",
        WITHIN,
        &["alice{DELIMITER}", "alice\n{DELIMITER}x"],
    ),
    (
        "alice",
        BEHIND,
        &["alice\r\n{DELIMITER}x", "alice\r\n{DELIMITER} "],
    ),
    ("alice", EPILOGUE, &["alice\r\n{DELIMITER}--"]),
    ("alice", HEAD, &["{DELIMITER}"]),
    ("\r\n\r\nalice\r\n", HEAD, &["\r\n\r\n"]),
    ("user", WITHIN, &["{DELIMITER}"]),
    // Lines of a head.
    (
        "\r\n\r\nalice",
        HEAD,
        &["\n\nalice", "\r\ralice", "\r\nalice"],
    ),
    (
        "\"user\"",
        CONTROL,
        &[
            "\"user\"\nContent-Type: text/plain",
            "\"user\"\rContent-Type: text/plain",
            "\"us\0er\"",
            "\"us\u{1b}er\"",
            "\"us\u{7f}er\"",
            "\"us\u{85}er\"",
            "\"us\u{2028}er\"",
            "\"us\ter\"",
        ],
    ),
    (
        "form-data; name=\"user\"",
        LINE,
        &["form-data;\r\n name=\"user\""],
    ),
    ("\"user\"", LINE, &["\"user\"\r\nfolded"]),
    (
        "\"user\"",
        UNKNOWN,
        &[
            "\"user\"\r\n: x",
            "\"user\"\r\n X: y",
            "\"user\"\r\nContent-Length: 2",
            "\"user\"\r\nX-Any: thing",
            "\"user\"\r\nContent-ID: user",
        ],
    ),
    (
        "Content-Disposition: ",
        UNKNOWN,
        &["Content-Disposition : ", " Content-Disposition: "],
    ),
    (
        "Content-Disposition: ",
        LINE,
        &["Content-Disposition:", "\r\nContent-Disposition: "],
    ),
    (
        "Content-Disposition: ",
        DISPOSITION,
        &["Content-Disposition:  "],
    ),
    (
        "Content-Disposition: ",
        CONTROL,
        &["Content-Disposition:\t"],
    ),
    (
        "Content-Disposition: form-data; name=\"user\"\r\n",
        HEAD,
        &[""],
    ),
    (
        "Content-Disposition: form-data; name=\"user\"",
        LINE,
        &["nothing"],
    ),
    (
        "Content-Disposition: form-data; name=\"user\"",
        DISPOSITION,
        &["Content-Type: text/plain"],
    ),
    (
        "\"user\"",
        TWICE,
        &[
            "\"user\"\r\nContent-Disposition: form-data; name=\"user\"",
            "\"user\"\r\ncontent-disposition: form-data; name=\"other\"",
            "\"user\"\r\nContent-Type: text/plain\r\nContent-Type: text/plain",
        ],
    ),
    ("\"user\"", HEAD, &["{LONG}", "\"user\"; filename={LONG}"]),
    // The disposition.
    (
        "form-data; name",
        DISPOSITION,
        &["attachment; name", "Form-Data; name", "name"],
    ),
    (
        "; name=\"user\"",
        DISPOSITION,
        &[
            "",
            ";",
            ";name=\"user\"",
            ";  name=\"user\"",
            "; name =\"user\"",
            "; name= \"user\"",
            "; Name=\"user\"",
            "; x=\"y\"; name=\"user\"",
            "; filename=\"a\"",
            "; filename=\"a\"; name=\"user\"",
            "; name*=utf-8''user",
            "; name*0=\"user\"",
        ],
    ),
    (
        "\"user\"",
        DISPOSITION,
        &[
            "\"user\";",
            "\"user\" ",
            "\"user\"; x=\"y\"",
            "\"user\"; name=\"user\"",
            "\"user\"; name*=utf-8''other",
            "\"user\"; filename=a",
            "\"user\"; filename='a'",
            "\"user\"; filename*=utf-8''a",
            "\"user\"; filename=\"a\"b\"",
            "\"user\"; filename=\"a\"; x=\"b\"",
            "\"user\"; filename=\"a\"; filename=\"b\"",
            "\"user\"; filename=\"a\"; filename*=utf-8''b",
            "\"user\"; filename=\"a\\\"",
            "\"user\"; filename=\"a\\\"; name=\"b\"",
            "\"user\"; filename=\"a; Name = b\"",
            "\"user\"; filename=\"=?utf-8?q?a?=\"",
            "user",
            "'user'",
            "\"user",
            "user\"",
            "\"\"",
            "\" user\"",
            "\"user \"",
            "\"us\\er\"",
            "\"us\\\"er\"",
            "\"user\\\"",
            "\"us\"er\"",
            "\"x; name=user\"",
            "\"x; name*=user\"",
            "\"=?utf-8?q?user?=\"",
            "\"_charset_\"",
            "\"_Charset_\"",
        ],
    ),
    // What a part says of its value.
    (
        "\"user\"",
        ENCODING,
        &[
            "\"user\"\r\nContent-Transfer-Encoding: base64",
            "\"user\"\r\nContent-Transfer-Encoding: quoted-printable",
            "\"user\"\r\nContent-Transfer-Encoding: ",
        ],
    ),
    (
        "\"user\"",
        KIND,
        &[
            "\"user\"\r\nContent-Type: text/plain; charset=utf-16",
            "\"user\"\r\nContent-Type: text/plain; charset=iso-8859-1",
            "\"user\"\r\nContent-Type: text/plain; x=y",
            "\"user\"\r\nContent-Type: text/html",
            "\"user\"\r\nContent-Type: application/octet-stream",
            "\"user\"\r\nContent-Type: application/json",
            "\"user\"\r\nContent-Type: application/x-www-form-urlencoded",
            "\"user\"\r\nContent-Type: multipart/mixed; boundary=y",
            "\"user\"\r\nContent-Type: ",
            "\"user\"; filename=\"a\"\r\nContent-Type: multipart/mixed; boundary=y",
            "\"user\"; filename=\"a\"\r\nContent-Type: Message/rfc822",
            "\"user\"; filename=\"a\"\r\nContent-Type: application/x-www-form-urlencoded; a=b",
            "\"user\"; filename=\"a\"\r\nContent-Type: image/png, multipart/mixed",
            "\"user\"; filename=\"a\"\r\nContent-Type: image/",
            "\"user\"; filename=\"a\"\r\nContent-Type: /png",
            "\"user\"; filename=\"a\"\r\nContent-Type: image/png ; a=b",
            "\"user\"; filename=\"a\"\r\nContent-Type: x",
        ],
    ),
    (
        "\"user\"\r\n\r\nalice",
        "a part with a charset of its own",
        &["\"user\"\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nZoë"],
    ),
    (
        "\"user\"",
        "a part with an empty file name",
        &["\"user\"; filename=\"\""],
    ),
    (
        "alice",
        "a byte order mark before a value",
        &["\u{feff}alice"],
    ),
];

#[test]
fn what_servers_could_read_differently_is_ambiguous() {
    for (from, reason, to) in REFUSED {
        assert!(LOGIN.contains(from), "{from:?}");
        for to in *to {
            let to = to
                .replace("{FIRST}", FIRST)
                .replace("{LOGIN}", LOGIN)
                .replace("{DELIMITER}", &format!("--{BOUNDARY}"))
                .replace("{LONG}", &format!("\"{}\"", "u".repeat(1024)));
            let body = LOGIN.replacen(from, &to, 1);
            let ambiguous = Err(Ambiguous(reason));
            assert_eq!(read(TYPE, body.as_bytes()), ambiguous, "{from:?} → {to:?}");
        }
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

/// Bodies, and a name that some server finds there.
const NAMED: &[(&str, &str)] = &[
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
    ("Content-Disposition: form-data; name=épass", "épass"),
    ("Content-Disposition: form-data; name==\"pass\"", "pass"),
    ("Content-Disposition: form-data; name=pass=\"x\"", "pass"),
    (
        "Content-Disposition: form-data; name*=utf-8''pass\"x\"",
        "pass",
    ),
    ("Content-Disposition: form-data; name='pa;ss'", "pa;ss"),
    ("Content-Disposition: form-data; name=pa\nss\n\nx", "pass"),
    (
        "Content-Disposition: form-data; name=\"pa\n  s:s\"",
        "pa  s:s",
    ),
    (
        "Content-Disposition: form-data; name=\"=?utf-8?q?a_pass?=\"",
        "a pass",
    ),
    // Dispositions.
    ("Content-Disposition: name=pass", "pass"),
    (
        "Content-Disp\r\n------WebKitFormBoundary7MA4YWxkTrZu0gWosition: name=pass",
        "pass",
    ),
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
];

#[test]
fn every_name_that_some_server_could_find_is_found() {
    for (body, wanted) in NAMED {
        let found = found(body);
        assert!(
            found.iter().any(|name| name == wanted),
            "{body:?}: {found:?}"
        );
    }
}

#[test]
fn a_delimiter_that_busboy_takes_out_of_a_head_hides_no_name() {
    let body = "--x\r\nContent-Disp\r\n--x\"yosition: form-data; name=pass";
    for content_type in [
        "multipart/form-data; boundary=x\"y",
        "multipart/form-data; BOUNDARY=x\"y; z",
        "multipart/form-data; boundary=\"x\\\"y\"; z",
    ] {
        let found = names(Some(content_type), body.as_bytes());
        assert!(found.iter().any(|name| name == b"pass"), "{content_type}");
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
