//! One file a message in a folder, for a program that empties it.
//!
//! A file is written under a hidden name, brought to the disk and only then given its own: whoever empties the folder
//! sees whole messages. It is taken away again if the message could not be brought so far in time.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::timeout;
use zeroize::Zeroizing;

use super::webhook::ours;
use super::{Accepted, Carrier, Cause, Failure, Message, Sending, Service};
use crate::message::Channel;
use crate::phone::sender::Sender;

/// `[carriers.NAME.spool]`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder.
    pub path: PathBuf,
    /// What a file looks like.
    pub format: Format,
    /// Who may read it: permission bits of the owner and the group.
    pub mode: u32,
}

/// What a file looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `ID.json`: [our own JSON](ours).
    #[default]
    Json,
    /// `ID.txt`: a line for each of To, From, Id, Channel and Expires, an empty line, and the text.
    Text,
    /// A text message for the files backend of gammu-smsd (gammu-smsd-files(7)).
    Gammu,
}

/// The mode of files where none is written: messages are the owner's.
pub const MODE: u32 = 0o600;

/// The carrier made ready.
pub(super) fn open(settings: &Settings) -> Service {
    Service::Transport(Box::new(Spool {
        settings: settings.clone(),
    }))
}

/// The carrier.
struct Spool {
    settings: Settings,
}

impl Spool {
    async fn put(
        &self,
        message: &Message,
        from: Option<&Sender>,
        within: Duration,
    ) -> Result<Accepted, Failure> {
        if self.settings.format == Format::Gammu && message.channel != Channel::Sms {
            return Err(Failure::Config(Cause::WrongChannel(message.channel)));
        }
        let letter = Letter {
            folder: self.settings.path.clone(),
            name: self.settings.format.name(message),
            hidden: format!(".{}.new", message.id),
            bytes: self.settings.format.render(message, from),
            mode: self.settings.mode,
            settled: Arc::default(),
        };
        let settled = Arc::clone(&letter.settled);
        // A disk may take its time; it has threads of its own for that.
        let posted = timeout(within, tokio::task::spawn_blocking(move || letter.post())).await;
        match posted {
            Ok(Ok(Ok(()))) => Ok(Accepted {
                id: message.id.to_string(),
            }),
            Ok(Ok(Err(failure))) => Err(failure),
            Ok(Err(broken)) => Err(Failure::Unknown(Cause::Broken(broken.into()))),
            // Whoever is first has the say: given up before it got its name, it gets none any more.
            Err(_) if settled.swap(true, Ordering::AcqRel) => Err(Failure::Unknown(Cause::Silence)),
            Err(_) => Err(Failure::Transient(Cause::Write(
                io::ErrorKind::TimedOut.into(),
            ))),
        }
    }
}

impl Carrier for Spool {
    fn send<'a>(
        &'a self,
        message: &'a Message,
        from: Option<&'a Sender>,
        within: Duration,
    ) -> Sending<'a> {
        Box::pin(self.put(message, from, within))
    }
}

/// A message on its way into the folder.
struct Letter {
    folder: PathBuf,
    name: String,
    hidden: String,
    bytes: Zeroizing<Vec<u8>>,
    mode: u32,
    /// Whether it is decided what becomes of it.
    settled: Arc<AtomicBool>,
}

impl Letter {
    fn post(&self) -> Result<(), Failure> {
        let many = fs::read_dir(&self.folder)
            .map_err(failure)?
            .take(MOST)
            .count();
        if many >= MOST {
            return Err(Failure::Throttled {
                retry_after: None,
                cause: Cause::Full,
            });
        }
        let hidden = self.folder.join(&self.hidden);
        let placed = self.write(&hidden).and_then(|()| {
            if self.settled.swap(true, Ordering::AcqRel) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            fs::rename(&hidden, self.folder.join(&self.name))
        });
        if let Err(error) = placed {
            // It may not even be there. One that stays is hidden, and counts against the folder's bound.
            let _ = fs::remove_file(&hidden);
            return Err(failure(error));
        }
        // It has its name, and may be gone already; a power cut now could lose it, which nobody could tell.
        bring_to_disk(&self.folder).map_err(|error| Failure::Unknown(Cause::Write(error)))
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(self.mode)
            .open(path)?;
        // Of what the mode asks for, the umask may have taken some away.
        file.set_permissions(fs::Permissions::from_mode(self.mode))?;
        file.write_all(&self.bytes)?;
        file.sync_all()
    }
}

/// A folder has more than one name in it only by its own entries: they are brought to the disk by themselves.
fn bring_to_disk(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Files in a folder that nobody empties: more messages would only come too late.
const MOST: usize = 10_000;

/// What the operator must mend, and what may pass by itself.
fn failure(error: io::Error) -> Failure {
    use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem};
    match error.kind() {
        NotFound | NotADirectory | PermissionDenied | ReadOnlyFilesystem => {
            Failure::Config(Cause::Write(error))
        }
        _ => Failure::Transient(Cause::Write(error)),
    }
}

impl Format {
    /// The names of the formats.
    pub const NAMES: [(&'static str, Self); 3] = [
        ("json", Self::Json),
        ("text", Self::Text),
        ("gammu", Self::Gammu),
    ];

    /// What the file of a message is called.
    fn name(self, message: &Message) -> String {
        match self {
            Self::Json => format!("{}.json", message.id),
            Self::Text => format!("{}.txt", message.id),
            // OUT, a priority, date and time (which set the order), a serial, the number, any text. The day is UTC's.
            Self::Gammu => {
                let unix = i64::try_from(message.now.unix).unwrap_or_default();
                let time = jiff::Timestamp::from_second(unix).unwrap_or_default();
                let time = time.strftime("%Y%m%d_%H%M%S");
                format!("OUTC{time}_00_{}_{}.txt", message.to.as_str(), message.id)
            }
        }
    }

    fn render(self, message: &Message, from: Option<&Sender>) -> Zeroizing<Vec<u8>> {
        match self {
            Self::Json => ours::render(message, from, None),
            Self::Text => text(message, from),
            Self::Gammu => gammu(message),
        }
    }
}

fn text(message: &Message, from: Option<&Sender>) -> Zeroizing<Vec<u8>> {
    let text = message.text();
    let mut head = format!("To: {}\n", message.to.as_str());
    if let Some(from) = from {
        head.extend(["From: ", from.as_str(), "\n"]);
    }
    let channel = message.channel;
    let (id, expires) = (&message.id, ours::expires(message));
    // Writing to a string cannot fail.
    let _ = write!(head, "Id: {id}\nChannel: {channel}\nExpires: {expires}\n\n");
    let mut whole = Zeroizing::new(Vec::with_capacity(head.len() + text.as_str().len() + 1));
    whole.extend_from_slice(head.as_bytes());
    whole.extend_from_slice(text.as_str().as_bytes());
    whole.push(b'\n');
    whole
}

/// gammu-smsd takes a file without a mark for text in its own locale, which is not ours to know: what is not ASCII is
/// written in UTF-16 with one. A line end at the end would be part of the message.
fn gammu(message: &Message) -> Zeroizing<Vec<u8>> {
    let text = message.text();
    let text = text.as_str();
    if text.is_ascii() {
        return Zeroizing::new(text.as_bytes().to_vec());
    }
    let mut units = Zeroizing::new(Vec::with_capacity(2 + 2 * text.len()));
    units.extend([0xfe, 0xff]);
    for unit in text.encode_utf16() {
        units.extend(unit.to_be_bytes());
    }
    units
}

#[cfg(test)]
pub(in crate::carrier) mod tests;
