//! The headers under which a page of ours is shown (S8).

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

use crate::site::Origin;

/// Which blocks of a page a browser may obey, and who may frame it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Policy {
    /// Everything up to the value of `form-action`, which stands last so that it can be extended.
    text: String,
}

/// What a page is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// To be shown.
    Shown,
    /// To be seen in a frame of the same site: under `frame-ancestors 'none'` browsers would show their own error in
    /// its place.
    Framed,
    /// To be shown, while its script asks this site what became of a message.
    Asks,
}

impl Policy {
    /// Allows exactly these style blocks and this script.
    pub(super) fn new(styles: &[&str], script: &str, its_use: Use) -> Self {
        let styles: Vec<String> = styles.iter().map(|style| hash(style)).collect();
        let (connect, ancestors) = match its_use {
            Use::Shown => ("", "'none'"),
            Use::Framed => ("", "'self'"),
            Use::Asks => ("connect-src 'self'; ", "'none'"),
        };
        Self {
            text: format!(
                "default-src 'none'; style-src {}; script-src {}; img-src 'self' data:; {connect}base-uri 'none'; frame-ancestors {ancestors}; form-action 'self'",
                styles.join(" "),
                hash(script),
            ),
        }
    }

    /// All of them; `released_to` is where a held response may lead after the form.
    pub(super) fn headers(&self, released_to: Option<&Origin>) -> HeaderMap {
        let policy = match released_to {
            Some(origin) => format!("{} {}", self.text, source(origin)),
            None => self.text.clone(),
        };
        let policy =
            HeaderValue::try_from(policy).expect("hashes, keywords and origins are visible ASCII");
        let fixed = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
            // Not `no-referrer`: browsers then send `Origin: null` with a form, and the origin check fails.
            (header::REFERRER_POLICY, "same-origin"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (HeaderName::from_static("x-robots-tag"), "noindex"),
            (header::VARY, "Accept-Language, Accept-Encoding"),
        ];
        let mut headers: HeaderMap = fixed
            .into_iter()
            .map(|(name, value)| (name, HeaderValue::from_static(value)))
            .collect();
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        headers
    }
}

/// The origin as a source. The grammar has no IPv6 addresses and no underscores (CSP Level 3 section 2.3.1): browsers
/// would pass over such a source and drop the navigation in silence, so that there the scheme has to do.
fn source(origin: &Origin) -> &str {
    let host_char = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    match (origin.host().bytes().all(host_char), origin.https()) {
        (true, _) => origin.text(),
        (false, true) => "https:",
        (false, false) => "http:",
    }
}

/// A CSP hash source (CSP Level 3 section 2.3.1).
fn hash(block: &str) -> String {
    format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(block)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s8_the_headers_are_exactly_these() {
        let headers = Policy::new(&["a", "b"], "c", Use::Shown).headers(None);
        let mut lines: Vec<String> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.sort();
        assert_eq!(
            lines,
            [
                "cache-control: no-store",
                "content-security-policy: default-src 'none'; \
                 style-src 'sha256-ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs=' 'sha256-PiPoFgA5WUoziU9lZOGxNIu9egCI1CxKy3PurtWcAJ0='; \
                 script-src 'sha256-Ln0sA6lQeuJl7PW1NWiFpTOTogKdJBOUmXJloaJa78Y='; img-src 'self' data:; base-uri 'none'; \
                 frame-ancestors 'none'; form-action 'self'",
                "content-type: text/html; charset=utf-8",
                "referrer-policy: same-origin",
                "vary: Accept-Language, Accept-Encoding",
                "x-content-type-options: nosniff",
                "x-robots-tag: noindex",
            ]
        );
    }

    #[test]
    fn s8_a_form_may_lead_to_exactly_one_more_origin() {
        let without = Policy::new(&["a"], "b", Use::Shown);
        let kept = without.headers(None);
        for (origin, source) in [
            (
                "https://elsewhere.example:8443",
                "https://elsewhere.example:8443",
            ),
            (
                "https://Elsewhere.example:443/",
                "https://elsewhere.example",
            ),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            (
                "http://xn--bcher-kva.example",
                "http://xn--bcher-kva.example",
            ),
            ("http://[2001:db8::5]:8080", "http:"),
            ("https://[::1]", "https:"),
            ("https://my_app.example", "https:"),
        ] {
            let origin = Origin::parse(origin).unwrap();
            let mut headers = without.headers(Some(&origin));
            let policy = headers[header::CONTENT_SECURITY_POLICY].clone();
            let wanted = format!("{} {source}", without.text);
            assert_eq!(policy.to_str().unwrap(), wanted);
            headers.insert(
                header::CONTENT_SECURITY_POLICY,
                kept[header::CONTENT_SECURITY_POLICY].clone(),
            );
            assert_eq!(headers, kept, "nothing else changes");
        }
    }

    #[test]
    fn only_the_page_for_frames_may_be_framed_and_only_by_its_own_site() {
        for its_use in [Use::Shown, Use::Framed, Use::Asks] {
            let framed = policy(its_use).contains("frame-ancestors 'self';");
            assert_eq!(framed, its_use == Use::Framed);
            assert_eq!(framed, !policy(its_use).contains("frame-ancestors 'none';"));
        }
    }

    #[test]
    fn s8_only_a_page_that_asks_may_connect_and_only_to_its_own_site() {
        for its_use in [Use::Shown, Use::Framed] {
            assert!(!policy(its_use).contains("connect-src"));
        }
        assert!(policy(Use::Asks).contains("; connect-src 'self'; "));
    }

    fn policy(its_use: Use) -> String {
        Policy::new(&[""], "", its_use).text
    }
}
