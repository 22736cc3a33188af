//! Seals: what comes back, and everything that does not.

use http::HeaderMap;
use http::header::COOKIE;

use super::*;
use crate::challenge::tests::{at, verified};
use crate::gate::tests::{captured, site};

fn ring(bytes: &[u8]) -> Ring {
    Ring::new(
        &bytes
            .iter()
            .map(|byte| Secret::new(vec![*byte; 32]))
            .collect::<Vec<_>>(),
    )
    .unwrap()
}

fn grant(scope: &str, subject: &str) -> Grant {
    Grant::issue(verified(scope, subject), [3; 16], at(0))
}

fn fields(values: &[&str]) -> HeaderMap {
    values
        .iter()
        .map(|value| (COOKIE, HeaderValue::from_bytes(value.as_bytes()).unwrap()))
        .collect()
}

fn open(ring: &Ring, values: &[&str], seconds: u64) -> Held {
    ring.open_all(&site(&[]), &fields(values), at(seconds))
}

fn keep(ring: &Ring, values: &[&str]) -> Keepsakes {
    ring.keepsakes(&site(&[]), fields(values).get_all(COOKIE).iter())
}

#[test]
fn a_grant_comes_back_as_it_went() {
    let (ring, grant) = (ring(&[1]), grant("login", "ann"));
    let brought = open(
        &ring,
        &[&format!(
            "a=b; __Host-countersign-portal-login={}; c=d",
            ring.seal(&grant)
        )],
        60,
    );
    assert_eq!(brought.live.as_slice(), std::slice::from_ref(&grant));
}

#[test]
fn s2_the_longest_grant_fits_into_512_bytes() {
    let print = |n: u8| [n; 6];
    let mut longest = grant("login", &"é".repeat(64)).bound_to(Prints::from_known(Known {
        current: (0..8).map(print).collect(),
        old: (8..16).map(print).collect(),
        old_until: u64::MAX,
    }));
    longest.site = Name::parse(&"s".repeat(32)).unwrap();
    longest.scope = Name::parse(&"c".repeat(32)).unwrap();
    assert!(ring(&[1]).seal(&longest).len() <= 512);
}

#[test]
fn s2_no_changed_byte_and_no_other_key_opens() {
    let own = ring(&[1]);
    let sealed = own.seal(&grant("login", "ann"));
    for at in 0..sealed.len() {
        for other in ["A", "B", "_", "="] {
            let mut changed = sealed.clone();
            changed.replace_range(at..=at, other);
            if changed != sealed {
                let brought = open(
                    &own,
                    &[&format!("__Host-countersign-portal-login={changed}")],
                    1,
                );
                assert!(
                    brought.live.is_empty() && brought.run_out.is_empty(),
                    "byte {at} as {other}"
                );
            }
        }
    }
    assert!(
        open(
            &ring(&[2]),
            &[&format!("__Host-countersign-portal-login={sealed}")],
            1
        )
        .live
        .is_empty()
    );
    for nothing in ["", "x", "AAAA", &"A".repeat(400), &"A".repeat(4000)] {
        assert!(
            open(
                &own,
                &[&format!("__Host-countersign-portal-login={nothing}")],
                1
            )
            .live
            .is_empty()
        );
    }
}

#[test]
fn s3_a_grant_is_for_its_own_scope_and_site_whatever_its_cookie_is_called() {
    let ring = ring(&[1]);
    let sealed = ring.seal(&grant("login", "ann"));
    for name in [
        "__Host-countersign-portal-admin",
        "__Host-countersign-portal",
        "__Host-countersign-portal.known",
        "__Host-countersign-other-login",
        "countersign-portal-login",
    ] {
        let cookie = format!("{name}={sealed}");
        let (brought, kept) = (open(&ring, &[&cookie], 1), keep(&ring, &[&cookie]));
        assert!(
            brought.live.is_empty() && kept.known.is_empty() && kept.secret.is_none(),
            "{name}"
        );
    }
    let mut elsewhere = grant("login", "ann");
    elsewhere.site = Name::parse("other").unwrap();
    assert!(
        open(
            &ring,
            &[&format!(
                "__Host-countersign-portal-login={}",
                ring.seal(&elsewhere)
            )],
            1
        )
        .live
        .is_empty()
    );
}

#[test]
fn s4_two_cookies_of_one_name_do_not_count() {
    let ring = ring(&[1]);
    let sealed = ring.seal(&grant("login", "ann"));
    let one = format!("__Host-countersign-portal-login={sealed}");
    assert_eq!(open(&ring, &[&one], 1).live.len(), 1);
    for two in [
        &[format!("{one}; {one}")] as &[String],
        &[one.clone(), one.clone()],
        &[format!("{one};__Host-countersign-portal-login=x")],
        &[format!("{one};__Host-countersign-portal-login")],
    ] {
        let values: Vec<&str> = two.iter().map(String::as_str).collect();
        assert!(open(&ring, &values, 1).live.is_empty(), "{two:?}");
    }
}

#[test]
fn s10_keys_rotate_by_prepending() {
    let (old, both, new) = (ring(&[1]), ring(&[2, 1]), ring(&[2]));
    let cookie = |sealed: String| format!("__Host-countersign-portal-login={sealed}");
    let (before, after) = (
        cookie(old.seal(&grant("login", "ann"))),
        cookie(both.seal(&grant("login", "ann"))),
    );
    assert_eq!(
        open(&both, &[&before], 1).live.len(),
        1,
        "older keys verify"
    );
    assert_eq!(open(&both, &[&after], 1).live.len(), 1);
    assert_eq!(open(&new, &[&after], 1).live.len(), 1, "the first signs");
    assert!(open(&new, &[&before], 1).live.is_empty());
    let secret = BrowserSecret::new([5; 16]);
    assert!(
        both.token_fits(&secret, "f", &old.token(&secret, "f")),
        "forms that are out stay good"
    );
}

#[test]
fn what_ran_out_tells_who_to_ask_and_opens_nothing() {
    let ring = ring(&[1]);
    let cookie = format!(
        "__Host-countersign-portal-login={}",
        ring.seal(&grant("login", "ann"))
    );
    let brought = open(&ring, &[&cookie], 1800);
    assert!(brought.live.is_empty());
    assert_eq!(brought.run_out[0].subject().as_str(), "ann");
    assert!(open(&ring, &[&cookie], 1800 + 24 * 3600).run_out.is_empty());
}

#[test]
fn s8_a_token_is_for_one_browser_and_one_form() {
    let ring = ring(&[1]);
    let (ann, bob) = (BrowserSecret::new([1; 16]), BrowserSecret::new([2; 16]));
    let token = ring.token(&ann, "/c/1");
    assert!(ring.token_fits(&ann, "/c/1", &token));
    assert!(!ring.token_fits(&bob, "/c/1", &token));
    assert!(!ring.token_fits(&ann, "/c/2", &token));
    for bad in ["", "AAAA", &token[..20], &format!("{token}A"), "é"] {
        assert!(!ring.token_fits(&ann, "/c/1", bad), "{bad:?}");
    }
}

#[test]
fn c8_a_code_is_kept_as_a_hash_of_its_own_challenge() {
    let ring = ring(&[1]);
    assert_eq!(ring.code(&[1; 16], "123456"), ring.code(&[1; 16], "123456"));
    assert_ne!(ring.code(&[1; 16], "123456"), ring.code(&[2; 16], "123456"));
    assert_ne!(ring.code(&[1; 16], "123456"), ring.code(&[1; 16], "123457"));
}

#[test]
fn c4_a_browser_is_remembered_for_eight_subjects() {
    let ring = ring(&[1]);
    let name = Name::parse("portal").unwrap();
    let mark = |n: usize| ring.mark(&name, &Subject::parse(&format!("user{n}")).unwrap());
    let mut known = Vec::new();
    for n in 0..10 {
        let value = ring.seal_marks(&known, mark(n));
        known = keep(
            &ring,
            &[&format!("__Host-countersign-portal.known={value}")],
        )
        .known;
    }
    assert_eq!(known, (2..10).rev().map(mark).collect::<Vec<_>>());
    let forged = ring.seal(&grant("login", "ann"));
    assert!(
        keep(
            &ring,
            &[&format!("__Host-countersign-portal.known={forged}")]
        )
        .known
        .is_empty()
    );
}

#[test]
fn s6_our_cookies_are_taken_out_and_all_others_stay_byte_for_byte() {
    let rest = |values: &[&str]| {
        cookies::without_ours(&fields(values))
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    for (given, left) in [
        (&["a=b"] as &[&str], Some("a=b")),
        (&["a=\"b|c=d\";  e=%20 ;f"], Some("a=\"b|c=d\";  e=%20 ;f")),
        (&["__Host-countersign-portal-login=x; a=b"], Some("a=b")),
        (
            &["a=b; __Host-countersign-other=x; c=\"d\""],
            Some("a=b; c=\"d\""),
        ),
        (&["__Host-countersign-portal=x"], None),
        (&["countersign-portal-login=x; a=b"], Some("a=b")),
        (&["__HOST-COUNTERSIGN-portal=x; a=b"], Some("a=b")),
        (
            &["a=1", "b=2", "__Host-countersign-portal=x", "c=3"],
            Some("a=1; b=2; c=3"),
        ),
        (&[], None),
    ] {
        assert_eq!(rest(given).as_deref(), left, "{given:?}");
    }
}

#[test]
fn s6_an_application_cannot_set_ours() {
    let sets = |line: &str| cookies::sets_ours(&HeaderValue::from_str(line).unwrap());
    assert!(sets("__Host-countersign-portal-login=x; Path=/"));
    assert!(sets(" countersign-portal=x"));
    // Kept without a name, and sent back as its value.
    assert!(sets("=countersign-portal=x"));
    assert!(sets("= __Host-countersign-portal-login=x; Path=/"));
    assert!(!sets(
        "session=countersign-portal; Path=/__Host-countersign-"
    ));
}

#[test]
fn s1_cookies_are_for_this_host_alone() {
    let mut site = site(&[]);
    let printed = |site: &Site| {
        cookies::print(site, "-login", "v", Some(60))
            .to_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        printed(&site),
        "__Host-countersign-portal-login=v; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60"
    );
    site.origin = crate::site::Origin::parse("http://localhost:8080").unwrap();
    assert!(printed(&site).starts_with("__Host-") && printed(&site).contains("; Secure"));
    site.origin = crate::site::Origin::parse("http://intranet").unwrap();
    site.insecure = true;
    assert_eq!(
        printed(&site),
        "countersign-portal-login=v; HttpOnly; SameSite=Lax; Path=/; Max-Age=60"
    );
}

fn bound(ring: &Ring, sessions: &[(&str, &str)]) -> Grant {
    let site = captured(&[]);
    let prints = sessions
        .iter()
        .map(|(name, value)| ring.print(&site, name.as_bytes(), value.as_bytes()));
    grant("login", "ann").bound_to(Prints::of(prints))
}

fn open_captured(ring: &Ring, grant: &Grant, cookies: &str, seconds: u64) -> Held {
    let sealed = ring.seal(grant);
    let all = format!("__Host-countersign-portal-login={sealed}; {cookies}");
    ring.open_all(&captured(&[]), &fields(&[&all]), at(seconds))
}

#[test]
fn g2_a_grant_counts_with_the_session_that_it_is_bound_to_and_no_other() {
    let ring = ring(&[1]);
    let grant = bound(&ring, &[("sid", "anns"), ("sid", "anns-too")]);
    for (cookies, live) in [
        ("sid=anns", true),
        ("theme=dark; sid=anns", true),
        ("sid=anns; sid=anns-too", true),
        ("theme=dark", true),
        ("", true),
        ("sid=bobs", false),
        ("sid=anns; sid=bobs", false),
        // What is left of a cookie that was taken away without a date: nobody's session.
        ("sid=", true),
        ("sid=anns; sid=", true),
        ("sid=; sid=bobs", false),
        ("sid=\"\"", false),
        ("sid=\"anns\"", false),
        // Spellings that some server takes for it; the value is not what makes them strange.
        ("\u{a0}sid=anns", false),
        ("sid=anns; SID=bobs", false),
        ("sid=anns; theme=dark, sid=bobs", false),
    ] {
        let held = open_captured(&ring, &grant, cookies, 60);
        assert_eq!(held.live.len(), usize::from(live), "{cookies}");
        assert_eq!(held.unbound.is_empty(), live, "{cookies}");
    }
    let over = open_captured(&ring, &grant, "sid=bobs", 13 * 3600);
    assert!(over.run_out.is_empty(), "nor does it tell who to ask");
    let unnamed = ring.open_all(
        &site(&[]),
        &fields(&[&format!(
            "__Host-countersign-portal-login={}; sid=bobs",
            ring.seal(&grant)
        )]),
        at(60),
    );
    assert_eq!(
        unnamed.live.len(),
        1,
        "where no cookies are named the rule is off"
    );
}

#[test]
fn what_a_grant_is_bound_to_comes_back_as_it_went_and_survives_a_new_key() {
    let (old, both) = (ring(&[1]), ring(&[2, 1]));
    let grant = bound(&old, &[("sid", "anns")]);
    let back = open_captured(&old, &grant, "sid=anns", 60);
    assert_eq!(back.live.as_slice(), std::slice::from_ref(&grant));
    let site = captured(&[]);
    let cookies = format!(
        "__Host-countersign-portal-login={}; sid=anns",
        old.seal(&grant)
    );
    let held = both.open_all(&site, &fields(&[&cookies]), at(60));
    let resealed = both.seal(&held.live[0]);
    let cookies = format!("__Host-countersign-portal-login={resealed}; sid=anns");
    assert_eq!(
        both.open_all(&site, &fields(&[&cookies]), at(61))
            .live
            .len(),
        1
    );
    let cookies = format!("__Host-countersign-portal-login={resealed}; sid=bobs");
    assert_eq!(
        both.open_all(&site, &fields(&[&cookies]), at(61))
            .unbound
            .len(),
        1
    );
}

#[test]
fn the_quarantine_finds_what_was_put_there_under_an_older_key() {
    let (old, both) = (ring(&[1]), ring(&[2, 1]));
    let site = site(&[]);
    let put = old.quarantined(&site, b"sid", b"x").next().unwrap();
    assert!(
        both.quarantined(&site, b"sid", b"x")
            .any(|print| print == put)
    );
    for (name, value) in [(&b"sid"[..], &b"y"[..]), (b"si", b"dx"), (b"sid2", b"x")] {
        assert!(
            both.quarantined(&site, name, value)
                .all(|print| print != put)
        );
    }
}
