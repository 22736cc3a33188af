use super::*;

fn typed(text: &str) -> Result<String, Mistyped> {
    Typed::parse(text, 6).map(|typed| typed.as_str().to_owned())
}

#[test]
fn c1_a_code_has_as_many_digits_as_asked_for() {
    for (asked, length) in [
        (4, 4),
        (5, 5),
        (6, 6),
        (7, 7),
        (8, 8),
        (0, 4),
        (3, 4),
        (9, 8),
        (255, 8),
    ] {
        let code = Code::draw(asked).unwrap();
        assert_eq!(code.as_str().len(), length, "{asked}");
        assert!(code.as_str().bytes().all(|b| b.is_ascii_digit()));
    }
}

#[test]
fn c1_no_number_is_more_likely_than_another() {
    for bound in [10_000, 100_000, 1_000_000, 10_000_000, 100_000_000_u32] {
        let whole = u32::MAX / bound;
        // Words up to the last whole multiple count, each number equally often; those above are refused.
        assert_eq!(fair(0, bound), Some(0));
        assert_eq!(fair(whole * bound - 1, bound), Some(bound - 1));
        assert_eq!(fair(whole * bound, bound), None);
        assert_eq!(fair(u32::MAX, bound), None);
        assert!(f64::from(u32::MAX - whole * bound) / f64::from(u32::MAX) < 1.0 / 40.0);
    }
    // A bound that divides the words evenly refuses none.
    assert_eq!(fair(u32::MAX, 1 << 16), Some(65_535));
}

/// Chi-squared over every digit of 20,000 codes, place by place: mean 9, standard deviation 4.2. A fair generator is
/// above 80 once in 10^13 runs; one that never drew a leading zero would be above 2,000.
#[test]
fn c1_every_digit_is_as_likely_in_every_place() {
    let mut counts = [[0_u32; 10]; 6];
    for _ in 0..20_000 {
        let code = Code::draw(6).unwrap();
        for (place, digit) in code.as_str().bytes().enumerate() {
            counts[place][usize::from(digit - b'0')] += 1;
        }
    }
    for (place, seen) in counts.iter().enumerate() {
        let chi_squared: f64 = seen
            .iter()
            .map(|&n| (f64::from(n) - 2_000.0).powi(2) / 2_000.0)
            .sum();
        assert!(chi_squared < 80.0, "place {place}: {seen:?}");
    }
}

#[test]
fn what_people_put_between_the_digits_is_dropped() {
    for text in [
        "123456",
        " 123456\n",
        "123 456",
        "123-456",
        "1.2.3.4.5.6",
        "12\u{a0}34\u{2009}56",
        "123\u{2013}456",
        "\u{202d}123\u{200b}456\u{202c}",
        "\u{ff11}\u{ff12}\u{ff13}\u{ff14}\u{ff15}\u{ff16}", // full width
        "\u{0661}\u{0662}\u{0663}\u{0664}\u{0665}\u{0666}", // Arabic
        "\u{06f1}\u{06f2}\u{06f3}\u{06f4}\u{06f5}\u{06f6}", // Persian
        "\u{0967}\u{0968}\u{0969}\u{096a}\u{096b}\u{096c}", // Devanagari
        "\u{1d7cf}\u{1d7d0}\u{1d7d1}\u{1d7d2}\u{1d7d3}\u{1d7d4}", // mathematical
        "\u{1e5f2}\u{1e5f3}\u{1e5f4}\u{1e5f5}\u{1e5f6}\u{1e5f7}", // Ol Onal, among the last
    ] {
        assert_eq!(typed(text).as_deref(), Ok("123456"), "{text:?}");
    }
    assert_eq!(
        typed(&format!("{}123456", " ".repeat(58))).as_deref(),
        Ok("123456")
    );
}

#[test]
fn a_pasted_message_is_read_if_one_code_is_in_it() {
    for text in [
        "Example: 123456 is your Sign in code. Valid 5 min. Never share it.\n\n@portal.example.com #123456",
        "code:123456",
        "G-123456 is your code, good for 10 minutes (not 12345678)",
        "رمزك هو \u{0661}\u{0662}\u{0663}\u{0664}\u{0665}\u{0666}",
    ] {
        assert_eq!(typed(text).as_deref(), Ok("123456"), "{text:?}");
    }
    for text in [
        "123456 or 654321",
        "code 123456, number 202555",
        "my code is 12345",
        "code 1234567",
        "123 and 456",
    ] {
        assert_eq!(typed(text), Err(Mistyped::NotDigits), "{text:?}");
    }
}

#[test]
fn what_cannot_be_a_code_is_told_apart_for_the_page() {
    for (text, wanted) in [
        ("", Mistyped::Empty),
        (" \t\n-.", Mistyped::Empty),
        (
            "12345",
            Mistyped::Length {
                typed: 5,
                digits: 6,
            },
        ),
        (
            "1234567",
            Mistyped::Length {
                typed: 7,
                digits: 6,
            },
        ),
        (
            "12 34 5",
            Mistyped::Length {
                typed: 5,
                digits: 6,
            },
        ),
        ("abcdef", Mistyped::NotDigits),
        ("12345O", Mistyped::NotDigits),
        ("\u{bd}2345", Mistyped::NotDigits), // a half becomes 1, a slash and 2
        ("+12345", Mistyped::NotDigits),
        (&"1".repeat(65), Mistyped::NotDigits),
        (&format!("{}123456", " ".repeat(4091)), Mistyped::NotDigits),
    ] {
        assert_eq!(typed(text), Err(wanted), "{text:?}");
    }
    assert_eq!(
        Typed::parse("12345678", 8).map(|typed| typed.as_str().to_owned()),
        Ok("12345678".to_owned())
    );
}

#[test]
fn the_zeros_of_all_scripts_are_in_order_and_ten_apart() {
    assert!(ZEROS.windows(2).all(|pair| pair[0] + 10 <= pair[1]));
    for zero in ZEROS {
        let digits: String = (zero..zero + 10)
            .map(|digit| ascii_digit(char::from_u32(digit).unwrap()))
            .collect();
        assert_eq!(digits, "0123456789", "{zero:x}");
        let neighbours = [zero - 1, zero + 10].map(|next| char::from_u32(next).unwrap());
        for next in neighbours
            .into_iter()
            .filter(|&next| !ZEROS.contains(&u32::from(next)))
        {
            assert!(
                !ascii_digit(next).is_ascii_digit() || ZEROS.contains(&(zero - 10)),
                "{next:?}"
            );
        }
    }
    for other in ['a', '\u{65f}', '\u{66a}', '\u{10ffff}'] {
        assert_eq!(ascii_digit(other), other);
    }
}

#[test]
fn a_reference_is_two_groups_of_four_without_look_alikes() {
    let mut seen = std::collections::HashSet::new();
    for _ in 0..1_000 {
        let reference = Reference::draw();
        let text = reference.to_string();
        let (left, right) = text.split_once('-').unwrap();
        assert_eq!((left.len(), right.len()), (4, 4), "{text}");
        assert!(
            text.bytes().all(|b| b == b'-' || ALPHABET.contains(&b)),
            "{text}"
        );
        assert!(!text.contains(['0', 'O', '1', 'I']), "{text}");
        assert_eq!(format!("{reference:?}"), text);
        seen.insert(reference);
    }
    // Of 1,000 references two are equal once in two million runs; two such pairs are not seen in practice.
    assert!(seen.len() >= 999);
}

proptest::proptest! {
    #[test]
    fn any_text_gives_a_code_of_the_right_length_or_a_reason(text in "\\PC{0,80}", digits in 4_u8..=8) {
        if let Ok(typed) = Typed::parse(&text, digits) {
            proptest::prop_assert_eq!(typed.as_str().len(), usize::from(digits));
            proptest::prop_assert!(typed.as_str().bytes().all(|b| b.is_ascii_digit()));
        }
    }

    #[test]
    fn a_drawn_code_is_read_back_however_it_is_grouped(digits in 4_u8..=8, mark in "[-. ]", at in 1_usize..4) {
        let code = Code::draw(digits).unwrap();
        let (left, right) = code.as_str().split_at(at);
        let back = Typed::parse(&format!("{left}{mark}{right}"), digits).map(|typed| typed.as_str().to_owned());
        proptest::prop_assert_eq!(back.as_deref(), Ok(code.as_str()));
    }
}
