//! `countersign receipts`: where vendors bring their receipts, for whoever fills in the settings of an account.
//!
//! The addresses have a secret in them, so they are in no log; this prints them, to whoever may read the key.

use std::io::{self, Write};
use std::path::Path;

use super::{Exit, check, fail};
use crate::carrier::bandwidth::Product as OfBandwidth;
use crate::carrier::delivery::receipts_at;
use crate::carrier::twilio::Product as OfTwilio;
use crate::carrier::webhook::Body;
use crate::carrier::{Kind, Settings};
use crate::config::{self, Config};
use crate::seal::Ring;
use crate::store::key::{self, NoKey};

/// Why there is nothing to print.
#[derive(Debug, thiserror::Error)]
enum NotTold {
    #[error(
        "vendors do not know where this gateway is: write [delivery] public_url = \"https://portal.example.com\""
    )]
    NoAddress,
    #[error(
        "the addresses follow from the session key, and {0} has none yet: start the gateway once"
    )]
    NoKey(String),
    #[error(transparent)]
    Key(#[from] NoKey),
    #[error("no carrier of this configuration tells what becomes of its messages")]
    NoCarrier,
    #[error("cannot write the answer")]
    Print(#[source] io::Error),
}

/// Prints one line for each carrier that has receipts.
pub fn receipts(config: &Path) -> Exit {
    let loaded = config::load(config);
    let Some(config) = loaded.config else {
        check::tell(&loaded.problems);
        return Exit::Configuration;
    };
    match tell(&config, &mut io::stdout().lock()) {
        Ok(()) => Exit::Ok,
        Err(error) => fail(&error),
    }
}

fn tell(config: &Config, to: &mut impl Write) -> Result<(), NotTold> {
    let public = config.delivery.public.as_deref();
    let public = public.ok_or(NotTold::NoAddress)?;
    let telling: Vec<(&Settings, &str)> = config
        .carriers
        .iter()
        .filter_map(|carrier| Some((carrier, way(&carrier.kind)?)))
        .collect();
    if telling.is_empty() {
        return Err(NotTold::NoCarrier);
    }
    let ring = ring(config)?;
    for (Settings { name, .. }, way) in telling {
        let address = receipts_at(public, name, &ring.receipt_secret(name.as_str()));
        writeln!(to, "{name}: {way}\n    {address}").map_err(NotTold::Print)?;
    }
    to.flush().map_err(NotTold::Print)
}

/// The keys that the gateway signs with, or would: an address of another key would be nobody's.
fn ring(config: &Config) -> Result<Ring, NotTold> {
    let none = || NotTold::NoKey(config.store.path.display().to_string());
    let ring = match &config.session_keys {
        Some(keys) => Ring::new(keys),
        None => Ring::new(&[key::found_in(&config.store.path)?.ok_or_else(none)?]),
    };
    ring.ok_or_else(none)
}

/// How the vendor gets to know the address; `None` for carriers that have no receipts.
fn way(kind: &Kind) -> Option<&'static str> {
    const BY_HAND: &str = "for the callback URL of the messaging application";
    const BY_ITSELF: &str = "goes along with each message, nothing is to be written anywhere";
    match kind {
        Kind::Bandwidth(own) => Some(match own.product {
            OfBandwidth::Messaging if own.messaging_application.is_some() => BY_HAND,
            OfBandwidth::Messaging | OfBandwidth::Mfa => BY_ITSELF,
        }),
        Kind::Twilio(own) => matches!(own.product, OfTwilio::Messages { .. }).then_some(BY_ITSELF),
        Kind::Webhook(own) => {
            (own.receipt.is_some() || matches!(own.body, Body::Ours)).then_some(BY_ITSELF)
        }
        Kind::Console | Kind::Email(_) | Kind::Command(_) | Kind::Spool(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A configuration with these carriers, in a folder of its own, and what is told of it.
    fn told(carriers: &str, rest: &str, key: Option<&[u8]>) -> Result<String, NotTold> {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            path
        };
        write("key", b"a secret");
        write("users.toml", b"");
        fs::create_dir(folder.path().join("state")).unwrap();
        if let Some(key) = key {
            write("state/session_key", key);
        }
        let path = write(
            "countersign.toml",
            format!(
                "[listen]\nhttp = [\"127.0.0.1:8080\"]\n[sites.portal]\nurl = \"http://localhost:8080\"\n\
                 upstream = \"http://127.0.0.1:3000\"\nsupport = \"Help desk\"\ndirectory = \"staff\"\n\
                 scopes = [\"login\"]\n[scopes.login]\n[directory.staff.file]\npath = \"users.toml\"\n\
                 {carriers}\n[store.memory]\npath = \"state\"\n[delivery]\n{rest}\n"
            )
            .as_bytes(),
        );
        let loaded = config::load(&path);
        let config = loaded
            .config
            .unwrap_or_else(|| panic!("{:?}", loaded.problems));
        let mut to = Vec::new();
        tell(&config, &mut to).map(|()| String::from_utf8(to).unwrap())
    }

    const BANDWIDTH: &str = "[carriers.main.bandwidth]\naccount = \"5500001\"\nusername = \"u\"\n\
        password = \"file:key\"\nfrom = [\"+12025550101\"]\nmessaging_application = \"a-1\"\n\
        [carriers.mail.email]\nhost = \"smtp.example.com\"\nfrom = \"codes@example.com\"\n\
        [carriers.hook.webhook]\nurl = \"https://sms.example.net/send\"\nsigning_key = \"file:key\"";

    const DELIVERY: &str = "sms = [\"main\", \"hook\"]\nemail = [\"mail\"]\n\
        public_url = \"https://portal.example.com\"";

    #[test]
    fn each_carrier_that_has_receipts_has_the_address_that_the_gateway_takes() {
        let key = [7; 32];
        let told = told(BANDWIDTH, DELIVERY, Some(&key)).unwrap();
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), 4, "{told}");
        assert!(lines[0].starts_with("main: for the callback URL"), "{told}");
        assert!(lines[2].starts_with("hook: goes along"), "{told}");
        let ring = Ring::new(&[crate::secret::Secret::new(key.to_vec())]).unwrap();
        for (line, carrier) in [(lines[1], "main"), (lines[3], "hook")] {
            let begin = format!("    https://portal.example.com/.countersign/receipts/{carrier}/");
            let secret = line
                .strip_prefix(&begin)
                .unwrap_or_else(|| panic!("{told}"));
            assert!(ring.is_receipt_secret(carrier, secret), "{told}");
        }
    }

    #[test]
    fn without_an_address_a_key_or_a_carrier_it_says_what_to_do() {
        let key = Some(&[7; 32][..]);
        let (no_url, _) = DELIVERY.split_once("public_url").unwrap();
        for (result, wanted) in [
            (told(BANDWIDTH, no_url, key), "write [delivery] public_url"),
            (told(BANDWIDTH, DELIVERY, None), "start the gateway once"),
            (
                told(BANDWIDTH, DELIVERY, Some(b"short")),
                "fewer than 32 bytes",
            ),
            (
                told(
                    "[carriers.main.console]",
                    "sms = [\"main\"]\npublic_url = \"https://portal.example.com\"",
                    key,
                ),
                "no carrier",
            ),
        ] {
            let error = result.unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        }
    }
}
