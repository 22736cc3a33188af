//! Receipts in the vendor's own form, by the operator's description.

use http::header::CONTENT_TYPE;
use serde_json::Value;

use crate::carrier::taxonomy;
use crate::carrier::{Fate, NotTaken, Receipt, Report};

/// `receipt = { … }` of a webhook. The path's secret, which the caller compares, is the vendor's only credential.
#[derive(Clone, Debug)]
pub struct Form {
    /// Where the receipts stand in one report, where it holds several: a JSON pointer to a list. `None`: it is one.
    pub each: Option<String>,
    /// Where the message is named, by the vendor or by us.
    pub id: Field,
    /// Where it is said what became of it.
    pub state: Field,
    /// Where the vendor's code of an error stands.
    pub code: Option<Field>,
    /// The states that mean it was sent on.
    pub sent: Vec<String>,
    /// That it arrived.
    pub delivered: Vec<String>,
    /// That it will not.
    pub failed: Vec<String>,
}

/// Where something stands in a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// In a JSON body: a pointer (RFC 6901).
    Pointer(String),
    /// In the query, or in a body that is a form: a name.
    Name(String),
}

impl Field {
    /// What begins with `/` is a pointer.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text.starts_with('/') {
            Self::Pointer(text.to_owned())
        } else {
            Self::Name(text.to_owned())
        }
    }
}

impl Form {
    /// The receipts of a report. States that the form does not name are of no interest.
    ///
    /// # Errors
    /// [`NotTaken::Unreadable`].
    pub(super) fn read(&self, report: &Report<'_>) -> Result<Vec<Receipt>, NotTaken> {
        let said = Said::of(report);
        let single = [said.json.clone().unwrap_or_default()];
        let items: &[Value] = match &self.each {
            None => &single,
            Some(each) => said
                .json
                .as_ref()
                .and_then(|json| json.pointer(each)?.as_array())
                .ok_or(NotTaken::Unreadable)?,
        };
        let mut receipts = Vec::new();
        for item in items {
            let id = said.value(&self.id, item).ok_or(NotTaken::Unreadable)?;
            let visible = (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
            let state = said.value(&self.state, item);
            let state = state.filter(|_| visible).ok_or(NotTaken::Unreadable)?;
            let fate = self.fate(&state, || said.value(self.code.as_ref()?, item));
            receipts.extend(fate.map(|fate| Receipt { id, fate }));
        }
        Ok(receipts)
    }

    fn fate(&self, state: &str, code: impl FnOnce() -> Option<String>) -> Option<Fate> {
        let among = |states: &[String]| states.iter().any(|own| own == state);
        if among(&self.delivered) {
            Some(Fate::Delivered)
        } else if among(&self.failed) {
            let code = code().unwrap_or_else(|| state.to_owned());
            Some(Fate::Failed {
                class: "undelivered",
                code: Some(taxonomy::shown(&code)).filter(|code| !code.is_empty()),
            })
        } else {
            among(&self.sent).then_some(Fate::Sent)
        }
    }
}

/// What a report says, however it says it.
struct Said {
    json: Option<Value>,
    pairs: Vec<(String, String)>,
}

impl Said {
    fn of(report: &Report<'_>) -> Self {
        let query = report.url.split_once('?').map_or("", |(_, query)| query);
        let content_type = report.headers.get(CONTENT_TYPE);
        let is_form = content_type
            .and_then(|media| media.to_str().ok())
            .is_some_and(|media| media.starts_with("application/x-www-form-urlencoded"));
        let form = if is_form { &report.body[..] } else { b"" };
        // The body's first: what the vendor says counts before what the address says.
        let pairs = form_urlencoded::parse(form).chain(form_urlencoded::parse(query.as_bytes()));
        Self {
            pairs: pairs
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
            // Some vendors send JSON and call it text.
            json: serde_json::from_slice(report.body).ok(),
        }
    }

    fn value(&self, field: &Field, item: &Value) -> Option<String> {
        match field {
            Field::Pointer(pointer) => match item.pointer(pointer)? {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            },
            Field::Name(name) => {
                let mut pairs = self.pairs.iter();
                pairs
                    .find(|(own, _)| own == name)
                    .map(|(_, value)| value.clone())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;

    use super::*;
    use crate::carrier::tests::NOW;

    fn form(each: Option<&str>, id: &str, state: &str, code: Option<&str>) -> Form {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Form {
            each: each.map(str::to_owned),
            id: Field::parse(id),
            state: Field::parse(state),
            code: code.map(Field::parse),
            sent: texts(&["8", "Dispatched"]),
            delivered: texts(&["1", "Delivered"]),
            failed: texts(&["2", "16", "Failed"]),
        }
    }

    fn read(form: &Form, url: &str, media: &str, body: &str) -> Result<Vec<Receipt>, NotTaken> {
        let mut headers = HeaderMap::new();
        if !media.is_empty() {
            headers.insert(CONTENT_TYPE, media.parse().unwrap());
        }
        form.read(&Report {
            headers: &headers,
            body: &Bytes::copy_from_slice(body.as_bytes()),
            url,
            now: NOW,
        })
    }

    fn failed(code: &str) -> Fate {
        Fate::Failed {
            class: "undelivered",
            code: Some(code.to_owned()),
        }
    }

    const URL: &str = "https://gw.example/.countersign/receipts/main/s";

    #[test]
    fn a_receipt_is_read_from_the_query_a_form_and_json() {
        let (query, post) = (
            form(None, "id", "s", None),
            "application/x-www-form-urlencoded",
        );
        for (s, fate) in [
            ("1", Fate::Delivered),
            ("8", Fate::Sent),
            ("16", failed("16")),
        ] {
            let receipt = Receipt {
                id: "a-1".to_owned(),
                fate,
            };
            let url = format!("{URL}?id=a-1&s={s}");
            assert_eq!(
                read(&query, &url, "", "").unwrap(),
                std::slice::from_ref(&receipt)
            );
            let body = format!("x=1&s={s}&id=a%2D1");
            assert_eq!(
                read(&query, URL, post, &body).unwrap(),
                std::slice::from_ref(&receipt)
            );
            let json = form(None, "/id", "/data/s", None);
            let body = format!(r#"{{"id":"a-1","data":{{"s":{s}}}}}"#);
            assert_eq!(
                read(&json, URL, "application/json", &body).unwrap(),
                std::slice::from_ref(&receipt)
            );
            assert_eq!(read(&json, URL, "text/plain", &body).unwrap(), [receipt]);
        }
        // What the body says counts before what the address says.
        let told = read(&query, &format!("{URL}?id=a&s=1"), post, "s=2").unwrap();
        assert_eq!(told[0].fate, failed("2"));
    }

    #[test]
    fn several_receipts_come_in_one_report() {
        let form = form(
            Some("/results"),
            "/messageId",
            "/status/name",
            Some("/error/name"),
        );
        let body = r#"{"results":[
            {"messageId":"a","status":{"name":"Delivered"}},
            {"messageId":"b","status":{"name":"Failed"},"error":{"name":"EC_ABSENT"}},
            {"messageId":"c","status":{"name":"PENDING"}}]}"#;
        assert_eq!(
            read(&form, URL, "application/json", body).unwrap(),
            [
                Receipt {
                    id: "a".to_owned(),
                    fate: Fate::Delivered
                },
                Receipt {
                    id: "b".to_owned(),
                    fate: failed("EC_ABSENT")
                },
            ]
        );
    }

    #[test]
    fn what_is_no_receipt_is_not_taken() {
        let pairs = form(None, "id", "s", None);
        let json = form(Some("/results"), "/id", "/s", None);
        for (form, url, body) in [
            (&pairs, "", ""),
            (&pairs, "?id=a", ""),
            (&pairs, "?s=1", ""),
            (&pairs, "?id=&s=1", ""),
            (&pairs, "?id=a%0Ab&s=1", ""),
            (&pairs, &*format!("?s=1&id={}", "x".repeat(129)), ""),
            (&pairs, "", r#"{"id":"a","s":"1"}"#),
            (&json, "", ""),
            (&json, "", "{}"),
            (&json, "", r#"{"results":{}}"#),
            (&json, "", r#"{"results":[1]}"#),
            (&json, "", r#"{"results":[{"id":"a","s":[1]}]}"#),
        ] {
            let taken = read(form, &format!("{URL}{url}"), "application/json", body);
            assert_eq!(taken, Err(NotTaken::Unreadable), "{url} {body}");
        }
        // A state of no interest is a receipt all the same.
        assert_eq!(
            read(&pairs, &format!("{URL}?id=a&s=4"), "", ""),
            Ok(Vec::new())
        );
    }

    #[test]
    fn c8_a_code_of_an_error_cannot_write_a_line_of_its_own() {
        let form = form(None, "id", "s", Some("err"));
        let long = "x".repeat(100);
        let told = read(&form, &format!("{URL}?id=a&s=2&err=a%0A+b{long}"), "", "").unwrap();
        assert_eq!(told[0].fate, failed(&format!("ab{}", &long[..30])));
    }
}
