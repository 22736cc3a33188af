//! An upload that is counted and thrown away, in constant memory whatever its size.

use bytes::{Buf, BytesMut};
use http::Request;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt;
use hyper::body::Incoming;

/// What was uploaded.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct File {
    /// As the browser called it.
    pub(super) name: String,
    /// Its size.
    pub(super) bytes: u64,
}

/// Why an upload was not taken.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum Refused {
    #[error("an upload is a form of the type multipart/form-data")]
    NotMultipart,
    #[error("the form holds no file")]
    NoFile,
    #[error("the head of a part is too long")]
    LongHead,
    #[error("the upload broke off")]
    BrokenOff,
}

/// Reads the form to its end and counts its first file.
pub(super) async fn count(request: Request<Incoming>) -> Result<File, Refused> {
    let kind = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let mut parts = Parts::new(kind.and_then(boundary).ok_or(Refused::NotMultipart)?);
    let mut body = request.into_body();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|_| Refused::BrokenOff)?.into_data() {
            parts.take(&data)?;
        }
    }
    parts.end()
}

/// The boundary that a content type names (RFC 2046 section 5.1.1).
fn boundary(kind: &str) -> Option<&str> {
    let parameters = kind.strip_prefix("multipart/form-data")?;
    let named = parameters
        .split(';')
        .find_map(|parameter| parameter.trim().strip_prefix("boundary="))?;
    let bare = named.trim_matches('"');
    (1..=70).contains(&bare.len()).then_some(bare)
}

/// A multipart form as it arrives. Keeps no more of it than a boundary or the head of a part.
struct Parts {
    /// Line end, two dashes and the boundary.
    delimiter: Vec<u8>,
    /// What has arrived and is not yet understood.
    waiting: BytesMut,
    place: Place,
    file: Option<File>,
}

enum Place {
    /// In a part that is not wanted, or before the first.
    Skipped,
    /// In the head of a part.
    Head,
    /// In the file.
    Content,
    /// After the last part.
    End,
}

impl Parts {
    fn new(boundary: &str) -> Self {
        // The first delimiter stands without a line end before it; this one makes it like the others.
        let waiting = BytesMut::from(&b"\r\n"[..]);
        Self {
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            waiting,
            place: Place::Skipped,
            file: None,
        }
    }

    fn take(&mut self, data: &[u8]) -> Result<(), Refused> {
        // The data comes in frames of a few KiB, so that this copy is small and short-lived.
        self.waiting.extend_from_slice(data);
        loop {
            match self.place {
                Place::Skipped | Place::Content => {
                    let Some(at) = find(&self.waiting, &self.delimiter) else {
                        // The last bytes may be the beginning of a delimiter.
                        self.pass(self.waiting.len().saturating_sub(self.delimiter.len() - 1));
                        return Ok(());
                    };
                    self.pass(at);
                    self.waiting.advance(self.delimiter.len());
                    self.place = Place::Head;
                }
                Place::Head if self.waiting.starts_with(b"--") => self.place = Place::End,
                Place::Head => match find(&self.waiting, b"\r\n\r\n") {
                    Some(at) if at <= HEAD_BYTES => {
                        let head = self.waiting.split_to(at + 4);
                        self.begin(&String::from_utf8_lossy(&head));
                    }
                    None if self.waiting.len() <= HEAD_BYTES => return Ok(()),
                    _ => return Err(Refused::LongHead),
                },
                Place::End => {
                    self.waiting.clear();
                    return Ok(());
                }
            }
        }
    }

    fn end(self) -> Result<File, Refused> {
        match self.place {
            Place::End => self.file.ok_or(Refused::NoFile),
            _ => Err(Refused::BrokenOff),
        }
    }

    /// Leaves `length` bytes behind, counted if they are the file's.
    fn pass(&mut self, length: usize) {
        if let (Place::Content, Some(file)) = (&self.place, &mut self.file) {
            file.bytes += length as u64;
        }
        self.waiting.advance(length);
    }

    /// Begins a part: the file, if its head names one and it is the first.
    fn begin(&mut self, head: &str) {
        // RFC 7578 section 4.2; a quote in the name comes as %22, so that the next one ends it.
        let name = head
            .split_once("filename=\"")
            .and_then(|(_, rest)| rest.split_once('"'));
        self.place = match name {
            Some((name, _)) if self.file.is_none() => {
                self.file = Some(File {
                    name: name.replace("%22", "\""),
                    bytes: 0,
                });
                Place::Content
            }
            _ => Place::Skipped,
        };
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut from = 0;
    while let Some(at) = text[from..].iter().position(|byte| *byte == first) {
        if text[from + at..].starts_with(wanted) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

/// A few lines of header fields.
const HEAD_BYTES: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &[u8] = b"ignored\r\n--b0\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nno file\r\n--b0\r\n\
        Content-Disposition: form-data; name=\"file\"; filename=\"a %22b%22.txt\"\r\nContent-Type: text/plain\r\n\r\n\
        one\r\n--b\r\n-two\r\r\n--b0\r\nContent-Disposition: form-data; name=\"more\"; filename=\"c\"\r\n\r\n\
        not counted\r\n--b0--\r\nignored";

    #[test]
    fn a_file_is_counted_alike_however_it_is_cut() {
        let whole = File {
            name: "a \"b\".txt".to_owned(),
            bytes: 15,
        };
        for size in 1..=FORM.len() {
            let mut parts = Parts::new("b0");
            for piece in FORM.chunks(size) {
                parts.take(piece).unwrap();
                assert!(parts.waiting.len() <= HEAD_BYTES);
            }
            assert_eq!(parts.end().as_ref(), Ok(&whole), "in pieces of {size}");
        }
    }

    #[test]
    fn a_form_that_breaks_off_is_no_upload() {
        let end = FORM.len() - "--\r\nignored".len();
        for cut in [0, 20, 60, 170, end] {
            let mut parts = Parts::new("b0");
            parts.take(&FORM[..cut]).unwrap();
            assert_eq!(parts.end(), Err(Refused::BrokenOff), "at {cut}");
        }
    }

    #[test]
    fn a_form_without_a_file_and_a_head_without_end_are_refused() {
        let mut parts = Parts::new("b");
        parts
            .take(b"--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\ny\r\n--b--")
            .unwrap();
        assert_eq!(parts.end(), Err(Refused::NoFile));

        let mut parts = Parts::new("b");
        let head = [b"--b\r\n".as_slice(), &[b'x'; HEAD_BYTES + 1]].concat();
        assert_eq!(parts.take(&head), Err(Refused::LongHead));
    }

    #[test]
    fn what_waits_stays_small_while_a_large_file_passes() {
        let mut parts = Parts::new("b");
        parts
            .take(b"--b\r\nContent-Disposition: form-data; filename=\"x\"\r\n\r\n")
            .unwrap();
        for _ in 0..1000 {
            parts.take(&[b'\r'; 8192]).unwrap();
            assert!(parts.waiting.len() < parts.delimiter.len());
            assert!(parts.waiting.capacity() < 64 * 1024);
        }
        parts.take(b"\r\n--b--").unwrap();
        assert_eq!(parts.end().map(|file| file.bytes), Ok(8_192_000));
    }

    #[test]
    fn a_boundary_is_read_as_browsers_write_it() {
        assert_eq!(
            boundary("multipart/form-data; boundary=----WebKitFormBoundaryx"),
            Some("----WebKitFormBoundaryx")
        );
        assert_eq!(
            boundary("multipart/form-data; charset=utf-8; boundary=\"a b\""),
            Some("a b")
        );
        for none in [
            "text/plain; boundary=x",
            "multipart/form-data",
            "multipart/form-data; boundary=",
        ] {
            assert_eq!(boundary(none), None, "{none}");
        }
    }
}
