//! An argument of a program, with places in it.

use crate::carrier::Message;
use crate::phone::sender::Sender;

/// One argument. What stands in a place of it stays within it, whatever it is: nothing splits it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument(Vec<Part>);

/// What a pair of braces stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `{TO}`: the number in E.164, or the mail address.
    To,
    /// `{TO_DIGITS}`: the number without its `+`.
    ToDigits,
    /// `{FROM}`: the sender as it is written in `from`.
    From,
    /// `{ID}`: our name for the message. It may begin with a dash, so it never begins an argument.
    Id,
    /// `{CHANNEL}`: `sms`, `voice` or `email`.
    Channel,
}

/// What is wrong with an argument.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadArgument {
    /// Arguments are no secret.
    #[error("everybody on this machine can read the arguments of a program")]
    Visible,
    /// Braces around something else.
    #[error(
        "no place is named {{{0}}}; there are {{TO}}, {{TO_DIGITS}}, {{FROM}}, {{ID}} and {{CHANNEL}}"
    )]
    Unknown(String),
    /// An identifier where an option would be looked for.
    #[error("{{ID}} may begin with a dash and would be taken for an option")]
    Option,
    /// A character that no argument can hold.
    #[error("an argument has no NUL in it")]
    Nul,
}

impl Argument {
    /// Takes an argument apart.
    ///
    /// # Errors
    /// [`BadArgument`], the first fault from the left.
    pub fn parse(text: &str) -> Result<Self, BadArgument> {
        if text.contains('\0') {
            return Err(BadArgument::Nul);
        }
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once('{') {
            let name = after.split_once('}').filter(|(name, _)| {
                !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_')
            });
            let Some((name, behind)) = name else {
                // A brace of the operator's own, as in JSON.
                parts.push(Part::Text(format!("{before}{{")));
                rest = after;
                continue;
            };
            parts.extend((!before.is_empty()).then(|| Part::Text(before.to_owned())));
            parts.push(Part::Place(match name.to_ascii_uppercase().as_str() {
                "TEXT" | "CODE" => return Err(BadArgument::Visible),
                "ID" if parts.is_empty() => return Err(BadArgument::Option),
                _ => Place::parse(name).ok_or_else(|| BadArgument::Unknown(name.to_owned()))?,
            }));
            rest = behind;
        }
        parts.extend((!rest.is_empty()).then(|| Part::Text(rest.to_owned())));
        Ok(Self(parts))
    }

    /// Whether the sender stands in it.
    #[must_use]
    pub fn has_sender(&self) -> bool {
        self.0.contains(&Part::Place(Place::From))
    }

    /// The argument for a message.
    ///
    /// # Errors
    /// The place for which the message has nothing.
    pub(super) fn fill(&self, message: &Message, from: Option<&Sender>) -> Result<String, Place> {
        let mut filled = String::new();
        for part in &self.0 {
            filled.push_str(match part {
                Part::Text(text) => text,
                Part::Place(place) => match place {
                    Place::To => message.to.as_str(),
                    Place::ToDigits => {
                        let phone = message.phone().ok_or(*place)?;
                        phone.e164().trim_start_matches('+')
                    }
                    Place::From => from.ok_or(*place)?.as_str(),
                    Place::Id => message.id.as_str(),
                    Place::Channel => message.channel.as_str(),
                },
            });
        }
        Ok(filled)
    }
}

impl Place {
    const ALL: [Self; 5] = [
        Self::To,
        Self::ToDigits,
        Self::From,
        Self::Id,
        Self::Channel,
    ];

    /// What stands between the braces.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::To => "TO",
            Self::ToDigits => "TO_DIGITS",
            Self::From => "FROM",
            Self::Id => "ID",
            Self::Channel => "CHANNEL",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|own| own.name() == name)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Place(Place),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::tests::message;

    #[test]
    fn what_stands_in_a_place_stays_in_its_argument() {
        let mut to_send = message("049271");
        let from = Sender::parse("+12025550101").unwrap();
        let id = to_send.id.to_string();
        for (written, is) in [
            ("{TO}", "+12025550143".to_owned()),
            (
                "--to={TO_DIGITS}:{CHANNEL}",
                "--to=12025550143:sms".to_owned(),
            ),
            ("{FROM}", "+12025550101".to_owned()),
            ("--id={ID}", format!("--id={id}")),
            (
                "{\"to\": \"{TO}\"}",
                "{\"to\": \"+12025550143\"}".to_owned(),
            ),
            ("$(id) ; 'x' {", "$(id) ; 'x' {".to_owned()),
            ("", String::new()),
        ] {
            let argument = Argument::parse(written).expect(written);
            assert_eq!(argument.fill(&to_send, Some(&from)), Ok(is), "{written}");
        }
        let nobody = Argument::parse("{FROM}").unwrap();
        assert_eq!(nobody.fill(&to_send, None), Err(Place::From));
        let mail = crate::email::Email::parse("ann@example.com").unwrap();
        to_send.to = crate::address::Address::Email(mail);
        let digits = Argument::parse("{TO_DIGITS}").unwrap();
        assert_eq!(digits.fill(&to_send, None), Err(Place::ToDigits));
    }

    #[test]
    fn c8_neither_text_nor_code_is_in_an_argument() {
        for (written, bad) in [
            ("{TEXT}", BadArgument::Visible),
            ("-text={text}", BadArgument::Visible),
            ("{CODE}", BadArgument::Visible),
            ("{ID}", BadArgument::Option),
            ("{Id}", BadArgument::Option),
            ("{SECRET}", BadArgument::Unknown("SECRET".to_owned())),
            ("{to}", BadArgument::Unknown("to".to_owned())),
            ("a\0b", BadArgument::Nul),
        ] {
            assert_eq!(Argument::parse(written), Err(bad), "{written}");
        }
    }
}
