//! Grant to cookie and back; and every other value that is bound to one of our keys.
//!
//! Each use of a key has a subkey of its own (HMAC with a label), so that no value of one kind can be shown as
//! another. Nothing a client brought is believed before its MAC was compared in constant time (S2).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use http::header::{self, HeaderMap, HeaderValue};
use percent_encoding::percent_decode;
use sha2::Sha256;
use smallvec::SmallVec;

use crate::capture::{basic, cookie};
use crate::challenge::{self, Entry};
use crate::grant::prints::{self, Known, Print, Prints};
use crate::grant::{Grant, Standing};
use crate::moment::Moment;
use crate::name::Name;
use crate::scope::Scope;
use crate::secret::Secret;
use crate::site::Site;
use crate::subject::Subject;

pub mod api;
pub mod cookies;

use self::cookies::Cookies;

/// The keys in use: the first signs, all verify (S10).
pub struct Ring {
    keys: Vec<Key>,
}

/// 128 random bits in a session cookie: what ties challenges and holds to one browser (C2).
#[derive(Clone, PartialEq, Eq)]
pub struct BrowserSecret(String);

impl fmt::Debug for BrowserSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrowserSecret(…)")
    }
}

/// The grants that a request brought.
#[derive(Default)]
pub struct Held {
    /// Live grants of this site, not yet compared with the list of revocations.
    pub live: SmallVec<[Grant; 2]>,
    /// Grants that ran out within the last day: they tell who to ask.
    pub run_out: Vec<Grant>,
    /// The challenge whose held request is to be replayed on the way.
    pub replay: Option<challenge::Id>,
    /// Grants that do not count because the request brings a session of the application that they do not know.
    pub unbound: Vec<Grant>,
    /// The sessions of the application that the request brings, where grants are bound to them.
    pub sessions: Vec<Session>,
}

/// A cookie that makes a session of the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its name.
    pub name: SmallVec<[u8; 24]>,
    /// What a grant keeps of it.
    pub print: Print,
}

/// What else of ours a browser keeps. Only pages of ours look at it, so only they open it.
#[derive(Default)]
pub struct Keepsakes {
    /// The browser's secret, if it has one.
    pub secret: Option<BrowserSecret>,
    /// Subjects that it passed a code for earlier, as marks.
    pub known: Vec<Mark>,
}

/// A keyed hash of a subject and a site in the marker cookie.
pub type Mark = [u8; 8];

/// How many subjects one browser is remembered for: a family's, not a crowd's.
const MARKS: usize = 8;

/// What a key is used for. The label is the whole difference.
#[derive(Clone, Copy)]
enum Use {
    Grant,
    Browser,
    Code,
    Token,
    Hold,
    Known,
    Cookie,
    Receipt,
    Api,
}

impl Use {
    const ALL: [(Self, &'static [u8]); 9] = [
        (Self::Grant, b"countersign grant 1"),
        (Self::Browser, b"countersign browser 1"),
        (Self::Code, b"countersign code 1"),
        (Self::Token, b"countersign token 1"),
        (Self::Hold, b"countersign hold 1"),
        (Self::Known, b"countersign known 1"),
        (Self::Cookie, b"countersign cookie 1"),
        (Self::Receipt, b"countersign receipt 1"),
        (Self::Api, b"countersign api 1"),
    ];
}

struct Key {
    id: [u8; 4],
    uses: [Hmac<Sha256>; 9],
}

/// Bytes of a MAC in a cookie.
const MAC: usize = 32;

/// The format of a sealed grant; another number is another format.
const VERSION: u8 = 2;

impl Ring {
    /// Takes the operator's keys, each at least 32 bytes; `config` has seen to that. With none, nothing verifies
    /// and [`Ring::first`] cannot work, so the caller makes one before.
    pub fn new(keys: &[Secret]) -> Option<Self> {
        let keys: Vec<Key> = keys
            .iter()
            .map(|secret| Key::new(secret.expose()))
            .collect();
        (!keys.is_empty()).then_some(Self { keys })
    }

    /// The cookie value of a grant: at most 512 bytes (S2).
    pub fn seal(&self, grant: &Grant) -> String {
        let key = self.first();
        let mut bytes = Vec::with_capacity(256);
        bytes.push(VERSION);
        bytes.extend_from_slice(&key.id);
        for text in [
            grant.site.as_str(),
            grant.scope.as_str(),
            grant.subject.as_str(),
        ] {
            // Names have at most 32 bytes and subjects 128: a length is one byte.
            bytes.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes.extend_from_slice(&grant.id);
        bytes.push(entry_byte(grant.entry));
        for time in [grant.issued, grant.used, grant.expires] {
            bytes.extend_from_slice(&time.to_be_bytes());
        }
        if let Some(known) = grant.prints.known() {
            bytes.extend_from_slice(&known.old_until.to_be_bytes());
            for prints in [&known.current, &known.old] {
                // `Prints` keeps no more than eight of each.
                bytes.push(u8::try_from(prints.len()).unwrap_or(u8::MAX));
                bytes.extend(prints.iter().flatten());
            }
        }
        let mac = key.mac(Use::Grant, &[&bytes]);
        bytes.extend_from_slice(&mac);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Opens the grants that a request brought for `site`. Two cookies of one of our names: none of them counts (S4).
    /// Nor does a grant that does not know the session of the application that came with it.
    pub fn open_all(&self, site: &Site, fields: &HeaderMap, now: Moment) -> Held {
        let cookies = || fields.get_all(header::COOKIE).iter();
        let mut held = Held::default();
        for (suffix, value) in Cookies::read(site, cookies()).once() {
            if suffix == cookies::REPLAY {
                held.replay = parse_id(value);
            }
            let Some(scope) = suffix.strip_prefix('-').and_then(|name| site.scope(name)) else {
                continue;
            };
            let Some((mut grant, key)) = self.open(value, site, scope) else {
                continue;
            };
            if site.binds() {
                let brought = brought(site, fields, key);
                let known = brought
                    .iter()
                    .all(|session| grant.prints.know(&session.print, now));
                held.sessions = brought;
                if !known {
                    held.unbound.push(grant);
                    continue;
                }
                if key.id != self.first().id {
                    // It will be sealed under the first key from now on, and what it knows with it.
                    held.sessions = self::brought(site, fields, self.first());
                    let sessions = held.sessions.iter().map(|session| session.print);
                    // A token does not come with every request, and is looked for under each key.
                    let rest = grant.prints.current().iter().filter(|_| site.relays());
                    grant.prints = Prints::of(sessions.chain(rest.copied()));
                }
            }
            match grant.standing(scope, now) {
                Standing::Live => held.live.push(grant),
                Standing::RunOut => held.run_out.push(grant),
                Standing::Void => {}
            }
        }
        held
    }

    /// Opens what else of ours a browser keeps for `site`.
    pub fn keepsakes<'h>(
        &self,
        site: &Site,
        cookies: impl Iterator<Item = &'h HeaderValue>,
    ) -> Keepsakes {
        let mut keepsakes = Keepsakes::default();
        for (suffix, value) in Cookies::read(site, cookies).once() {
            match suffix {
                "" => keepsakes.secret = BrowserSecret::parse(value),
                cookies::KNOWN => keepsakes.known = self.open_marks(value),
                _ => {}
            }
        }
        keepsakes
    }

    /// A challenge keeps this of a browser, never its secret.
    pub fn browser(&self, secret: &BrowserSecret) -> challenge::Browser {
        self.first().mac(Use::Browser, &[secret.0.as_bytes()])
    }

    /// A challenge keeps this of a code, never the code (C8).
    pub fn code(&self, challenge: &challenge::Id, digits: &str) -> challenge::Mac {
        self.first().mac(Use::Code, &[challenge, digits.as_bytes()])
    }

    /// The token that a form of ours carries: only a page made for this browser has it (S8).
    pub fn token(&self, browser: &BrowserSecret, form: &str) -> String {
        URL_SAFE_NO_PAD.encode(
            &self
                .first()
                .mac(Use::Token, &[browser.0.as_bytes(), b"\n", form.as_bytes()])[..16],
        )
    }

    /// Whether `token` is that form's for this browser, compared in constant time.
    pub fn token_fits(&self, browser: &BrowserSecret, form: &str, token: &str) -> bool {
        let Ok(token) = URL_SAFE_NO_PAD.decode(token) else {
            return false;
        };
        self.keys.iter().any(|key| {
            let mut mac = key.uses[Use::Token as usize].clone();
            mac.update(browser.0.as_bytes());
            mac.update(b"\n");
            mac.update(form.as_bytes());
            token.len() == 16 && mac.verify_truncated_left(&token).is_ok()
        })
    }

    /// The secret in the public address at which a carrier's receipts come in: 22 characters of base64url.
    pub fn receipt_secret(&self, carrier: &str) -> String {
        URL_SAFE_NO_PAD.encode(&self.first().mac(Use::Receipt, &[carrier.as_bytes()])[..16])
    }

    /// Whether `secret` is that of this carrier's receipts, under any of the keys, compared in constant time.
    pub fn is_receipt_secret(&self, carrier: &str, secret: &str) -> bool {
        let Ok(secret) = URL_SAFE_NO_PAD.decode(secret) else {
            return false;
        };
        self.keys.iter().any(|key| {
            let mut mac = key.uses[Use::Receipt as usize].clone();
            mac.update(carrier.as_bytes());
            secret.len() == 16 && mac.verify_truncated_left(&secret).is_ok()
        })
    }

    /// The key that a held body of one challenge is sealed under: it needs the browser's own secret.
    pub fn hold(&self, browser: &BrowserSecret, what: &[u8]) -> [u8; 32] {
        self.first().mac(Use::Hold, &[browser.0.as_bytes(), what])
    }

    /// What the marker cookie says of a subject.
    pub fn mark(&self, site: &Name, subject: &Subject) -> Mark {
        let mac = self.first().mac(
            Use::Known,
            &[site.as_str().as_bytes(), b"\n", subject.as_str().as_bytes()],
        );
        let mut mark = Mark::default();
        mark.copy_from_slice(&mac[..8]);
        mark
    }

    /// The marker cookie's value with `mark` as its newest; the oldest beyond eight are dropped.
    pub fn seal_marks(&self, known: &[Mark], mark: Mark) -> String {
        let marks: Vec<Mark> = std::iter::once(mark)
            .chain(known.iter().copied().filter(|old| *old != mark))
            .take(MARKS)
            .collect();
        let key = self.first();
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&key.id);
        bytes.extend(marks.iter().flatten());
        let mac = key.mac(Use::Known, &[b"marks\n", &bytes]);
        bytes.extend_from_slice(&mac);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn open_marks(&self, value: &[u8]) -> Vec<Mark> {
        let opened = || {
            let bytes = URL_SAFE_NO_PAD.decode(value).ok()?;
            let (signed, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC)?)?;
            let key = self.named(signed.get(1..5)?)?;
            (signed[0] == VERSION && key.verifies(Use::Known, &[b"marks\n", signed], mac))
                .then_some(())?;
            Some(signed[5..].as_chunks::<8>().0.to_vec())
        };
        opened().unwrap_or_default()
    }

    /// What a grant keeps of a session cookie of the application.
    pub fn print(&self, site: &Site, name: &[u8], value: &[u8]) -> Print {
        self.first().print(site, name, value)
    }

    /// The same under each key: what a grant kept before the keys were rotated counts on.
    pub fn prints<'r>(
        &'r self,
        site: &'r Site,
        name: &'r [u8],
        value: &'r [u8],
    ) -> impl Iterator<Item = Print> + 'r {
        let keys = self.keys.iter();
        keys.map(move |key| key.print(site, name, value))
    }

    /// What a grant keeps of the application's session cookies among these fields.
    pub fn sessions<'h>(
        &self,
        site: &Site,
        cookies: impl Iterator<Item = &'h HeaderValue>,
    ) -> Vec<Session> {
        sessions(site, cookies, self.first())
    }

    /// What the quarantine keeps of a cookie, under each key: a value that was put there before the keys were rotated
    /// stays there.
    pub fn quarantined<'r>(
        &'r self,
        site: &'r Site,
        name: &'r [u8],
        value: &'r [u8],
    ) -> impl Iterator<Item = [u8; 16]> + 'r {
        // Servers unquote and decode what they read: one value in two spellings is one value here.
        let value = plain(value);
        self.keys.iter().map(move |key| {
            let mac = key.cookie(site, name, &value);
            let mut print = [0; 16];
            print.copy_from_slice(&mac[..16]);
            print
        })
    }

    /// Whose login something belongs to: this browser's, as this subject, at this site. Four bytes of it are zero.
    pub fn owner(&self, browser: &BrowserSecret, site: &Name, subject: &Subject) -> [u8; 16] {
        let parts: [&[u8]; 5] = [
            browser.0.as_bytes(),
            b"\n",
            site.as_str().as_bytes(),
            b"\n",
            subject.as_str().as_bytes(),
        ];
        let mac = self.first().mac(Use::Browser, &parts);
        let mut owner = [0; 16];
        // The last four bytes are for telling one attempt from another.
        owner[..12].copy_from_slice(&mac[..12]);
        owner
    }

    fn open(&self, value: &[u8], site: &Site, scope: &Scope) -> Option<(Grant, &Key)> {
        // S2: a longer one was not made here.
        let mut buffer = [0_u8; 384];
        let length = URL_SAFE_NO_PAD.decode_slice(value, &mut buffer).ok()?;
        let (signed, mac) = buffer[..length].split_at_checked(length.checked_sub(MAC)?)?;
        if *signed.first()? != VERSION {
            return None;
        }
        let key = self.named(signed.get(1..5)?)?;
        key.verifies(Use::Grant, &[signed], mac).then_some(())?;
        let mut rest = Rest(&signed[5..]);
        let fits = rest.text()? == site.name.as_str() && rest.text()? == scope.name.as_str();
        let subject = rest.text()?;
        if !fits {
            return None;
        }
        let grant = Grant {
            site: site.name.clone(),
            scope: scope.name.clone(),
            subject: Subject::sealed(subject),
            id: rest.take()?,
            entry: byte_entry(rest.take::<1>()?[0])?,
            issued: u64::from_be_bytes(rest.take()?),
            used: u64::from_be_bytes(rest.take()?),
            expires: u64::from_be_bytes(rest.take()?),
            prints: rest.prints()?,
        };
        Some((grant, key))
    }

    fn first(&self) -> &Key {
        // `new` makes no ring without keys.
        &self.keys[0]
    }

    fn named(&self, id: &[u8]) -> Option<&Key> {
        self.keys.iter().find(|key| key.id == id)
    }
}

impl BrowserSecret {
    /// Takes 16 random bytes for a new browser.
    pub fn new(random: [u8; 16]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(random))
    }

    /// The cookie's value.
    pub fn value(&self) -> &str {
        &self.0
    }

    /// A client may bring any 128 bits: they open nothing that was not begun with them.
    fn parse(value: &[u8]) -> Option<Self> {
        // Printed again rather than taken over: one secret has one spelling.
        parse_id(value).map(Self::new)
    }
}

/// The text of a challenge's or a grant's identifier: 22 characters of base64url.
pub fn print_id(id: &[u8; 16]) -> String {
    URL_SAFE_NO_PAD.encode(id)
}

/// The identifier that [`print_id`] printed.
pub fn parse_id(text: impl AsRef<[u8]>) -> Option<[u8; 16]> {
    let mut id = [0; 16];
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut id).ok()?;
    (length == 16).then_some(id)
}

impl Key {
    fn new(secret: &[u8]) -> Self {
        let root = keyed(secret);
        let subkey = |label: &[u8]| -> [u8; 32] {
            root.clone()
                .chain_update(label)
                .finalize()
                .into_bytes()
                .into()
        };
        let mut id = [0; 4];
        id.copy_from_slice(&subkey(b"countersign key id")[..4]);
        Self {
            id,
            uses: Use::ALL.map(|(_, label)| keyed(&subkey(label))),
        }
    }

    fn mac(&self, of: Use, parts: &[&[u8]]) -> [u8; 32] {
        self.keyed(of, parts).finalize().into_bytes().into()
    }

    fn verifies(&self, of: Use, parts: &[&[u8]], mac: &[u8]) -> bool {
        self.keyed(of, parts).verify_slice(mac).is_ok()
    }

    fn print(&self, site: &Site, name: &[u8], value: &[u8]) -> Print {
        let mac = self.cookie(site, name, value);
        let mut print = Print::default();
        print.copy_from_slice(&mac[..size_of::<Print>()]);
        print
    }

    fn cookie(&self, site: &Site, name: &[u8], value: &[u8]) -> [u8; 32] {
        // No name of a cookie has a `=` in it, and no name of a site a line end.
        let parts: [&[u8]; 5] = [site.name.as_str().as_bytes(), b"\n", name, b"=", value];
        self.mac(Use::Cookie, &parts)
    }

    fn keyed(&self, of: Use, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = self.uses[of as usize].clone();
        for part in parts {
            mac.update(part);
        }
        mac
    }
}

/// A cookie's value without quotes, decoded to a fixed point (at most 5 rounds, R2), in lower case.
fn plain(value: &[u8]) -> Vec<u8> {
    let mut plain = value.to_vec();
    for _ in 0..5 {
        let decoded: Vec<u8> = percent_decode(&plain).filter(|b| *b != b'"').collect();
        if decoded == plain {
            break;
        }
        plain = decoded;
    }
    plain.make_ascii_lowercase();
    plain
}

/// The application's session cookies among these fields.
fn sessions<'h>(
    site: &Site,
    cookies: impl Iterator<Item = &'h HeaderValue>,
    key: &Key,
) -> Vec<Session> {
    cookie::pairs(cookies)
        .filter(|(name, value)| site.is_session(name, value))
        .map(|(name, value)| Session {
            name: name.into(),
            print: key.print(site, name, value),
        })
        .collect()
}

/// What a grant has to know of a request: the application's session cookies, and the credentials of HTTP Basic.
fn brought(site: &Site, fields: &HeaderMap, key: &Key) -> Vec<Session> {
    let mut brought = Vec::new();
    if site.basic().is_some() {
        // In front: what is beyond eight is not known, and this must be.
        brought.extend(basic::prints(fields).map(|(name, bytes)| Session {
            name: name.into(),
            print: key.print(site, name, bytes),
        }));
    }
    brought.extend(sessions(site, fields.get_all(header::COOKIE).iter(), key));
    brought
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of every length")
}

/// What is left of signed bytes.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk()?;
        self.0 = tail;
        Some(*head)
    }

    fn prints(&mut self) -> Option<Prints> {
        if self.0.is_empty() {
            return Some(Prints::default());
        }
        let old_until = u64::from_be_bytes(self.take()?);
        Some(Prints::from_known(Known {
            current: self.list()?,
            old: self.list()?,
            old_until,
        }))
    }

    fn list(&mut self) -> Option<SmallVec<[Print; 4]>> {
        let [length] = self.take()?;
        let fits = usize::from(length) <= prints::MOST;
        fits.then_some(())?;
        (0..length)
            .map(|_| self.take::<{ size_of::<Print>() }>())
            .collect()
    }

    fn text(&mut self) -> Option<&'a str> {
        let [length] = self.take()?;
        let (text, tail) = self.0.split_at_checked(length.into())?;
        self.0 = tail;
        std::str::from_utf8(text).ok()
    }
}

fn entry_byte(entry: Entry) -> u8 {
    match entry {
        Entry::Ask => 1,
        Entry::StepUp => 2,
        Entry::Renewal => 3,
        Entry::Capture => 4,
        Entry::Doubt => 5,
    }
}

fn byte_entry(byte: u8) -> Option<Entry> {
    [
        Entry::Ask,
        Entry::StepUp,
        Entry::Renewal,
        Entry::Capture,
        Entry::Doubt,
    ]
    .into_iter()
    .find(|entry| entry_byte(*entry) == byte)
}

#[cfg(test)]
mod tests;
