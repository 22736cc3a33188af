//! A reader of RFC 9112 that believes nothing: what it takes without a fault, every reader takes in the same way.
//!
//! Two kinds of faults. What is *ambiguous* two servers could read differently, or would take for something else than what
//! was judged; reading ends there. The others are plain to every server, and Countersign promises all the same that they
//! never reach an application (R6, R8, R10).

/// What a connection carried.
#[derive(Debug, Default)]
pub struct Reading {
    /// The requests in their order; only the last can be unfinished.
    pub messages: Vec<Message>,
    /// What is wrong with them.
    pub faults: Vec<Fault>,
}

/// A request.
#[derive(Debug, Default)]
pub struct Message {
    pub method: String,
    pub target: String,
    /// Names in lower case, values without the blanks around them.
    pub fields: Vec<(String, String)>,
    /// Out of its framing.
    pub body: Vec<u8>,
    /// Whether its end has come.
    pub complete: bool,
    old: bool,
}

/// A fault and where it is.
#[derive(Debug)]
pub struct Fault {
    pub rule: Rule,
    /// The line, or what there is of it.
    pub line: String,
}

/// What a strict reader does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    // Ambiguous.
    BareLineFeed,
    BareCarriageReturn,
    RequestLine,
    Method,
    Target,
    OtherAuthority,
    Version,
    Folded,
    FieldLine,
    FieldName,
    FieldValue,
    Host,
    TwoFramings,
    Length,
    Coding,
    LookAlike,
    Upgrade,
    ChunkSize,
    ChunkExtension,
    ChunkEnd,
    TrailerFrames,
    Endless,
    // Plain, and yet never sent by Countersign.
    AbsoluteForm,
    OldVersion,
    Trace,
    PaddedLength,
    HopByHop,
    Identity,
    Extension,
    Trailer,
    Large,
}

/// The most that a head may have: what a visitor may send (A1), and room for what the gateway adds.
const MOST: usize = 36 * 1024;

impl Rule {
    /// Whether two servers could read it differently.
    pub fn ambiguous(self) -> bool {
        !matches!(
            self,
            Self::AbsoluteForm
                | Self::OldVersion
                | Self::Trace
                | Self::PaddedLength
                | Self::HopByHop
                | Self::Identity
                | Self::Extension
                | Self::Trailer
                | Self::Large
        )
    }
}

impl Reading {
    /// Whether something in it could be read in two ways.
    pub fn ambiguous(&self) -> bool {
        self.faults.iter().any(|fault| fault.rule.ambiguous())
    }
}

impl Message {
    /// The values of a field.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let named = self.fields.iter().filter(|(own, _)| own == name);
        named.map(|(_, value)| value.as_str()).collect()
    }
}

/// Reads all that came on a connection.
pub fn read(bytes: &[u8]) -> Reading {
    let mut reader = Reader {
        rest: bytes,
        reading: Reading::default(),
    };
    while !reader.rest.is_empty() && reader.message().is_some() {}
    reader.reading
}

struct Reader<'b> {
    rest: &'b [u8],
    reading: Reading,
}

/// How a message's body ends.
enum Framing {
    Length(usize),
    Chunked,
}

impl<'b> Reader<'b> {
    /// One message; `None` if nothing can be read behind it.
    fn message(&mut self) -> Option<()> {
        let before = self.rest.len();
        let first = self.line(Rule::BareLineFeed)?;
        let (method, target) = self.request_line(first)?;
        let mut message = Message {
            method,
            target,
            old: first.ends_with(b"0"),
            ..Message::default()
        };
        let faults = self.reading.faults.len();
        loop {
            if before - self.rest.len() > MOST && self.reading.faults.len() == faults {
                self.note(Rule::Large, b"");
            }
            let line = self.line(Rule::BareLineFeed)?;
            if line.is_empty() {
                break;
            }
            let field = self.field(line)?;
            message.fields.push(field);
        }
        let framing = self.judge(&message)?;
        self.reading.messages.push(message);
        let body = match framing {
            Framing::Length(length) => {
                let (body, rest) = self.rest.split_at_checked(length)?;
                self.rest = rest;
                body.to_vec()
            }
            Framing::Chunked => self.chunks()?,
        };
        let message = self.reading.messages.last_mut()?;
        message.body = body;
        message.complete = true;
        Some(())
    }

    fn request_line(&mut self, line: &[u8]) -> Option<(String, String)> {
        let words: Vec<&[u8]> = line.split(|&b| b == b' ').collect();
        let [method, target, version] = *words else {
            return self.fault(Rule::RequestLine, line);
        };
        // Behind a CONNECT is no HTTP (R3).
        if !is_token(method) || method == b"CONNECT" {
            return self.fault(Rule::Method, line);
        }
        if method == b"TRACE" {
            self.note(Rule::Trace, line);
        }
        if target.is_empty() || !target.iter().all(|b| matches!(b, b'!'..=b'~')) {
            return self.fault(Rule::Target, line);
        }
        let target = text(target);
        let scheme = target.split("://").next().unwrap_or_default();
        let absolute = target.len() > scheme.len()
            && (scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"));
        let origin = target.starts_with('/') || target == "*" && method == b"OPTIONS";
        if !origin && !absolute || target.contains('#') {
            return self.fault(Rule::Target, line);
        }
        if absolute {
            self.note(Rule::AbsoluteForm, line);
        }
        match version {
            b"HTTP/1.1" => {}
            b"HTTP/1.0" => self.note(Rule::OldVersion, line),
            _ => return self.fault(Rule::Version, line),
        }
        Some((text(method), target))
    }

    fn field(&mut self, line: &[u8]) -> Option<(String, String)> {
        if matches!(line[0], b' ' | b'\t') {
            return self.fault(Rule::Folded, line);
        }
        let Some(colon) = line.iter().position(|&b| b == b':') else {
            return self.fault(Rule::FieldLine, line);
        };
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        if !is_token(name) {
            return self.fault(Rule::FieldName, line);
        }
        if value.iter().any(|&b| b < b' ' && b != b'\t' || b == 0x7f) {
            return self.fault(Rule::FieldValue, line);
        }
        // Latin-1, so that no byte is lost.
        let value: String = value.iter().map(|&b| char::from(b)).collect();
        let value = value.trim_matches([' ', '\t']).to_owned();
        Some((text(&name.to_ascii_lowercase()), value))
    }

    /// What the fields say together.
    fn judge(&mut self, message: &Message) -> Option<Framing> {
        let hosts = message.all("host");
        let host = match *hosts {
            [host] if is_authority(host) => host,
            // HTTP/1.0 did without.
            [] if message.old => "",
            _ => return self.fault(Rule::Host, hosts.join(" | ").as_bytes()),
        };
        if let Some((_, rest)) = message.target.split_once("://") {
            let named = rest.split(['/', '?']).next().unwrap_or_default();
            if !message.target.starts_with('/') && !named.eq_ignore_ascii_case(host) {
                return self.fault(Rule::OtherAuthority, message.target.as_bytes());
            }
        }
        for (name, value) in &message.fields {
            if is_look_alike(name) {
                return self.fault(Rule::LookAlike, name.as_bytes());
            }
            if name == "upgrade" && !value.eq_ignore_ascii_case("websocket") {
                return self.fault(Rule::Upgrade, value.as_bytes());
            }
            if is_hop_by_hop(name) && !opens_websocket(message) {
                self.note(Rule::HopByHop, name.as_bytes());
            }
            let said = message.all(name).len();
            if is_identity(name) && (said > 1 || !OURS.contains(&name.as_str())) {
                self.note(Rule::Identity, name.as_bytes());
            }
        }
        let (codings, lengths) = (
            message.all("transfer-encoding"),
            message.all("content-length"),
        );
        match (&*codings, &*lengths) {
            ([], []) => Some(Framing::Length(0)),
            ([coding], []) if coding.eq_ignore_ascii_case("chunked") => Some(Framing::Chunked),
            ([_, ..], []) => self.fault(Rule::Coding, codings.join(" | ").as_bytes()),
            // At most 15 digits: less than any reader's number.
            ([], [length])
                if length.bytes().all(|b| b.is_ascii_digit()) && matches!(length.len(), 1..=15) =>
            {
                if length.len() > 1 && length.starts_with('0') {
                    self.note(Rule::PaddedLength, length.as_bytes());
                }
                Some(Framing::Length(length.parse().ok()?))
            }
            ([], [length]) => self.fault(Rule::Length, length.as_bytes()),
            _ => self.fault(Rule::TwoFramings, lengths.join(" | ").as_bytes()),
        }
    }

    fn chunks(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line(Rule::ChunkSize)?;
            let digits = line.iter().take_while(|b| b.is_ascii_hexdigit()).count();
            let (size, extension) = line.split_at(digits);
            if !matches!(size.len(), 1..=8) {
                return self.fault(Rule::ChunkSize, line);
            }
            if !extension.is_empty() {
                let plain = |b: &u8| matches!(b, b'!'..=b'~') && !matches!(b, b'"' | b'\\');
                if extension[0] != b';' || extension.len() < 2 || !extension.iter().all(plain) {
                    return self.fault(Rule::ChunkExtension, line);
                }
                self.note(Rule::Extension, line);
            }
            let size = usize::from_str_radix(&text(size), 16).ok()?;
            if size == 0 {
                break;
            }
            let (chunk, rest) = self.rest.split_at_checked(size)?;
            body.extend_from_slice(chunk);
            self.rest = rest;
            if self.rest.len() >= 2 && !self.rest.starts_with(b"\r\n") {
                return self.fault(Rule::ChunkEnd, &self.rest[..2]);
            }
            self.rest = self.rest.strip_prefix(b"\r\n")?;
        }
        loop {
            let line = self.line(Rule::BareLineFeed)?;
            if line.is_empty() {
                return Some(body);
            }
            let (name, _) = self.field(line)?;
            if is_look_alike(&name) || is_framing(&name) {
                return self.fault(Rule::TrailerFrames, line);
            }
            self.note(Rule::Trailer, line);
        }
    }

    /// The next line; `None` if its end has not come, or if it ends in another way than by CRLF.
    fn line(&mut self, bare: Rule) -> Option<&'b [u8]> {
        let Some(end) = self.rest.iter().position(|&b| b == b'\n') else {
            // A lone CR shows before the line's end comes.
            if let Some(cr) = self.rest.iter().position(|&b| b == b'\r')
                && cr + 1 < self.rest.len()
            {
                return self.fault(Rule::BareCarriageReturn, self.rest);
            }
            if self.rest.len() > 2 * MOST {
                return self.fault(Rule::Endless, &self.rest[..40]);
            }
            return None;
        };
        let line = &self.rest[..end];
        self.rest = &self.rest[end + 1..];
        let Some(line) = line.strip_suffix(b"\r") else {
            return self.fault(bare, line);
        };
        if line.contains(&b'\r') {
            return self.fault(Rule::BareCarriageReturn, line);
        }
        Some(line)
    }

    /// Notes what is plain, and goes on.
    fn note(&mut self, rule: Rule, line: &[u8]) {
        let line = line[..line.len().min(200)].escape_ascii().to_string();
        self.reading.faults.push(Fault { rule, line });
    }

    /// Notes what is ambiguous, and ends.
    fn fault<T>(&mut self, rule: Rule, line: &[u8]) -> Option<T> {
        self.note(rule, line);
        None
    }
}

/// What a gateway itself says of a visitor, once each.
const OURS: [&str; 6] = [
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-real-ip",
    "x-countersign-user",
    "x-countersign-scope",
];

const FRAMING: [&str; 3] = ["content-length", "transfer-encoding", "host"];

fn is_framing(name: &str) -> bool {
    FRAMING.contains(&name)
}

/// lighttpd's variables have `_` for every byte that is neither a letter nor a digit, and so had Apache's until 2.4; others
/// have it for `-` alone, and some drop what stands before or behind.
fn is_look_alike(name: &str) -> bool {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    !is_framing(name) && is_framing(plain.trim_matches('-'))
}

fn is_hop_by_hop(name: &str) -> bool {
    let listed = [
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "upgrade",
        "http2-settings",
        "expect",
        "proxy",
    ];
    listed.contains(&name) || name.starts_with("proxy-")
}

fn is_identity(name: &str) -> bool {
    let plain = name.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let whole = [
        "remote-user",
        "x-remote-user",
        "x-webauth-user",
        "x-real-ip",
        "forwarded",
    ];
    let begun = [
        "x-forwarded-",
        "x-countersign-",
        "x-auth-request-",
        "ssl-client-",
        "x-ssl-",
    ];
    whole.contains(&&*plain) || begun.iter().any(|start| plain.starts_with(start))
}

fn opens_websocket(message: &Message) -> bool {
    message.method == "GET"
        && message.all("upgrade") == ["websocket"]
        && message.all("connection") == ["Upgrade"]
        && message.all("sec-websocket-version") == ["13"]
        && message.all("sec-websocket-key").len() == 1
        && message.all("http2-settings").is_empty()
}

/// A name or an address, and a port.
fn is_authority(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !name.ends_with(']') || !port.contains(']') => (name, port),
        _ => (host, "0"),
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let inner = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    let named = match inner {
        Some(inner) => inner
            .chars()
            .all(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '.')),
        None => name.chars().all(fits),
    };
    !name.is_empty() && named && port.bytes().all(|b| b.is_ascii_digit()) && !port.is_empty()
}

/// RFC 9110 section 5.6.2.
fn is_token(text: &[u8]) -> bool {
    let mark = |b: &u8| b"!#$%&'*+-.^_`|~".contains(b);
    !text.is_empty() && text.iter().all(|b| b.is_ascii_alphanumeric() || mark(b))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests;
