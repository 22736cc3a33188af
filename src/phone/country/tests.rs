use std::collections::HashSet;

use super::*;
use crate::phone::{NotAPhone, Phone, Policy, Undeliverable};

fn entries() -> impl Iterator<Item = (&'static str, &'static str, Option<&'static str>)> {
    PREFIXES.split_ascii_whitespace().map(|entry| {
        let fields: Vec<&str> = entry.split(':').collect();
        match fields[..] {
            [prefix, country] => (prefix, country, None),
            [prefix, country, lengths] => (prefix, country, Some(lengths)),
            _ => panic!("{entry}"),
        }
    })
}

fn digits_only(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// A slip in the table would send abroad what looks domestic, or to nobody.
#[test]
fn c6_the_table_of_prefixes_is_well_formed() {
    let mut seen = HashSet::new();
    for (prefix, country, lengths) in entries() {
        let code = code_length(prefix);
        assert!(
            digits_only(prefix) && !prefix.starts_with(['0', '1']),
            "{prefix}"
        );
        assert!(
            prefix.len() >= code && prefix.len() <= LONGEST_PREFIX,
            "{prefix}"
        );
        assert!(
            country == NOWHERE
                || country.len() == 2 && country.bytes().all(|b| b.is_ascii_uppercase()),
            "{prefix}"
        );
        assert!(seen.insert(prefix), "{prefix} is there twice");
        assert!(
            seen.contains(&prefix[..code]),
            "{prefix} stands before its country code"
        );
        // Lengths stand with a country code, and nowhere else.
        assert_eq!(lengths.is_some(), prefix.len() == code, "{prefix}");
        if let Some(lengths) = lengths {
            let (least, most) = lengths.split_once('-').unwrap_or((lengths, lengths));
            assert!(digits_only(least) && digits_only(most), "{prefix}");
            let (least, most): (usize, usize) = (least.parse().unwrap(), most.parse().unwrap());
            assert!(
                least <= most && code + least >= 8 && code + most <= 15,
                "{prefix}"
            );
        }
    }
    assert_eq!(TABLE.len(), seen.len(), "an entry was not read");
    let readable = TABLE
        .values()
        .filter(|entry| entry.lengths.is_some())
        .count();
    assert_eq!(
        readable,
        entries().filter(|entry| entry.2.is_some()).count()
    );
}

#[test]
fn the_longest_prefix_tells_the_country() {
    for (digits, country) in [
        ("79161234567", Some("RU")),
        ("77011234567", Some("KZ")),
        ("442079460000", Some("GB")),
        ("441534123456", Some("JE")),
        ("447624123456", Some("IM")),
        ("447700312345", Some("JE")),
        ("447700912345", Some("GB")),
        ("447911123456", Some("GG")),
        ("447911223456", Some("GB")),
        ("447012345678", None),
        ("59991234567", Some("CW")),
        ("5997123456", Some("BQ")),
        ("35818123456", Some("AX")),
        ("358401234567", Some("FI")),
        ("390669812345", Some("VA")),
        ("390666812345", Some("IT")),
        ("262639123456", Some("YT")),
        ("262692123456", Some("RE")),
        ("8001234567", None),
        ("881612345678", None),
        ("21012345678", None),
        ("44", Some("GB")),
        ("4", None),
        ("", None),
    ] {
        assert_eq!(of(digits), country, "{digits}");
    }
}

#[test]
fn c6_every_country_is_refused_until_it_is_listed() {
    for (prefix, country, _) in entries() {
        let code = &prefix[..code_length(prefix)];
        let most = *lengths(prefix).unwrap().end();
        let mut digits = format!("{prefix}2222222222222");
        digits.truncate(code.len() + most);
        let phone =
            Phone::parse(&format!("+{digits}")).unwrap_or_else(|wrong| panic!("{digits}: {wrong}"));
        let refusal = |countries: &[&str]| {
            phone.refusal(&Policy {
                countries: countries.iter().map(|&code| code.to_owned()).collect(),
                fictional: true,
            })
        };
        let (unlisted, listed) = if country == NOWHERE {
            let unknown = Some(Undeliverable::UnknownPrefix);
            (unknown, unknown)
        } else {
            (Some(Undeliverable::Country(country)), None)
        };
        assert_eq!(refusal(&["US", "CA"]), unlisted, "{digits}");
        assert_eq!(refusal(&["US", country]), listed, "{digits}");
    }
}

#[test]
fn numbers_are_as_long_as_their_country_has_them() {
    for (prefix, country, _) in entries().filter(|entry| entry.2.is_some()) {
        let (least, most) = lengths(prefix).unwrap().into_inner();
        let number = |digits: usize| format!("+{prefix}{}", "2".repeat(digits));
        for fits in [least, most] {
            assert!(Phone::parse(&number(fits)).is_ok(), "{country} {fits}");
        }
        for found in [least - 1, most + 1] {
            let wrong = if (8..=15).contains(&(prefix.len() + found)) {
                NotAPhone::National {
                    code: prefix.to_owned(),
                    lengths: least..=most,
                    found,
                }
            } else {
                NotAPhone::Length
            };
            assert_eq!(
                Phone::parse(&number(found)),
                Err(wrong),
                "{country} {found}"
            );
        }
    }
    let shown = |text: &str| Phone::parse(text).unwrap_err().to_string();
    assert_eq!(
        shown("+3312345678"),
        "a number of country code 33 has 9 digits after +33, not 8"
    );
    assert_eq!(
        shown("+4479111234567"),
        "a number of country code 44 has 9 to 10 digits after +44, not 11"
    );
}

#[test]
fn a_code_that_nobody_has_is_not_sent_to() {
    for number in [
        "+21012345678",
        "+99912345678",
        "+80012345678",
        "+97912345678",
    ] {
        let phone = Phone::parse(number).unwrap();
        assert_eq!(phone.country(), None, "{number}");
        let anywhere = Policy {
            countries: entries()
                .map(|(_, country, _)| country.to_owned())
                .collect(),
            fictional: true,
        };
        assert_eq!(
            phone.refusal(&anywhere),
            Some(Undeliverable::UnknownPrefix),
            "{number}"
        );
    }
}

#[test]
fn c6_premium_services_abroad_are_refused_even_where_their_country_is_listed() {
    let mut seen = HashSet::new();
    for prefix in PREMIUM.split_ascii_whitespace() {
        assert!(digits_only(prefix) && seen.insert(prefix), "{prefix}");
        let most = *lengths(prefix).expect(prefix).end();
        let mut digits = format!("{prefix}2222222222");
        digits.truncate(code_length(prefix) + most);
        let phone = Phone::parse(&format!("+{digits}")).expect(prefix);
        let country = phone.country().expect(prefix);
        let policy = Policy {
            countries: vec![country.to_owned()],
            fictional: true,
        };
        assert_eq!(
            phone.refusal(&policy),
            Some(Undeliverable::Premium),
            "{digits}"
        );
    }
    // Beside them.
    for number in [
        "+447911223456",
        "+491701234567",
        "+33612345678",
        "+390612345678",
    ] {
        let phone = Phone::parse(number).unwrap();
        let policy = Policy {
            countries: ["GB", "DE", "FR", "IT"].map(str::to_owned).to_vec(),
            fictional: false,
        };
        assert_eq!(phone.refusal(&policy), None, "{number}");
    }
}

#[test]
fn a_zero_behind_the_country_code_is_dropped_where_no_number_has_one() {
    for (digits, may) in [
        ("44", false),
        ("49", false),
        ("39", true),
        ("378", true),
        ("225", true),
        ("992", true),
        ("210", true), // nobody's: nothing is known about it
    ] {
        assert_eq!(may_begin_with_zero(&format!("{digits}0123456")), may);
    }
    for code in WITH_ZERO {
        assert_eq!(code_length(code), code.len(), "{code}");
    }
}
