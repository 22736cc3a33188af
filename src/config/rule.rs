//! The rules that a configuration can break, each with a number that stays its own for ever.

use std::fmt;

/// How much a broken rule matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The gateway does not start with it.
    Error,
    /// The gateway starts; somebody should look.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

macro_rules! rules {
    ($($name:ident = $number:literal $severity:ident $meaning:literal;)*) => {
        /// A rule of the configuration; printed as `C` and four digits.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $(#[doc = $meaning] $name = $number,)*
        }

        impl Rule {
            /// Every rule, by number.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// What breaking it means, as the reference lists it.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning),* }
            }

            /// Whether the gateway starts all the same.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity),* }
            }
        }
    };
}

// Numbers are never used again for something else: people search for them.
rules! {
    Unreadable = 1 Error "a file cannot be read";
    Syntax = 2 Error "a file is not TOML";
    Twice = 3 Error "a key is set twice";
    Include = 4 Error "an `include` cannot be followed";
    UnknownKey = 101 Error "a key that does not exist";
    WrongType = 102 Error "a value of the wrong type";
    Missing = 103 Error "a key or table that is needed is missing";
    NoSuchThing = 104 Error "a scope, directory, carrier, capture or class that does not exist";
    BadName = 105 Error "a name that cannot be one";
    NoScopes = 106 Error "a site that no scope guards";
    Repeated = 107 Error "the same thing listed twice";
    OneKind = 108 Error "a carrier or directory with no kind, or with two";
    UnknownChoice = 109 Error "a value that is none of the choices";
    BadText = 201 Error "a text that is empty, too long or holds control characters";
    BadDuration = 202 Error "a text that is no duration";
    OutOfRange = 203 Error "a number or duration outside its range";
    BadOrigin = 204 Error "an address that is no origin";
    BadUpstream = 205 Error "an address that is no upstream";
    BadListener = 206 Error "an address that cannot be listened on";
    BadNetwork = 207 Error "a text that is no network";
    BadPath = 208 Error "a path or file name that cannot be one";
    BadMethod = 209 Error "a method that is not known";
    BadCountry = 210 Error "a text that is no country code";
    BadColour = 211 Error "a text that is no colour";
    NoUnit = 212 Error "a duration without a unit";
    BadHeader = 213 Error "a header that cannot carry the user, or that is none";
    BadSubject = 214 Error "a text that can be nobody's name";
    BadUrl = 215 Error "a text that is no web address";
    BadUsers = 216 Error "a users file with a mistake";
    UsersShould = 217 Warning "a users file that can be used and should be mended";
    BadField = 218 Error "a text that names no form field";
    BadCookie = 219 Error "a text that names no cookie";
    BadCharset = 220 Error "an encoding that forms do not have";
    NoPath = 301 Error "a route without a path";
    NoClass = 302 Error "a route that does not say who may, or says it twice";
    Insecure = 303 Error "an http:// site off loopback";
    NoTls = 304 Error "an https:// site or listener without the other, or without a certificate";
    NoListener = 305 Error "an http:// site without an http listener";
    NoCarrier = 306 Error "a channel that a scope uses and nobody carries";
    NoLogin = 307 Error "a condition that no login meets";
    Skipped = 311 Warning "a code that can be skipped";
    NeverAsked = 312 Warning "a scope that nothing asks for";
    WideOpen = 313 Warning "a route that is open as it is";
    TrustsAll = 314 Warning "every peer is believed about the visitor's address";
    NotUsed = 315 Warning "something that is set up and not used";
    NotReached = 316 Warning "a login that people or the gateway do not get to";
    Unbound = 317 Warning "grants that are not bound to the application's session";
    InDoubt = 318 Warning "a login that may be in doubt";
    OpenProbe = 319 Warning "a probe that anybody gets";
    BadTemplate = 401 Error "a message that cannot be sent";
    Costly = 402 Warning "a text message that costs more than one segment";
    LateCode = 403 Warning "a code that comes late in its message";
    BadSender = 404 Error "a sender that cannot be used";
    BadPrice = 405 Error "a price that cannot be read";
    BadCarrier = 406 Error "a carrier that cannot work as it is set";
    LiteralSecret = 501 Error "a secret written in the file";
    NoSecret = 502 Error "a secret that cannot be read";
    EmptySecret = 503 Error "a secret that is empty";
    OpenSecret = 504 Error "a secret that others can read";
    ShortSecret = 505 Error "a key that is too short";
    NoCredentials = 506 Error "no credentials directory";
    ForTrials = 601 Warning "a carrier that is for trials";
    CleartextHook = 602 Warning "codes go over the network in clear text";
    NoSupport = 603 Warning "nobody to turn to";
    NoFile = 604 Error "a file that is named and cannot be read";
    NotYet = 901 Error "a feature that this version does not have yet";
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "C{:04}", *self as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_listed_by_number_and_each_number_is_one_rule() {
        assert!(Rule::ALL.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(Rule::UnknownKey.to_string(), "C0101");
    }
}
