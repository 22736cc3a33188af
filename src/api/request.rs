//! The bodies that callers send, read strictly: what is needed, in its range; what is not known is left alone.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::message::{Channel, Template};
use crate::phone::Phone;
use crate::phone::sender::{Kind, Sender};

/// A code is to be sent.
pub(super) struct Order {
    pub(super) to: Phone,
    pub(super) from: Sender,
    pub(super) scope: String,
    pub(super) template: Template,
    pub(super) digits: u8,
}

/// Is this the code?
pub(super) struct Question {
    pub(super) to: Phone,
    pub(super) scope: String,
    /// How old it may be.
    pub(super) window: Duration,
    pub(super) code: Zeroizing<String>,
}

/// What is wrong with a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// For the caller, who wrote it: it may hold the number.
    pub(super) text: String,
    /// For the log.
    pub(super) why: &'static str,
}

/// What a scope is where none is said (Bandwidth's documentation of its two-factor service).
const SCOPE: &str = "2FA";

impl Order {
    /// Reads the body of `code/messaging` or `code/voice`. The application's id is asked for and not looked at: there is
    /// none here that it could name.
    ///
    /// # Errors
    /// [`Fault`], the first in the order of the documentation.
    pub(super) fn read(body: &[u8], channel: Channel) -> Result<Self, Fault> {
        let mut fields = Fields::read(body)?;
        let to = fields.phone()?;
        let from = fields.sender()?;
        if let Some(unfit) = from.refusal(&to, channel) {
            return Err(Fault::with("from number is invalid", &unfit));
        }
        let application = fields.text("applicationId", &APPLICATION)?;
        within(
            &application,
            50,
            "applicationId is longer than 50 characters",
        )?;
        let text = fields.text("message", &MESSAGE)?;
        let template =
            Template::lenient(&text).map_err(|error| Fault::with("message is invalid", &error))?;
        let digits = fields.digits()?;
        Ok(Self {
            to,
            from,
            scope: fields.scope()?,
            template,
            digits,
        })
    }
}

impl Question {
    /// Reads the body of `code/verify`.
    ///
    /// # Errors
    /// [`Fault`], the first in the order of the documentation.
    pub(super) fn read(body: &[u8]) -> Result<Self, Fault> {
        let mut fields = Fields::read(body)?;
        let to = fields.phone()?;
        let scope = fields.scope()?;
        let window = fields.window()?;
        let code = Zeroizing::new(fields.text("code", &CODE)?);
        if !(4..=8).contains(&code.chars().count()) {
            return Err(Fault::said("code must have 4 to 8 characters"));
        }
        Ok(Self {
            to,
            scope,
            window,
            code,
        })
    }
}

impl Fault {
    /// Something that may be said to everybody.
    pub(super) fn said(text: &'static str) -> Self {
        Self {
            text: text.to_owned(),
            why: text,
        }
    }

    fn with(why: &'static str, more: &dyn fmt::Display) -> Self {
        Self {
            text: format!("{why}: {more}"),
            why,
        }
    }
}

/// What a caller is told of one text.
struct Told {
    missing: &'static str,
    other: &'static str,
}

const TO: Told = Told {
    missing: "to number is required",
    other: "to number must be a string",
};
const FROM: Told = Told {
    missing: "from number is required",
    other: "from number must be a string",
};
const APPLICATION: Told = Told {
    missing: "applicationId is required",
    other: "applicationId must be a string",
};
const MESSAGE: Told = Told {
    missing: "message is required",
    other: "message must be a string",
};
const CODE: Told = Told {
    missing: "code is required",
    other: "code must be a string",
};

fn within(text: &str, most: usize, why: &'static str) -> Result<(), Fault> {
    if text.chars().count() <= most {
        Ok(())
    } else {
        Err(Fault::said(why))
    }
}

/// The members of a JSON object, each there once.
#[derive(Debug)]
struct Fields(Vec<(String, Value)>);

impl Fields {
    fn read(body: &[u8]) -> Result<Self, Fault> {
        let mut repeated = false;
        let mut json = serde_json::Deserializer::from_slice(body);
        let read = (&mut json).deserialize_map(Members(&mut repeated));
        let whole = read.and_then(|fields| json.end().map(|()| fields));
        whole.map_err(|_| {
            Fault::said(if repeated {
                "request body has a field twice"
            } else {
                "request body is not a JSON object"
            })
        })
    }

    /// A member, taken out. What is null is not there.
    fn take(&mut self, name: &str) -> Option<Value> {
        let found = self.0.iter_mut().find(|(own, _)| own == name);
        found
            .map(|(_, value)| value.take())
            .filter(|value| !value.is_null())
    }

    fn text(&mut self, name: &str, told: &Told) -> Result<String, Fault> {
        match self.take(name) {
            Some(Value::String(text)) if text.is_empty() => Err(Fault::said(told.missing)),
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(Fault::said(told.other)),
            None => Err(Fault::said(told.missing)),
        }
    }

    fn phone(&mut self) -> Result<Phone, Fault> {
        let text = self.text("to", &TO)?;
        Phone::parse(&text).map_err(|error| Fault::with("to number is invalid", &error))
    }

    /// A number or a short code; a name is no number of an account.
    fn sender(&mut self) -> Result<Sender, Fault> {
        let text = self.text("from", &FROM)?;
        let sender =
            Sender::parse(&text).map_err(|error| Fault::with("from number is invalid", &error))?;
        if sender.kind() == Kind::Alphanumeric {
            return Err(Fault::said(
                "from number is invalid: it must be a number such as \"+12025550143\" or a short code",
            ));
        }
        Ok(sender)
    }

    fn scope(&mut self) -> Result<String, Fault> {
        match self.take("scope") {
            None => Ok(SCOPE.to_owned()),
            Some(Value::String(scope)) => {
                within(&scope, 25, "scope is longer than 25 characters")?;
                Ok(scope)
            }
            Some(_) => Err(Fault::said("scope must be a string")),
        }
    }

    fn digits(&mut self) -> Result<u8, Fault> {
        let value = self
            .take("digits")
            .ok_or(Fault::said("digits is required"))?;
        // 6.0 is an integer to JSON Schema, and to languages that have one kind of number.
        let found = (4_u8..=8).find(|digits| value.as_f64() == Some(f64::from(*digits)));
        found.ok_or(Fault::said("digits must be an integer from 4 to 8"))
    }

    /// Decimals are legal, and what is above 0 is enough: the prose of Bandwidth's documentation, where its schema begins
    /// at 1.
    fn window(&mut self) -> Result<Duration, Fault> {
        let value = self
            .take("expirationTimeInMinutes")
            .ok_or(Fault::said("expirationTimeInMinutes is required"))?;
        let minutes = value
            .as_f64()
            .filter(|minutes| *minutes > 0.0 && *minutes <= 15.0);
        minutes
            .map(|minutes| Duration::from_secs_f64(minutes * 60.0))
            .ok_or(Fault::said(
                "expirationTimeInMinutes must be a number above 0 and up to 15",
            ))
    }
}

struct Members<'a>(&'a mut bool);

impl<'de> Visitor<'de> for Members<'_> {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        /// No caller has a reason for more, and looking for each among all others has its price.
        const MOST: usize = 100;
        let mut members: Vec<(String, Value)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            // Two readers could take either of the two.
            *self.0 = members.iter().any(|(other, _)| *other == name);
            if *self.0 || members.len() == MOST {
                return Err(A::Error::custom("too many members"));
            }
            members.push((name, value));
        }
        Ok(Fields(members))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn order() -> Value {
        json!({ "to": "+12025550143", "from": "+12025550101", "applicationId": "66fd98ae", "scope": "login",
            "message": "Your temporary {NAME} {SCOPE} code is {CODE}", "digits": 6 })
    }

    fn question() -> Value {
        json!({ "to": "+12025550143", "scope": "login", "expirationTimeInMinutes": 3, "code": "123456" })
    }

    /// `base` with one member changed, or without it.
    fn with(mut base: Value, name: &str, value: Option<Value>) -> String {
        let members = base.as_object_mut().unwrap();
        match value {
            Some(value) => members.insert(name.to_owned(), value),
            None => members.remove(name),
        };
        base.to_string()
    }

    fn fault_of_order(name: &str, value: impl Into<Option<Value>>) -> Option<String> {
        let body = with(order(), name, value.into());
        let fault = Order::read(body.as_bytes(), Channel::Sms).err()?;
        Some(fault.text)
    }

    fn fault_of_question(name: &str, value: impl Into<Option<Value>>) -> Option<String> {
        let body = with(question(), name, value.into());
        Question::read(body.as_bytes())
            .err()
            .map(|fault| fault.text)
    }

    #[test]
    fn what_the_sdks_send_is_read() {
        // As Python's SDK writes it, and the older one with the application's id in a verification.
        let body = br#"{"to": "+19195551234", "from": "+19195554321", "applicationId": "66fd98ae", "scope": "login", "message": "Your temporary {NAME} {SCOPE} code is {CODE}", "digits": 6}"#;
        let read = Order::read(body, Channel::Voice).unwrap();
        assert_eq!(read.to.e164(), "+19195551234");
        assert_eq!(
            (read.from.as_str(), read.scope.as_str(), read.digits),
            ("+19195554321", "login", 6)
        );
        let body = br#"{"to": "+19195551234", "applicationId": "66fd98ae", "scope": "login", "expirationTimeInMinutes": 3.0, "code": "123456"}"#;
        let read = Question::read(body).unwrap();
        assert_eq!(
            (read.to.e164(), read.scope.as_str(), read.code.as_str()),
            ("+19195551234", "login", "123456")
        );
        assert_eq!(read.window, Duration::from_secs(180));
    }

    #[test]
    fn what_is_needed_is_asked_for_in_bandwidths_words() {
        for (name, told) in [
            ("to", "to number is required"),
            ("from", "from number is required"),
            ("applicationId", "applicationId is required"),
            ("message", "message is required"),
            ("digits", "digits is required"),
        ] {
            assert_eq!(fault_of_order(name, None).as_deref(), Some(told));
            assert_eq!(fault_of_order(name, Value::Null).as_deref(), Some(told));
        }
        for (name, told) in [
            ("to", "to number is required"),
            (
                "expirationTimeInMinutes",
                "expirationTimeInMinutes is required",
            ),
            ("code", "code is required"),
        ] {
            assert_eq!(fault_of_question(name, None).as_deref(), Some(told));
        }
        assert_eq!(
            fault_of_order("to", json!("")).as_deref(),
            Some("to number is required")
        );
        assert_eq!(fault_of_order("scope", None), None);
        let body = with(order(), "scope", None);
        assert_eq!(
            Order::read(body.as_bytes(), Channel::Sms).unwrap().scope,
            "2FA"
        );
        let body = with(question(), "scope", Some(Value::Null));
        assert_eq!(Question::read(body.as_bytes()).unwrap().scope, "2FA");
    }

    #[test]
    fn a_number_that_is_none_is_told_with_the_right_form() {
        for (to, told) in [
            ("+1 (508) 769-6555", "write \"+15087696555\""),
            ("5087696555", "write \"+15087696555\""),
            ("+1508769655", "ten digits"),
            ("+11115551234", "111 is no area code"),
            ("+19191115555", "no number has 111"),
            ("+0442079460000", "begins with 0"),
            ("phone", "digits only"),
            ("12345", "begins with +"),
        ] {
            let fault = fault_of_order("to", json!(to)).unwrap();
            assert!(
                fault.starts_with("to number is invalid: ") && fault.contains(told),
                "{to}: {fault}"
            );
            assert_eq!(fault_of_question("to", json!(to)), Some(fault));
        }
        let fault = fault_of_order("from", json!("(202) 555-0101")).unwrap();
        assert!(fault.contains("write \"+12025550101\""), "{fault}");
    }

    #[test]
    fn c8_what_the_log_is_told_holds_no_number() {
        let body = with(order(), "to", Some(json!("508 769 6555")));
        let fault = Order::read(body.as_bytes(), Channel::Sms).err().unwrap();
        assert!(fault.text.contains("5087696555") && !fault.why.contains("508"));
    }

    #[test]
    fn senders_are_numbers_and_short_codes_and_only_numbers_call() {
        for from in [
            "+12025550101",
            "+18005550101",
            "+442079460000",
            "73737",
            "737373",
        ] {
            assert_eq!(fault_of_order("from", json!(from)), None, "{from}");
        }
        for from in ["ACME", "1234", "12345", "+19005550101", "+1 202 555 0101"] {
            let fault = fault_of_order("from", json!(from)).unwrap();
            assert!(
                fault.starts_with("from number is invalid: "),
                "{from}: {fault}"
            );
        }
        let body = with(order(), "from", Some(json!("73737")));
        assert!(Order::read(body.as_bytes(), Channel::Voice).is_err());
    }

    #[test]
    fn ranges_are_kept_to_their_ends() {
        for digits in [json!(4), json!(8), json!(6.0)] {
            assert_eq!(fault_of_order("digits", digits), None);
        }
        for digits in [
            json!(3),
            json!(9),
            json!(6.5),
            json!("6"),
            json!(-6),
            json!(true),
            json!(1e300),
        ] {
            assert!(
                fault_of_order("digits", digits.clone()).is_some(),
                "{digits}"
            );
        }
        let text = |length: usize| json!("x".repeat(length));
        assert_eq!(fault_of_order("scope", text(25)), None);
        assert!(fault_of_order("scope", text(26)).is_some());
        assert!(fault_of_order("scope", json!(1)).is_some());
        assert_eq!(fault_of_order("applicationId", text(50)), None);
        assert!(fault_of_order("applicationId", text(51)).is_some());
        assert_eq!(
            fault_of_order("message", json!(format!("{{CODE}}{}", "é".repeat(2042)))),
            None
        );
        assert!(
            fault_of_order("message", json!(format!("{{CODE}}{}", "é".repeat(2043)))).is_some()
        );
        assert!(fault_of_order("message", json!("no code")).is_some());
        assert_eq!(fault_of_order("message", json!("{x} {CODE} }{")), None);
        for window in [json!(0.01), json!(1), json!(3.5), json!(15), json!(15.0)] {
            assert_eq!(fault_of_question("expirationTimeInMinutes", window), None);
        }
        for window in [
            json!(0),
            json!(-1),
            json!(15.01),
            json!("3"),
            json!(1e300),
            json!(false),
        ] {
            assert!(
                fault_of_question("expirationTimeInMinutes", window.clone()).is_some(),
                "{window}"
            );
        }
        for code in ["1234", "12345678", "abcd", "ÄÖÜß"] {
            assert_eq!(fault_of_question("code", json!(code)), None, "{code}");
        }
        for code in [json!("123"), json!("123456789"), json!(123_456)] {
            assert!(fault_of_question("code", code.clone()).is_some(), "{code}");
        }
    }

    #[test]
    fn what_is_not_known_is_left_alone_and_what_stands_twice_is_refused() {
        assert_eq!(
            fault_of_order("callbackUrl", json!({ "a": [1, { "b": null }] })),
            None
        );
        assert_eq!(fault_of_question("applicationId", json!(7)), None);
        let twice =
            br#"{"to":"+12025550143","code":"123456","expirationTimeInMinutes":3,"code":"123457"}"#;
        assert_eq!(
            Question::read(twice).err().unwrap().text,
            "request body has a field twice"
        );
        let twice =
            br#"{"x":1,"to":"+12025550143","code":"123456","expirationTimeInMinutes":3,"x":1}"#;
        assert_eq!(
            Question::read(twice).err().unwrap().text,
            "request body has a field twice"
        );
    }

    #[test]
    fn what_is_no_object_is_refused() {
        let deep = "[".repeat(10_000);
        let many = (0..101)
            .map(|n| format!("\"{n}\":0"))
            .collect::<Vec<_>>()
            .join(",");
        let many = format!("{{{many}}}");
        for body in [
            "",
            " ",
            "null",
            "[]",
            "\"to\"",
            "{",
            "{}{}",
            "{} x",
            "to=1",
            "{\"to\":\"\u{0}\"}",
            &deep,
            &many,
        ] {
            let fault = Order::read(body.as_bytes(), Channel::Sms).err().unwrap();
            assert_eq!(
                fault.text, "request body is not a JSON object",
                "{body:.20}"
            );
        }
        assert_eq!(
            Order::read(b"\xff{}", Channel::Sms).err().unwrap().text,
            "request body is not a JSON object"
        );
        assert_eq!(
            Order::read(b" {} ", Channel::Sms).err().unwrap().text,
            "to number is required"
        );
    }
}
