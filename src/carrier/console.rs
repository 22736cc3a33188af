//! The carrier for trials: it prints the message instead of sending it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Accepted, Carrier, Cause, Failure, Message, Sending};
use crate::message::Channel;
use crate::phone::sender::Sender;

/// Where the console carriers of one process write: one message at a time, whole.
///
/// A lock of the standard library: it is held for one write and never over an await.
pub type Sink = Arc<Mutex<Box<dyn Write + Send>>>;

/// The process's standard output as a sink.
#[must_use]
pub fn stdout() -> Sink {
    Arc::new(Mutex::new(Box::new(io::stdout())))
}

/// Prints each message in a frame, number and code included: it stands for the phone.
pub struct Console(Sink);

impl Console {
    /// A carrier that prints to `sink`.
    #[must_use]
    pub fn new(sink: Sink) -> Self {
        Self(sink)
    }

    fn print(&self, message: &Message) -> io::Result<()> {
        let framed = frame(message);
        // A panic while printing leaves at worst half a frame behind; the next message may still be printed.
        let mut sink = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(sink, "{framed}")?;
        sink.flush()
    }
}

impl Carrier for Console {
    fn send<'a>(
        &'a self,
        message: &'a Message,
        _from: Option<&'a Sender>,
        _within: Duration,
    ) -> Sending<'a> {
        Box::pin(async move {
            self.print(message)
                .map_err(|error| Failure::Transient(Cause::Write(error)))?;
            Ok(Accepted {
                id: message.id.to_string(),
            })
        })
    }
}

/// The message between two rules. There is no right edge: the width of a character in a terminal is anybody's guess.
fn frame(message: &Message) -> String {
    let kind = match message.channel {
        Channel::Sms => "text message to",
        Channel::Voice => "call to",
        Channel::Email => "mail to",
    };
    let mut framed = format!("╭─── {kind} {} ───\n", message.to.as_str());
    for line in message.text().as_str().lines() {
        framed.push_str("│ ");
        // A site's name comes from a file; nothing in it may move the cursor.
        framed.extend(line.chars().map(|c| if c.is_control() { ' ' } else { c }));
        framed.push('\n');
    }
    framed.push_str("╰───");
    framed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::tests::{PATIENCE, Page, message};

    #[tokio::test]
    async fn a_message_is_printed_whole_in_a_frame() {
        let page = Page::default();
        let console = Console::new(page.sink());
        let mut to_print = message("049271");
        let accepted = console.send(&to_print, None, PATIENCE).await.unwrap();
        assert_eq!(accepted.id, to_print.id.as_str());
        assert_eq!(
            page.text(),
            "╭─── text message to +12025550143 ───\n\
             │ Example: 049271 is your Sign in code. Valid 5 min. Never share it.\n\
             │ \n\
             │ @portal.example.com #049271\n\
             ╰───\n"
        );
        to_print.channel = Channel::Voice;
        console.send(&to_print, None, PATIENCE).await.unwrap();
        assert!(
            page.text().contains("╭─── call to +12025550143 ───\n"),
            "{}",
            page.text()
        );
    }

    #[tokio::test]
    async fn a_name_cannot_move_the_cursor() {
        let page = Page::default();
        let mut to_print = message("049271");
        to_print.draft.name = "a\u{1b}[2Jb\rc".to_owned();
        Console::new(page.sink())
            .send(&to_print, None, PATIENCE)
            .await
            .unwrap();
        assert!(
            page.text().contains("│ a [2Jb c: 049271 "),
            "{:?}",
            page.text()
        );
    }

    /// `println!` would panic, and take the worker with it.
    #[tokio::test]
    async fn a_closed_pipe_is_a_failure() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let console = Console::new(Arc::new(Mutex::new(Box::new(writer))));
        let failure = console
            .send(&message("049271"), None, PATIENCE)
            .await
            .unwrap_err();
        assert!(
            matches!(failure, Failure::Transient(Cause::Write(_))),
            "{failure:?}"
        );
    }
}
