//! One test for each row of the number table; the lists stand here a second time, as the table has them.

use super::*;
use crate::phone::{Phone, Policy};

/// What a policy with those countries says about a number; the number must at least be one.
fn sent(number: &str, countries: &[&str], fictional: bool) -> Option<Undeliverable> {
    let phone = Phone::parse(number).unwrap_or_else(|wrong| panic!("{number}: {wrong}"));
    phone.refusal(&Policy {
        countries: countries.iter().map(|&code| code.to_owned()).collect(),
        fictional,
    })
}

/// `+1`, the area code, and seven digits with nothing special about them.
fn ordinary(area: &str) -> String {
    format!("+1{area}2340200")
}

fn codes(list: &str) -> impl Iterator<Item = &str> {
    list.split_ascii_whitespace()
}

const ROW_TOLL_FREE: &str = "800 833 844 855 866 877 888 822 880 881 882 883 884 885 886 887 889";

const ROW_PERSONAL: &str = "500 521 522 523 524 525 526 527 528 529 532 533 544 566 577 588 \
                            600 622 633 644 655 677 688 700 710";

const ROW_CANADA: &str = "204 226 236 249 250 257 263 273 289 306 343 354 365 367 368 382 403 416 418 428 431 437 438 \
                          450 468 474 506 514 519 548 579 581 584 587 604 613 639 647 672 683 705 709 742 753 778 780 \
                          782 807 819 825 867 873 879 902 905 942";

const ROW_TERRITORIES: [(&str, &str); 5] = [
    ("PR", "787 939"),
    ("VI", "340"),
    ("GU", "671"),
    ("MP", "670"),
    ("AS", "684"),
];

const ROW_OTHERS: [(&str, &str); 18] = [
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
];

#[test]
fn c6_row_toll_free_is_no_destination() {
    for area in codes(ROW_TOLL_FREE) {
        for number in [ordinary(area), format!("+1{area}9110200")] {
            let refusal = sent(&number, &["US", "CA"], true);
            assert_eq!(refusal, Some(Undeliverable::TollFree), "{number}");
        }
    }
}

#[test]
fn c6_row_premium_is_never_sent_to() {
    for number in [
        "+19005550200",
        "+19002340200",
        "+19009110200",
        "+12029760000",
        "+12029769999",
        "+14169760200",
        "+18769760200",
        "+18009760200",
        "+17009760200",
    ] {
        for countries in [&["US"][..], &["US", "CA", "JM"], &[]] {
            let refusal = sent(number, countries, true);
            assert_eq!(refusal, Some(Undeliverable::Premium), "{number}");
        }
    }
    for beside in ["+12029750200", "+12029770200", "+19012340200"] {
        assert_eq!(sent(beside, &["US"], false), None, "{beside}");
    }
}

#[test]
fn c6_row_personal_and_non_geographic_is_no_destination() {
    let kept = "200 222 233 244 255 266 277 288 300 322 344 355 400 422 455";
    for area in codes(ROW_PERSONAL).chain(codes(kept)) {
        let refusal = sent(&ordinary(area), &["US", "CA"], true);
        assert_eq!(refusal, Some(Undeliverable::Service), "{area}");
    }
    // Arizona, in the middle of them.
    assert_eq!(sent(&ordinary("520"), &["US"], false), None);
}

#[test]
fn c6_row_fictional_is_sent_to_in_trials_only() {
    for line in 0..10_000 {
        let number = format!("+1919555{line:04}");
        let wanted = match line {
            100..=199 => Some(Undeliverable::Fictional),
            1212 => Some(Undeliverable::Directory),
            _ => None,
        };
        assert_eq!(sent(&number, &["US"], false), wanted, "{number}");
        let in_trials = wanted.filter(|reason| *reason == Undeliverable::Directory);
        assert_eq!(sent(&number, &["US"], true), in_trials, "{number}");
    }
    // Being fictional makes no number domestic, free or fit.
    for (number, wanted) in [
        ("+14165550143", Undeliverable::Country("CA")),
        ("+18765550143", Undeliverable::Country("JM")),
        ("+18005550143", Undeliverable::TollFree),
        ("+19005550143", Undeliverable::Premium),
        ("+15005550143", Undeliverable::Service),
    ] {
        assert_eq!(sent(number, &["US"], true), Some(wanted), "{number}");
    }
    // The line alone does not make it so.
    assert_eq!(sent("+19195560143", &["US"], false), None);
}

#[test]
fn c6_row_555_otherwise_is_the_directory_in_every_area() {
    for number in ["+12025551212", "+14165551212", "+17875551212"] {
        for fictional in [false, true] {
            let refusal = sent(number, &["US", "CA"], fictional);
            assert_eq!(refusal, Some(Undeliverable::Directory), "{number}");
        }
    }
}

/// libphonenumber takes +1 919 911 5555.
#[test]
fn c6_row_n11_is_neither_area_code_nor_exchange() {
    for n in 2..=9 {
        let n11 = format!("{n}11");
        assert_eq!(
            check(&format!("{n11}2340200")),
            Err(NotAPhone::AreaCode(n11.clone()))
        );
        assert_eq!(
            check(&format!("919{n11}5555")),
            Err(NotAPhone::Exchange(n11.clone()))
        );
        assert_eq!(
            check(&format!("876{n11}5555")),
            Err(NotAPhone::Exchange(n11.clone()))
        );
        // Toll-free numbers have such exchanges, and may be senders.
        assert_eq!(check(&format!("800{n11}5555")), Ok(()));
    }
}

#[test]
fn c6_row_territories_come_with_the_united_states() {
    for (country, areas) in ROW_TERRITORIES {
        for area in codes(areas) {
            let number = ordinary(area);
            assert_eq!(Phone::parse(&number).unwrap().country(), Some(country));
            assert_eq!(sent(&number, &["US"], false), None, "{area}");
            assert_eq!(sent(&number, &[country], false), None, "{area}");
            assert_eq!(
                sent(&number, &["CA"], false),
                Some(Undeliverable::Country(country)),
                "{area}"
            );
            // The other way round nothing comes along.
            assert_eq!(
                sent("+12022340200", &[country], false),
                Some(Undeliverable::Country("US"))
            );
        }
    }
}

#[test]
fn c6_row_canada_needs_to_be_listed() {
    assert_eq!(codes(ROW_CANADA).count(), 56);
    for area in codes(ROW_CANADA) {
        let number = ordinary(area);
        assert_eq!(
            sent(&number, &["US"], false),
            Some(Undeliverable::Country("CA")),
            "{area}"
        );
        assert_eq!(sent(&number, &["CA"], false), None, "{area}");
    }
}

/// They look domestic and are priced as calls abroad.
#[test]
fn c6_row_other_countries_of_code_1_need_to_be_listed() {
    for (country, areas) in ROW_OTHERS {
        for area in codes(areas) {
            let number = ordinary(area);
            assert_eq!(
                sent(&number, &["US", "CA"], false),
                Some(Undeliverable::Country(country)),
                "{area}"
            );
            assert_eq!(sent(&number, &[country], false), None, "{area}");
        }
    }
}

/// Every one of the thousand, by the rules and rows as they are written down.
#[test]
fn c6_every_area_code_is_told_as_the_table_has_it() {
    let has = |list: &str, code: &str| codes(list).any(|one| one == code);
    for number in 0..1000 {
        let code = format!("{number:03}");
        let (first, second, third) = (number / 100, number / 10 % 10, number % 10);
        let none = first < 2
            || (second == 1 && third == 1)
            || second == 9
            || [37, 96].contains(&(number / 10));
        let wanted = if none {
            None
        } else if code == "900" {
            Some(Area::Premium)
        } else if has(ROW_TOLL_FREE, &code) {
            Some(Area::TollFree)
        } else if second == third || has(ROW_PERSONAL, &code) {
            Some(Area::Service)
        } else {
            let abroad = ROW_TERRITORIES
                .iter()
                .chain(&ROW_OTHERS)
                .chain(&[("CA", ROW_CANADA)]);
            let row = abroad.copied().find(|(_, areas)| has(areas, &code));
            Some(Area::Place(row.map_or("US", |(country, _)| country)))
        };
        assert_eq!(area(&code), wanted, "{code}");
    }
}

#[test]
fn every_exchange_begins_with_2_to_9() {
    for number in 0..1000 {
        let exchange = format!("{number:03}");
        let possible = number >= 200;
        let wanted = |fits: bool| {
            let wrong = NotAPhone::Exchange(exchange.clone());
            if fits { Ok(()) } else { Err(wrong) }
        };
        let n11 = number % 100 == 11;
        assert_eq!(
            check(&format!("202{exchange}0000")),
            wanted(possible && !n11)
        );
        assert_eq!(check(&format!("888{exchange}9999")), wanted(possible));
    }
}

#[test]
fn no_area_code_is_listed_twice() {
    let mut seen = std::collections::HashSet::new();
    let placed = PLACES.iter().flat_map(|(_, areas)| codes(areas));
    for code in placed.chain(codes(TOLL_FREE)).chain(codes(SERVICES)) {
        assert!(code.len() == 3 && seen.insert(code), "{code}");
    }
}
