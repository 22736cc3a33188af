//! Headers as tables, and what holds for all bytes.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn visitor(text: &str) -> Source {
    Source::Visitor(text.parse().unwrap())
}

/// A block of version 2.
fn block_of(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).unwrap().to_be_bytes();
    let head = [SIGNATURE, &[command, family][..], &length].concat();
    [head, block.to_vec()].concat()
}

/// From 192.0.2.1 to 198.51.100.1, ports 56324 and 443.
const FOUR: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 0x04, 0x01, 0xbb];

/// From that address to `::1`.
fn six(source: &str) -> Vec<u8> {
    let source: Ipv6Addr = source.parse().unwrap();
    [&source.octets()[..], &Ipv6Addr::LOCALHOST.octets(), &[0; 4]].concat()
}

fn good() -> Vec<(Vec<u8>, Source)> {
    let line = |text: &str| format!("{text}\r\n").into_bytes();
    let longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    vec![
        (
            line("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443"),
            visitor("192.0.2.1"),
        ),
        (
            line("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535"),
            visitor("255.255.255.255"),
        ),
        (
            line("PROXY TCP4 192.0.2.1 198.51.100.1 0 0"),
            visitor("192.0.2.1"),
        ),
        (
            line(&format!("PROXY TCP6 {longest} {longest} 65535 65535")),
            visitor(longest),
        ),
        (
            line("PROXY TCP6 2001:DB8::1 ::1 1 2"),
            visitor("2001:db8::1"),
        ),
        (
            line("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2"),
            visitor("192.0.2.1"),
        ),
        (line("PROXY UNKNOWN"), Source::Untold),
        (
            line(&format!("PROXY UNKNOWN {longest} {longest} 65535 65535")),
            Source::Untold,
        ),
        (line("PROXY UNKNOWN what ever  it is"), Source::Untold),
        (block_of(0x21, 0x11, &FOUR), visitor("192.0.2.1")),
        (
            block_of(0x21, 0x11, &[&FOUR[..], b"\x04\x00\x03pad"].concat()),
            visitor("192.0.2.1"),
        ),
        // What follows the addresses is passed over, whatever it says of its own length.
        (
            block_of(0x21, 0x11, &[&FOUR[..], b"\x20\xff\xff"].concat()),
            visitor("192.0.2.1"),
        ),
        (
            block_of(0x21, 0x21, &six("2001:db8::1")),
            visitor("2001:db8::1"),
        ),
        (
            block_of(0x21, 0x21, &six("::ffff:192.0.2.1")),
            visitor("192.0.2.1"),
        ),
        (block_of(0x21, 0x31, &[b'/'; 216]), Source::Untold),
        (block_of(0x21, 0x00, &[]), Source::Untold),
        (block_of(0x21, 0x00, &FOUR), Source::Untold),
        // The proxy's own: neither family nor addresses count.
        (block_of(0x20, 0x00, &[]), Source::Untold),
        (block_of(0x20, 0x11, &FOUR), Source::Untold),
        (block_of(0x20, 0x77, &[]), Source::Untold),
        (
            block_of(0x21, 0x11, &[&FOUR[..], &[0; MOST - FIXED - 12]].concat()),
            visitor("192.0.2.1"),
        ),
    ]
}

#[test]
fn r10_a_header_says_who_is_there() {
    for (bytes, source) in good() {
        let length = bytes.len();
        let whole = Ok(Reading::Whole { length, source });
        assert_eq!(read(&bytes), whole, "{}", bytes.escape_ascii());
        let longer = [&bytes[..], b"\r\n\r\nGET / HTTP/1.1\r\n"].concat();
        assert_eq!(read(&longer), whole, "what follows is the visitor's");
        for cut in 0..length {
            assert_eq!(
                read(&bytes[..cut]),
                Ok(Reading::Short),
                "{} at {cut}",
                bytes.escape_ascii()
            );
        }
    }
}

#[test]
fn r10_what_is_not_exactly_a_header_is_none() {
    for text in [
        "GET / HTTP/1.1\r\n",
        "PROXX",
        "proxy TCP4 192.0.2.1 198.51.100.1 1 2\r\n",
        " PROXY TCP4 192.0.2.1 198.51.100.1 1 2\r\n",
        "\r\nPROXY TCP4 192.0.2.1 198.51.100.1 1 2\r\n",
        "PROXY\tTCP4 192.0.2.1 198.51.100.1 1 2\r\n",
        "\x16\x03\x01",
    ] {
        assert_eq!(read(text.as_bytes()), Err(NoHeader::Absent), "{text:?}");
    }
    for text in [
        "PROXY \r\n",
        "PROXY TCP4\r\n",
        "PROXY unknown\r\n",
        "PROXY UNKNOWN\n",
        "PROXY UNKNOWN\rx",
        "PROXY UNKNOWN \r\r\n",
        "PROXY UNKNOWNx\r\n",
        "PROXY UNKNOWN \u{0}\n",
        "PROXY TCP5 192.0.2.1 198.51.100.1 1 2\r\n",
        "PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 1\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 1 2 \r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 1 2 3\r\n",
        "PROXY TCP4  192.0.2.1 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 1 2\n",
        "PROXY TCP4 192.0.2.01 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.256 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.1 localhost 1 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 01 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 +1 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 1 65536\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 -1 2\r\n",
        "PROXY TCP4 2001:db8::1 ::1 1 2\r\n",
        "PROXY TCP6 192.0.2.1 198.51.100.1 1 2\r\n",
        "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
        "PROXY TCP6 [2001:db8::1] ::1 1 2\r\n",
    ] {
        assert_eq!(read(text.as_bytes()), Err(NoHeader::Line), "{text:?}");
    }
    for (bytes, fault) in [
        (block_of(0x11, 0x11, &FOUR), NoHeader::Block),
        (block_of(0x22, 0x11, &FOUR), NoHeader::Block),
        (block_of(0x2f, 0x11, &FOUR), NoHeader::Block),
        (block_of(0x21, 0x12, &FOUR), NoHeader::Block),
        (block_of(0x21, 0x22, &six("::1")), NoHeader::Block),
        (block_of(0x21, 0x01, &FOUR), NoHeader::Block),
        (block_of(0x21, 0x41, &FOUR), NoHeader::Block),
        (block_of(0x21, 0x11, &FOUR[..11]), NoHeader::Block),
        (block_of(0x21, 0x21, &FOUR), NoHeader::Block),
        (block_of(0x21, 0x31, &[0; 215]), NoHeader::Block),
        (
            block_of(0x21, 0x11, &[0; MOST - FIXED + 1]),
            NoHeader::TooLong,
        ),
        (block_of(0x20, 0x00, &vec![0; 0xffff]), NoHeader::TooLong),
    ] {
        assert_eq!(read(&bytes), Err(fault), "{:02x?}", &bytes[12..16]);
    }
}

#[test]
fn a1_a_line_has_its_end_within_107_bytes() {
    let line = |pad: usize| format!("PROXY UNKNOWN {}", "x".repeat(pad));
    // 14 bytes before what is passed over, and CRLF.
    let most = LINE - 14 - 2;
    let whole = format!("{}\r\n", line(most));
    assert_eq!(whole.len(), LINE);
    assert!(matches!(
        read(whole.as_bytes()),
        Ok(Reading::Whole { length: LINE, .. })
    ));
    assert_eq!(read(line(most).as_bytes()), Ok(Reading::Short));
    for over in [
        line(most + 1),
        format!("{}\r", line(most + 1)),
        format!("{}\r\n", line(most + 1)),
        line(5_000),
    ] {
        assert_eq!(read(over.as_bytes()), Err(NoHeader::Line), "{}", over.len());
    }
}

/// Bytes that are a header, or nearly.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let good = prop::sample::select(
        good()
            .into_iter()
            .map(|(bytes, _)| bytes)
            .collect::<Vec<_>>(),
    );
    let changed = (good.clone(), any::<prop::sample::Index>(), any::<u8>()).prop_map(
        |(mut bytes, index, byte)| {
            let index = index.index(bytes.len());
            bytes[index] = byte;
            bytes
        },
    );
    let line =
        "PROXY (TCP[46]|UNKNOWN)( [0-9a-f:.]{0,12}){0,5}[ \r\n]{0,3}".prop_map(String::into_bytes);
    let block = (any::<u8>(), any::<u8>(), vec(any::<u8>(), 0..300))
        .prop_map(|(command, family, block)| block_of(0x20 | command & 3, family & 0x33, &block));
    prop_oneof![good, changed, line, block, vec(any::<u8>(), 0..40)]
}

proptest! {
    /// However the bytes come in, the same header is read, and not one byte after it is asked for.
    #[test]
    fn r10_no_split_of_the_bytes_changes_what_is_read(bytes in nearly(), rest in vec(any::<u8>(), 0..200)) {
        let all = [bytes, rest].concat();
        let mut decided = None;
        for cut in 0..=all.len() {
            let here = read(&all[..cut]);
            match (decided, here) {
                (None, Ok(Reading::Short)) => {}
                (None, Ok(Reading::Whole { length, .. })) => {
                    prop_assert_eq!(length, cut, "as soon as it is whole, and no later");
                    decided = Some(here);
                }
                (None, Err(_)) => decided = Some(here),
                (Some(before), _) => prop_assert_eq!(before, here, "at {}", cut),
            }
        }
        if decided.is_none() {
            prop_assert!(all.len() < MOST);
        }
    }
}
