//! Origins of an application found in a text that comes in pieces, and the public one put in their place.
//!
//! Pure: bytes in, bytes out. However a text is cut, the same comes out.

use std::sync::Arc;

use aho_corasick::{AhoCorasick, Input, MatchKind};
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::site::Origin;

/// What is looked for, and what takes its place.
#[derive(Debug)]
pub(super) struct Needles {
    /// Longest first: of two that begin at one place the longer counts.
    all: Vec<Needle>,
    finder: AhoCorasick,
}

#[derive(Debug)]
struct Needle {
    /// In lower case: hosts, schemes and escapes mean the same in either.
    text: Vec<u8>,
    public: Vec<u8>,
    /// Without a scheme: then what stands before it decides whether it is an address at all.
    relative: bool,
}

/// A text on its way through.
#[derive(Debug)]
pub(super) struct Stream {
    needles: Arc<Needles>,
    /// The end of what came, as long as it may be the beginning of a needle.
    kept: Vec<u8>,
    /// The byte before that.
    before: Option<u8>,
}

impl Needles {
    /// These origins, in every form in which pages write them, for `public`. None if nothing would change.
    pub(super) fn new(origins: &[Origin], public: &Origin) -> Option<Self> {
        let mut all: Vec<Needle> = Vec::new();
        for origin in origins {
            for named in spellings(origin) {
                for write in [plain, in_json, in_query, in_quoted] {
                    all.push(Needle::new(&write(&named), write(public.text()), false));
                }
                for write in [plain, in_json, in_query] {
                    let (own, public) = (relative(&named), relative(public.text()));
                    all.push(Needle::new(&write(own), write(public), true));
                }
            }
        }
        all.retain(|needle| needle.text != needle.public.to_ascii_lowercase());
        all.sort_by(|a, b| (b.text.len(), &a.text).cmp(&(a.text.len(), &b.text)));
        all.dedup_by(|a, b| a.text == b.text);
        if all.is_empty() {
            return None;
        }
        let finder = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostFirst)
            .build(all.iter().map(|needle| &needle.text))
            .expect("it fails for texts of gigabytes, and these are of a configuration file");
        Some(Self { all, finder })
    }

    /// Rewrites `text`, behind `before`, as far as it can be decided; gives how far that is, and what came of it unless
    /// nothing changed.
    fn rewrite(&self, text: &[u8], before: Option<u8>, last: bool) -> (usize, Option<Vec<u8>>) {
        let open_from = |at| {
            if last {
                text.len()
            } else {
                self.open(text, at, before)
            }
        };
        let (mut open, mut written) = (open_from(0), None);
        // Up to where it is written, and from where it is searched.
        let (mut done, mut at) = (0, 0);
        while let Some(found) = self.finder.find(Input::new(text).range(at..)) {
            let start = found.start();
            if start >= open {
                break;
            }
            let before = start.checked_sub(1).map_or(before, |at| Some(text[at]));
            at = start + 1;
            if let Some(needle) = self.at(&text[start..], before) {
                let out = written.get_or_insert_with(|| Vec::with_capacity(text.len() + 64));
                out.extend_from_slice(&text[done..start]);
                out.extend_from_slice(&needle.public);
                at = start + needle.text.len();
                done = at;
                if at > open {
                    open = open_from(at);
                }
            }
        }
        if let Some(out) = &mut written {
            out.extend_from_slice(&text[done..open]);
        }
        (open, written)
    }

    /// The needle that `text` begins with.
    fn at(&self, text: &[u8], before: Option<u8>) -> Option<&Needle> {
        self.all.iter().find(|needle| {
            let (text, rest) = text.split_at_checked(needle.text.len()).unwrap_or_default();
            text.eq_ignore_ascii_case(&needle.text) && ends(rest) && needle.may_follow(before)
        })
    }

    /// From where on `text`, looked at from `at`, may be something else when more of it is there.
    fn open(&self, text: &[u8], at: usize, before: Option<u8>) -> usize {
        // An escape behind the needle needs two bytes more.
        let longest = self.all.first().map_or(0, |needle| needle.text.len()) + 2;
        let first = text.len().saturating_sub(longest).max(at);
        (first..text.len())
            .find(|start| {
                let before = start.checked_sub(1).map_or(before, |at| Some(text[at]));
                let mut all = self.all.iter();
                all.any(|needle| needle.may_follow(before) && needle.open(&text[*start..]))
            })
            .unwrap_or(text.len())
    }
}

impl Needle {
    fn new(text: &str, public: String, relative: bool) -> Self {
        Self {
            text: text.to_ascii_lowercase().into_bytes(),
            public: public.into_bytes(),
            relative,
        }
    }

    /// Whether it may stand behind this byte.
    fn may_follow(&self, before: Option<u8>) -> bool {
        !self.relative || before.is_none_or(begins)
    }

    /// Whether `text`, which goes on, may begin with this needle, and it is not known yet.
    fn open(&self, text: &[u8]) -> bool {
        let both = text.len().min(self.text.len());
        text[..both].eq_ignore_ascii_case(&self.text[..both])
            && match &text[both..] {
                [] => true,
                [b'%', escape @ ..] => escape.len() < 2,
                _ => false,
            }
    }
}

impl Stream {
    /// Nothing has come yet.
    pub(super) fn new(needles: Arc<Needles>) -> Self {
        Self {
            needles,
            kept: Vec::new(),
            before: None,
        }
    }

    /// The next piece; gives what is known by now, which may be nothing. Never more is kept than the longest needle
    /// and two bytes.
    pub(super) fn push(&mut self, piece: Bytes) -> Bytes {
        let piece = if self.kept.is_empty() {
            piece
        } else {
            self.kept.extend_from_slice(&piece);
            Bytes::from(std::mem::take(&mut self.kept))
        };
        let (known, written) = self.needles.rewrite(&piece, self.before, false);
        self.kept.extend_from_slice(&piece[known..]);
        self.before = piece[..known].last().copied().or(self.before);
        written.map_or_else(|| piece.slice(..known), Bytes::from)
    }

    /// There is no more: the rest.
    pub(super) fn finish(&mut self) -> Bytes {
        let rest = std::mem::take(&mut self.kept);
        let (_, written) = self.needles.rewrite(&rest, self.before, true);
        Bytes::from(written.unwrap_or(rest))
    }

    /// Whether something is held back.
    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}

/// Whether an address may begin behind this byte. A colon is another scheme's, a letter another path's: `//` in the
/// middle of a path is no address.
fn begins(before: u8) -> bool {
    before.is_ascii_whitespace() || b"\"'`=(<>,;[{|".contains(&before)
}

/// Whether an authority ends before `rest`: nothing there makes the port longer, or the host another's.
fn ends(rest: &[u8]) -> bool {
    match rest {
        [] => true,
        [b'%', high, low, ..] => ENDS_ESCAPED
            .iter()
            .any(|code| code.eq_ignore_ascii_case(&[*high, *low])),
        [byte, ..] => byte.is_ascii_whitespace() || b"/\"'<>\\?#&;,)]}|`".contains(byte),
    }
}

/// `/ " ' < > \ ? # & ; ,` blank, line ends and `)`, as escapes have them.
const ENDS_ESCAPED: [&[u8; 2]; 15] = [
    b"2F", b"22", b"27", b"3C", b"3E", b"5C", b"3F", b"23", b"26", b"3B", b"2C", b"20", b"0A",
    b"0D", b"29",
];

/// The origin as it is, and with its scheme's own port where that is left out.
fn spellings(origin: &Origin) -> Vec<String> {
    let text = origin.text().to_owned();
    if origin.authority() == origin.host() {
        let with_port = format!("{text}:{}", origin.port());
        vec![text, with_port]
    } else {
        vec![text]
    }
}

/// Without the scheme.
fn relative(origin: &str) -> &str {
    origin.split_once(':').map_or(origin, |(_, rest)| rest)
}

/// `http://app:8080`, in attributes and texts.
fn plain(origin: &str) -> String {
    origin.to_owned()
}

/// `http:\/\/app:8080`, in JSON as PHP writes it.
fn in_json(origin: &str) -> String {
    origin.replace('/', "\\/")
}

/// `http%3A%2F%2Fapp%3A8080`, in queries.
fn in_query(origin: &str) -> String {
    utf8_percent_encode(origin, &RESERVED).to_string()
}

/// `http%3A//app%3A8080`, in queries as Python's `quote` and script's `escape` write it.
fn in_quoted(origin: &str) -> String {
    utf8_percent_encode(origin, &RESERVED_BUT_SLASHES).to_string()
}

/// All but the unreserved characters (RFC 3986 section 2.3).
const RESERVED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

const RESERVED_BUT_SLASHES: AsciiSet = RESERVED.remove(b'/');

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn origin(text: &str) -> Origin {
        Origin::parse(text).unwrap()
    }

    fn needles(origins: &[&str]) -> Arc<Needles> {
        let origins: Vec<Origin> = origins.iter().map(|text| origin(text)).collect();
        Arc::new(Needles::new(&origins, &origin("https://portal.example.com")).unwrap())
    }

    fn common() -> Arc<Needles> {
        needles(&["http://app:8080", "http://app.example.com"])
    }

    fn in_pieces<'p>(needles: &Arc<Needles>, pieces: impl IntoIterator<Item = &'p [u8]>) -> String {
        let mut stream = Stream::new(Arc::clone(needles));
        let mut out = Vec::new();
        for piece in pieces {
            out.extend_from_slice(&stream.push(Bytes::copy_from_slice(piece)));
            assert!(stream.kept.len() <= needles.all[0].text.len() + 2);
        }
        out.extend_from_slice(&stream.finish());
        assert!(stream.is_empty());
        String::from_utf8_lossy(&out).into_owned()
    }

    fn whole(text: &str) -> String {
        in_pieces(&common(), [text.as_bytes()])
    }

    #[test]
    fn an_origin_is_found_in_every_form_in_which_pages_write_it() {
        for (text, expected) in [
            (
                "<a href=\"http://app:8080/x\">",
                "<a href=\"https://portal.example.com/x\">",
            ),
            (
                "<a href=HTTP://App:8080>",
                "<a href=https://portal.example.com>",
            ),
            ("url(http://app:8080)", "url(https://portal.example.com)"),
            (
                "{\"u\":\"http:\\/\\/app:8080\\/x\"}",
                "{\"u\":\"https:\\/\\/portal.example.com\\/x\"}",
            ),
            (
                "?u=http%3A%2F%2Fapp%3A8080%2Fx",
                "?u=https%3A%2F%2Fportal.example.com%2Fx",
            ),
            (
                "?u=http%3a%2f%2fapp%3a8080&v",
                "?u=https%3A%2F%2Fportal.example.com&v",
            ),
            (
                "?u=http%3A//app%3A8080/x",
                "?u=https%3A//portal.example.com/x",
            ),
            ("src='//app:8080/x'", "src='//portal.example.com/x'"),
            ("\"\\/\\/app:8080\\/x\"", "\"\\/\\/portal.example.com\\/x\""),
            ("?u=%2F%2Fapp%3A8080%2Fx", "?u=%2F%2Fportal.example.com%2Fx"),
            (
                "http://app.example.com http://app.example.com:80/",
                "https://portal.example.com https://portal.example.com/",
            ),
            ("http://app:8080", "https://portal.example.com"),
            ("//app:8080", "//portal.example.com"),
            (
                "http://app:8080http://app:8080/",
                "http://app:8080https://portal.example.com/",
            ),
        ] {
            assert_eq!(whole(text), expected, "{text}");
        }
    }

    #[test]
    fn what_only_begins_like_an_origin_stays() {
        for text in [
            "http://app:80801/",
            "http://app:808",
            "http://app/",
            "http://app:8080.evil.example/",
            "http://app:8080@evil.example/",
            "http://app:8080%40evil.example/",
            "http://app:8080%2",
            "http://app.example.com.evil/",
            "http://app.example.com:81/",
            "http://app.example.com-evil/",
            "http%3A%2F%2Fapp%3A80801",
            "http:\\/\\/app:80801\\/",
            "ftp://app:8080/",
            "ws:\\/\\/app:8080\\/",
            "https://app:8080/",
            "http://evil.example/path//app:8080/x",
            "//app:80801/",
            "//xapp:8080/",
            "http:/app:8080/ http:///app:8080/ app:8080",
        ] {
            assert_eq!(whole(text), text);
        }
    }

    #[test]
    fn of_two_origins_the_one_that_fits_is_replaced() {
        let needles = needles(&["http://app", "http://app:8080", "http://[2001:db8::5]:8080"]);
        for (text, expected) in [
            (
                "http://app/ http://app:8080/ http://app:8081/",
                "https://portal.example.com/ https://portal.example.com/ http://app:8081/",
            ),
            (
                "http://app:80/ http://app:8080x",
                "https://portal.example.com/ http://app:8080x",
            ),
            ("http://[2001:DB8::5]:8080/", "https://portal.example.com/"),
            (
                "=http%3A%2F%2F%5B2001%3Adb8%3A%3A5%5D%3A8080",
                "=https%3A%2F%2Fportal.example.com",
            ),
        ] {
            assert_eq!(in_pieces(&needles, [text.as_bytes()]), expected, "{text}");
        }
    }

    #[test]
    fn nothing_is_looked_for_that_would_not_change() {
        let public = origin("https://portal.example.com");
        assert!(Needles::new(&[], &public).is_none());
        let same = Needles::new(std::slice::from_ref(&public), &public).unwrap();
        assert!(same.all.iter().all(|needle| needle.text.ends_with(b"443")));
        let public = origin("https://portal.example.com:8443");
        assert!(Needles::new(std::slice::from_ref(&public), &public).is_none());
    }

    #[test]
    fn text_without_the_beginning_of_an_origin_is_not_held_back() {
        let mut stream = Stream::new(common());
        for piece in ["<p>hello", "data: x\n\n", "http://other.example/"] {
            assert_eq!(stream.push(Bytes::from_static(piece.as_bytes())), piece);
            assert!(stream.is_empty());
        }
        assert_eq!(
            stream.push(Bytes::from_static(b"<a href=\"http://app")),
            "<a href=\""
        );
        assert_eq!(stream.push(Bytes::from_static(b":8080")), "");
        assert_eq!(
            stream.push(Bytes::from_static(b"/")),
            "https://portal.example.com/"
        );
    }

    /// The rule, said once more without any cleverness.
    fn by_the_letter(needles: &Needles, text: &[u8]) -> String {
        let (mut out, mut at) = (Vec::new(), 0);
        while at < text.len() {
            let before = at.checked_sub(1).map(|at| text[at]);
            if let Some(needle) = needles.at(&text[at..], before) {
                out.extend_from_slice(&needle.public);
                at += needle.text.len();
            } else {
                out.push(text[at]);
                at += 1;
            }
        }
        String::from_utf8_lossy(&out).into_owned()
    }

    fn pieces_of_pages() -> impl Strategy<Value = Vec<u8>> {
        let words = prop::sample::select(vec![
            "http://app:8080",
            "http://app",
            "http:",
            "//",
            "//app:8080",
            "app:8080",
            ".example.com",
            ":80",
            "80",
            "http:\\/\\/app:8080",
            "\\/\\/",
            "http%3A%2F%2Fapp%3A8080",
            "%2F",
            "%2f%2Fapp%3a8080",
            "%",
            "2",
            "F",
            "/",
            "\"",
            " ",
            "=",
            "x",
            "HTTP://APP.EXAMPLE.COM",
            "h",
            "\\",
        ]);
        prop::collection::vec(words, 0..24).prop_map(|words| words.concat().into_bytes())
    }

    proptest! {
        #[test]
        fn however_a_text_is_cut_the_same_comes_out(
            text in pieces_of_pages(),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let needles = common();
            let expected = by_the_letter(&needles, &text);
            prop_assert_eq!(&in_pieces(&needles, [&text[..]]), &expected);
            prop_assert_eq!(&in_pieces(&needles, text.chunks(1)), &expected);
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
            at.extend([0, text.len()]);
            at.sort_unstable();
            let pieces = at.windows(2).map(|two| &text[two[0]..two[1]]);
            prop_assert_eq!(&in_pieces(&needles, pieces), &expected);
        }

        #[test]
        fn text_without_the_origin_is_never_changed(
            text in prop::collection::vec(any::<u8>(), 0..512),
            cut in 1_usize..64,
        ) {
            let lower = text.to_ascii_lowercase();
            prop_assume!(!lower.windows(3).any(|three| three == b"app"));
            let mut stream = Stream::new(common());
            let mut out = Vec::new();
            for piece in text.chunks(cut) {
                out.extend_from_slice(&stream.push(Bytes::copy_from_slice(piece)));
            }
            out.extend_from_slice(&stream.finish());
            prop_assert_eq!(out, text);
        }
    }
}
