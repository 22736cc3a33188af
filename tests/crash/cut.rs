//! Where a login is cut off, and how that is drawn.

use std::io::{BufReader, Read};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;

use super::support::bare::wait;
use super::support::legacy::Portal;
use super::support::program::Program;
use super::support::wire::{Answer, read_head};

/// One way to die.
#[derive(Clone, Copy, Debug)]
pub struct Card {
    /// What is the last that the process is asked for.
    pub step: Step,
    /// From when on its disk takes nothing any more, if it does not to the end.
    pub full: Option<When>,
    /// When it is killed.
    pub killed: When,
}

/// What a login comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The right password.
    Password,
    /// One or more wrong codes.
    WrongCode,
    /// The right code.
    RightCode,
    /// The right password in further browsers: each gets a message.
    MoreLogins,
    /// After the right code: another person's password in the same browser, which ends the grant.
    SomebodyElse,
    /// After the right code.
    SignOut,
    /// In the place of the right code.
    Cancel,
}

/// A moment of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Nothing of it has been sent.
    Before,
    /// Somewhere soon after it was sent.
    Soon,
    /// The application has taken the password and has not said so.
    Elevated,
    /// Somewhere soon after the application has said so.
    SoonAfterwards,
    /// The gateway has just logged this.
    Logged(&'static str),
    /// The answer has been read.
    Answered,
}

impl Card {
    pub const fn new(step: Step, full: Option<When>, killed: When) -> Self {
        Self { step, full, killed }
    }

    /// Whether what was asked for last may or may not have happened.
    pub fn in_doubt(&self) -> bool {
        self.full.is_some() || self.killed != When::Answered
    }

    /// Lets the program do its last: `send` sends a request, and gives where its answer is read. Gives the answer, if all
    /// of its head got out.
    pub fn cut(
        &self,
        program: Program,
        portal: &Portal,
        draw: &mut Draw,
        send: impl FnOnce() -> BufReader<TcpStream>,
    ) -> Option<Answer> {
        if self.full == Some(When::Before) {
            program.room(false);
        }
        if self.killed == When::Before {
            program.kill();
            return None;
        }
        let (told, elevated) = mpsc::channel();
        let (go_on, waits) = mpsc::channel::<()>();
        let at_the_application = [When::Elevated, When::SoonAfterwards];
        if at_the_application.contains(&self.killed) || self.full == Some(When::Elevated) {
            portal.meanwhile(move || {
                told.send(()).unwrap();
                // Until the other end is dropped.
                let _ = waits.recv();
            });
        }
        let from = program.lines();
        let mut stream = send();
        match self.full {
            Some(When::Elevated) => wait(&elevated),
            Some(When::Logged(event)) => drop(program.logs(&[event], from)),
            _ => {}
        }
        if self.full.is_some() {
            program.room(false);
        }
        let mut came = Vec::new();
        match self.killed {
            When::Before => {}
            When::Soon => draw.turns(14),
            When::Elevated => wait(&elevated),
            When::SoonAfterwards => {
                wait(&elevated);
                drop(go_on);
                draw.turns(14);
            }
            When::Logged(event) => drop(program.logs(&[event], from)),
            When::Answered => {
                drop(go_on);
                stream.read_to_end(&mut came).unwrap();
            }
        }
        program.kill();
        // What is lost with a process ends in an error, or just ends.
        drop(stream.read_to_end(&mut came));
        let whole = came.windows(4).any(|end| end == b"\r\n\r\n");
        let head = whole.then(|| read_head(&mut &came[..]).unwrap())?;
        let body = came.split_off(head.raw.len());
        Some(Answer { head, body })
    }
}

/// Numbers that look random and are the same for the same seed, whatever becomes of the crates that do this better:
/// `SplitMix64`, of Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
pub struct Draw(u64);

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One of `0..most`.
    pub fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let most = u64::try_from(most).unwrap();
        usize::try_from((z ^ (z >> 31)) % most).unwrap()
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            all.swap(last, self.below(last + 1));
        }
    }

    /// Lets others have their turn, up to two to the power of `most` times, mostly far fewer: nothing waits for
    /// anything by this, it is what makes a moment random.
    pub fn turns(&mut self, most: usize) {
        let magnitude = self.below(most + 1);
        for _ in 0..self.below(1 << magnitude) {
            thread::yield_now();
        }
    }
}
