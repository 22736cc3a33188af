//! Who carries what, as it comes out of the file.

use super::*;
use crate::name::Name;

/// What becomes of `[delivery]` with these lines more, and these sites.
fn delivery(lines: &str, urls: &[&str]) -> carrier::Delivery {
    let mut text = "[listen]\nhttp = [\"127.0.0.1:0\"]\nhttps = [\"127.0.0.1:0\"]\n\
         cert = \"tls.pem\"\nkey = \"file:tls.key\"\n\
         [scopes.login]\n[directory.staff.file]\npath = \"users.toml\"\n\
         [carriers.main.console]\n[carriers.spare.console]\n[delivery]\nsms = [\"main\", \"spare\"]\n"
        .to_owned();
    text.push_str(lines);
    for (number, url) in urls.iter().enumerate() {
        write!(
            text,
            "\n[sites.s{number}]\nurl = \"{url}\"\nupstream = \"http://127.0.0.1:3000\"\n\
             directory = \"staff\"\nscopes = [\"login\"]\n"
        )
        .unwrap();
    }
    let folder = Folder::new(&text);
    let loaded = folder.load();
    let told = folder.told(&loaded);
    loaded.config.unwrap_or_else(|| panic!("{told}")).delivery
}

#[test]
fn vendors_reach_us_where_it_is_written_or_at_the_first_site_that_they_can_reach() {
    let local = "http://localhost:8080";
    let own = "https://localhost:8443";
    let (one, two) = ("https://a.example.com", "https://b.example.com:8443");
    for (lines, urls, public) in [
        ("", &[local][..], None),
        ("", &[local, own], None),
        ("", &[local, own, two, one], Some(two)),
        (
            "public_url = \"https://gw.example.com/\"",
            &[one],
            Some("https://gw.example.com"),
        ),
        (
            "public_url = \"http://127.0.0.1:9000\"",
            &[one],
            Some("http://127.0.0.1:9000"),
        ),
    ] {
        assert_eq!(
            delivery(lines, urls).public.as_deref(),
            public,
            "{lines} {urls:?}"
        );
    }
}

#[test]
fn a_country_has_the_order_that_stands_there() {
    let lines = "countries = [\"US\", \"CA\"]\nby_country = { CA = [\"spare\", \"main\"], PR = [\"spare\"] }";
    let name = |text| Name::parse(text).unwrap();
    assert_eq!(
        delivery(lines, &["http://localhost:8080"]).by_country,
        [
            ("CA".to_owned(), vec![name("spare"), name("main")]),
            ("PR".to_owned(), vec![name("spare")]),
        ]
    );
}
