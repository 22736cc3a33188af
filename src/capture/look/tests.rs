use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn fields(all: &[(&'static str, &str)]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for (name, value) in all {
        fields.append(*name, HeaderValue::from_str(value).unwrap());
    }
    fields
}

fn coded(codings: &[&str]) -> HeaderMap {
    let all: Vec<_> = codings.iter().map(|c| ("content-encoding", *c)).collect();
    fields(&all)
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zlib(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn deflate(text: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_page_is_read_out_of_every_coding_that_servers_use() {
    let text = b"<input type=password>".repeat(50);
    for (codings, body) in [
        (&[][..], text.clone()),
        (&["identity"], text.clone()),
        (&[""], text.clone()),
        (&["gzip"], gzip(&text)),
        (&["GZip"], gzip(&text)),
        (&["x-gzip"], gzip(&text)),
        (&["identity, gzip"], gzip(&text)),
        (&["identity", "gzip"], gzip(&text)),
        (&["deflate"], zlib(&text)),
        (&["deflate"], deflate(&text)),
        (&["gzip"], [gzip(&text), b"after the end".to_vec()].concat()),
    ] {
        let read = decoded(&coded(codings), &body);
        assert_eq!(read.as_deref(), Some(&text[..]), "{codings:?}");
    }
}

#[test]
fn what_cannot_be_read_is_nothing() {
    let text = b"<input type=password>".repeat(50);
    let whole = gzip(&text);
    for (codings, body) in [
        (&["br"][..], text.clone()),
        (&["zstd"], text.clone()),
        (&["gzip, gzip"], gzip(&whole)),
        (&["gzip", "gzip"], gzip(&whole)),
        (&["gzip, br"], whole.clone()),
        (&["gzip"], text.clone()),
        (&["gzip"], zlib(&text)),
        (&["gzip"], whole[..whole.len() / 2].to_vec()),
        (&["gzip"], whole[..3].to_vec()),
        (&["deflate"], text.clone()),
        (&["deflate"], whole.clone()),
        (&["deflate"], zlib(&text)[..20].to_vec()),
        (&["compress"], text.clone()),
        (&["gzip;q=1"], whole.clone()),
    ] {
        assert_eq!(decoded(&coded(codings), &body), None, "{codings:?}");
    }
    assert_eq!(
        decoded(&coded(&["gzip"]), b"").as_deref(),
        Some(&b""[..]),
        "a redirect has no body whatever it says"
    );
    assert_eq!(decoded(&coded(&["br, gzip"]), b""), None);
}

#[test]
fn a1_a_bomb_is_read_only_so_far() {
    let bomb = gzip(&vec![b'a'; 40 * MOST]);
    assert!(bomb.len() < MOST / 10);
    assert_eq!(decoded(&coded(&["gzip"]), &bomb).unwrap().len(), MOST);
    let bomb = deflate(&vec![b'a'; 4 * MOST]);
    assert_eq!(decoded(&coded(&["deflate"]), &bomb).unwrap().len(), MOST);
    assert_eq!(
        decoded(&coded(&[]), &vec![b'a'; MOST + 1]).unwrap().len(),
        MOST
    );
}

#[test]
fn types_are_told_apart_in_any_spelling() {
    for (types, html, json) in [
        (&[][..], true, false),
        (&["text/html"], true, false),
        (&["Text/HTML; charset=UTF-8"], true, false),
        (&["text/html;charset=utf-16"], true, false),
        (&[" text/html ;x"], true, false),
        (&["application/xhtml+xml"], true, false),
        (&[""], true, false),
        (&["text/htmlx"], false, false),
        (&["text/plain; note=text/html"], false, false),
        (&["text/plain"], false, false),
        (&["application/octet-stream"], false, false),
        (&["text/plain", "text/html"], true, false),
        (&["text/plain, text/html"], true, false),
        (&["application/json"], false, true),
        (&["Application/JSON;charset=utf-8"], false, true),
        (&["text/json"], false, true),
        (&["application/problem+json"], false, true),
        (&["application/vnd.api+JSON; x"], false, true),
        (&["application/jsonp"], false, false),
        (&["+json"], false, true),
        (&["json"], false, false),
        (&["application/javascript"], false, false),
    ] {
        let all: Vec<_> = types.iter().map(|t| ("content-type", *t)).collect();
        let fields = fields(&all);
        assert_eq!(
            (is_html(&fields), is_json(&fields)),
            (html, json),
            "{types:?}"
        );
    }
}

/// Pages that ask for a password in a way that browsers take.
const ASKING: &[&str] = &[
    "<input type=password>",
    "<input type=\"password\">",
    "<input type='password'>",
    "<INPUT TYPE=PASSWORD>",
    "<Input Type=PassWord>",
    "<input name=p type=password>",
    "<input type=password name=p>",
    "<input type = \"password\" >",
    "<input type\n=\n\"password\"\n>",
    "<input\ttype=password\t>",
    "<input\ntype=password\n>",
    "<input\x0ctype=password>",
    "<input\r\ntype=password\r\n>",
    "<input/type=password>",
    "<input/type=\"password\"/>",
    "<input///name=\"x\"///type=\"password\"///>",
    "<input type=password />",
    "<input name=\"x\"type=\"password\">",
    "<input name='x'type='password'>",
    "<input value=\">\" type=password>",
    "<input value='a > b' type=password>",
    "<input value='<!--' type=password>",
    "<input value='\"' type=password>",
    "<input value=\"'\" type=password>",
    "<input value=a\"b type=password>",
    "<input value=a'b type=password>",
    "<input value= x=text type=password>",
    "<input disabled type=password>",
    "<input autofocus type=password required>",
    "<input x=1 x=2 type=password type=text>",
    "<input =x type=password>",
    "<input \"x\" type=password>",
    "<input < type=password>",
    "<input data-type=text type=password>",
    "<input type=&#112;assword>",
    "<input type=\"&#x70;assword\">",
    "<input type=\"&#X70;assword\">",
    "<input type='p&#97ssword'>",
    "<input type='&#0000112;assword'>",
    "<input type='&#x70&#x61&#x73&#x73&#119;ord'>",
    "<input type=&#80;ASSWORD>",
    "<in\0put ty\0pe=pass\0word>",
    "\0<\0i\0n\0p\0u\0t\0 \0t\0y\0p\0e\0=\0p\0a\0s\0s\0w\0o\0r\0d\0>",
    "a < b <input type=password>",
    "<<input type=password>",
    "<p <input> <input type=password>",
    "<b<input type=password x><input type=password>",
    "</p x='><'><input type=password>",
    "<!-- x --><input type=password>",
    "<!--><input type=password>",
    "<!---><input type=password>",
    "<!----><input type=password>",
    "<!-- -- ---><input type=password>",
    "<!-- --!><input type=password>",
    "<!doctype html><input type=password>",
    "<!x '><input type=password>",
    "<?xml version='1.0'?><input type=password />",
    "<![CDATA[><input type=password>",
    "</ ><input type=password>",
    "</><input type=password>",
    "<script>x</script><input type=password>",
    "<script src=x></script ><input type=password>",
    "<SCRIPT>if (a<b) '</scripty>'</Script/><input type=password>",
    "<script><!-- x --></script><input type=password>",
    "<script><!--></script><input type=password>",
    "<script><!-- </script><input type=password>",
    "<script><!-- <script> </script> </script><input type=password>",
    "<script><!-- <script> --> </script><input type=password>",
    "<style>a > b {}</style><input type=password>",
    "<title>Sign in</title><input type=password>",
    "<textarea></textarea><input type=password>",
    "<noscript><input type=password></noscript>",
    "<template><input type=password></template>",
    "<form><table><tr><input type=password></table>",
    "<svg><title/><input></svg><input type=password>",
    "<svg><title><input type=password></title></svg>",
    "<svg><style/></svg><input type=password>",
    "<SVG viewBox='0'><SCRIPT/></SVG><input type=password>",
    "<iframe></iframe><input type=password>",
    "<scripts><input type=password></scripts>",
    "<titles><input type=password>",
];

/// Pages that do not.
const SILENT: &[&str] = &[
    "",
    "<",
    "type=password",
    "<p>Your input type=password was wrong</p>",
    "&lt;input type=password&gt;",
    "<input>",
    "<input type=text>",
    "<input type>",
    "<input type=>",
    "<input type=\"\">",
    "<input type=passwords>",
    "<input type=pass word>",
    "<input type=\" password\">",
    "<input type=\"password \">",
    "<input type=password/>",
    "<input type=password/name=x>",
    "<input/type=password/name=x>",
    "<input type=text type=password>",
    "<input =type=password>",
    "<input data-type=password>",
    "<input xtype=password>",
    "<input name=password>",
    "<input value='type=password'>",
    "<input value=\"x type=password>",
    "<input value='<input type=password>'>",
    "<input type=password",
    "<input type=password ",
    "<input type='password'",
    "<input type=\"password>",
    "<inputs type=password>",
    "<input-x type=password>",
    "< input type=password>",
    "</input type=password>",
    "<!input type=password>",
    "<?input type=password>",
    "<select type=password>",
    "<a title='<input type=password>'>",
    "<a b=c<input type=password>",
    "<!-- <input type=password> -->",
    "<!-- <input type=password>",
    "<!-- -- > <input type=password> -->",
    "<!--- > <input type=password> --->",
    "<script>'<input type=password>'</script>",
    "<script>'<input type=password>'",
    "<script>'</scripts><input type=password>'</script>",
    "<script><!-- <script> </script> '<input type=password>' </script>",
    "<style><input type=password></style>",
    "<title><input type=password></title>",
    "<textarea><input type=password></textarea>",
    "<textarea></textareas><input type=password></textarea>",
    "<textarea/><input type=password></textarea>",
    "<TextArea x='</textarea>'><input type=password></textarea>",
    "<xmp><input type=password></xmp>",
    "<iframe><input type=password></iframe>",
    "<noembed><input type=password></noembed>",
    "<noframes><input type=password></noframes>",
    "<plaintext><input type=password>",
    "<input type=&#112assworð>",
    "<input type=&amp;#112;assword>",
    "<input type=&#x70assword>",
    "<input type='&#0;password'>",
    "<input type='&#1114112;password'>",
    "<input type='&#99999999999999999999;password'>",
    "<input type='&#;password'>",
    "<input type='&password'>",
    "\u{fe}\u{ff}<input type=password",
];

#[test]
fn a_password_field_is_found_in_every_spelling_that_browsers_take() {
    for page in ASKING {
        assert!(has_password_field(page.as_bytes()), "{page:?}");
    }
}

#[test]
fn a_page_that_only_mentions_a_password_field_has_none() {
    for page in SILENT {
        assert!(!has_password_field(page.as_bytes()), "{page:?}");
    }
}

#[test]
fn pages_in_utf_16_are_read() {
    let little = |text: &str| -> Vec<u8> {
        let units = text.encode_utf16().flat_map(u16::to_le_bytes);
        [0xff, 0xfe].into_iter().chain(units).collect()
    };
    let big = |text: &str| -> Vec<u8> {
        let units = text.encode_utf16().flat_map(u16::to_be_bytes);
        [0xfe, 0xff].into_iter().chain(units).collect()
    };
    for page in [
        "<p>ž<input type=password name=ž>",
        "<input name='ž' type=password>",
    ] {
        for coded in [little(page), big(page)] {
            assert!(has_password_field(&coded), "{page}");
            assert!(has_field(&coded, "ž"), "{page}");
            // Half a letter at the end harms nobody.
            assert!(has_password_field(&[&coded[..], b"x"].concat()), "{page}");
        }
    }
    // Letters whose halves are those of `<` and `>` are others in UTF-16.
    assert!(!has_password_field(&little("\u{3c3c}input type=password>")));
    let bom = b"\xef\xbb\xbf<input type=password>";
    assert!(has_password_field(bom));
}

#[test]
fn a_field_is_found_by_its_exact_name() {
    for (page, name, is) in [
        ("<input name=u>", "u", true),
        ("<input type=text name='u' id=x>", "u", true),
        ("<INPUT NAME=\"u\">", "u", true),
        ("<input name=u name=v>", "v", false),
        ("<input name=U>", "u", false),
        ("<input name=u2>", "u", false),
        ("<input id=u>", "u", false),
        ("<input name=\"auth[username]\">", "auth[username]", true),
        (
            "<input name=\"auth&#91;username&#93;\">",
            "auth[username]",
            true,
        ),
        ("<input name='a&amp;b'>", "a&b", true),
        ("<input name='a&b'>", "a&b", true),
        ("<input name='a&ampb'>", "a&ampb", true),
        ("<input name='&lt;&gt;&quot;&apos;'>", "<>\"'", true),
        ("<input name='é'>", "é", true),
        ("<input name='&eacute;'>", "é", false),
        ("<input name='&#233;'>", "é", true),
        ("<button name=u>", "u", false),
        ("<!-- <input name=u> -->", "u", false),
        ("<script>'<input name=u>'</script>", "u", false),
        ("<input>", "u", false),
    ] {
        assert_eq!(has_field(page.as_bytes(), name), is, "{page} {name}");
    }
}

#[test]
fn a1_a_hostile_page_takes_one_pass() {
    for part in [
        "<",
        "<!--",
        "<!-",
        "--",
        "-",
        "<a ",
        "<a/",
        "<a =",
        "<a x='",
        "<script>",
        "</script",
        "<script><!--",
        "<!--<script>",
        "<title>",
        "</title",
        "<textarea></",
        "&",
        "<input type=&#",
        "<input name=&amp",
        "<svg>",
        "<input ",
    ] {
        let page = part.repeat(2 * MOST / part.len());
        assert!(!has_password_field(page.as_bytes()), "{part}");
        let inside = format!("<script><!--<script>{page}");
        assert!(!has_password_field(inside.as_bytes()), "{part}");
        let inside = format!("<input value=\"{page}");
        assert!(!has_password_field(inside.as_bytes()), "{part}");
    }
}

/// A piece of a page, and whether it has a password field; whole in itself, so that pieces can stand in any order.
fn piece() -> impl Strategy<Value = (String, bool)> {
    let space = "[ \n\t]{1,3}";
    let cased = |word: &'static str| {
        prop::collection::vec(any::<bool>(), word.len()).prop_map(move |upper| -> String {
            let letter = |(c, upper): (char, bool)| if upper { c.to_ascii_uppercase() } else { c };
            word.chars().zip(upper).map(letter).collect()
        })
    };
    let quoted = |value: BoxedStrategy<String>| {
        (value, 0..3).prop_map(|(value, quote)| match quote {
            0 => format!("\"{value}\""),
            1 => format!("'{value}'"),
            _ => format!("{value} "),
        })
    };
    let kind = prop_oneof![
        cased("password").prop_map(|kind| (kind, true)),
        Just(("p&#97;ssword".to_owned(), true)),
        cased("text").prop_map(|kind| (kind, false)),
        Just(("passwordx".to_owned(), false)),
    ]
    .prop_flat_map(move |(kind, is)| (quoted(Just(kind).boxed()), Just(is)));
    let other = prop_oneof![
        Just(String::new()),
        Just("value='>'".to_owned()),
        Just("title=\"a > type=password\"".to_owned()),
        Just("data-type=password".to_owned()),
        Just("checked".to_owned()),
        "[a-s]{1,6}=[a-z0-9]{1,6}".prop_map(|attribute| format!("z{attribute}")),
    ];
    let input = (
        cased("input"),
        space,
        other.clone(),
        space,
        cased("type"),
        kind,
        other,
        prop::bool::ANY,
    )
        .prop_map(
            |(input, gap, before, blank, name, (kind, is), after, slash)| {
                let end = if slash { " />" } else { ">" };
                (
                    format!("<{input}{gap}{before}{blank}{name}={kind}{blank}{after}{end}"),
                    is,
                )
            },
        );
    let hidden = prop_oneof![
        Just("<!-- <input type=password> -->"),
        Just("<script>'<input type=password>'</script>"),
        Just("<style><input type=password></style>"),
        Just("<title><input type=password></title>"),
        Just("<textarea rows=2><input type=password></textarea>"),
        Just("<a href='<input type=password>'>x</a>"),
        Just("</p type=password>"),
        Just("<!doctype html>"),
        Just("<form action=/login>"),
        Just("type=password"),
        Just("a < b > c"),
    ]
    .prop_map(|text| (text.to_owned(), false));
    prop_oneof![
        input,
        hidden,
        "[a-z ='\"/>&-]{0,12}".prop_map(|text| (text, false))
    ]
}

proptest! {
    #[test]
    fn a_page_asks_for_a_password_if_one_of_its_pieces_does(pieces in prop::collection::vec(piece(), 0..12)) {
        let page: String = pieces.iter().map(|(text, _)| text.as_str()).collect();
        let asks = pieces.iter().any(|(_, is)| *is);
        prop_assert_eq!(has_password_field(page.as_bytes()), asks, "{}", page);
    }

    #[test]
    fn no_bytes_make_the_scanner_stumble(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = (has_password_field(&bytes), has_field(&bytes, "u"));
        for coding in ["gzip", "deflate", "identity"] {
            let _ = decoded(&coded(&[coding]), &bytes);
        }
    }

    #[test]
    fn no_markup_makes_the_scanner_stumble(
        page in "(<|>|!|--|/|'|\"|=| |input|type|password|script|svg|title|&#x?[0-9]|;|\0){0,40}",
    ) {
        let _ = (has_password_field(page.as_bytes()), has_field(page.as_bytes(), "type"));
        let whole = format!("<!-- -->{page}");
        let _ = has_password_field(whole.as_bytes());
    }
}
