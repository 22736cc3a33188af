//! Where a carrier is reached: an address by http or https.

use std::net::IpAddr;

use http::Uri;

/// The text is no address to post to.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the address must be http:// or https://, a host, and no user name or password")]
pub struct BadUrl;

/// Whether `url` leads to this machine itself: a trial, where fictional numbers are sent to.
pub(super) fn is_loopback(url: &str) -> bool {
    let Ok(url) = parse(url) else {
        return false;
    };
    let host = url.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Whether `url` needs certificates to be believed.
pub(super) fn is_https(url: &str) -> bool {
    parse(url).is_ok_and(|url| url.scheme_str() == Some("https"))
}

/// The address, taken apart.
///
/// # Errors
/// [`BadUrl`].
pub(super) fn parse(url: &str) -> Result<Uri, BadUrl> {
    let url: Uri = url.parse().map_err(|_| BadUrl)?;
    let known = matches!(url.scheme_str(), Some("http" | "https"));
    let plain = url
        .authority()
        .is_some_and(|authority| !authority.as_str().contains('@'));
    if known && plain && url.host().is_some_and(|host| !host.is_empty()) {
        Ok(url)
    } else {
        Err(BadUrl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_this_machine_and_nothing_that_looks_like_it() {
        for (url, is) in [
            ("http://localhost:8080/", true),
            ("https://LOCALHOST/", true),
            ("http://127.0.0.1/", true),
            ("http://127.8.9.1:1/", true),
            ("http://[::1]:1/", true),
            ("http://127.example.com/", false),
            ("http://localhost.example.com/", false),
            ("http://10.0.0.1/", false),
            ("not an address", false),
        ] {
            assert_eq!(is_loopback(url), is, "{url}");
        }
    }
}
