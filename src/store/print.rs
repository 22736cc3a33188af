//! Phone numbers, networks and subjects are counted under keyed hashes, so that none of them is ever on the disk.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use rand::Rng;
use sha2::Sha256;

use super::quarantine::Print;

/// What makes prints. Its key is drawn with the state file and lives in it: prints stay the same for as long as the
/// file is there, whatever becomes of the keys that sign grants. Who can read the file can try numbers out; the file is
/// closed to others.
#[derive(Clone)]
pub(super) struct Prints(Hmac<Sha256>);

/// What is counted: the same name as a subject and as a scope makes two prints.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// Wrong answers of one part of a subject, at a site, for a scope.
    Failures,
    /// Messages to a number.
    Number,
    /// Messages asked for from a network.
    Network,
    /// Messages for a scope of a site.
    Scope,
    /// Messages by an account of the API: to a number, or in all.
    Account,
}

/// Bytes of the key: as many as the hash has.
pub(super) const KEY: usize = 32;

impl Prints {
    /// Those of a state file.
    pub(super) fn new(key: &[u8; KEY]) -> Self {
        Self(Hmac::new_from_slice(key).expect("HMAC takes keys of every length"))
    }

    /// Those of a store that ends with the process.
    pub(super) fn of_this_process() -> Self {
        let mut key = [0; KEY];
        rand::rng().fill_bytes(&mut key);
        Self::new(&key)
    }

    /// The print of what these parts name together.
    pub(super) fn print(&self, kind: Kind, parts: &[&[u8]]) -> Print {
        let mut mac = self.0.clone();
        mac.update(&[kind as u8]);
        for part in parts {
            // With their lengths: `ab` and `c` are not `a` and `bc`.
            mac.update(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            mac.update(part);
        }
        let mut print = Print::default();
        print.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        print
    }
}

impl fmt::Debug for Prints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prints(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_print_tells_kinds_parts_and_keys_apart() {
        let prints = Prints::new(&[1; KEY]);
        let one = prints.print(Kind::Scope, &[b"ab", b"c"]);
        assert_eq!(
            one,
            Prints::new(&[1; KEY]).print(Kind::Scope, &[b"ab", b"c"])
        );
        for other in [
            prints.print(Kind::Scope, &[b"a", b"bc"]),
            prints.print(Kind::Scope, &[b"abc"]),
            prints.print(Kind::Network, &[b"ab", b"c"]),
            Prints::new(&[2; KEY]).print(Kind::Scope, &[b"ab", b"c"]),
            Prints::of_this_process().print(Kind::Scope, &[b"ab", b"c"]),
        ] {
            assert_ne!(one, other);
        }
    }
}
