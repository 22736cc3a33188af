//! The PROXY header: what follows one changes nothing, and every beginning of one waits for more.

use countersign::peer::header::{MOST, Reading, read};

/// What headers are bent with.
pub const WORDS: &[&str] = &[
    "PROXY ",
    "TCP4",
    "TCP6",
    "UNKNOWN",
    " ",
    "\r\n",
    "\r",
    "\n",
    "192.0.2.1",
    "::1",
    "::ffff:192.0.2.1",
    "2001:db8::1",
    "0",
    "65535",
    "65536",
    "01",
    "+1",
    "\r\n\r\n\0\r\nQUIT\n",
    "\x20",
    "\x21",
    "\x11",
    "\0\x0c",
    "\0\x24",
    "\0",
    "GET / HTTP/1.1\r\n",
];

/// Headers are there, whole and begun.
pub const DEPTH: &[(&str, u64)] = &[(WHOLE, 50), (SHORT, 50)];

const WHOLE: &str = "a header";
const SHORT: &str = "the beginning of one";

/// A header is whole at one length only: the same however much of the connection is there already.
pub fn proxy_header(bytes: &[u8]) -> &'static str {
    let whole = read(bytes);
    match whole {
        Ok(Reading::Whole { length, .. }) => {
            assert!(length <= bytes.len() && length <= MOST);
            assert_eq!(read(&bytes[..length]), whole, "what follows counts");
            for end in 0..length {
                assert_eq!(read(&bytes[..end]), Ok(Reading::Short), "{end} of {length}");
            }
            WHOLE
        }
        Ok(Reading::Short) => {
            assert!(bytes.len() < MOST, "a header without an end");
            for end in 0..bytes.len() {
                assert_eq!(read(&bytes[..end]), Ok(Reading::Short), "{end}");
            }
            SHORT
        }
        Err(why) => {
            let more = [bytes, b"\r\n 192.0.2.1 192.0.2.2 1 2\r\n"].concat();
            assert_eq!(read(&more), Err(why), "no byte makes a header of it");
            "no header"
        }
    }
}
