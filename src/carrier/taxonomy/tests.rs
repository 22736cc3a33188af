use super::*;

#[test]
fn the_table_that_is_built_in_can_be_read_and_says_nothing_twice() {
    for (vendor, entries) in TABLE.iter() {
        let mut seen = Vec::new();
        for entry in entries {
            assert!(!entry.means.is_empty());
            for codes in &entry.codes {
                if let Codes::One(one) = codes {
                    assert!(!seen.contains(one), "{vendor} {one}");
                    seen.push(one.clone());
                }
            }
        }
    }
}

#[test]
fn a_single_code_beats_a_range() {
    let table = read(
        "[[v]]\nclass = \"transient\"\ncodes = [\"10-19\"]\nmeans = \"a\"\n[[v]]\nclass = \"config\"\ncodes = [\"12\"]\nmeans = \"b\"\n",
    );
    assert_eq!(table["v"].len(), 2);
    assert!(matches!(table["v"][0].codes[0], Codes::Range(ref range) if range.contains(&12)));
    assert!(matches!(
        failure("bandwidth", StatusCode::BAD_REQUEST, "4775", None),
        Some(Failure::OptedOut(_))
    ));
    assert!(failure("bandwidth", StatusCode::BAD_REQUEST, "1", None).is_none());
    assert!(failure("nobody", StatusCode::BAD_REQUEST, "4775", None).is_none());
}

#[test]
fn a_vendors_code_cannot_write_a_line_of_its_own() {
    assert_eq!(shown("4775\r\nfake"), "4775fake");
    assert_eq!(shown(&"x".repeat(100)).len(), 32);
}

#[test]
fn c8_a_vendors_code_is_no_number_no_code_and_no_address() {
    for code in [
        "30005",
        "4775",
        "EC_INVALID_DESTINATION",
        "E-17/4",
        "0xB",
        "",
    ] {
        assert_eq!(shown(code), code);
    }
    for secret in [
        "049271",
        "0,4,9,2,7,1",
        "+12025550143",
        "%2B12025550143",
        "to:(202) 555-0143",
        "202.555.0143",
        "ann@example.com",
        "30005 049271",
    ] {
        let shown = shown(secret);
        assert!(
            !shown.contains(|c: char| c.is_ascii_alphanumeric()),
            "{shown}"
        );
        assert!(!shown.is_empty());
    }
}
