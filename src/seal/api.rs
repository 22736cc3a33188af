//! What the API binds to our keys: the tokens that it gives out, and what it keeps of a number and its code.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{MAC, Ring, Use};
use crate::moment::Moment;

/// The format of a token; another number is another format.
const VERSION: u8 = 1;

/// Bytes before the account's name in a token: version, key, end.
const HEAD: usize = 1 + 4 + 8;

/// A token is never longer in characters.
const LONGEST: usize = 256;

/// A token that was read and not yet believed: whose it says it is, and until when.
pub struct Token {
    signed: Vec<u8>,
    mac: Vec<u8>,
}

impl Token {
    /// Takes a token apart. Nothing of it is believed before [`Ring::vouches`] says so.
    pub fn read(text: &str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let mut signed = URL_SAFE_NO_PAD.decode(text).ok()?;
        let mac = signed.split_off(signed.len().checked_sub(MAC)?);
        let token = Self { signed, mac };
        (token.signed.first() == Some(&VERSION) && token.account().is_some()).then_some(token)
    }

    /// The account that it names.
    pub fn account(&self) -> Option<&str> {
        std::str::from_utf8(self.signed.get(HEAD..)?).ok()
    }

    fn until(&self) -> u64 {
        let bytes = self.signed.get(5..HEAD);
        let bytes = bytes.and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
        bytes.map_or(0, u64::from_be_bytes)
    }
}

impl Ring {
    /// A token for `account`, good until `until` and for as long as `credentials` are the account's: nothing is kept of
    /// it, so this is how it ends early.
    pub fn token_of(&self, account: &str, credentials: &[u8], until: Moment) -> String {
        let key = self.first();
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&key.id);
        bytes.extend_from_slice(&until.unix.to_be_bytes());
        bytes.extend_from_slice(account.as_bytes());
        let mac = key.mac(Use::Api, &[b"token\n", credentials, b"\n", &bytes]);
        bytes.extend_from_slice(&mac);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Whether it was made by one of our keys for the account with these credentials, and has not ended. Compared in
    /// constant time.
    pub fn vouches(&self, token: &Token, credentials: &[u8], now: Moment) -> bool {
        let key = token.signed.get(1..5).and_then(|id| self.named(id));
        let parts: [&[u8]; 4] = [b"token\n", credentials, b"\n", &token.signed];
        key.is_some_and(|key| key.verifies(Use::Api, &parts, &token.mac))
            && now.unix < token.until()
    }

    /// What stands for an account, a number and a scope where codes are kept, so that no number is.
    pub fn line(&self, account: &str, number: &str, scope: &str) -> [u8; 16] {
        let mut parts = b"line\n".to_vec();
        for text in [account, number, scope] {
            // With their lengths: `ab` and `c` are not `a` and `bc`.
            parts.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
            parts.extend_from_slice(text.as_bytes());
        }
        let mac = self.first().mac(Use::Api, &[&parts]);
        let mut line = [0; 16];
        line.copy_from_slice(&mac[..16]);
        line
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::secret::Secret;

    fn ring(keys: &[u8]) -> Ring {
        let keys: Vec<Secret> = keys.iter().map(|key| Secret::new(vec![*key; 32])).collect();
        Ring::new(&keys).unwrap()
    }

    fn at(seconds: u64) -> Moment {
        Moment {
            unix: seconds,
            mono: Duration::from_secs(seconds),
        }
    }

    /// Whether a token with this text counts at `now` for an account with these credentials.
    fn good(ring: &Ring, text: &str, credentials: &[u8], now: u64) -> bool {
        Token::read(text).is_some_and(|token| ring.vouches(&token, credentials, at(now)))
    }

    #[test]
    fn s2_a_token_counts_for_its_account_until_its_end() {
        let own = ring(&[1]);
        let text = own.token_of("9900000", b"u:p", at(5000));
        assert_eq!(Token::read(&text).unwrap().account(), Some("9900000"));
        assert!(good(&own, &text, b"u:p", 4999));
        assert!(!good(&own, &text, b"u:p", 5000), "it has ended");
        assert!(
            !good(&own, &text, b"u:q", 4999),
            "the password is another one"
        );
        assert!(!good(&ring(&[2]), &text, b"u:p", 4999), "another's key");
        assert!(good(&ring(&[2, 1]), &text, b"u:p", 4999), "a rotated key");
    }

    #[test]
    fn s2_no_changed_token_counts() {
        let ring = ring(&[1]);
        let text = ring.token_of("9900000", b"u:p", at(5000));
        let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let changed = URL_SAFE_NO_PAD.encode(changed);
            assert!(!good(&ring, &changed, b"u:p", 4999), "byte {at}");
        }
        for odd in [
            "",
            "x",
            "=",
            &text[..40],
            &text[..text.len() - 1],
            &"A".repeat(300),
        ] {
            assert!(!good(&ring, odd, b"u:p", 4999), "{odd}");
        }
    }

    #[test]
    fn c2_a_line_tells_accounts_numbers_and_scopes_apart() {
        let own = ring(&[1]);
        let one = own.line("ab", "+12025550143", "2FA");
        assert_eq!(one, own.line("ab", "+12025550143", "2FA"));
        for other in [
            own.line("a", "b+12025550143", "2FA"),
            own.line("ab", "+12025550144", "2FA"),
            own.line("ab", "+12025550143", "2fa"),
            own.line("ab", "+12025550143", "2FA "),
            ring(&[2]).line("ab", "+12025550143", "2FA"),
        ] {
            assert_ne!(one, other);
        }
    }
}
