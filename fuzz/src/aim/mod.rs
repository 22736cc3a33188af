//! The promises, one file for each parser of a stranger's bytes.

pub mod configuration;
pub mod cookie;
pub mod form;
pub mod framing;
pub mod http2;
pub mod message;
pub mod phone;
pub mod proxy_header;
pub mod readings;

/// One promise.
#[derive(Clone, Copy)]
pub struct Aim {
    /// Its name, and that of its corpus.
    pub name: &'static str,
    /// Says in a few words what the bytes came to; panics where the promise is broken.
    pub run: fn(&[u8]) -> &'static str,
    /// What is worth putting in anywhere.
    pub words: &'static [&'static str],
    /// The byte that parts one thing from the next: lines, segments, pairs.
    pub apart: u8,
    /// What so many of a thousand cases must come to at the least: cases that all die at the door prove nothing.
    pub depth: &'static [(&'static str, u64)],
}

/// All of them.
pub const AIMS: &[Aim] = &[
    Aim {
        name: "readings",
        run: readings::readings,
        words: readings::WORDS,
        apart: b'/',
        depth: readings::DEPTH,
    },
    Aim {
        name: "framing",
        run: framing::framing,
        words: framing::WORDS,
        apart: b'\n',
        depth: framing::DEPTH,
    },
    Aim {
        name: "http2",
        run: http2::http2,
        words: http2::WORDS,
        apart: b'\n',
        depth: http2::DEPTH,
    },
    Aim {
        name: "cookie",
        run: cookie::cookie,
        words: cookie::WORDS,
        apart: b';',
        depth: cookie::DEPTH,
    },
    Aim {
        name: "form",
        run: form::form,
        words: form::WORDS,
        apart: b'&',
        depth: form::DEPTH,
    },
    Aim {
        name: "proxy_header",
        run: proxy_header::proxy_header,
        words: proxy_header::WORDS,
        apart: b' ',
        depth: proxy_header::DEPTH,
    },
    Aim {
        name: "message",
        run: message::message,
        words: message::WORDS,
        apart: b' ',
        depth: message::DEPTH,
    },
    Aim {
        name: "phone",
        run: phone::phone,
        words: phone::WORDS,
        apart: b' ',
        depth: phone::DEPTH,
    },
    Aim {
        name: "configuration",
        run: configuration::configuration,
        words: configuration::WORDS,
        apart: b'\n',
        depth: configuration::DEPTH,
    },
];
