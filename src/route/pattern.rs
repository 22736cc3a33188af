//! A path as the operator wrote it, and which paths it means: widely where it closes, exactly where it opens.

use crate::target::{closure, decode_hex, decode_once, fold};

use super::glob::{Cover, Glob, MARK_DEEP, MARK_STAR};

/// A literal path, or a glob: `*` within a segment, `**` across segments, `{a,b}` for either.
///
/// On a closing route it covers its subtree too: `/admin` covers `/admin`, `/admin/…`, and `/admin` followed by any byte
/// that is not a letter, digit, `-` or `_` (R2).
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    closing: Vec<Glob>,
    asked: Vec<Glob>,
    read: Vec<Glob>,
}

/// Why a text is no [`Pattern`], and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPattern {
    /// It does not begin with a slash.
    #[error("a path starts with `/`: write `/{0}`")]
    NoSlash(String),
    /// It has a query or a fragment.
    #[error(
        "a path ends before `{0}`: write the rest as `query = {{ name = \"value\" }}`, or `%3F` or `%23` for the character itself"
    )]
    Query(char),
    /// A `%` without two hexadecimal digits.
    #[error("`%` needs two hexadecimal digits behind it: write `%25` for the character itself")]
    BadEscape,
    /// A control character, raw or encoded, or a private one that this program keeps for itself.
    #[error("a path has no control characters")]
    Control,
    /// A blank at either end.
    #[error("a blank at the end of a path is easily overlooked: write `%20` if it is meant")]
    Blank,
    /// `.` or `..` as a segment, plain or encoded.
    #[error("`.` and `..` are never part of a path that arrives: write the path they lead to")]
    Dots,
    /// An empty segment.
    #[error("`//` is read as `/`: write one slash")]
    DoubleSlash,
    /// A backslash.
    #[error("`\\` is read as `/`: write a slash")]
    Backslash,
    /// A bracket, as in other globs.
    #[error(
        "there are no `[…]` in patterns: write `{{a,b}}`, or `%5B` and `%5D` for the characters themselves"
    )]
    Bracket,
    /// A brace without its other half.
    #[error(
        "`{{` and `}}` come in pairs: write `{{a,b}}`, or `%7B` and `%7D` for the characters themselves"
    )]
    Braces,
    /// More than two stars in a row.
    #[error("write `*` for a part of one segment or `**` for any number of segments")]
    Stars,
    /// Longer than 1 KiB, more than 255 bytes behind its first star, or more than 256 combinations of alternatives.
    #[error("the pattern is too long or has too many alternatives: write more than one")]
    TooLarge,
    /// It can be read in too many ways.
    #[error(
        "the path can be read in too many ways: write it without encoded or unusual characters"
    )]
    TooManyReadings,
}

/// The most combinations that braces may stand for.
const MOST_ALTERNATIVES: usize = 256;
const MOST_BYTES: usize = 1024;

impl Pattern {
    /// Takes `text` as a pattern; what is percent-encoded in it means the character itself.
    ///
    /// # Errors
    /// [`BadPattern`] says what to write instead.
    pub fn parse(text: &str) -> Result<Self, BadPattern> {
        check(text)?;
        let mut pattern = Self {
            text: text.to_owned(),
            closing: Vec::new(),
            asked: Vec::new(),
            read: Vec::new(),
        };
        for alternative in alternatives(&mark(text)).ok_or(BadPattern::Braces)? {
            pattern.add(&alternative)?;
        }
        Ok(pattern)
    }

    /// The pattern as the operator wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The path itself, if it is a literal without `*` and `{}`: where a login page can be found.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        (!self.text.contains(['*', '{'])).then_some(&self.text)
    }

    /// Adds a path without braces, its stars marked.
    fn add(&mut self, alternative: &str) -> Result<(), BadPattern> {
        let marked = alternative.as_bytes();
        let decoded = decode_once(marked).unwrap_or_else(|| marked.to_vec());
        check_decoded(&decoded, count_marks(marked))?;
        self.closing
            .push(Glob::parse(&fold(&decoded)).ok_or(BadPattern::TooLarge)?);
        // Browsers write escapes in capitals, other clients need not.
        for digits in [b"0123456789ABCDEF", b"0123456789abcdef"] {
            let encoded = encode(&decoded, digits);
            let glob = Glob::parse(&encoded).ok_or(BadPattern::TooLarge)?;
            if self.asked.contains(&glob) {
                continue;
            }
            self.asked.push(glob);
            let readings = closure(&encoded).map_err(|_| BadPattern::TooManyReadings)?;
            for reading in readings.all().iter().filter(|reading| reading.counts()) {
                let glob = Glob::parse(reading.path()).ok_or(BadPattern::TooLarge)?;
                if !self.read.contains(&glob) {
                    self.read.push(glob);
                }
            }
        }
        Ok(())
    }

    /// How much of a folded path this pattern takes in on a closing route.
    pub(super) fn covers(&self, folded: &[u8]) -> Cover {
        self.closing
            .iter()
            .map(|glob| glob.covers(folded))
            .max()
            .unwrap_or(Cover::No)
    }

    /// The same for a path in which some segment may be a short name of Windows.
    pub(super) fn covers_short_names(&self, folded: &[u8]) -> bool {
        self.closing
            .iter()
            .any(|glob| glob.covers_short_names(folded))
    }

    /// Whether an opening route means the path as it was asked for.
    pub(super) fn opens(&self, asked: &[u8]) -> bool {
        self.asked.iter().any(|glob| glob.matches(asked))
    }

    /// Whether an opening route that means the path as asked for means this reading of it as well.
    pub(super) fn opens_reading(&self, reading: &[u8]) -> bool {
        self.read.iter().any(|glob| glob.matches(reading))
    }

    pub(super) fn closing(&self) -> &[Glob] {
        &self.closing
    }

    pub(super) fn asked(&self) -> &[Glob] {
        &self.asked
    }
}

fn check(text: &str) -> Result<(), BadPattern> {
    if text
        .chars()
        .any(|c| c.is_control() || ('\u{e000}'..='\u{e001}').contains(&c))
    {
        return Err(BadPattern::Control);
    }
    if text.trim() != text {
        return Err(BadPattern::Blank);
    }
    if !text.starts_with('/') {
        return Err(BadPattern::NoSlash(text.to_owned()));
    }
    if text.len() > MOST_BYTES {
        return Err(BadPattern::TooLarge);
    }
    if let Some(end) = text.chars().find(|c| matches!(c, '?' | '#')) {
        return Err(BadPattern::Query(end));
    }
    if text.contains(['[', ']']) {
        return Err(BadPattern::Bracket);
    }
    if text.contains("***") {
        return Err(BadPattern::Stars);
    }
    let bytes = text.as_bytes();
    for at in (0..bytes.len()).filter(|&at| bytes[at] == b'%') {
        match decode_hex(&bytes[at + 1..]) {
            None => return Err(BadPattern::BadEscape),
            Some(0..=0x1f | 0x7f) => return Err(BadPattern::Control),
            Some(_) => {}
        }
    }
    Ok(())
}

/// What can only be seen when braces and escapes are gone.
fn check_decoded(decoded: &[u8], marks: usize) -> Result<(), BadPattern> {
    if count_marks(decoded) != marks {
        return Err(BadPattern::Control);
    }
    if decoded.contains(&b'\\') {
        return Err(BadPattern::Backslash);
    }
    if decoded.windows(2).any(|two| two == b"//") {
        return Err(BadPattern::DoubleSlash);
    }
    if decoded
        .split(|&b| b == b'/')
        .any(|segment| matches!(segment, b"." | b".."))
    {
        return Err(BadPattern::Dots);
    }
    // `{*,x}*` and the like put stars together that were apart.
    let stars = |segment: &[u8]| {
        let text = String::from_utf8_lossy(segment).into_owned();
        [
            "\u{e000}\u{e000}",
            "\u{e000}\u{e001}",
            "\u{e001}\u{e000}",
            "\u{e001}\u{e001}",
        ]
        .iter()
        .any(|pair| text.contains(pair))
    };
    if stars(decoded) {
        Err(BadPattern::Stars)
    } else {
        Ok(())
    }
}

/// Every text that the braces of `text` stand for, or nothing if they do not pair or are too many.
pub(super) fn alternatives(text: &str) -> Option<Vec<String>> {
    let mut done = Vec::new();
    let mut open = vec![text.to_owned()];
    while let Some(text) = open.pop() {
        if done.len() + open.len() > MOST_ALTERNATIVES {
            return None;
        }
        // The innermost pair first: the last `{` before the first `}`.
        let Some(end) = text.find('}') else {
            if text.contains('{') {
                return None;
            }
            done.push(text);
            continue;
        };
        let start = text[..end].rfind('{')?;
        for choice in text[start + 1..end].split(',') {
            open.push(format!("{}{choice}{}", &text[..start], &text[end + 1..]));
        }
    }
    done.sort_unstable();
    done.dedup();
    Some(done)
}

/// The stars of `text` replaced by marks that no turn of a path touches.
pub(super) fn mark(text: &str) -> String {
    text.replace("**", MARK_DEEP).replace('*', MARK_STAR)
}

fn count_marks(marked: &[u8]) -> usize {
    marked
        .windows(MARK_STAR.len())
        .filter(|three| *three == MARK_STAR.as_bytes() || *three == MARK_DEEP.as_bytes())
        .count()
}

/// `decoded` as a client would write it, marks left as they are.
fn encode(decoded: &[u8], digits: &[u8; 16]) -> Vec<u8> {
    let mut out = Vec::with_capacity(decoded.len());
    let mut rest = decoded;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        let mark = [MARK_STAR, MARK_DEEP]
            .into_iter()
            .find(|mark| mark.as_bytes()[0] == *byte && tail.starts_with(&mark.as_bytes()[1..]));
        match (mark, byte) {
            (Some(mark), _) => {
                out.extend_from_slice(mark.as_bytes());
                rest = &tail[mark.len() - 1..];
            }
            (None, b'!'..=b'~') if !matches!(byte, b'%' | b'?' | b'#') => out.push(*byte),
            (None, _) => {
                let digit = |nibble: u8| digits[usize::from(nibble)];
                out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 0xf)]);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"))
    }

    #[test]
    fn r2_capitals_of_a_pattern_are_letters_like_others() {
        for text in ["/A/*/Admin", "/a/**/ADMIN"] {
            let pattern = pattern(text);
            for path in ["/a/b/admin", "/A/B/ADMIN", "/a/b/Admin/x"] {
                assert_eq!(
                    pattern.covers(path.as_bytes()),
                    Cover::Whole,
                    "{text} {path}"
                );
            }
        }
    }

    #[test]
    fn r2_r4_a_closing_literal_covers_its_subtree_and_its_tails_but_no_longer_word() {
        let admin = pattern("/admin");
        for path in [
            "/admin",
            "/admin/",
            "/admin/users",
            "/admin.json",
            "/admin;x",
            "/admin::$data",
            "/admin~1",
            "/ADMIN",
            "/admin%",
        ] {
            assert_eq!(admin.covers(path.as_bytes()), Cover::Whole, "{path}");
        }
        for path in [
            "/",
            "/admi",
            "/administrator",
            "/admin-guide",
            "/admin_2",
            "/admin9",
            "/x/admin",
            "admin",
            "*",
        ] {
            assert_eq!(admin.covers(path.as_bytes()), Cover::No, "{path}");
        }
    }

    #[test]
    fn a_closing_slash_covers_everything() {
        for text in ["/", "/**", "/*"] {
            for path in ["/", "/x", "/x/y.z", "*", "//", "/-"] {
                assert_eq!(
                    pattern(text).covers(path.as_bytes()),
                    Cover::Whole,
                    "{text} {path}"
                );
            }
        }
    }

    #[test]
    fn a_closing_folder_is_meant_without_its_last_slash_too() {
        for text in ["/admin/", "/admin/**", "/admin/*"] {
            assert_eq!(pattern(text).covers(b"/admin"), Cover::Partly, "{text}");
            assert_eq!(pattern(text).covers(b"/admin/x/y"), Cover::Whole, "{text}");
            assert_eq!(pattern(text).covers(b"/administrator"), Cover::No, "{text}");
        }
    }

    #[test]
    fn a_closing_glob_covers_what_follows_a_match() {
        let pages = pattern("/wp-admin/{plugins,users,options}*.php");
        for path in [
            "/wp-admin/users.php",
            "/wp-admin/users.php/x",
            "/wp-admin/user-new.php",
            "/wp-admin/options-general.php;x",
        ] {
            let expected = if path.contains("user-new") {
                Cover::No
            } else {
                Cover::Whole
            };
            assert_eq!(pages.covers(path.as_bytes()), expected, "{path}");
        }
        assert_eq!(pages.covers(b"/wp-admin/users.phpx"), Cover::No);
        assert_eq!(pages.covers(b"/wp-admin/users/x.php"), Cover::No);
        let anywhere = pattern("/**/admin");
        for path in ["/admin", "/a/admin", "/a/b/admin/x", "/a/b/admin.do"] {
            assert_eq!(anywhere.covers(path.as_bytes()), Cover::Whole, "{path}");
        }
        for path in ["/xadmin", "/a/badmin", "/a/administrator"] {
            assert_eq!(anywhere.covers(path.as_bytes()), Cover::No, "{path}");
        }
    }

    #[test]
    fn an_opening_pattern_means_exactly_what_it_says() {
        for (text, yes, no) in [
            (
                "/login",
                &["/login"][..],
                &["/login/", "/LOGIN", "/login.json", "/login/x", "/%6cogin"][..],
            ),
            ("/a/*", &["/a/", "/a/b"], &["/a", "/a/b/c", "/A/b"]),
            ("/a/**", &["/a/", "/a/b/c"], &["/a", "/ab"]),
            (
                "/{css,js/*}.x",
                &["/css.x", "/js/a.x"],
                &["/js.x", "/css/a.x"],
            ),
            ("/a b", &["/a%20b"], &["/a b", "/a+b", "/ab"]),
            (
                "/café/*",
                &["/caf%C3%A9/x", "/caf%c3%a9/x"],
                &["/caf%E9/x", "/cafe/x"],
            ),
            ("/100%25", &["/100%25"], &["/100%", "/100%2525"]),
            ("/**/x", &["/x", "/a/x", "/a/b/x"], &["/ax", "/a/bx"]),
        ] {
            for path in yes {
                assert!(pattern(text).opens(path.as_bytes()), "{text} {path}");
            }
            for path in no {
                assert!(!pattern(text).opens(path.as_bytes()), "{text} {path}");
            }
        }
    }

    #[test]
    fn short_names_of_windows_are_covered() {
        for (text, path) in [
            ("/administration", "/admini~1"),
            ("/administration", "/ADMINI~1/users"),
            ("/administration", "/admin~12"),
            ("/administration", "/ad3f2b~1"),
            ("/wp-login.php", "/wp-log~1.php"),
            ("/a/administration/users", "/a/admini~2/users"),
            ("/private-area/x*.php", "/privat~1/whatev~1.php"),
        ] {
            assert!(
                pattern(text).covers_short_names(path.as_bytes()),
                "{text} {path}"
            );
        }
        for (text, path) in [
            ("/administration", "/a~1"),
            ("/administration", "/~admini"),
            ("/administration", "/static~1"),
            ("/wp-login.php", "/wp-log~1.css"),
            ("/a/administration/users", "/a/admini~2"),
        ] {
            assert!(
                !pattern(text).covers_short_names(path.as_bytes()),
                "{text} {path}"
            );
        }
    }

    #[test]
    fn a_bad_pattern_says_what_to_write() {
        for (text, why, words) in [
            (
                "admin",
                BadPattern::NoSlash("admin".to_owned()),
                "write `/admin`",
            ),
            ("", BadPattern::NoSlash(String::new()), "write `/`"),
            ("/a?b=c", BadPattern::Query('?'), "query = { name"),
            ("/a#b", BadPattern::Query('#'), "%23"),
            ("/100%", BadPattern::BadEscape, "%25"),
            ("/a%0ab", BadPattern::Control, "control"),
            ("/a%00", BadPattern::Control, "control"),
            ("/a%EE%80%80b", BadPattern::Control, "control"),
            ("/a\tb", BadPattern::Control, "control"),
            ("/a ", BadPattern::Blank, "%20"),
            ("/a/../b", BadPattern::Dots, "lead to"),
            ("/a/%2e%2e/b", BadPattern::Dots, "lead to"),
            ("/a/{.,x}/b", BadPattern::Dots, "lead to"),
            ("//a", BadPattern::DoubleSlash, "one slash"),
            ("/a%2F/b", BadPattern::DoubleSlash, "one slash"),
            ("/a\\b", BadPattern::Backslash, "a slash"),
            ("/[a-z]", BadPattern::Bracket, "{a,b}"),
            ("/{a", BadPattern::Braces, "pairs"),
            ("/a}", BadPattern::Braces, "pairs"),
            ("/***", BadPattern::Stars, "**"),
            ("/{*,x}*", BadPattern::Stars, "**"),
        ] {
            let error = Pattern::parse(text).expect_err(text);
            assert_eq!(error, why, "{text}");
            assert!(error.to_string().contains(words), "{text}: {error}");
        }
        let large = format!("/*{}", "x".repeat(300));
        assert_eq!(
            Pattern::parse(&large).expect_err("large"),
            BadPattern::TooLarge
        );
    }

    #[test]
    fn only_a_pattern_without_wildcards_is_a_literal() {
        assert_eq!(pattern("/login").literal(), Some("/login"));
        assert_eq!(pattern("/l*").literal(), None);
        assert_eq!(pattern("/{a,b}").literal(), None);
    }
}
