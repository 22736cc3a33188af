//! Who calls: an account's user name and password, or a token that was given for them.
//!
//! Every account is compared with what was shown, whole and in constant time, whichever the path names: how long it takes
//! tells neither which accounts there are nor how much of a password is right.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::header::{self, HeaderMap};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

use super::Account;
use super::request::Fault;
use crate::moment::Moment;
use crate::peer::Peer;
use crate::seal::Ring;
use crate::seal::api::Token;
use crate::store::logins::Logins;

/// All of them.
pub(super) struct Accounts(Vec<Known>);

/// An account, and what is compared with what is shown.
pub(super) struct Known {
    pub(super) account: Account,
    pub(super) credentials: Credentials,
}

/// Hashes of a user name and a password: of one length, whatever theirs is.
pub(super) type Credentials = [u8; 64];

/// The caller is nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// For this reason, which is for the log.
    Because(&'static str),
    /// Too many before were wrong: not compared.
    TooMany,
}

impl Denied {
    /// In our words.
    pub(super) fn why(self) -> &'static str {
        match self {
            Self::Because(why) => why,
            Self::TooMany => "too many failed logins",
        }
    }
}

impl Accounts {
    pub(super) fn new(accounts: Vec<Account>) -> Self {
        let known = accounts.into_iter().map(|account| Known {
            credentials: credentials(account.username.as_bytes(), account.password.expose()),
            account,
        });
        Self(known.collect())
    }

    /// Whoever the Authorization field says it is.
    ///
    /// # Errors
    /// [`Denied`].
    pub(super) fn by_field(
        &self,
        fields: &HeaderMap,
        peer: Peer,
        now: Moment,
        ring: &Ring,
        logins: &Logins,
    ) -> Result<&Known, Denied> {
        match Shown::read(fields)? {
            Shown::Password(shown) => self.by_password(&shown, peer, now, logins),
            // Guessing a token is hopeless, and one that has ended is nobody's fault: neither counts.
            Shown::Token(token) => self.by_token(&token, now, ring),
        }
    }

    /// Whoever has this user name and password.
    ///
    /// # Errors
    /// [`Denied`].
    pub(super) fn by_password(
        &self,
        shown: &Credentials,
        peer: Peer,
        now: Moment,
        logins: &Logins,
    ) -> Result<&Known, Denied> {
        logins.guess(peer, now).map_err(|_| Denied::TooMany)?;
        let mut found = u32::MAX;
        for (index, known) in (0_u32..).zip(&self.0) {
            let same: Choice = known.credentials.ct_eq(shown);
            found.conditional_assign(&index, same);
        }
        let found = usize::try_from(found)
            .ok()
            .and_then(|index| self.0.get(index));
        let known = found.ok_or(Denied::Because("a wrong user name or password"))?;
        logins.right(peer, now);
        Ok(known)
    }

    fn by_token(&self, token: &Token, now: Moment, ring: &Ring) -> Result<&Known, Denied> {
        let named = |known: &&Known| token.account() == Some(known.account.id.as_str());
        let known = self.0.iter().find(named);
        known
            .filter(|known| ring.vouches(token, &known.credentials, now))
            .ok_or(Denied::Because("a token that is not ours or has ended"))
    }
}

/// What a caller shows.
enum Shown {
    Password(Credentials),
    Token(Token),
}

impl Shown {
    fn read(fields: &HeaderMap) -> Result<Self, Denied> {
        let mut all = fields.get_all(header::AUTHORIZATION).iter();
        let value = match (all.next(), all.next()) {
            (Some(only), None) => only.to_str().unwrap_or_default(),
            (None, _) => return Err(Denied::Because("no credentials")),
            (Some(_), Some(_)) => return Err(Denied::Because("credentials twice")),
        };
        // RFC 9110 section 11.1: the scheme's name is in any case.
        let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
        let rest = rest.trim_matches(' ');
        if scheme.eq_ignore_ascii_case("basic") {
            let unreadable = Denied::Because("credentials that cannot be read");
            basic(rest).map(Self::Password).ok_or(unreadable)
        } else if scheme.eq_ignore_ascii_case("bearer") {
            let token = Token::read(rest);
            token
                .map(Self::Token)
                .ok_or(Denied::Because("a token that is not ours or has ended"))
        } else {
            Err(Denied::Because("a scheme other than Basic and Bearer"))
        }
    }
}

/// RFC 7617: a user name without colon, a colon, a password.
fn basic(text: &str) -> Option<Credentials> {
    let mut bytes = Zeroizing::new(BASE64.decode(text).ok()?);
    if std::str::from_utf8(&bytes).is_err() {
        // Older clients write ISO 8859-1, Bandwidth's SDK for Python among them; what we keep is UTF-8.
        let text: Zeroizing<String> =
            Zeroizing::new(bytes.iter().copied().map(char::from).collect());
        bytes = Zeroizing::new(text.as_bytes().to_vec());
    }
    let colon = bytes.iter().position(|byte| *byte == b':')?;
    Some(credentials(&bytes[..colon], &bytes[colon + 1..]))
}

/// Some clients leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn credentials(username: &[u8], password: &[u8]) -> Credentials {
    let mut both = [0; 64];
    both[..32].copy_from_slice(&Sha256::digest(username));
    both[32..].copy_from_slice(&Sha256::digest(password));
    both
}

/// A request for a token: the client credentials grant (RFC 6749 section 4.4.2).
pub(super) struct Grant {
    pub(super) shown: Credentials,
}

impl Grant {
    /// Reads the form. Client id and secret stand in the Authorization field, or in the form.
    ///
    /// # Errors
    /// [`Fault`], whose text is the word of RFC 6749 section 5.2.
    pub(super) fn read(fields: &HeaderMap, body: &[u8]) -> Result<Self, Fault> {
        let bad = |word: &str, why: &'static str| Fault {
            text: word.to_owned(),
            why,
        };
        let mut form: [Option<Zeroizing<String>>; 3] = [None, None, None];
        for (name, value) in form_urlencoded::parse(body) {
            let place = match &*name {
                "grant_type" => 0,
                "client_id" => 1,
                "client_secret" => 2,
                _ => continue,
            };
            if form[place]
                .replace(Zeroizing::new(value.into_owned()))
                .is_some()
            {
                return Err(bad("invalid_request", "a parameter of a grant twice"));
            }
        }
        let [kind, id, secret] = form;
        match kind.as_ref().map(|kind| kind.as_str()) {
            Some("client_credentials") => {}
            Some(_) => return Err(bad("unsupported_grant_type", "a grant of another type")),
            None => return Err(bad("invalid_request", "a grant without its type")),
        }
        if fields.contains_key(header::AUTHORIZATION) {
            return match Shown::read(fields) {
                Ok(Shown::Password(shown)) => Ok(Self { shown }),
                _ => Err(bad(
                    "invalid_request",
                    "a grant whose client cannot be read",
                )),
            };
        }
        let (Some(id), Some(secret)) = (id, secret) else {
            return Err(bad("invalid_request", "a grant without its client"));
        };
        Ok(Self {
            shown: credentials(id.as_bytes(), secret.as_bytes()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use base64::engine::general_purpose::STANDARD;
    use http::HeaderValue;

    use super::*;
    use crate::secret::Secret;

    const PEER: Peer = Peer {
        address: std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        https: false,
    };

    fn at(seconds: u64) -> Moment {
        Moment {
            unix: seconds,
            mono: Duration::from_secs(seconds),
        }
    }

    fn accounts() -> Accounts {
        let account = |id: &str, username: &str, password: &str| Account {
            id: id.to_owned(),
            name: "Example".to_owned(),
            username: username.to_owned(),
            password: Secret::new(password.as_bytes().to_vec()),
        };
        Accounts::new(vec![
            account("9900000", "u", "p:1"),
            account("9900001", "v", "q"),
            account("9900002", "empty", "é"),
        ])
    }

    fn ring() -> Ring {
        Ring::new(&[Secret::new(vec![1; 32])]).unwrap()
    }

    fn fields(values: &[&str]) -> HeaderMap {
        let mut fields = HeaderMap::new();
        for value in values {
            fields.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        fields
    }

    /// The account, or why not.
    fn login(values: &[&str]) -> Result<String, &'static str> {
        let accounts = accounts();
        let found = accounts.by_field(&fields(values), PEER, at(1000), &ring(), &Logins::default());
        found
            .map(|known| known.account.id.clone())
            .map_err(Denied::why)
    }

    fn basic_field(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn a_password_with_a_colon_or_beyond_ascii_is_one() {
        for (shown, id) in [
            ("u:p:1", "9900000"),
            ("v:q", "9900001"),
            ("empty:é", "9900002"),
        ] {
            assert_eq!(login(&[&basic_field(shown)]), Ok(id.to_owned()), "{shown}");
        }
        let latin = format!("Basic {}", STANDARD.encode(b"empty:\xe9"));
        assert_eq!(login(&[&latin]), Ok("9900002".to_owned()), "in ISO 8859-1");
        let unpadded = basic_field("v:q")
            .trim_end_matches('=')
            .replace("Basic", "bASIC");
        assert_eq!(login(&[&unpadded]), Ok("9900001".to_owned()));
    }

    #[test]
    fn whatever_is_not_a_whole_pair_is_nobody() {
        let wrong = "a wrong user name or password";
        let unreadable = "credentials that cannot be read";
        for (shown, why) in [
            (basic_field("u:p:2"), wrong),
            (basic_field("u:p"), wrong),
            (basic_field("u:q"), wrong),
            (basic_field("v:p:1"), wrong),
            (basic_field("U:p:1"), wrong),
            (basic_field(":"), wrong),
            (basic_field("u"), unreadable),
            ("Basic".to_owned(), unreadable),
            ("Basic !".to_owned(), unreadable),
            ("Bearer".to_owned(), "a token that is not ours or has ended"),
            (
                "Bearer x".to_owned(),
                "a token that is not ours or has ended",
            ),
            (
                "Digest x".to_owned(),
                "a scheme other than Basic and Bearer",
            ),
            (String::new(), "a scheme other than Basic and Bearer"),
        ] {
            assert_eq!(login(&[&shown]), Err(why), "{shown}");
        }
        assert_eq!(login(&[]), Err("no credentials"));
        let right = basic_field("v:q");
        assert_eq!(login(&[&right, &right]), Err("credentials twice"));
    }

    #[test]
    fn a_token_is_its_accounts_for_as_long_as_its_password_is() {
        let (accounts, ring) = (accounts(), ring());
        let known = &accounts.0[1];
        let token = ring.token_of("9900001", &known.credentials, at(4600));
        let field = fields(&[&format!("Bearer {token}")]);
        let login = |accounts: &Accounts, now| {
            accounts
                .by_field(&field, PEER, at(now), &ring, &Logins::default())
                .map(|known| known.account.id.clone())
                .ok()
        };
        assert_eq!(login(&accounts, 1000).as_deref(), Some("9900001"));
        assert_eq!(login(&accounts, 4600), None);
        let mut changed = self::accounts();
        changed.0[1].credentials = credentials(b"v", b"another");
        assert_eq!(login(&changed, 1000), None);
        let forged = ring.token_of("9900000", &known.credentials, at(4600));
        let forged = fields(&[&format!("Bearer {forged}")]);
        assert!(
            accounts
                .by_field(&forged, PEER, at(1000), &ring, &Logins::default())
                .is_err()
        );
    }

    #[test]
    fn c5_guesses_are_counted_and_tokens_are_not() {
        let (accounts, ring, logins) = (accounts(), ring(), Logins::default());
        let try_with = |field: &str| {
            let found = accounts.by_field(&fields(&[field]), PEER, at(1000), &ring, &logins);
            found.map(|known| known.account.id.clone())
        };
        for _ in 0..100 {
            assert!(try_with("Bearer x").is_err());
            assert!(try_with("Basic").is_err());
        }
        for _ in 0..20 {
            assert_eq!(
                try_with(&basic_field("u:no")),
                Err(Denied::Because("a wrong user name or password"))
            );
        }
        assert_eq!(try_with(&basic_field("u:p:1")), Err(Denied::TooMany));
        let token = ring.token_of("9900000", &accounts.0[0].credentials, at(4600));
        assert_eq!(
            try_with(&format!("Bearer {token}")),
            Ok("9900000".to_owned())
        );
    }

    #[test]
    fn a_grant_has_its_client_in_the_field_or_in_the_form() {
        let word = |field: &[&str], body: &str| {
            let read = Grant::read(&fields(field), body.as_bytes());
            read.map(|grant| grant.shown).map_err(|fault| fault.text)
        };
        let (kind, field) = ("grant_type=client_credentials", basic_field("v:q"));
        assert_eq!(word(&[&field], kind), Ok(credentials(b"v", b"q")));
        assert_eq!(
            word(&[&field], &format!("{kind}&client_id=v&scope=x")),
            Ok(credentials(b"v", b"q"))
        );
        assert_eq!(
            word(&[], &format!("{kind}&client_id=v&client_secret=a%2Bb")),
            Ok(credentials(b"v", b"a+b"))
        );
        for (field, body, told) in [
            (&[&*field] as &[&str], "", "invalid_request"),
            (&[&field], "grant_type=password", "unsupported_grant_type"),
            (
                &[&field],
                "grant_type=client_credentials&grant_type=client_credentials",
                "invalid_request",
            ),
            (&[], kind, "invalid_request"),
            (
                &[],
                "grant_type=client_credentials&client_id=v",
                "invalid_request",
            ),
            (&["Bearer x"], kind, "invalid_request"),
            (&[&field, &field], kind, "invalid_request"),
        ] {
            assert_eq!(word(field, body), Err(told.to_owned()), "{body}");
        }
    }
}
