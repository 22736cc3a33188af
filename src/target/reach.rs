//! Whether a target could be meant for a place of ours.

use super::Target;

impl Target {
    /// Whether any reading of the path is `place` or under it, in letters of either case.
    ///
    /// `place` is in lower case and begins with a slash. Wide on purpose: what reaches a place of ours in any reading
    /// is never forwarded.
    pub fn reaches(&self, place: &str) -> bool {
        let place = place.as_bytes();
        self.each().any(|reading| {
            reading
                .folded
                .get(..place.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(place))
        })
    }

    /// The bytes that go upstream, given away.
    pub fn into_raw(self) -> http::uri::PathAndQuery {
        self.whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_our_own_place_reaches_it() {
        for raw in [
            "/.countersign/ask",
            "/.countersign",
            "/.COUNTERSIGN/c/1",
            "/%2ecountersign/c/1",
            "/x/../.countersign/",
            "//.countersign/ask",
            "/.countersign;v=1/ask",
            "/%252ecountersign/",
            "/\u{5c}.countersign/",
            "/.countersignature",
        ] {
            let target = Target::parse(raw.parse().unwrap()).unwrap();
            assert!(target.reaches("/.countersign"), "{raw}");
            assert_eq!(target.into_raw().as_str(), raw);
        }
        for raw in [
            "/",
            "/countersign",
            "/a/.countersign",
            "/.well-known/x",
            "/?/.countersign",
        ] {
            assert!(
                !Target::parse(raw.parse().unwrap())
                    .unwrap()
                    .reaches("/.countersign"),
                "{raw}"
            );
        }
    }
}
