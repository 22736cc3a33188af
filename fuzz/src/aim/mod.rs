//! The promises, one file for each parser of a stranger's bytes.

pub mod configuration;
pub mod cookie;
pub mod form;
pub mod framing;
pub mod message;
pub mod phone;
pub mod proxy_header;
pub mod readings;

/// One promise.
#[derive(Clone, Copy)]
pub struct Aim {
    /// Its name, and that of its corpus.
    pub name: &'static str,
    /// Panics where the promise is broken.
    pub run: fn(&[u8]),
    /// What is worth putting in anywhere.
    pub words: &'static [&'static str],
}

/// All of them.
pub const AIMS: &[Aim] = &[
    Aim {
        name: "readings",
        run: readings::readings,
        words: readings::WORDS,
    },
    Aim {
        name: "framing",
        run: framing::framing,
        words: framing::WORDS,
    },
    Aim {
        name: "cookie",
        run: cookie::cookie,
        words: cookie::WORDS,
    },
    Aim {
        name: "form",
        run: form::form,
        words: form::WORDS,
    },
    Aim {
        name: "proxy_header",
        run: proxy_header::proxy_header,
        words: proxy_header::WORDS,
    },
    Aim {
        name: "message",
        run: message::message,
        words: message::WORDS,
    },
    Aim {
        name: "phone",
        run: phone::phone,
        words: phone::WORDS,
    },
    Aim {
        name: "configuration",
        run: configuration::configuration,
        words: configuration::WORDS,
    },
];
