use super::*;

fn ucs2(forced_by: char, column: usize) -> Alphabet {
    Alphabet::Ucs2 { forced_by, column }
}

fn segments(text: &str) -> (usize, usize) {
    let count = count(text);
    (count.units, count.segments)
}

/// The codes of the standard, typed from its table column by column and not from the constant.
#[test]
fn the_alphabet_stands_at_the_codes_of_the_standard() {
    let basic: Vec<char> = BASIC.chars().collect();
    let code = |character: char| {
        let at = basic.iter().position(|own| *own == character).unwrap();
        // 0x1B is left out of the constant.
        at + usize::from(at >= 0x1B)
    };
    assert_eq!(basic.len(), 127);
    for (first, row) in [
        (0x00, "@£$¥èéùìòÇ"),
        (0x0A, "\n"),
        (0x0B, "Øø"),
        (0x0D, "\r"),
        (0x0E, "Åå"),
        (
            0x10,
            "\u{394}_\u{3a6}\u{393}\u{39b}\u{3a9}\u{3a0}\u{3a8}\u{3a3}\u{398}\u{39e}",
        ),
        (0x1C, "ÆæßÉ"),
        (0x20, " !\"#¤%&'()*+,-./"),
        (0x30, "0123456789:;<=>?"),
        (0x40, "¡ABCDEFGHIJKLMNO"),
        (0x50, "PQRSTUVWXYZÄÖÑÜ§"),
        (0x60, "¿abcdefghijklmno"),
        (0x70, "pqrstuvwxyzäöñüà"),
    ] {
        for (character, wanted) in row.chars().zip(first..) {
            assert_eq!(code(character), wanted, "{character:?}");
        }
    }
    assert_eq!(EXTENSION.chars().count(), 10);
    for character in EXTENSION.chars() {
        assert!(!basic.contains(&character), "{character:?}");
    }
}

#[test]
fn a_character_takes_one_septet_or_two_or_is_not_there() {
    for (characters, wanted) in [
        ("aZ09 @#_$\n\r£ßñàÇΔΩ¿§", Some(1)),
        ("^{}\\[~]|€\u{c}", Some(2)),
        // A back-tick, a dash and a blank that look like those of the alphabet, and letters that do.
        ("`–\u{a0}\u{2019}çóáíêÂαΑА\t\u{1b}\0☎😀", None),
    ] {
        for character in characters.chars() {
            assert_eq!(septets(character), wanted, "{character:?}");
        }
    }
}

#[test]
fn seven_bits_fit_160_alone_and_153_in_each_of_several() {
    for (length, wanted) in [
        (0, 1),
        (1, 1),
        (160, 1),
        (161, 2),
        (306, 2),
        (307, 3),
        (459, 3),
        (460, 4),
    ] {
        assert_eq!(segments(&"a".repeat(length)), (length, wanted));
        assert_eq!(count(&"a".repeat(length)).alphabet, Alphabet::Gsm7);
    }
}

#[test]
fn sixteen_bits_fit_70_alone_and_67_in_each_of_several() {
    for (length, wanted) in [(1, 1), (70, 1), (71, 2), (134, 2), (135, 3), (201, 3)] {
        assert_eq!(segments(&"ж".repeat(length)), (length, wanted));
        assert_eq!(count(&"ж".repeat(length)).alphabet, ucs2('ж', 1));
    }
}

#[test]
fn an_escape_costs_two_and_is_never_torn_apart() {
    assert_eq!(segments(&"€".repeat(80)), (160, 1));
    assert_eq!(segments(&format!("{}a", "€".repeat(80))), (161, 2));
    // Behind the 152nd the pair does not fit: that segment stays one short.
    for (before, after, units, wanted) in [
        (151, 153, 306, 2),
        (151, 154, 307, 3),
        (152, 151, 305, 2),
        (152, 152, 306, 3),
        (153, 151, 306, 2),
    ] {
        let text = format!("{}€{}", "a".repeat(before), "a".repeat(after));
        assert_eq!(segments(&text), (units, wanted), "{before} {after}");
    }
}

#[test]
fn an_emoji_costs_two_and_is_never_torn_apart() {
    assert_eq!(segments(&"😀".repeat(35)), (70, 1));
    assert_eq!(segments(&"😀".repeat(36)), (72, 2));
    // 33 pairs in each of 67 units: one unit is lost in each segment.
    assert_eq!(segments(&"😀".repeat(66)), (132, 2));
    assert_eq!(segments(&"😀".repeat(67)), (134, 3));
    assert_eq!(count("ok 😀").alphabet, ucs2('😀', 4));
}

#[test]
fn the_first_character_outside_is_named_with_its_column() {
    for (text, wanted) in [
        ("Tu clave es 049271", Alphabet::Gsm7),
        ("Tu código es 049271", ucs2('ó', 5)),
        ("€ß – “", ucs2('–', 4)),
        ("line\nline’s", ucs2('’', 10)),
        // What costs two septets alone is one unit beside a foreign character.
        ("{}ж", ucs2('ж', 3)),
    ] {
        assert_eq!(count(text).alphabet, wanted, "{text}");
    }
    assert_eq!(count("{}ж").units, 3);
    assert_eq!(count("{}").units, 4);
}

#[test]
fn the_line_for_browsers_is_in_the_alphabet_whole() {
    assert_eq!(
        count("\n\n@portal.example.com #049271"),
        Count {
            alphabet: Alphabet::Gsm7,
            units: 29,
            segments: 1
        }
    );
}

#[test]
fn what_can_be_written_instead_is_in_the_alphabet() {
    for (character, wanted) in [
        ('ó', Some("o")),
        ('Č', Some("C")),
        ('ç', Some("c")),
        ('’', Some("'")),
        ('„', Some("\"")),
        ('—', Some("-")),
        ('…', Some("...")),
        ('\u{a0}', Some(" ")),
        ('\u{202f}', Some(" ")),
        ('ﬁ', Some("fi")),
        ('Ａ', Some("A")),
        ('ł', Some("l")),
        ('œ', Some("oe")),
        ('™', Some("TM")),
        ('ж', None),
        ('☎', None),
        ('😀', None),
        ('日', None),
        ('\u{200b}', None),
        ('\u{301}', None),
    ] {
        assert_eq!(alike(character).as_deref(), wanted, "{character:?}");
    }
}

/// Every way of cutting is tried: no packing needs fewer segments than the one that is counted.
fn fewest(sizes: &[usize], each: usize) -> usize {
    let mut best = vec![0; sizes.len() + 1];
    for end in 1..=sizes.len() {
        best[end] = (0..end)
            .filter(|start| sizes[*start..end].iter().sum::<usize>() <= each)
            .map(|start| best[start] + 1)
            .min()
            .unwrap();
    }
    best[sizes.len()]
}

proptest::proptest! {
    #[test]
    fn what_is_alike_is_in_the_alphabet(character in proptest::char::any()) {
        if let Some(alike) = alike(character) {
            proptest::prop_assert!(!alike.is_empty());
            proptest::prop_assert_eq!(count(&alike).alphabet, Alphabet::Gsm7);
        }
    }

    #[test]
    fn the_segments_hold_the_units_and_are_as_few_as_can_be(text in "[a€\\[]{0,400}|[aж😀]{0,200}|\\PC{0,150}") {
        let count = count(&text);
        let gsm = text.chars().all(|character| septets(character).is_some());
        proptest::prop_assert_eq!(gsm, count.alphabet == Alphabet::Gsm7);
        let sizes: Vec<usize> = text
            .chars()
            .map(|character| if gsm { septets(character).unwrap() } else { character.len_utf16() })
            .collect();
        proptest::prop_assert_eq!(count.units, sizes.iter().sum::<usize>());
        if !gsm {
            proptest::prop_assert_eq!(count.units, text.encode_utf16().count());
        }
        if count.units <= count.alphabet.alone() {
            proptest::prop_assert_eq!(count.segments, 1);
        } else {
            proptest::prop_assert_eq!(count.segments, fewest(&sizes, count.alphabet.each()));
        }
    }

    #[test]
    fn the_character_that_is_named_stands_there_and_none_before_it_is_foreign(text in "[a-z€é]{0,20}\\PC{0,20}") {
        if let Alphabet::Ucs2 { forced_by, column } = count(&text).alphabet {
            proptest::prop_assert_eq!(text.chars().nth(column - 1), Some(forced_by));
            let before: String = text.chars().take(column - 1).collect();
            proptest::prop_assert_eq!(count(&before).alphabet, Alphabet::Gsm7);
        }
    }

    #[test]
    fn a_longer_text_never_costs_less(text in "[a€ж]{0,200}", more in "[a€ж]{0,20}") {
        let longer = format!("{text}{more}");
        proptest::prop_assert!(count(&text).segments <= count(&longer).segments);
    }
}
