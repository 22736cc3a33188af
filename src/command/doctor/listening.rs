//! Who listens on a port of this machine, as Linux tells it in `/proc/net/tcp` and `/proc/net/tcp6` (proc(5)).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The state of a socket that listens (`TCP_LISTEN` in the kernel's `tcp_states.h`).
const LISTEN: &str = "0A";

/// The addresses on which this port is listened on, each once, in the order of the table.
pub(super) fn on(port: u16, table: &str) -> Vec<IpAddr> {
    let mut found = Vec::new();
    // The first line names the columns.
    for line in table.lines().skip(1) {
        let mut words = line.split_whitespace();
        let (_, local, _, state) = (words.next(), words.next(), words.next(), words.next());
        if state != Some(LISTEN) {
            continue;
        }
        if let Some((address, own)) = local.and_then(socket)
            && own == port
            && !found.contains(&address)
        {
            found.push(address);
        }
    }
    found
}

/// `0100007F:1F90` is 127.0.0.1 port 8080: 32-bit words as the machine keeps them, the port as people write it.
fn socket(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| -> Option<[u8; 4]> {
        let digits = address.get(at * 8..at * 8 + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    let address = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let mut bytes = [0; 16];
            for (at, part) in bytes.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(at)?);
            }
            // What listens on ::ffff:127.0.0.1 listens on 127.0.0.1.
            IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical()
        }
        _ => return None,
    };
    Some((address, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 101 1 0000000000000000 100 0 0 10 0
   1: 00000000:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 102 1 0000000000000000 100 0 0 10 0
   2: 0200A8C0:1F92 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 103 1 0000000000000000 100 0 0 10 0
   3: 0100007F:1F92 0100007F:A001 01 00000000:00000000 00:00000000 00000000  1000        0 104 1 0000000000000000 100 0 0 10 0
";

    const TCP6: &str = "\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0
   1: 00000000000000000000000001000000:1F91 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0
   2: 0000000000000000FFFF00000100007F:1F92 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0
";

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn who_listens_is_read_from_both_tables() {
        assert_eq!(on(8080, TCP), addresses(&["127.0.0.1"]));
        assert_eq!(on(8081, TCP), addresses(&["0.0.0.0"]));
        assert_eq!(
            on(8082, TCP),
            addresses(&["192.168.0.2"]),
            "not the one that talks"
        );
        assert_eq!(on(8083, TCP), addresses(&[]));
        assert_eq!(on(8080, TCP6), addresses(&["::"]));
        assert_eq!(on(8081, TCP6), addresses(&["::1"]));
        assert_eq!(on(8082, TCP6), addresses(&["127.0.0.1"]));
    }

    #[test]
    fn what_is_no_table_has_nobody() {
        for text in [
            "",
            "x",
            "a\nb",
            "h\n 0: 7F:1F90 0:0 0A",
            "h\n 0: 0100007F 0:0 0A",
            "h\n0: é:1F90 0 0A",
        ] {
            assert_eq!(on(8080, text), addresses(&[]), "{text}");
        }
    }

    #[test]
    #[allow(clippy::print_stderr, reason = "says why it tries nothing")]
    fn the_tables_of_this_machine_can_be_read() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let Ok(table) = std::fs::read_to_string("/proc/net/tcp") else {
            return eprintln!("no /proc/net/tcp here: not Linux, or not mounted");
        };
        assert_eq!(on(port, &table), addresses(&["127.0.0.1"]));
    }
}
