//! The members of a JSON body as pairs of name and value, for whoever must not overlook one.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// All members of a JSON text as fields of a form, at whatever depth they stand and however often: by their own name, and an
/// array's or an object's name with what is in it, as `do[]=admin` and `do[admin]=1` would have it. `None` for what is no
/// JSON to a strict reader, is deeper than `serde_json` goes (128), or more than [`MOST`].
pub(super) fn pairs(body: &[u8]) -> Option<Vec<(String, String)>> {
    let mut found = Found::default();
    let mut json = serde_json::Deserializer::from_slice(body);
    let walk = Walk {
        found: &mut found,
        name: None,
    };
    walk.deserialize(&mut json).ok()?;
    json.end().ok()?;
    Some(found.pairs)
}

/// So many bytes of names and values: a long name over many members must not make megabytes of 64 KiB.
const MOST: usize = 1024 * 1024;

#[derive(Default)]
struct Found {
    pairs: Vec<(String, String)>,
    bytes: usize,
}

/// The walk at one value, which has this name, or is in an array that has it.
struct Walk<'a> {
    found: &'a mut Found,
    name: Option<&'a str>,
}

impl Walk<'_> {
    fn is(&mut self, value: &str) -> Result<(), TooMuch> {
        self.found.bytes += self.name.map_or(0, str::len) + value.len();
        if self.found.bytes > MOST {
            return Err(TooMuch);
        }
        if let Some(name) = self.name {
            self.found.pairs.push((name.to_owned(), value.to_owned()));
        }
        Ok(())
    }
}

struct TooMuch;

impl fmt::Display for TooMuch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too much")
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E: Error>(mut self, text: &str) -> Result<(), E> {
        self.is(text).map_err(E::custom)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.visit_str("")
    }

    /// As text it is a word in one language and a digit in another.
    fn visit_bool<E: Error>(mut self, value: bool) -> Result<(), E> {
        let both = if value { ["true", "1"] } else { ["false", "0"] };
        both.into_iter()
            .try_for_each(|text| self.is(text))
            .map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.visit_str(&value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.visit_str(&value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.visit_str(&value.to_string())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        self.is("").map_err(Error::custom)?;
        loop {
            let next = Walk {
                found: self.found,
                name: self.name,
            };
            if seq.next_element_seed(next)?.is_none() {
                return Ok(());
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        self.is("").map_err(Error::custom)?;
        while let Some(name) = map.next_key::<String>()? {
            self.is(&name).map_err(Error::custom)?;
            map.next_value_seed(Walk {
                found: self.found,
                name: Some(&name),
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Vec<(String, String)> {
        pairs(body.as_bytes()).unwrap_or_else(|| panic!("{body}"))
    }

    fn has(body: &str, name: &str, value: &str) -> bool {
        read(body).contains(&(name.to_owned(), value.to_owned()))
    }

    #[test]
    fn a_member_is_found_at_every_depth_in_arrays_and_twice() {
        for body in [
            r#"{"do": "admin"}"#,
            r#"{"a": 1, "do": "admin", "do": "show"}"#,
            r#"{"do": "show", "do": "admin"}"#,
            r#"{"a": {"b": [{"do": "admin"}]}}"#,
            r#"[[{"do": "admin"}]]"#,
            r#"{"do": ["show", "admin"]}"#,
            r#"{"do": [["admin"]]}"#,
            r#"{"do": {"admin": 1}}"#,
            r#"{"\u0064o": "\u0061dmin"}"#,
            " \r\n{\"do\"\t:\n\"admin\"} ",
        ] {
            assert!(has(body, "do", "admin"), "{body}: {:?}", read(body));
        }
        assert_eq!(read(r#""do""#), []);
        assert_eq!(read("[]"), []);
    }

    #[test]
    fn what_is_no_text_has_one() {
        for (value, text) in [
            ("7", "7"),
            ("-7", "-7"),
            ("1.5", "1.5"),
            ("1.0", "1"),
            ("true", "true"),
            ("true", "1"),
            ("false", "0"),
            ("null", ""),
            ("[]", ""),
            ("{}", ""),
        ] {
            let body = format!("{{\"a\": {value}}}");
            assert!(has(&body, "a", text), "{body}: {:?}", read(&body));
        }
    }

    #[test]
    fn what_a_lenient_reader_alone_understands_is_nothing() {
        for body in [
            "",
            "do=admin",
            "{'do': 'admin'}",
            "{do: \"admin\"}",
            "{\"do\": \"admin\",}",
            "{\"do\": \"admin\"",
            "{\"do\": \"admin\"} {}",
            "{/* */\"do\": \"admin\"}",
            "\u{feff}{\"do\": \"admin\"}",
            "{\"do\": \"\u{0}admin\"}",
        ] {
            assert_eq!(pairs(body.as_bytes()), None, "{body}");
        }
        assert_eq!(pairs(b"{\"do\": \"admin\xff\"}"), None);
        assert_eq!(pairs(&"[".repeat(200).into_bytes()), None);
    }

    #[test]
    fn a_long_name_over_many_members_takes_no_megabytes() {
        let members: Vec<String> = (0..5000).map(|n| n.to_string()).collect();
        let body = format!("{{\"{}\": [{}]}}", "n".repeat(30_000), members.join(","));
        assert!(body.len() < 64 * 1024);
        assert_eq!(pairs(body.as_bytes()), None);
    }
}
