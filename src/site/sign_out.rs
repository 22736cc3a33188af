//! `[sites.NAME.sign_out]`: the request that signs somebody out of the application.

use form_urlencoded::Serializer;

use crate::target::Target;

/// What is sent to the application, with the application's cookies of who signs out.
#[derive(Clone, Debug)]
pub struct SignOut {
    /// Where to.
    pub target: Target,
    /// The fields of the form that is posted; `None`: a GET.
    pub form: Option<Vec<(String, Value)>>,
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// As it is written.
    Text(String),
    /// What this cookie has, as it was sent; empty where the browser has none of that name.
    Cookie(String),
}

impl Value {
    /// `{cookie:NAME}` is a cookie's value, anything else is itself.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let name = text
            .strip_prefix("{cookie:")
            .and_then(|rest| rest.strip_suffix('}'));
        name.filter(|name| !name.is_empty() && !name.contains(['{', '}', ';', '=', ' ']))
            .map_or_else(
                || Self::Text(text.to_owned()),
                |name| Self::Cookie(name.to_owned()),
            )
    }
}

impl SignOut {
    /// The body of the form for somebody with these cookies; `None`: a GET has none.
    pub fn body(&self, cookies: &[(&[u8], &[u8])]) -> Option<Vec<u8>> {
        let form = self.form.as_ref()?;
        let mut body = Serializer::new(String::new());
        for (name, value) in form {
            let value = match value {
                Value::Text(text) => text.clone().into_bytes(),
                Value::Cookie(wanted) => cookies
                    .iter()
                    .find(|(name, _)| *name == wanted.as_bytes())
                    .map(|(_, value)| value.to_vec())
                    .unwrap_or_default(),
            };
            // A value that is no text is none that a form could have been given.
            body.append_pair(name, &String::from_utf8(value).unwrap_or_default());
        }
        Some(body.finish().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(fields: &[(&str, &str)]) -> SignOut {
        let fields = fields.iter();
        SignOut {
            target: Target::parse("/logout".parse().unwrap()).unwrap(),
            form: Some(
                fields
                    .map(|(name, value)| ((*name).to_owned(), Value::parse(value)))
                    .collect(),
            ),
        }
    }

    #[test]
    fn a_field_can_be_what_a_cookie_has() {
        let out = form(&[
            ("csrf", "{cookie:csrftoken}"),
            ("a b", "x&y"),
            ("none", "{cookie:other}"),
        ]);
        let cookies: [(&[u8], &[u8]); 2] = [(b"sid", b"1"), (b"csrftoken", b"a=&b")];
        assert_eq!(
            out.body(&cookies).unwrap(),
            b"csrf=a%3D%26b&a+b=x%26y&none="
        );
        let get = SignOut { form: None, ..out };
        assert_eq!(get.body(&cookies), None);
    }

    #[test]
    fn what_names_no_cookie_is_itself() {
        for text in [
            "",
            "cookie:x",
            "{cookie:}",
            "{cookie:a b}",
            "x{cookie:a}",
            "{cookie:a;b}",
        ] {
            assert_eq!(Value::parse(text), Value::Text(text.to_owned()));
        }
        assert_eq!(Value::parse("{cookie:a}"), Value::Cookie("a".to_owned()));
    }
}
