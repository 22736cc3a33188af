//! What a single value can be: text as written to a type that cannot be wrong, or why not.

use std::path::PathBuf;
use std::time::Duration;

use http::Method;
use http::header::{self, HeaderName};

use super::diagnostic::Place;
use super::rule::Rule;
use super::tree::{Kind, Value};
use crate::carrier::price::Price;
use crate::message::{Channel, Template};
use crate::name::Name;
use crate::phone::sender::Sender;
use crate::request::claim::Claim;
use crate::route::{Logout, Pattern};
use crate::subject::Subject;
use crate::upstream::HostMode;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

/// Why a value is refused.
#[derive(Debug)]
pub(super) enum Wrong {
    /// It is not even of the type; the words say which type is wanted.
    Type(&'static str),
    /// It breaks a rule of its own.
    Refused {
        rule: Rule,
        title: String,
        label: String,
        help: Vec<String>,
    },
}

impl Wrong {
    /// `rule` is broken; `label` is what is said under the value.
    pub(super) fn new(rule: Rule, title: impl Into<String>, label: impl Into<String>) -> Self {
        Self::Refused {
            rule,
            title: title.into(),
            label: label.into(),
            help: Vec::new(),
        }
    }

    pub(super) fn help(mut self, text: impl Into<String>) -> Self {
        if let Self::Refused { help, .. } = &mut self {
            help.push(text.into());
        }
        self
    }
}

/// A type that a value can be read as.
pub(super) trait Leaf: Sized {
    fn read(value: &Value) -> Result<Self, Wrong>;
}

impl Value {
    pub(super) fn text(&self, wanted: &'static str) -> Result<&str, Wrong> {
        match &self.kind {
            Kind::Text(text) => Ok(text),
            _ => Err(Wrong::Type(wanted)),
        }
    }

    /// The value's type in words.
    pub(super) fn is_a(&self) -> &'static str {
        match self.kind {
            Kind::Text(_) => "a text",
            Kind::Number(_) => "a whole number",
            Kind::Boolean(_) => "true or false",
            Kind::Float => "a number with a fraction",
            Kind::Date => "a date",
            Kind::List(_) => "a list",
            Kind::Table(_) => "a table",
        }
    }
}

impl Leaf for bool {
    fn read(value: &Value) -> Result<Self, Wrong> {
        match value.kind {
            Kind::Boolean(is) => Ok(is),
            _ => Err(Wrong::Type("true or false")),
        }
    }
}

impl Leaf for i64 {
    fn read(value: &Value) -> Result<Self, Wrong> {
        match value.kind {
            Kind::Number(number) => number
                .ok_or_else(|| Wrong::new(Rule::OutOfRange, "a number too large for anything", "")),
            _ => Err(Wrong::Type("a whole number")),
        }
    }
}

/// Text that people read: something in it, in one line, no longer than a page or message can show.
#[derive(Clone, Debug)]
pub(super) struct Words(pub(super) String);

impl Leaf for Words {
    fn read(value: &Value) -> Result<Self, Wrong> {
        let text = value.text("a text")?.trim();
        if text.is_empty() || text.chars().count() > 200 || text.chars().any(char::is_control) {
            return Err(Wrong::new(
                Rule::BadText,
                "a text that cannot be shown",
                "1 to 200 characters in one line",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Text that is compared with what a browser sent, so taken as it is.
impl Leaf for String {
    fn read(value: &Value) -> Result<Self, Wrong> {
        value.text("a text").map(str::to_owned)
    }
}

impl Leaf for Sender {
    fn read(value: &Value) -> Result<Self, Wrong> {
        let text = value.text("a number such as \"+12025550101\"")?;
        Self::parse(text).map_err(|error| {
            Wrong::new(
                Rule::BadSender,
                format!("`{text}` cannot be sent from"),
                error.to_string(),
            )
        })
    }
}

impl Leaf for Price {
    fn read(value: &Value) -> Result<Self, Wrong> {
        let text = value.text("a price such as \"0.004 USD\"")?;
        text.parse::<Self>().map_err(|error| {
            Wrong::new(
                Rule::BadPrice,
                format!("`{text}` is no price"),
                error.to_string(),
            )
        })
    }
}

impl Leaf for Name {
    fn read(value: &Value) -> Result<Self, Wrong> {
        name(value.text("a name")?)
    }
}

/// A name, written as a value or as the name of a table.
pub(super) fn name(text: &str) -> Result<Name, Wrong> {
    Name::parse(text).map_err(|error| {
        let wrong = Wrong::new(Rule::BadName, format!("`{text}` cannot be a name"), error.to_string());
        let mended = text.to_lowercase().replace(['-', '.', ' '], "_");
        if Name::parse(&mended).is_err() {
            wrong
        } else if text.contains('-') {
            wrong.help(format!("write `{mended}`: names are joined by dashes in cookies, where `a-b` + `c` must not read as `a` + `b-c`"))
        } else {
            wrong.help(format!("write `{mended}`"))
        }
    })
}

impl Leaf for Duration {
    fn read(value: &Value) -> Result<Self, Wrong> {
        let no_unit = |number: &str| {
            let wrong = Wrong::new(
                Rule::NoUnit,
                "duration without a unit",
                format!("write \"{number}m\" for minutes or \"{number}s\" for seconds"),
            );
            Err(wrong)
        };
        match &value.kind {
            Kind::Number(Some(number)) => no_unit(&number.to_string()),
            Kind::Text(text)
                if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && text != "0" =>
            {
                no_unit(text)
            }
            Kind::Text(text) => humantime::parse_duration(text).map_err(|_| {
                Wrong::new(
                    Rule::BadDuration,
                    format!("`{text}` is no duration"),
                    "a number and a unit are wanted",
                )
                .help("write \"90s\", \"10m\", \"12h\" or \"1h30m\"")
            }),
            _ => Err(Wrong::Type("a duration such as \"10m\"")),
        }
    }
}

/// A file or folder; a relative one is beside the file that names it.
impl Leaf for PathBuf {
    fn read(value: &Value) -> Result<Self, Wrong> {
        beside(value.text("a path")?, &value.place)
    }
}

/// Resolves `text` against the folder of the file in which it is written.
pub(super) fn beside(text: &str, place: &Place) -> Result<PathBuf, Wrong> {
    if text.is_empty() || text.contains('\0') {
        return Err(Wrong::new(
            Rule::BadPath,
            "a path that cannot be one",
            "the path of a file is wanted",
        ));
    }
    let folder = place
        .source()
        .path()
        .parent()
        .unwrap_or(std::path::Path::new(""));
    Ok(folder.join(text))
}

impl Leaf for Pattern {
    fn read(value: &Value) -> Result<Self, Wrong> {
        let text = value.text("a path such as \"/admin/**\"")?;
        if !text.starts_with('/') {
            return Err(Wrong::new(
                Rule::BadPath,
                format!("`{text}` is no path"),
                "a path starts with `/`",
            )
            .help(format!("write \"/{text}\"")));
        }
        if text.starts_with("/.countersign") {
            return Err(Wrong::new(
                Rule::BadPath,
                format!("`{text}` is no path of the application"),
                "these paths are the gateway's own",
            ));
        }
        Self::parse(text).map_err(|error| {
            Wrong::new(
                Rule::BadPath,
                format!("`{text}` is no path pattern"),
                error.to_string(),
            )
        })
    }
}

impl Leaf for Logout {
    fn read(value: &Value) -> Result<Self, Wrong> {
        let text = value.text("a path such as \"/logout\"")?;
        if text.starts_with("/.countersign") {
            return Err(Wrong::new(
                Rule::BadPath,
                format!("`{text}` is no path of the application"),
                "signing out there ends the grants anyway",
            ));
        }
        Self::parse(text).map_err(|error| {
            Wrong::new(
                Rule::BadPath,
                format!("`{text}` is no logout"),
                error.to_string(),
            )
        })
    }
}

impl Leaf for Method {
    fn read(value: &Value) -> Result<Self, Wrong> {
        // What browsers and WebDAV clients send; CONNECT and TRACE never pass the gateway (R3).
        const KNOWN: [&str; 17] = [
            "GET",
            "HEAD",
            "POST",
            "PUT",
            "PATCH",
            "DELETE",
            "OPTIONS",
            "PROPFIND",
            "PROPPATCH",
            "MKCOL",
            "COPY",
            "MOVE",
            "LOCK",
            "UNLOCK",
            "REPORT",
            "SEARCH",
            "MERGE",
        ];
        let text = value.text("a method such as \"POST\"")?;
        KNOWN
            .iter()
            .find(|known| **known == text)
            .and_then(|known| Self::from_bytes(known.as_bytes()).ok())
            .ok_or_else(|| {
                let wrong = Wrong::new(
                    Rule::BadMethod,
                    format!("`{text}` is no method that passes"),
                    "not one of those that pass",
                );
                match super::reader::nearest(&text.to_ascii_uppercase(), KNOWN) {
                    Some(near) => wrong.help(format!("did you mean `{near}`?")),
                    None => wrong.help(format!("the methods are {}", KNOWN.join(", "))),
                }
            })
    }
}

impl Leaf for Subject {
    fn read(value: &Value) -> Result<Self, Wrong> {
        let text = value.text("a user name")?;
        Self::parse(text).map_err(|error| {
            Wrong::new(
                Rule::BadSubject,
                "this can be nobody's name",
                error.to_string(),
            )
        })
    }
}

impl Leaf for HeaderName {
    fn read(value: &Value) -> Result<Self, Wrong> {
        // The gateway writes these itself, or their meaning is the connection's (R8).
        let taken = [
            header::HOST,
            header::COOKIE,
            header::AUTHORIZATION,
            header::CONNECTION,
            header::TE,
            header::TRAILER,
            header::TRANSFER_ENCODING,
            header::UPGRADE,
            header::ORIGIN,
            header::REFERER,
            header::FORWARDED,
        ];
        let text = value.text("the name of a header")?;
        let bad = |label: &str| {
            Wrong::new(
                Rule::BadHeader,
                format!("`{text}` cannot carry the user"),
                label,
            )
            .help("write \"X-Remote-User\", or what the application reads")
        };
        let name: Self = text.parse().map_err(|_| bad("no name of a header"))?;
        let reserved = taken.contains(&name)
            || ["content-", "proxy-", "x-forwarded-", "sec-"]
                .iter()
                .any(|start| name.as_str().starts_with(start));
        if reserved {
            Err(bad("this header has another use"))
        } else {
            Ok(name)
        }
    }
}

impl Leaf for Claim {
    fn read(value: &Value) -> Result<Self, Wrong> {
        let text = value.text("the name of a header, or its beginning and a `*`")?;
        Self::parse(text).map_err(|error| {
            Wrong::new(
                Rule::BadHeader,
                format!("`{text}` names no header"),
                error.to_string(),
            )
            .help("write \"X-User\", or \"X-Auth-*\" for all that begin so")
        })
    }
}

impl Leaf for Template {
    fn read(value: &Value) -> Result<Self, Wrong> {
        let text = value.text("a text with {CODE}")?;
        Self::parse(text).map_err(|error| bad_template(&error))
    }
}

/// What is wrong with a message, in the words of the one parser of messages.
pub(super) fn bad_template(error: &dyn std::error::Error) -> Wrong {
    Wrong::new(
        Rule::BadTemplate,
        "a message that cannot be sent",
        error.to_string(),
    )
    .help("the places are {NAME}, {CODE}, {SCOPE}, {MINUTES} and {HOST}; {CODE} must be there")
}

/// `#1d5fbf`
#[derive(Clone, Debug)]
pub(super) struct Colour(pub(super) String);

impl Leaf for Colour {
    fn read(value: &Value) -> Result<Self, Wrong> {
        let text = value.text("a colour such as \"#1d5fbf\"")?;
        let digits = text.strip_prefix('#').unwrap_or_default();
        if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Wrong::new(
                Rule::BadColour,
                format!("`{text}` is no colour"),
                "`#` and six hexadecimal digits",
            )
            .help("write \"#1d5fbf\""));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

/// A choice that this version has, or one that is to come: a carrier by email, a page in French.
pub(super) fn choose<T: Copy>(
    value: &Value,
    wanted: &'static str,
    choices: &[(&str, T)],
    to_come: &[&str],
) -> Result<T, Wrong> {
    let text = value.text(wanted)?;
    if let Some((_, choice)) = choices.iter().find(|(known, _)| *known == text) {
        return Ok(*choice);
    }
    let list = choices
        .iter()
        .map(|(known, _)| format!("\"{known}\""))
        .collect::<Vec<_>>()
        .join(" or ");
    if to_come.contains(&text) {
        return Err(Wrong::new(
            Rule::NotYet,
            format!("`{text}` is not in this version yet"),
            "not known here",
        )
        .help(format!("write {list}")));
    }
    let wrong = Wrong::new(
        Rule::UnknownChoice,
        format!("`{text}` is none of the choices"),
        format!("{list} is wanted"),
    );
    Err(
        match super::reader::nearest(text, choices.iter().map(|(known, _)| *known)) {
            Some(near) => wrong.help(format!("did you mean `{near}`?")),
            None => wrong,
        },
    )
}

impl Leaf for Channel {
    fn read(value: &Value) -> Result<Self, Wrong> {
        choose(
            value,
            "\"sms\", \"voice\" or \"email\"",
            &[
                ("sms", Self::Sms),
                ("voice", Self::Voice),
                ("email", Self::Email),
            ],
            &[],
        )
    }
}

impl Leaf for HostMode {
    fn read(value: &Value) -> Result<Self, Wrong> {
        choose(
            value,
            "\"upstream\" or \"preserve\"",
            &[("upstream", Self::Upstream), ("preserve", Self::Preserve)],
            &[],
        )
    }
}

impl Leaf for super::LogFormat {
    fn read(value: &Value) -> Result<Self, Wrong> {
        choose(
            value,
            "\"auto\", \"text\" or \"json\"",
            &[
                ("auto", Self::Auto),
                ("text", Self::Text),
                ("json", Self::Json),
            ],
            &[],
        )
    }
}

/// A country by its two letters (ISO 3166-1 alpha-2).
#[derive(Clone, Debug)]
pub(super) struct Country(pub(super) String);

impl Leaf for Country {
    fn read(value: &Value) -> Result<Self, Wrong> {
        let text = value.text("a country code such as \"US\"")?;
        if COUNTRIES.split_ascii_whitespace().any(|code| code == text) {
            return Ok(Self(text.to_owned()));
        }
        let wrong = Wrong::new(
            Rule::BadCountry,
            format!("`{text}` is no country code"),
            "two letters of ISO 3166-1 are wanted",
        );
        let upper = text.to_ascii_uppercase();
        let meant = match upper.as_str() {
            "UK" => Some("GB"),
            "USA" | "+1" | "1" => Some("US"),
            "CAN" => Some("CA"),
            _ => COUNTRIES
                .split_ascii_whitespace()
                .find(|code| *code == upper),
        };
        Err(match meant {
            Some(code) => wrong.help(format!("write \"{code}\"")),
            None => wrong,
        })
    }
}

/// ISO 3166-1 alpha-2, the officially assigned codes, and XK for Kosovo, which has a country code of its own.
const COUNTRIES: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL \
    CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU \
    GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC \
    MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT \
    PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA \
    UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW";
