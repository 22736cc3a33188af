use super::*;

/// A policy that sends to those countries.
fn to(countries: &[&str]) -> Policy {
    Policy {
        countries: countries.iter().map(|&code| code.to_owned()).collect(),
        fictional: false,
    }
}

fn phone(text: &str) -> Phone {
    Phone::parse(text).unwrap_or_else(|wrong| panic!("{text}: {wrong}"))
}

#[test]
fn a_number_in_e164_is_taken_as_it_is() {
    for text in [
        "+12025550143",
        "+18005550100",
        "+442079460000",
        "+49123456",
        "+491234567890123",
    ] {
        assert_eq!(phone(text).e164(), text);
    }
}

#[test]
fn a_dressed_up_number_is_refused_with_its_right_form() {
    for text in [
        "(202) 555-0143",
        "202-555-0143",
        "202.555.0143",
        "2025550143",
        "12025550143",
        "1 (202) 555 0143",
        "+1 202 555 0143",
        "+1-202-555-0143",
        " +12025550143",
        "+12025550143\n",
        "+1\u{2011}202\u{2011}555\u{2011}0143",
        "\u{202a}+12025550143\u{202c}",
        "\u{ff0b}\u{ff11}\u{ff12}\u{ff10}\u{ff12}\u{ff15}\u{ff15}\u{ff15}\u{ff10}\u{ff11}\u{ff14}\u{ff13}",
    ] {
        let wrong = Phone::parse(text).expect_err(text);
        assert_eq!(wrong.to_string(), "write \"+12025550143\"", "{text:?}");
        assert_eq!(
            Phone::typed(text).unwrap().e164(),
            "+12025550143",
            "{text:?}"
        );
    }
    assert_eq!(
        Phone::parse("+44 20 7946 0000").unwrap_err().to_string(),
        "write \"+442079460000\""
    );
}

#[test]
fn what_is_no_number_is_refused_with_its_reason() {
    let area = |code: &str| NotAPhone::AreaCode(code.to_owned());
    let exchange = |code: &str| NotAPhone::Exchange(code.to_owned());
    for (text, wanted) in [
        ("", NotAPhone::Empty),
        (" - ", NotAPhone::Empty),
        ("+", NotAPhone::Length),
        ("5550143", NotAPhone::CountryCode),
        ("0171 2345678", NotAPhone::CountryCode),
        ("0202555014", NotAPhone::CountryCode),
        ("00442079460000", NotAPhone::CountryCode),
        ("22025550143", NotAPhone::CountryCode),
        ("+1202555014x", NotAPhone::Character('x')),
        ("+12025550143 ext 5", NotAPhone::Character('e')),
        ("++12025550143", NotAPhone::Character('+')),
        ("+1202555014\u{0663}", NotAPhone::Character('\u{0663}')),
        ("+02025550143", NotAPhone::LeadingZero),
        ("+4912345", NotAPhone::Length),
        ("+4912345678901234", NotAPhone::Length),
        ("+1202555014", NotAPhone::TenDigits),
        ("+120255501430", NotAPhone::TenDigits),
        ("+10025550143", area("002")),
        ("+11025550143", area("102")),
        ("+12115550143", area("211")),
        ("+19115550143", area("911")),
        ("+12925550143", area("292")),
        ("+13705550143", area("370")),
        ("+19605550143", area("960")),
        ("+12020550143", exchange("055")),
        ("+12021550143", exchange("155")),
        ("+19199115555", exchange("911")),
        ("+12024110143", exchange("411")),
        ("(202) 155-0143", exchange("155")),
        (&"1".repeat(129), NotAPhone::Length),
    ] {
        assert_eq!(Phone::parse(text), Err(wanted), "{text:?}");
    }
}

#[test]
fn an_n11_exchange_exists_behind_area_codes_of_no_place_only() {
    assert!(Phone::parse("+18009110000").is_ok());
    assert!(Phone::parse("+12029110000").is_err());
}

#[test]
fn the_policy_refuses_what_costs_or_reaches_nobody() {
    use Undeliverable::{Country, Directory, Fictional, Premium, Service, TollFree};
    for (text, refusal) in [
        ("+12025550200", None),
        ("+19195550200", None),
        ("+12025551211", None),
        ("+12025551213", None),
        ("+12025551212", Some(Directory)),
        ("+12025550099", None),
        ("+12025550100", Some(Fictional)),
        ("+12025550143", Some(Fictional)),
        ("+12025550199", Some(Fictional)),
        ("+15206230200", None), // Arizona, between the personal numbers
        ("+19005550200", Some(Premium)),
        ("+12029765555", Some(Premium)),
        ("+18009765555", Some(Premium)),
        ("+18884110000", Some(TollFree)),
        ("+17872340200", None), // Puerto Rico
        ("+19392340200", None),
        ("+13402340200", None),
        ("+16712340200", None),
        ("+16702340200", None),
        ("+16842340200", None),
        ("+14162340200", Some(Country("CA"))),
        ("+18762340200", Some(Country("JM"))),
        ("+442079460000", Some(Country("GB"))),
        ("+2225550200", Some(Country("MR"))),
        ("+881612345678", Some(Undeliverable::UnknownPrefix)), // satellite
        ("+447012345678", Some(Undeliverable::UnknownPrefix)), // British personal numbers
        ("+979123456789", Some(Undeliverable::UnknownPrefix)), // international premium
    ] {
        assert_eq!(phone(text).refusal(&to(&["US"])), refusal, "{text}");
    }
    for area in [
        "800", "833", "844", "855", "866", "877", "888", "822", "880", "881", "884", "887", "889",
    ] {
        let text = format!("+1{area}2340200");
        assert_eq!(phone(&text).refusal(&to(&["US"])), Some(TollFree), "{text}");
        assert_eq!(phone(&text).country(), None, "{text}");
    }
    for area in [
        "500", "521", "522", "525", "529", "532", "533", "544", "566", "577", "588", "600", "622",
        "633", "644", "655", "677", "688", "700", "710", "200", "222", "455",
    ] {
        let text = format!("+1{area}2340200");
        assert_eq!(
            phone(&text).refusal(&to(&["US", "CA"])),
            Some(Service),
            "{text}"
        );
    }
}

#[test]
fn fictional_numbers_are_sent_to_only_where_that_was_asked_for() {
    let trial = Policy {
        fictional: true,
        ..to(&["US"])
    };
    assert_eq!(phone("+12025550143").refusal(&trial), None);
    assert_eq!(
        phone("+12025551212").refusal(&trial),
        Some(Undeliverable::Directory)
    );
    assert_eq!(
        phone("+18005550143").refusal(&trial),
        Some(Undeliverable::TollFree)
    );
    assert_eq!(
        phone("+14165550143").refusal(&trial),
        Some(Undeliverable::Country("CA"))
    );
}

/// Numbers of country code 1 look domestic and are priced as calls abroad: each needs its country listed.
#[test]
fn every_country_of_country_code_1_is_told_from_its_area_code() {
    let canada = "204 226 236 249 250 257 263 273 289 306 343 354 365 367 368 382 403 416 418 428 431 437 438 450 468 \
                  474 506 514 519 548 579 581 584 587 604 613 639 647 672 683 705 709 742 753 778 780 782 807 819 825 \
                  867 873 879 902 905 942";
    for (country, areas) in [
        ("CA", canada),
        ("AG", "268"),
        ("AI", "264"),
        ("BB", "246"),
        ("BM", "441"),
        ("BS", "242"),
        ("DM", "767"),
        ("DO", "809 829 849"),
        ("GD", "473"),
        ("JM", "658 876"),
        ("KN", "869"),
        ("KY", "345"),
        ("LC", "758"),
        ("MS", "664"),
        ("SX", "721"),
        ("TC", "649"),
        ("TT", "868"),
        ("VC", "784"),
        ("VG", "284"),
    ] {
        for area in areas.split_ascii_whitespace() {
            let number = phone(&format!("+1{area}2340200"));
            assert_eq!(
                number.refusal(&to(&["US"])),
                Some(Undeliverable::Country(country)),
                "{area}"
            );
            assert_eq!(number.refusal(&to(&[country])), None, "{area}");
        }
    }
    for (country, areas) in [
        ("PR", "787 939"),
        ("VI", "340"),
        ("GU", "671"),
        ("MP", "670"),
        ("AS", "684"),
    ] {
        for area in areas.split_ascii_whitespace() {
            let number = phone(&format!("+1{area}2340200"));
            assert_eq!(number.country(), Some(country), "{area}");
            assert_eq!(number.refusal(&to(&[country])), None, "{area}");
            assert_eq!(
                number.refusal(&to(&["CA"])),
                Some(Undeliverable::Country(country)),
                "{area}"
            );
        }
    }
}

#[test]
fn the_longest_prefix_tells_the_country() {
    for (text, country) in [
        ("+79161234567", Some("RU")),
        ("+77011234567", Some("KZ")),
        ("+442079460000", Some("GB")),
        ("+441534123456", Some("JE")),
        ("+447624123456", Some("IM")),
        ("+5999123456", Some("CW")),
        ("+5997123456", Some("BQ")),
        ("+35818123456", Some("AX")),
        ("+358401234567", Some("FI")),
        ("+12025550143", Some("US")),
        ("+8001234567", None),
    ] {
        assert_eq!(phone(text).country(), country, "{text}");
    }
}

/// A slip in the table would send abroad what looks domestic.
#[test]
fn the_table_of_prefixes_is_well_formed() {
    let mut seen = std::collections::HashSet::new();
    for entry in PREFIXES.split_ascii_whitespace() {
        let (prefix, country) = entry.split_once(':').expect(entry);
        assert!(
            prefix.bytes().all(|b| b.is_ascii_digit()) && !prefix.starts_with('0'),
            "{entry}"
        );
        assert!(
            country == NOWHERE
                || country.len() == 2 && country.bytes().all(|b| b.is_ascii_uppercase()),
            "{entry}"
        );
        assert!(seen.insert(prefix), "{entry} is there twice");
        assert!(
            prefix.len() >= calling_code(prefix),
            "{entry} is shorter than a country code"
        );
        assert!(
            seen.contains(&prefix[..calling_code(prefix)]),
            "{entry} stands before its country code"
        );
    }
}

#[test]
fn c8_a_number_prints_itself_masked() {
    for (text, shown) in [
        ("+12025550143", "+1••••43"),
        ("+442079460067", "+44••••67"),
        ("+35312345678", "+353••••78"),
        ("+79161234567", "+7••••67"),
    ] {
        let number = phone(text);
        assert_eq!(
            (number.to_string().as_str(), format!("{number:?}").as_str()),
            (shown, shown)
        );
        assert_eq!(number.ending(), &text[text.len() - 2..]);
    }
    assert!(!format!("{:?}", Phone::parse("202-555-0143").unwrap_err()).contains("0143"));
}

proptest::proptest! {
    #[test]
    fn any_text_is_taken_or_refused_and_what_is_taken_is_e164(text in "\\PC{0,40}") {
        if let Ok(number) = Phone::typed(&text) {
            let digits = number.e164().strip_prefix('+').unwrap();
            proptest::prop_assert!((8..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()));
            proptest::prop_assert_eq!(Phone::parse(number.e164()), Ok(number.clone()));
        }
    }

    #[test]
    fn what_a_person_types_between_the_digits_does_not_matter(
        digits in "[2-9][0-8][0-9][2-9][2-9][02-9][0-9]{4}",
        dressing in proptest::collection::vec("[-. ()/]{0,2}", 11),
    ) {
        let marked = digits.chars().zip(&dressing).flat_map(|(digit, mark)| mark.chars().chain([digit]));
        let typed: String = marked.collect();
        if let Ok(number) = Phone::parse(&format!("+1{digits}")) {
            proptest::prop_assert_eq!(Phone::typed(&typed), Ok(number));
        }
    }
}
