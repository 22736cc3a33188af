//! Who is at the other end of a connection.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

pub mod header;

/// The visitor's address and how they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The address; IPv4 written as IPv6 is IPv4 here.
    pub address: IpAddr,
    /// True if the visitor's own connection is encrypted, here or at a trusted proxy.
    pub https: bool,
}

/// The part of the internet whose sends and failures are counted together: a /24 or a /56 (C5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl Peer {
    /// Works out the peer from the socket's address and, only if that address is in `trusted`, from what the
    /// proxy says: the last address of `forwarded_for` that is not itself a trusted proxy, and `forwarded_proto`.
    #[must_use]
    pub fn behind(
        socket: IpAddr,
        https: bool,
        trusted: &[IpNet],
        forwarded_for: &[&[u8]],
        forwarded_proto: Option<&str>,
    ) -> Self {
        let own = Self {
            address: socket.to_canonical(),
            https,
        };
        if !is_trusted(own.address, trusted) {
            return own;
        }
        let mut address = own.address;
        for hop in forwarded_for
            .iter()
            .rev()
            .flat_map(|field| field.rsplit(|b| *b == b','))
        {
            // Hop by hop, since a proxy sets its own behind what the visitor wrote, in the same field: no byte of theirs may
            // spoil what stands right of it.
            let said = str::from_utf8(hop).ok();
            match said.and_then(|hop| hop.trim().parse::<IpAddr>().ok()) {
                Some(hop) => address = hop.to_canonical(),
                // What a proxy could not have written tells nothing about what stands left of it.
                None => break,
            }
            if !is_trusted(address, trusted) {
                break;
            }
        }
        let https = forwarded_proto.map_or(own.https, |proto| {
            proto.trim().eq_ignore_ascii_case("https")
        });
        Self { address, https }
    }

    /// The network that this peer's sends and failures are counted under.
    #[must_use]
    pub fn network(self) -> Network {
        Network(match self.address {
            IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & 0xffff_ff00)),
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 72))),
        })
    }
}

impl Network {
    /// Its first address, as IPv6.
    #[must_use]
    pub fn octets(self) -> [u8; 16] {
        match self.0 {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        }
    }
}

/// Whether `address` is a proxy whose word counts.
#[must_use]
pub fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted
        .iter()
        .any(|net| net.contains(&address.to_canonical()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behind(socket: &str, fields: &[&str], proto: Option<&str>) -> Peer {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        let fields: Vec<&[u8]> = fields.iter().map(|field| field.as_bytes()).collect();
        Peer::behind(socket.parse().unwrap(), false, &trusted, &fields, proto)
    }

    #[test]
    fn r10_only_a_trusted_proxy_is_believed() {
        for (socket, fields, address) in [
            ("192.0.2.1", &["198.51.100.7"] as &[&str], "192.0.2.1"),
            ("10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("::ffff:10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            (
                "10.0.0.1",
                &["203.0.113.9, 198.51.100.7, 10.9.9.9"],
                "198.51.100.7",
            ),
            ("10.0.0.1", &["203.0.113.9", "198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["198.51.100.7, garbage"], "10.0.0.1"),
            ("10.0.0.1", &["garbage\u{e9}, 198.51.100.7"], "198.51.100.7"),
            (
                "10.0.0.1",
                &["garbage\u{e9}", "198.51.100.7"],
                "198.51.100.7",
            ),
            ("10.0.0.1", &[], "10.0.0.1"),
        ] {
            assert_eq!(
                behind(socket, fields, None).address,
                address.parse::<IpAddr>().unwrap(),
                "{socket} {fields:?}"
            );
        }
        assert!(behind("10.0.0.1", &[], Some("https")).https);
        assert!(!behind("192.0.2.1", &[], Some("https")).https);
    }

    #[test]
    fn c5_neighbours_share_a_network() {
        let network = |text: &str| {
            Peer {
                address: text.parse().unwrap(),
                https: true,
            }
            .network()
        };
        assert_eq!(network("192.0.2.1"), network("192.0.2.254"));
        assert_ne!(network("192.0.2.1"), network("192.0.3.1"));
        let octets = |text| network(text).octets();
        assert_eq!(octets("192.0.2.1"), octets("192.0.2.254"));
        assert_ne!(octets("192.0.2.1"), octets("192.0.3.1"));
        assert_eq!(network("2001:db8:1:22ff::1"), network("2001:db8:1:2200::2"));
        assert_ne!(network("2001:db8:1:2200::1"), network("2001:db8:1:2300::1"));
    }
}
