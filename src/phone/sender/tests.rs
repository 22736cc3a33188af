use super::*;

fn sender(text: &str) -> Sender {
    Sender::parse(text).unwrap_or_else(|wrong| panic!("{text}: {wrong}"))
}

#[test]
fn the_kind_is_read_from_the_text() {
    for (text, kind) in [
        ("+12025550101", Kind::Local),
        ("+14162340200", Kind::Local),
        ("+12022000000", Kind::Local),
        ("+18005550101", Kind::TollFree),
        ("+18332340200", Kind::TollFree),
        ("+18884110000", Kind::TollFree),
        ("+447911123456", Kind::Abroad),
        ("73737", Kind::ShortCode),
        ("20000", Kind::ShortCode),
        ("999999", Kind::ShortCode),
        ("ACME", Kind::Alphanumeric),
        ("abc", Kind::Alphanumeric),
        ("A b-c_d&e+f", Kind::Alphanumeric),
        ("12345678a90", Kind::Alphanumeric),
        ("7eleven", Kind::Alphanumeric),
    ] {
        let sender = sender(text);
        assert_eq!((sender.kind(), sender.as_str()), (kind, text));
    }
}

#[test]
fn what_is_no_sender_is_refused_for_the_kind_it_seems_to_be() {
    let spelling = || NotAPhone::Spelling {
        right: Phone::parse("+12025550101").unwrap(),
    };
    for (text, wanted) in [
        ("", NotASender::Empty),
        ("  ", NotASender::Empty),
        // Short codes: 5 or 6 digits, the first from 2 to 9.
        ("2345", NotASender::ShortCode),
        ("12345", NotASender::ShortCode),
        ("02345", NotASender::ShortCode),
        ("123456", NotASender::ShortCode),
        ("7", NotASender::ShortCode),
        ("2345678", NotAPhone::CountryCode.into()),
        ("73 737", NotAPhone::CountryCode.into()),
        ("+73737", NotAPhone::Length.into()),
        // Numbers: as strict as a destination.
        ("2025550101", spelling().into()),
        ("(202) 555-0101", spelling().into()),
        ("+1 202 555 0101", spelling().into()),
        ("+1202555010", NotAPhone::TenDigits.into()),
        ("+12021550101", NotAPhone::Exchange("155".to_owned()).into()),
        ("+1202555010x", NotAPhone::Character('x').into()),
        ("+ACME", NotAPhone::Character('A').into()),
        // Numbers that nobody sends from.
        ("+19002340200", NotASender::Unfit(Undeliverable::Premium)),
        ("+12029760200", NotASender::Unfit(Undeliverable::Premium)),
        ("+18009760200", NotASender::Unfit(Undeliverable::Premium)),
        ("+449012345678", NotASender::Unfit(Undeliverable::Premium)),
        ("+15002340200", NotASender::Unfit(Undeliverable::Service)),
        ("+16002340200", NotASender::Unfit(Undeliverable::Service)),
        ("+12025551212", NotASender::Unfit(Undeliverable::Directory)),
        // Names: 3 to 11 characters, a letter among them.
        ("AB", NotASender::Length(2)),
        ("ABCDEFGHIJKL", NotASender::Length(12)),
        ("Müller", NotASender::Character('ü')),
        ("АСМЕ", NotASender::Character('А')),
        ("acme.com", NotASender::Character('.')),
        ("acme\n", NotASender::Character('\n')),
        ("acme\u{a0}x", NotASender::Character('\u{a0}')),
        (" acme", NotASender::Blank),
        ("acme ", NotASender::Blank),
        ("12-34 56789", NotAPhone::CountryCode.into()),
        ("&&&", NotAPhone::Character('&').into()),
    ] {
        assert_eq!(Sender::parse(text), Err(wanted), "{text:?}");
    }
}

#[test]
fn an_error_says_what_to_write() {
    let shown = |text: &str| Sender::parse(text).unwrap_err().to_string();
    assert_eq!(shown("(202) 555-0101"), "write \"+12025550101\"");
    assert_eq!(
        shown("+19002340200"),
        "a premium number cannot be sent from"
    );
    assert_eq!(
        shown("12345"),
        "a short code has 5 or 6 digits, the first from 2 to 9"
    );
    assert_eq!(
        shown("AB"),
        "an alphanumeric sender has 3 to 11 characters, not 2"
    );
}

#[test]
fn only_numbers_call_and_names_stay_out_of_country_code_1() {
    let phone = |text| Phone::parse(text).unwrap();
    let (home, toronto, kingston, london) = (
        phone("+12022340200"),
        phone("+14162340200"),
        phone("+18762340200"),
        phone("+447911123456"),
    );
    for to in [&home, &toronto, &kingston, &london] {
        for from in ["+12025550101", "+18005550101", "+442079460000"] {
            for channel in [Channel::Sms, Channel::Voice] {
                assert_eq!(sender(from).refusal(to, channel), None, "{from}");
            }
        }
        for (from, kind) in [("73737", Kind::ShortCode), ("ACME", Kind::Alphanumeric)] {
            assert_eq!(
                sender(from).refusal(to, Channel::Voice),
                Some(Unfit::Voice(kind))
            );
        }
        assert_eq!(sender("73737").refusal(to, Channel::Sms), None);
    }
    for to in [&home, &toronto, &kingston] {
        let refusal = sender("ACME").refusal(to, Channel::Sms);
        assert_eq!(refusal, Some(Unfit::CountryCode1));
    }
    assert_eq!(sender("ACME").refusal(&london, Channel::Sms), None);
    assert_eq!(
        Unfit::Voice(Kind::ShortCode).to_string(),
        "a short code cannot call"
    );
}

#[test]
fn c8_a_sender_prints_its_number_masked() {
    assert_eq!(format!("{:?}", sender("+12025550101")), "+1••••01");
    assert_eq!(format!("{:?}", sender("73737")), "\"73737\"");
    let wrong = Sender::parse("202-555-0101").unwrap_err();
    assert!(!format!("{wrong:?}").contains("0101"));
}

proptest::proptest! {
    #[test]
    fn every_short_code_is_one(text in "[2-9][0-9]{4,5}") {
        proptest::prop_assert_eq!(sender(&text).kind(), Kind::ShortCode);
    }

    #[test]
    fn every_name_of_the_right_characters_is_one(text in "[A-Za-z0-9][A-Za-z0-9 _&+-]{1,9}[A-Za-z]") {
        proptest::prop_assert_eq!(sender(&text).kind(), Kind::Alphanumeric);
    }

    #[test]
    fn what_is_taken_is_kept_as_written_and_nothing_else_is_taken(text in "[+]?[ -~\u{e9}]{0,14}") {
        if let Ok(sender) = Sender::parse(&text) {
            proptest::prop_assert_eq!(sender.as_str(), &text);
            let name = (3..=11).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b" -_&+".contains(&b))
                && text.bytes().any(|b| b.is_ascii_alphabetic());
            let short = (5..=6).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
            let number = Phone::parse(&text).is_ok();
            proptest::prop_assert_eq!(
                (name, short, number),
                match sender.kind() {
                    Kind::Alphanumeric => (true, false, false),
                    Kind::ShortCode => (false, true, false),
                    Kind::Local | Kind::TollFree | Kind::Abroad => (false, false, true),
                }
            );
        }
    }
}
