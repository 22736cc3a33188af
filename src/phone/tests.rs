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
        "+15087696555",
        "+390612345678",
        "+2250712345678",
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
        "001 202 555 0143",
        "+1/202/555/0143",
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
    for text in [
        "+44 20 7946 0000",
        "+44 (0)20 7946 0000",
        "+4402079460000",
        "0044 20 7946 0000",
        "00442079460000",
    ] {
        assert_eq!(
            Phone::parse(text).unwrap_err().to_string(),
            "write \"+442079460000\"",
            "{text}"
        );
    }
}

#[test]
fn what_is_no_number_is_refused_with_its_reason() {
    let area = |code: &str| NotAPhone::AreaCode(code.to_owned());
    let exchange = |code: &str| NotAPhone::Exchange(code.to_owned());
    let british = |found| NotAPhone::National {
        code: "44".to_owned(),
        lengths: 9..=10,
        found,
    };
    for (text, wanted) in [
        ("", NotAPhone::Empty),
        (" - ", NotAPhone::Empty),
        ("+", NotAPhone::Length),
        ("5550143", NotAPhone::CountryCode),
        ("0171 2345678", NotAPhone::CountryCode),
        ("0202555014", NotAPhone::CountryCode),
        ("020 7946 0000", NotAPhone::CountryCode),
        ("00", NotAPhone::Length),
        ("000442079460000", NotAPhone::LeadingZero),
        ("+00442079460000", NotAPhone::LeadingZero),
        ("+44002079460000", british(11)),
        ("+49 (0)030 901820", NotAPhone::TwoZeros),
        ("+447911123", british(7)),
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
        // libphonenumber drops the 1 and takes what is left.
        ("+11195551234", area("119")),
        ("+1 (0) 202 555 0143", NotAPhone::TenDigits),
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
fn c6_the_united_states_are_sent_to_and_nothing_else_is_by_itself() {
    use Undeliverable::{Country, UnknownPrefix};
    for (text, refusal) in [
        ("+12022340200", None),
        ("+19195550200", None),
        ("+17872340200", None), // Puerto Rico
        ("+14162340200", Some(Country("CA"))),
        ("+18762340200", Some(Country("JM"))),
        ("+442079460000", Some(Country("GB"))),
        ("+22255502001", Some(Country("MR"))), // not 225-550-2001 in Louisiana
        ("+881612345678", Some(UnknownPrefix)), // satellite
        ("+447012345678", Some(UnknownPrefix)), // British personal numbers
        ("+979123456789", Some(UnknownPrefix)), // international premium
    ] {
        assert_eq!(phone(text).refusal(&to(&["US"])), refusal, "{text}");
        assert!(phone(text).refusal(&to(&[])).is_some(), "{text}");
    }
}

#[test]
fn a_number_tells_its_country() {
    for (text, country) in [
        ("+12025550143", Some("US")),
        ("+14165550143", Some("CA")),
        ("+18765550143", Some("JM")),
        ("+18005550143", None),
        ("+19005550143", None),
        ("+15005550143", None),
        ("+442079460000", Some("GB")),
        ("+38344123456", Some("XK")),
    ] {
        assert_eq!(phone(text).country(), country, "{text}");
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
            (number.masked(), number.to_string(), format!("{number:?}")),
            (shown.to_owned(), shown.to_owned(), shown.to_owned())
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
    fn in_a_file_there_is_one_way_to_write_a_number(text in "[+]?[0-9 ()-]{0,20}") {
        match Phone::parse(&text) {
            Ok(number) => proptest::prop_assert_eq!(number.e164(), &text),
            Err(NotAPhone::Spelling { right }) => {
                proptest::prop_assert_ne!(right.e164(), &text);
                proptest::prop_assert_eq!(Phone::parse(right.e164()), Ok(right.clone()));
                proptest::prop_assert_eq!(Phone::typed(&text), Ok(right));
            }
            Err(wrong) => proptest::prop_assert_eq!(Phone::typed(&text), Err(wrong)),
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
