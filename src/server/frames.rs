//! Counts the frames of an HTTP/2 connection by their headers, so that a peer cannot keep us busy for nothing (A2).
//!
//! It sees the plaintext before hyper does and looks at nothing but the nine bytes in front of each frame
//! (RFC 9113 section 4.1): hyper bounds streams, fields and buffers, but does not count what a peer resets or asks.

use std::fmt;

use super::watch::Tick;

/// What a peer may do within [`WINDOW`] of any one kind (A2). A browser that cancels a whole map of tiles needs a
/// tenth of it.
const LIMIT: u32 = 1_000;

/// `WINDOW_UPDATE` frames that no answer of ours accounts for. Some clients acknowledge every few bytes of an event
/// stream, twice; this is 100 small events a second, acknowledged on the stream and on the connection, and half
/// again.
const UPDATE_LIMIT: u32 = 10_000;

/// One `WINDOW_UPDATE` is free for so many bytes that we sent: the busiest clients known acknowledge every 4 KiB on
/// the stream and on the connection.
const BYTES_PER_UPDATE: u64 = 1024;

/// Free `WINDOW_UPDATE` frames do not pile up beyond this many bytes sent.
const CREDIT: u64 = 16 << 20;

/// `CONTINUATION` frames of one field section. With the smallest maximum a peer may assume, 16 KiB a frame, a
/// section of 16 KiB needs one.
const CONTINUATIONS: u32 = 8;

/// Seconds that a count looks back, in whole [`SPAN`]s: never less than 30, never more than 45.
const WINDOW: Tick = 30;
const SPAN: Tick = WINDOW / 2;

/// `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n` (RFC 9113 section 3.4); hyper compares it, we only pass over it.
const PREFACE: usize = 24;
const HEADER: usize = 9;

/// Where in the stream of frames the last byte left us, and what came before.
#[derive(Debug)]
pub(super) struct Frames {
    begun: bool,
    header: [u8; HEADER],
    filled: usize,
    /// Bytes until the next frame header.
    skip: usize,
    /// When the field section began that is not complete yet; the preface counts as one.
    section: Option<Tick>,
    /// The section is complete when `skip` has run out.
    ends: bool,
    continuations: u32,
    /// What our own writing earned the peer, in bytes.
    credit: u64,
    /// What the peer's requests earned it in frames that say nothing.
    spare: u32,
    span: Tick,
    counts: [[u32; 3]; KINDS],
}

impl Frames {
    /// Stands before the preface.
    pub(super) fn new() -> Self {
        Self {
            begun: false,
            header: [0; HEADER],
            filled: 0,
            skip: PREFACE,
            section: None,
            ends: true,
            continuations: 0,
            credit: 0,
            spare: 0,
            span: 0,
            counts: [[0; 3]; KINDS],
        }
    }

    /// Passes over bytes that the peer sent.
    ///
    /// # Errors
    /// [`Flood`] as soon as a bound is passed; the connection has to end.
    pub(super) fn read(&mut self, mut bytes: &[u8], now: Tick) -> Result<(), Flood> {
        if !self.begun && !bytes.is_empty() {
            self.begun = true;
            self.section = Some(now);
            self.span = now / SPAN;
        }
        while !bytes.is_empty() {
            if self.skip > 0 {
                let passed = self.skip.min(bytes.len());
                self.skip -= passed;
                bytes = &bytes[passed..];
                if self.skip == 0 {
                    self.end_of_payload();
                }
                continue;
            }
            let taken = (HEADER - self.filled).min(bytes.len());
            self.header[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
            self.filled += taken;
            bytes = &bytes[taken..];
            if self.filled == HEADER {
                self.filled = 0;
                self.frame(now)?;
            }
        }
        Ok(())
    }

    /// Notes bytes that we sent, which the peer has to acknowledge.
    pub(super) fn wrote(&mut self, bytes: usize) {
        self.credit = self.credit.saturating_add(bytes as u64).min(CREDIT);
    }

    /// When the field section began of which a part is still missing.
    pub(super) fn section_since(&self) -> Option<Tick> {
        self.section
    }

    fn frame(&mut self, now: Tick) -> Result<(), Flood> {
        const END_STREAM: u8 = 0x1;
        const END_HEADERS: u8 = 0x4;

        let [l0, l1, l2, kind, flags, ..] = self.header;
        let length = u32::from_be_bytes([0, l0, l1, l2]);
        self.skip = length as usize;
        self.ends = false;
        match kind {
            // DATA: an empty one that ends nothing costs its sender nothing.
            0x0 if length == 0 && flags & END_STREAM == 0 => self.count(Kind::EmptyData, now)?,
            0x0 => {}
            // HEADERS
            0x1 => {
                self.section = Some(now);
                self.ends = flags & END_HEADERS != 0;
                self.continuations = 0;
                self.spare = (self.spare + 1).min(LIMIT);
            }
            // CONTINUATION
            0x9 => {
                self.ends = flags & END_HEADERS != 0;
                self.continuations += 1;
                if self.continuations > CONTINUATIONS {
                    return Err(Flood(Kind::Continuation));
                }
            }
            0x3 => self.count(Kind::Reset, now)?,
            0x4 => self.count(Kind::Settings, now)?,
            0x6 => self.count(Kind::Ping, now)?,
            0x8 if self.credit >= BYTES_PER_UPDATE => self.credit -= BYTES_PER_UPDATE,
            0x8 => self.count(Kind::WindowUpdate, now)?,
            // PRIORITY, PRIORITY_UPDATE, GOAWAY and types unknown to us: one goes with each request.
            _ if self.spare > 0 => self.spare -= 1,
            _ => self.count(Kind::Other, now)?,
        }
        if self.skip == 0 {
            self.end_of_payload();
        }
        Ok(())
    }

    fn end_of_payload(&mut self) {
        if self.ends {
            self.section = None;
        }
    }

    fn count(&mut self, kind: Kind, now: Tick) -> Result<(), Flood> {
        let span = now / SPAN;
        if span != self.span {
            for recent in &mut self.counts {
                *recent = match span - self.span {
                    1 => [0, recent[0], recent[1]],
                    2 => [0, 0, recent[0]],
                    _ => [0; 3],
                };
            }
            self.span = span;
        }
        let recent = &mut self.counts[kind as usize];
        recent[0] += 1;
        let limit = if kind == Kind::WindowUpdate {
            UPDATE_LIMIT
        } else {
            LIMIT
        };
        if recent.iter().sum::<u32>() > limit {
            Err(Flood(kind))
        } else {
            Ok(())
        }
    }
}

/// The peer sent more frames of one kind than any honest one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many {0} frames")]
pub(super) struct Flood(Kind);

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Reset,
    Ping,
    Settings,
    EmptyData,
    WindowUpdate,
    Other,
    Continuation,
}

/// Every kind has its counts, but for `Continuation`, which is bounded in each section.
const KINDS: usize = Kind::Continuation as usize;

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reset => "RST_STREAM",
            Self::Ping => "PING",
            Self::Settings => "SETTINGS",
            Self::EmptyData => "empty DATA",
            Self::WindowUpdate => "WINDOW_UPDATE",
            Self::Other => "PRIORITY or unknown",
            Self::Continuation => "CONTINUATION",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: u8 = 0;
    const HEADERS: u8 = 1;
    const PRIORITY: u8 = 2;
    const RST_STREAM: u8 = 3;
    const SETTINGS: u8 = 4;
    const PING: u8 = 6;
    const WINDOW_UPDATE: u8 = 8;
    const CONTINUATION: u8 = 9;

    fn frame(kind: u8, flags: u8, length: usize) -> Vec<u8> {
        let mut bytes = (u32::try_from(length).unwrap().to_be_bytes()[1..]).to_vec();
        bytes.extend([kind, flags, 0, 0, 0, 1]);
        bytes.resize(HEADER + length, 0xff);
        bytes
    }

    /// Past the preface and the client's first SETTINGS, at `now`.
    fn begun(now: Tick) -> Frames {
        let mut frames = Frames::new();
        frames
            .read(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", now)
            .unwrap();
        frames
    }

    #[test]
    fn a2_each_kind_of_flood_is_ended_at_its_bound() {
        for (name, bytes, bound) in [
            (
                "rapid reset",
                [frame(HEADERS, 5, 30), frame(RST_STREAM, 0, 4)].concat(),
                LIMIT,
            ),
            ("pings", frame(PING, 0, 8), LIMIT),
            ("acknowledged pings", frame(PING, 1, 8), LIMIT),
            ("settings", frame(SETTINGS, 0, 6), LIMIT),
            ("empty settings", frame(SETTINGS, 0, 0), LIMIT),
            ("empty data", frame(DATA, 0, 0), LIMIT),
            ("priority", frame(PRIORITY, 0, 5), LIMIT),
            ("unknown frames", frame(0xfa, 0, 1), LIMIT),
            ("window updates", frame(WINDOW_UPDATE, 0, 4), UPDATE_LIMIT),
        ] {
            let mut frames = begun(1);
            for at in 0..bound {
                assert_eq!(
                    frames.read(&bytes, 1 + at * 29 / bound),
                    Ok(()),
                    "{name}: the bound itself is allowed"
                );
            }
            assert!(frames.read(&bytes, 30).is_err(), "{name}");
        }
    }

    /// The numbers of the requirement, not ours.
    #[test]
    fn a2_a_kind_has_a_thousand_in_thirty_seconds() {
        let reset = [frame(HEADERS, 5, 30), frame(RST_STREAM, 0, 4)].concat();
        let mut frames = begun(1);
        let passed = (0..20_000)
            .take_while(|_| frames.read(&reset, 30).is_ok())
            .count();
        assert_eq!(passed, 1_000);
    }

    #[test]
    fn a2_no_thirty_seconds_hold_more_than_the_bound() {
        let ping = frame(PING, 0, 8);
        // Whenever the burst begins, its last frame within 30 seconds is one too many.
        for start in 1..=2 * WINDOW {
            let mut frames = begun(1);
            for _ in 0..LIMIT {
                frames.read(&ping, start).unwrap();
            }
            assert!(frames.read(&ping, start + WINDOW - 1).is_err(), "{start}");
        }
    }

    #[test]
    fn a2_what_is_long_past_is_forgotten() {
        let ping = frame(PING, 0, 8);
        let mut frames = begun(1);
        for second in 0..1_000 {
            for _ in 0..20 {
                frames.read(&ping, 1 + second).unwrap();
            }
        }
        for _ in 0..LIMIT {
            frames.read(&ping, 2_000).unwrap();
        }
    }

    #[test]
    fn a2_a_section_has_few_continuations() {
        let mut frames = begun(1);
        for _ in 0..10_000 {
            frames.read(&frame(HEADERS, 0, 100), 1).unwrap();
            frames.read(&frame(CONTINUATION, 4, 100), 1).unwrap();
        }
        frames.read(&frame(HEADERS, 0, 100), 1).unwrap();
        for _ in 0..CONTINUATIONS {
            frames.read(&frame(CONTINUATION, 0, 1), 1).unwrap();
        }
        assert_eq!(
            frames.read(&frame(CONTINUATION, 0, 1), 1),
            Err(Flood(Kind::Continuation))
        );
    }

    #[test]
    fn a2_ten_thousand_honest_requests_pass_at_once() {
        let mut frames = begun(1);
        // A request with a body, its priority, the answer's acknowledgement, and the empty frame that ends a body.
        let request = [
            frame(HEADERS, 4, 300),
            frame(PRIORITY, 0, 5),
            frame(DATA, 0, 16_384),
            frame(DATA, 1, 0),
            frame(WINDOW_UPDATE, 0, 4),
            frame(WINDOW_UPDATE, 0, 4),
        ]
        .concat();
        for _ in 0..10_000 {
            frames.wrote(4096);
            frames.read(&request, 1).unwrap();
        }
    }

    #[test]
    fn a2_credit_for_a_long_download_has_an_end() {
        let mut frames = begun(1);
        for _ in 0..1_000_000 {
            frames.wrote(16_384);
        }
        let update = frame(WINDOW_UPDATE, 0, 4);
        let allowed = (0..1_000_000)
            .take_while(|_| frames.read(&update, 1).is_ok())
            .count();
        assert_eq!(
            allowed as u64,
            CREDIT / BYTES_PER_UPDATE + u64::from(UPDATE_LIMIT)
        );
    }

    #[test]
    fn frames_are_found_wherever_the_reads_are_cut() {
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        for _ in 0..=LIMIT {
            bytes.extend(frame(DATA, 0, 7));
            bytes.extend(frame(PING, 0, 8));
        }
        for cut in [1, 2, 7, 9, 10, 24, 1000, bytes.len()] {
            let mut frames = Frames::new();
            let before_last = &bytes[..bytes.len() - 9];
            assert!(
                before_last
                    .chunks(cut)
                    .all(|piece| frames.read(piece, 1).is_ok()),
                "{cut}"
            );
            assert_eq!(
                frames.read(&bytes[bytes.len() - 9..], 1),
                Err(Flood(Kind::Ping)),
                "{cut}"
            );
        }
    }

    #[test]
    fn a1_a_section_is_open_from_its_first_byte_to_its_last() {
        let mut frames = Frames::new();
        assert_eq!(frames.section_since(), None);
        frames.read(b"PRI * HT", 3).unwrap();
        assert_eq!(frames.section_since(), Some(3));
        frames.read(b"TP/2.0\r\n\r\nSM\r\n\r\n", 4).unwrap();
        assert_eq!(frames.section_since(), None);

        let headers = frame(HEADERS, 0, 10);
        frames.read(&headers, 5).unwrap();
        assert_eq!(
            frames.section_since(),
            Some(5),
            "it goes on in a CONTINUATION"
        );
        let last = frame(CONTINUATION, 4, 10);
        frames.read(&last[..12], 6).unwrap();
        assert_eq!(
            frames.section_since(),
            Some(5),
            "the last frame is not whole"
        );
        frames.read(&last[12..], 7).unwrap();
        assert_eq!(frames.section_since(), None);

        frames.read(&frame(HEADERS, 4, 0), 8).unwrap();
        assert_eq!(frames.section_since(), None);
    }
}
