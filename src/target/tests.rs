use proptest::prelude::*;

use super::readings::closure_by;
use super::*;

fn parse(text: &str) -> Result<Target, NotATarget> {
    Target::parse(text.parse().unwrap_or_else(|why| panic!("{text}: {why}")))
}

fn readings(text: &str) -> Vec<String> {
    let target = parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
    let shown = |seen: Seen<'_>| String::from_utf8_lossy(seen.exact).into_owned();
    target.each().map(shown).collect()
}

#[test]
fn r1_what_is_sent_is_what_came() {
    for text in [
        "/",
        "/a?b=c",
        "/a%2Fb//c;v=1/../d?x=%E9&y",
        "/A%c3%a9?",
        "*",
        "/?",
        "/a?b?c",
    ] {
        let target = parse(text).unwrap();
        assert_eq!(target.raw(), text);
        assert_eq!(target.path(), text.split('?').next().unwrap());
        assert_eq!(target.query(), text.split_once('?').map(|(_, query)| query));
    }
}

#[test]
fn r3_the_malformed_is_refused() {
    for (text, why) in [
        ("/a%", NotATarget::BadEscape),
        ("/a%4", NotATarget::BadEscape),
        ("/a%zz", NotATarget::BadEscape),
        ("/a%4g", NotATarget::BadEscape),
        ("/a%u0041", NotATarget::BadEscape),
        ("/%%34%31", NotATarget::BadEscape),
        ("/a?b=%", NotATarget::BadEscape),
        ("/a?b=%2", NotATarget::BadEscape),
        ("/a?100%", NotATarget::BadEscape),
        ("/a%00", NotATarget::Nul),
        ("/a?b=%00", NotATarget::Nul),
        ("/a%2500", NotATarget::Nul),
        ("/a%C0%80b", NotATarget::Nul),
        ("/a%25u0000", NotATarget::Nul),
        ("?a=b", NotATarget::NoPath),
        ("/%252525252525252541", NotATarget::TooManyReadings),
        ("/a?é", NotATarget::BadByte),
    ] {
        assert_eq!(
            parse(text).map(|target| target.raw().to_owned()),
            Err(why),
            "{text}"
        );
    }
}

#[test]
fn a1_a_target_has_at_most_8_kib() {
    assert_eq!(Target::LIMIT, 8 * 1024);
    let most = format!("/{}", "a".repeat(Target::LIMIT - 1));
    assert!(parse(&most).is_ok());
    assert_eq!(
        parse(&format!("{most}a")).map(|_| ()),
        Err(NotATarget::TooLong)
    );
    let query = format!("/?{}", "a".repeat(Target::LIMIT - 1));
    assert_eq!(parse(&query).map(|_| ()), Err(NotATarget::TooLong));
}

#[test]
fn a_plain_path_has_one_reading() {
    for text in [
        "/",
        "/a",
        "/a/",
        "/a.b/c-d_e~f/g.html?x=%2e%2e/",
        "/.well-known/x",
        "/~ann/",
        "/a:b,c=d@e!",
        "*",
        "/index.php",
        "/v1.2/x",
    ] {
        assert!(parse(text).unwrap().readings().is_plain(), "{text}");
    }
    for text in [
        "//",
        "/a//b",
        "/a.",
        "/a./b",
        "/..",
        "/a%20b",
        "/a;b",
        "/a+b",
        "/index.php/x",
        "/a(b)",
        "/a\\b",
    ] {
        assert!(!parse(text).unwrap().readings().is_plain(), "{text}");
    }
}

/// Spellings, and what some server makes of each. Every turn has a line that only it can lead to.
const TURNED: &[(&str, &str)] = &[
    ("/%61dmin", "/admin"),
    ("/%2561dmin", "/admin"),
    ("/%2525252561dmin", "/admin"),
    ("/x%2Fy/%2e%2e/admin", "/admin"),
    ("/%25u0061dmin", "/admin"),
    ("/%25U0061dmin", "/admin"),
    ("/%25ud835%25udc1admin", "/admin"),
    ("/%C1%A1dmin", "/admin"),
    ("/x%C0%AFadmin", "/x/admin"),
    ("/x%C0%2Fadmin", "/x/admin"),
    ("/x%C1%1Cadmin", "/x/admin"),
    ("/x%E0%80%AFadmin", "/x/admin"),
    ("/x%F0%80%80%AFadmin", "/x/admin"),
    ("/x%F8%80%80%80%AFadmin", "/x/admin"),
    ("/x%FC%80%80%80%80%AFadmin", "/x/admin"),
    ("/%ED%A0%B5%ED%B0%9Admin", "/admin"),
    ("/caf%E9", "/café"),
    ("/%AAdmin", "/admin"),
    ("/%EF%BD%81dmin", "/admin"),
    ("/%E2%80%A5/admin", "/admin"),
    ("/x%EF%BC%8Fadmin", "/x/admin"),
    ("/x%5Cadmin", "/x/admin"),
    ("/x%E2%88%95admin", "/x/admin"),
    ("/x%C2%A5admin", "/x/admin"),
    ("/admin%3Fx", "/admin"),
    ("/admin%23x", "/admin"),
    ("/public/%3f/../..%23/../admin", "/"),
    ("/admin;x=y/users", "/admin/users"),
    ("/x/..;/admin", "/admin"),
    ("/x/..%3Bz/admin", "/admin"),
    ("/(S(abc))/admin", "/admin"),
    ("/ad(A(x)F(y))min", "/admin"),
    ("/x/(S(a))/../admin/(S(b))/../y", "/admin/y"),
    ("/x/../admin", "/admin"),
    ("/./admin/.", "/admin/"),
    ("/a//../admin", "/a/admin"),
    ("/a//../admin", "/admin"),
    ("/..%2fadmin", "/admin"),
    ("/x/....//admin", "/admin"),
    ("/ad../min", "/admin"),
    ("/x/../admin", "/x/admin"),
    ("//admin", "/admin"),
    ("//host/admin", "/admin"),
    ("/%5Chost/admin", "/admin"),
    ("/http://host/admin", "/admin"),
    ("/http:///admin", "/admin"),
    ("/x-y+z.1://host/admin", "/admin"),
    ("/%20admin%09/users", "/admin/users"),
    ("/%20my%20files%09/x", "/my files/x"),
    ("/%E2%80%8Badmin", "/admin"),
    ("/ad%0Dmin", "/admin"),
    ("/ad%0Amin%20x", "/admin x"),
    ("/ad%20min", "/admin"),
    ("/ad%C2%ADmin", "/admin"),
    ("/ad%FFmin", "/admin"),
    ("/admin./users", "/admin/users"),
    ("/admin%20.%20/users", "/admin/users"),
    ("/x/..%20/admin", "/admin"),
    ("/admin:$i30:$INDEX_ALLOCATION/users", "/admin/users"),
    ("/+admin", "/admin"),
    ("/x/..+/admin", "/admin"),
    ("/%C5%A1dmin", "/admin"),
    ("/x/%EF%BC%AE%EF%BC%AE/admin", "/admin"),
    ("/x%C5%9Cadmin", "/x/admin"),
    ("/ad%C3%A9min", "/admin"),
    ("/x%C2%A5y/..%5Cadmin", "/admin"),
    // What climbs already may climb farther.
    ("/x/y/%C3%A9../../admin", "/admin"),
    ("/static../admin", "/admin"),
    ("/static../admin../x", "/admin../x"),
    ("/index.php/admin", "/admin"),
    ("/app/index.php/admin", "/app/admin"),
    ("/app/index.PHP/admin", "/admin"),
    ("/index/admin", "/admin"),
    ("/app/Index/admin", "/app/admin"),
    ("/x/.+/../admin", "/admin"),
    ("/ad%25min", "/admin"),
    ("/x/.%25./%25users", "/users"),
    ("/a%C5%A4min/..;/", "/admin/..;/"),
    ("/sign%C2%ADin", "/sign-in"),
];

#[test]
fn r2_every_turn_is_taken() {
    for (text, reading) in TURNED {
        assert!(
            readings(text).iter().any(|known| known == reading),
            "{text} as {reading}: {:?}",
            readings(text)
        );
    }
}

/// Take any one turn out and a spelling is not read: none is there for nothing, and none is untested.
#[test]
fn r2_no_turn_can_be_left_out() {
    for out in 0..turn::ALL.len() {
        let mut left = turn::ALL.to_vec();
        left.remove(out);
        let is_missed = |(text, reading): &(&str, &str)| {
            let read = closure_by(&left, text.as_bytes());
            read.is_err()
                || !read.is_ok_and(|read| {
                    let mut all = read.all().iter();
                    all.any(|known| known.path() == reading.as_bytes())
                })
        };
        assert!(TURNED.iter().any(is_missed), "turn {out} does nothing");
    }
}

#[test]
fn r2_the_path_as_received_comes_first() {
    for text in ["/x/../y", "/%41//b", "/a;b"] {
        assert_eq!(readings(text)[0], text);
    }
}

#[test]
fn r4_a_farther_guess_does_not_count_unless_it_climbs() {
    let counting = |text: &str| -> Vec<String> {
        let target = parse(text).unwrap();
        let counts = target.each().filter(|seen| seen.counts);
        counts
            .map(|seen| String::from_utf8_lossy(seen.exact).into_owned())
            .collect()
    };
    assert_eq!(counting("/c++"), ["/c++"]);
    assert_eq!(counting("/index.php/admin"), ["/index.php/admin"]);
    assert_eq!(counting("/index/admin"), ["/index/admin"]);
    assert!(counting("/x/..+/admin").contains(&"/admin".to_owned()));
    assert!(counting("/x../admin").contains(&"/admin".to_owned()));
    assert!(counting("/x/..::$DATA/admin").contains(&"/admin".to_owned()));
    assert!(counting("/x/%EF%BC%AE.%5Cadmin").contains(&"/admin".to_owned()));
    assert!(counting("/x/y/%EF%BD%81../../admin").contains(&"/admin".to_owned()));
    assert!(counting("/x/+/../admin").contains(&"/admin".to_owned()));
}

#[test]
fn letters_fold_as_anybody_might_fold_them() {
    for spelling in [
        "admin",
        "ADMIN",
        "aDmİn",
        "admın",
        "ádmin",
        "a\u{301}dmin",
        "ａｄｍｉｎ",
        "ÀDMÍN",
        "ađmin",
        "αdmin",
        "𝐚dmin",
        "ⓐdmin",
    ] {
        assert_eq!(fold(spelling.as_bytes()), b"admin", "{spelling}");
    }
    for (one, other) in [
        ("ſecret", "secret"),
        ("\u{212a}ey", "key"),
        ("straße", "STRASSE"),
        ("ﬁle", "FILE"),
        ("łog", "LOG"),
        ("sign\u{2010}in", "SIGN-IN"),
        ("sign\u{2212}in", "sign-in"),
    ] {
        assert_eq!(fold(one.as_bytes()), fold(other.as_bytes()), "{one}");
    }
    assert_eq!(fold(b"A\xffB"), b"a\xffb");
}

#[test]
fn r2_hidden_queries_are_found() {
    let target = parse("/a%3Fb=c%23d?e=f").unwrap();
    assert!(target.hidden_queries().any(|query| query == b"b=c#d"));
    assert_eq!(parse("/a?b=c").unwrap().hidden_queries().count(), 0);
}

/// `/x/.+/..` leads to `/x/./..` for who takes the plus for a blank: one climb more than there was.
#[test]
fn r2_a_climb_beside_another_counts() {
    let target = parse("/x/.+/../admin").unwrap();
    let climbed = target.each().find(|seen| seen.exact == b"/admin");
    assert!(climbed.is_some_and(|seen| seen.counts));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_bytes_make_parsing_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(whole) = PathAndQuery::try_from(&bytes[..]) {
            let _ = Target::parse(whole);
        }
    }

    #[test]
    fn no_hostile_mixture_makes_parsing_panic_or_costly(parts in prop::collection::vec(prop::sample::select(vec![
        "/", "..", ".", "%2e", "%2f", "%5c", ";", "a", "%20", "+", "%25", "%25u002e", "%c0%af", "%ef%bc%8f", "%ff", "(S(", "))",
        ":$", "%e3%80%80", "%3f", "%23", ".php", "http:", "~1", "%c4%b0", "%ed%a0%80", "%EF%BC%AE", "%f8", "%fc%80",
    ]), 0..40)) {
        let _ = Target::parse(format!("/{}", parts.concat()).parse().unwrap());
    }

    /// Any four oddities of R4 in one address, as often as may be.
    #[test]
    fn r4_addresses_of_real_sites_are_never_refused(
        odd in prop::sample::subsequence(vec![
            "%20", "+", "%2F", ";v=1", "(1)", "%25", "...", "%E6%97%A5%E6%9C%AC", "%D0%9F%D1%80%D0%B8%D0%B2%D0%B5%D1%82", "%C3%A9",
            "%ED%95%9C%EA%B5%AD", "%E2%80%94", "%3A", "%E2%82%AC", "%F0%9F%98%80", "%5B", "%E9", "//", "~1", "%22", "%26",
        ], 0..=4),
        places in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(vec!["a", "Index.html", "a/b", "/x/", "-"])), 0..25),
    ) {
        let mut text = "/start".to_owned();
        for (place, word) in &places {
            text.push_str(word);
            if !odd.is_empty() {
                text.push_str(odd[place.index(odd.len())]);
            }
        }
        prop_assert!(parse(&text).is_ok(), "{text}");
    }

    #[test]
    fn the_short_way_and_the_long_way_agree(path in "/[A-Za-z0-9_.~,=:@!/-]{0,24}") {
        let quick = parse(&path).unwrap();
        let slow = Target::parse_slowly(path.parse().unwrap()).unwrap();
        if quick.readings().is_plain() {
            prop_assert_eq!(slow.each().count(), 1, "{:?}", slow.readings());
        }
        prop_assert_eq!(slow.first().exact, path.as_bytes());
    }

    #[test]
    fn readings_of_a_reading_are_known_already(path in "/([a./]|%2e|%2f|;x|%5c|%20|//|\\.\\.){0,7}") {
        let first = parse(&path);
        prop_assume!(first.is_ok());
        let first = first.unwrap();
        for seen in first.each().filter(|seen| seen.counts) {
            let again = closure(seen.exact).unwrap();
            for reading in again.all() {
                prop_assert!(first.each().any(|known| known.exact == reading.path()), "{path} {seen:?} {reading:?}");
            }
        }
    }
}
