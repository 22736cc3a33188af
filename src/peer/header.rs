//! The PROXY header: what a proxy that only carries bytes says about a connection before the visitor's first byte
//! (HAProxy, `doc/proxy-protocol.txt`, versions 1 and 2).
//!
//! Only who is trusted may be read this way, and then must be: a connection could otherwise be begun by its visitor in the
//! proxy's place. Strict, since this is one program talking to another: what is not exactly a header is none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What the bytes of a connection begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// A header so far; all of these bytes are its own, and more of them are to come.
    Short,
    /// A whole header.
    Whole {
        /// How many bytes it takes, from the first one.
        length: usize,
        /// Who it says is there.
        source: Source,
    },
}

/// Whose connection it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A visitor's, from there; IPv4 written as IPv6 is IPv4 here.
    Visitor(IpAddr),
    /// The proxy's own (`LOCAL`: it looks whether we are here), or a visitor's whose address it cannot tell (`UNKNOWN`,
    /// `UNSPEC`, a unix socket). The address is then the proxy's.
    Untold,
}

/// What is no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoHeader {
    /// It begins otherwise.
    #[error("the connection does not begin with a PROXY header")]
    Absent,
    /// The line of version 1 is longer than the longest there is, or not as it has to be.
    #[error("the PROXY header of version 1 is malformed")]
    Line,
    /// The block of version 2 has a version, command or family that there is not, or is too short for its family.
    #[error("the PROXY header of version 2 is malformed")]
    Block,
    /// More is announced than [`MOST`].
    #[error("the PROXY header is too long")]
    TooLong,
}

/// The most bytes that a header may have. The address of a unix socket takes 216, what cloud vendors add some hundred more;
/// nginx draws the same line.
pub const MOST: usize = 4096;

/// The longest line of version 1, with its CRLF (section 2.1).
const LINE: usize = 107;
const WORD: &[u8] = b"PROXY ";
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// What stands before a block: the signature, version and command, family and protocol, and its length.
const FIXED: usize = 16;

/// Reads the beginning of a connection.
///
/// Whatever follows a whole header changes nothing about it, and of a whole header every beginning is [`Reading::Short`].
///
/// # Errors
/// [`NoHeader`]: no byte that may follow makes a header of it.
pub fn read(bytes: &[u8]) -> Result<Reading, NoHeader> {
    if begins(bytes, SIGNATURE) {
        block(bytes)
    } else if begins(bytes, WORD) {
        line(bytes)
    } else {
        Err(NoHeader::Absent)
    }
}

/// Whether `bytes` begin with `start`, as far as there are any.
fn begins(bytes: &[u8], start: &[u8]) -> bool {
    let common = bytes.len().min(start.len());
    bytes[..common] == start[..common]
}

/// Version 1: `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443` and CRLF.
fn line(bytes: &[u8]) -> Result<Reading, NoHeader> {
    let near = &bytes[..bytes.len().min(LINE)];
    let Some(end) = near.iter().position(|b| matches!(b, b'\r' | b'\n')) else {
        // The CR and the LF have to fit in, too.
        return if near.len() > LINE - 2 {
            Err(NoHeader::Line)
        } else {
            Ok(Reading::Short)
        };
    };
    match near[end..] {
        [b'\r', b'\n', ..] => {}
        [b'\r'] if near.len() < LINE => return Ok(Reading::Short),
        _ => return Err(NoHeader::Line),
    }
    let text = near.get(WORD.len()..end).ok_or(NoHeader::Line)?;
    let text = str::from_utf8(text).map_err(|_| NoHeader::Line)?;
    let source = told(text).ok_or(NoHeader::Line)?;
    Ok(Reading::Whole {
        length: end + 2,
        source,
    })
}

/// What stands between `PROXY ` and the end of the line.
fn told(text: &str) -> Option<Source> {
    let (family, rest) = text.split_once(' ').unwrap_or((text, ""));
    if family == "UNKNOWN" {
        // What follows is to be passed over (section 2.1).
        return Some(Source::Untold);
    }
    let mut parts = rest.split(' ');
    let mut part = || parts.next();
    let (source, to) = (part()?, part()?);
    // Nobody asks for the ports; they have to be there.
    port_of(part()?)?;
    port_of(part()?)?;
    if part().is_some() {
        return None;
    }
    let address = match family {
        "TCP4" => {
            to.parse::<Ipv4Addr>().ok()?;
            IpAddr::V4(source.parse().ok()?)
        }
        "TCP6" => {
            to.parse::<Ipv6Addr>().ok()?;
            IpAddr::V6(source.parse().ok()?)
        }
        _ => return None,
    };
    Some(Source::Visitor(address.to_canonical()))
}

/// A port without a sign and without leading zeros (section 2.1).
fn port_of(text: &str) -> Option<u16> {
    let plain = text == "0" || text.starts_with(|first: char| matches!(first, '1'..='9'));
    text.parse().ok().filter(|_| plain)
}

/// Version 2: the signature, two bytes that say what it is, and a block of so many bytes: addresses and more of which
/// nothing is read here.
fn block(bytes: &[u8]) -> Result<Reading, NoHeader> {
    // Told apart as early as it can be.
    let local = match bytes.get(12) {
        None => return Ok(Reading::Short),
        Some(0x20) => true,
        Some(0x21) => false,
        Some(_) => return Err(NoHeader::Block),
    };
    let Some(family) = bytes.get(13) else {
        return Ok(Reading::Short);
    };
    let wanted = match family {
        // The proxy's own connection: its family is passed over (section 2.2).
        _ if local => 0,
        0x00 => 0,
        0x11 => 12,
        0x21 => 36,
        0x31 => 216,
        // Datagrams do not come over a stream; the rest there is not.
        _ => return Err(NoHeader::Block),
    };
    let Some([high, low]) = bytes.get(14..FIXED) else {
        return Ok(Reading::Short);
    };
    let announced = usize::from(u16::from_be_bytes([*high, *low]));
    if announced < wanted {
        return Err(NoHeader::Block);
    }
    let length = FIXED + announced;
    if length > MOST {
        return Err(NoHeader::TooLong);
    }
    let Some(block) = bytes.get(FIXED..length) else {
        return Ok(Reading::Short);
    };
    let source = match (local, family) {
        (false, 0x11) => block.first_chunk::<4>().map(|v4| IpAddr::from(*v4)),
        (false, 0x21) => block.first_chunk::<16>().map(|v6| IpAddr::from(*v6)),
        _ => None,
    };
    Ok(Reading::Whole {
        length,
        source: source.map_or(Source::Untold, |address| {
            Source::Visitor(address.to_canonical())
        }),
    })
}

#[cfg(test)]
mod tests;
