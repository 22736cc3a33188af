//! Where a Location leads.

use super::*;

fn led(base: &str, location: &str) -> String {
    let location = HeaderValue::from_bytes(location.as_bytes()).unwrap();
    match resolve(&target(base), ORIGIN, &location) {
        Leads::Here(target) => target.raw().to_owned(),
        Leads::Elsewhere { url, origin } => format!("{origin} | {url}"),
        Leads::Nowhere => "-".to_owned(),
    }
}

fn check(rows: &[(&str, &str, &str)]) {
    for (base, location, leads) in rows {
        assert_eq!(led(base, location), *leads, "{location:?} from {base}");
    }
}

#[test]
fn a_location_is_read_as_browsers_read_it() {
    check(&[
        ("/login", "/home", "/home"),
        ("/login", "home", "/home"),
        ("/app/login", "home", "/app/home"),
        ("/app/login?next=/a/b", "home", "/app/home"),
        ("/app/", "home", "/app/home"),
        ("/app/login", "./home", "/app/home"),
        ("/app/login", "../home", "/home"),
        ("/app/login", "../../../home", "/home"),
        ("/app/login", "..", "/"),
        ("/app/login", ".", "/app/"),
        (
            "/adminer.php",
            "adminer.php?server=x&username=y",
            "/adminer.php?server=x&username=y",
        ),
        ("/doku.php?id=start", "?do=show", "/doku.php?do=show"),
        ("/doku.php?id=start", "?", "/doku.php?"),
        ("/doku.php?id=start", "#top", "/doku.php?id=start"),
        ("/login", "/home#top", "/home"),
        ("/login", "/home?a#b?c#d", "/home?a"),
        ("/login", "/#/dashboard", "/"),
        ("/login", "https://portal.example.com", "/"),
        (
            "/login",
            "https://portal.example.com/home?a=b#c",
            "/home?a=b",
        ),
        ("/login", "HTTPS://Portal.Example.COM:443/Home", "/Home"),
        ("/login", "https://portal.example.com:/home", "/home"),
        ("/login", "https://portal.example.com?x", "/?x"),
        ("/login", "//portal.example.com/home", "/home"),
        ("/login", "///portal.example.com/home", "/home"),
        ("/login", "https:/home", "/home"),
        ("/app/login", "https:home", "/app/home"),
        ("/login", "https:", "/login"),
        ("/login", "https:\\\\portal.example.com\\home", "/home"),
        ("/login", "/a/./b/../c", "/a/c"),
        ("/login", "/a/%2e%2E/c", "/c"),
        ("/login", "/a/.%2e/%2e/c/%2e", "/c/"),
        ("/login", "/a/.../c", "/a/.../c"),
        ("/login", "/a\\b?c\\d", "/a/b?c\\d"),
        ("/login", "  /home\t ", "/home"),
        ("/login", "/ho\tme", "/home"),
        ("/login", "/a b?c d", "/a%20b?c%20d"),
        (
            "/login",
            "/<a>\"{}^`?'<>\"",
            "/%3Ca%3E%22%7B%7D%5E%60?%27%3C%3E%22",
        ),
        ("/login", "/é?é", "/%C3%A9?%C3%A9"),
        ("/login", "/a//b", "/a//b"),
        ("/login", "/home;jsessionid=1", "/home;jsessionid=1"),
        ("/login", "/a%2Fb%zz", "-"),
        ("/login", "/a%00", "-"),
        // Written into a Location, these would lead away (S9).
        ("/login", "/.//evil.example/", "-"),
        ("/login", "/a/..//evil.example/", "-"),
        ("/login", "https://portal.example.com//evil.example/", "-"),
    ]);
}

#[test]
fn another_origin_is_named_as_browsers_write_it() {
    check(&[
        (
            "/login",
            "https://idp.example/sso?x=1#y",
            "https://idp.example | https://idp.example/sso?x=1#y",
        ),
        (
            "/login",
            "//idp.example",
            "https://idp.example | https://idp.example/",
        ),
        (
            "/login",
            "\\\\idp.example\\a",
            "https://idp.example | https://idp.example/a",
        ),
        (
            "/login",
            "/\\idp.example",
            "https://idp.example | https://idp.example/",
        ),
        (
            "/login",
            "/\t/idp.example",
            "https://idp.example | https://idp.example/",
        ),
        (
            "/login",
            "http://portal.example.com/home",
            "http://portal.example.com | http://portal.example.com/home",
        ),
        (
            "/login",
            "http:portal.example.com/home",
            "http://portal.example.com | http://portal.example.com/home",
        ),
        (
            "/login",
            "https://portal.example.com:8443/",
            "https://portal.example.com:8443 | https://portal.example.com:8443/",
        ),
        (
            "/login",
            "https://portal.example.com.evil.example/",
            "https://portal.example.com.evil.example | https://portal.example.com.evil.example/",
        ),
        (
            "/login",
            "https://portal.example.com./",
            "https://portal.example.com. | https://portal.example.com./",
        ),
        (
            "/login",
            "http://[::1]:80/x",
            "http://[::1] | http://[::1]/x",
        ),
        (
            "/login",
            "http://[::1]:8080/x",
            "http://[::1]:8080 | http://[::1]:8080/x",
        ),
    ]);
}

#[test]
fn s9_what_nobody_could_ask_for_leads_nowhere() {
    check(&[
        ("/login", "", "-"),
        ("/login", "javascript:alert(1)", "-"),
        ("/login", "data:text/html,x", "-"),
        ("/login", "myapp://home", "-"),
        ("/login", "a:b", "-"),
        ("/login", "https://alice@portal.example.com/", "-"),
        ("/login", "https://portal.example.com@evil.example/", "-"),
        ("/login", "https://:pw@evil.example/", "-"),
        ("/login", "https://", "-"),
        ("/login", "//", "-"),
        ("/login", "https://evil.example;default-src/", "-"),
        ("/login", "https://evil example/", "-"),
        ("/login", "https://évil.example/", "-"),
        ("/login", "https://%65vil.example/", "-"),
        ("/login", "https://evil.example:x/", "-"),
        ("/login", "https://evil.example:+80/", "-"),
        ("/login", "https://evil.example:99999/", "-"),
        ("/login", "https://[evil]/", "-"),
        ("/login", "https://:443/", "-"),
    ]);
}

#[test]
fn a_site_on_a_port_of_its_own_knows_itself() {
    let origin = "http://localhost:8080";
    for (location, here) in [
        ("http://localhost:8080/x", true),
        ("//localhost:8080/x", true),
        ("http://LOCALHOST:8080/x", true),
        ("http://localhost/x", false),
        ("http://localhost:80/x", false),
        ("https://localhost:8080/x", false),
    ] {
        let leads = resolve(
            &target("/login"),
            origin,
            &HeaderValue::from_str(location).unwrap(),
        );
        assert_eq!(matches!(leads, Leads::Here(_)), here, "{location}");
    }
}

#[test]
fn a_fragment_is_kept_for_whoever_needs_it() {
    for (location, kept) in [
        ("/home", None),
        ("/#/dashboard", Some("/dashboard")),
        ("/#", Some("")),
        ("/a#b c\"<>`é", Some("b%20c%22%3C%3E%60%C3%A9")),
    ] {
        let location = HeaderValue::from_bytes(location.as_bytes()).unwrap();
        assert_eq!(fragment(&location).as_deref(), kept);
    }
}

proptest! {
    #[test]
    fn s9_no_location_leads_out_of_the_site_by_the_back_door(
        bytes in prop::collection::vec(any::<u8>(), 0..60),
        text in "(/|\\\\|\\.|%2e|:|@|\\?|#|https|http|portal\\.example\\.com|evil|[a-z]|\t| ){0,12}",
    ) {
        for location in [&bytes[..], text.as_bytes()] {
            let Ok(location) = HeaderValue::from_bytes(location) else {
                continue;
            };
            match resolve(&target("/a/login?b"), ORIGIN, &location) {
                Leads::Here(target) => {
                    let raw = target.raw();
                    prop_assert!(raw.starts_with('/') && !raw.starts_with("//") && !raw.starts_with("/\\"), "{}", raw);
                    let again = resolve(&target, ORIGIN, &HeaderValue::from_str(raw).unwrap());
                    prop_assert!(matches!(again, Leads::Here(same) if same.raw() == raw), "{}", raw);
                }
                Leads::Elsewhere { url, origin } => {
                    prop_assert!(url.starts_with(&format!("{origin}/")), "{}", url);
                    prop_assert!(origin != ORIGIN);
                    prop_assert!(origin.bytes().all(|b| b.is_ascii_alphanumeric() || b":/-._[]".contains(&b)), "{}", origin);
                    prop_assert!(url.bytes().all(|b| matches!(b, b'!'..=b'~')), "{}", url);
                }
                Leads::Nowhere => {}
            }
        }
    }
}
