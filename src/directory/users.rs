//! What a users file says (design section 11), and everything that is wrong with one.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Person;
use super::problem::{Lines, Problem, What};
use crate::email::Email;
use crate::message::language::Tag;
use crate::phone::{NotAPhone, Phone};
use crate::subject::Subject;

/// The people of a users file, by name, alias and number.
#[derive(Debug, Default)]
pub struct Users {
    /// By every name and alias. Nobody who is disabled.
    named: HashMap<Subject, Arc<Person>>,
    /// By number; `None` where two people share one.
    dialled: HashMap<Phone, Option<Arc<Person>>>,
    people: usize,
    pub(super) warnings: Vec<Problem>,
}

impl Users {
    /// Reads the text of a users file.
    ///
    /// # Errors
    /// Every [`Problem`] of the file, in the order of its lines.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let (table, broken) = DeTable::parse_recoverable(text);
        let mut reader = Reader {
            lines: Lines::of(text),
            problems: Vec::new(),
            taken: HashMap::new(),
        };
        let users = reader.users(table.get_ref());
        let mut problems = std::mem::take(&mut reader.problems);
        if !broken.is_empty() {
            // What is missing may only be hidden by what is broken, and one line is complained of once.
            let syntax: Vec<Problem> = broken.iter().map(|error| reader.broken(error)).collect();
            problems.retain(|problem| {
                problem.what != What::Missing && syntax.iter().all(|s| s.line != problem.line)
            });
            problems.extend(syntax);
        }
        problems.sort_by_key(|problem| (problem.line, problem.column));
        if problems.is_empty() {
            Ok(users)
        } else {
            Err(problems)
        }
    }

    /// What should be mended, although the file can be used.
    #[must_use]
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// How many people there are, without the disabled.
    #[must_use]
    pub fn len(&self) -> usize {
        self.people
    }

    /// Whether there is nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.people == 0
    }

    pub(super) fn by_name(&self, name: &Subject) -> Option<Arc<Person>> {
        self.named.get(name).cloned()
    }

    pub(super) fn by_phone(&self, phone: &Phone) -> Option<Arc<Person>> {
        self.dialled.get(phone).cloned().flatten()
    }

    fn add(&mut self, person: Person, aliases: Vec<Subject>) {
        let person = Arc::new(person);
        if let Some(phone) = &person.phone {
            let shared = self.dialled.contains_key(phone);
            self.dialled
                .insert(phone.clone(), (!shared).then(|| Arc::clone(&person)));
        }
        for name in aliases.into_iter().chain([person.subject.clone()]) {
            self.named.insert(name, Arc::clone(&person));
        }
        self.people += 1;
    }
}

/// Walks through the file and collects what is wrong.
struct Reader<'a> {
    lines: Lines<'a>,
    problems: Vec<Problem>,
    /// Names and aliases so far, and the line of each.
    taken: HashMap<Subject, usize>,
}

impl Reader<'_> {
    fn users(&mut self, file: &DeTable<'_>) -> Users {
        let mut users = Users::default();
        for (key, value) in file {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("user", DeValue::Array(entries)) => {
                    for entry in entries {
                        match entry.get_ref() {
                            DeValue::Table(table) => self.user(entry.span(), table, &mut users),
                            _ => self.wrong(
                                entry.span(),
                                "a user is a table",
                                "begin each with [[user]]",
                            ),
                        }
                    }
                }
                ("user", _) => self.wrong(
                    key.span(),
                    "users are a list",
                    "begin each with [[user]], two brackets",
                ),
                (other, _) => {
                    let message = format!("a users file has no `{other}`");
                    self.wrong(key.span(), message, "it has [[user]] entries only");
                }
            }
        }
        users
    }

    fn user(&mut self, span: Range<usize>, table: &DeTable<'_>, users: &mut Users) {
        let (mut subject, mut aliases, mut disabled) = (None, Vec::new(), false);
        let (mut phone, mut email, mut locale) = (None, None, None);
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "name" => subject = self.name(value, "name"),
                "aliases" => aliases = self.aliases(value),
                "phone" => phone = self.phone(value),
                "email" => {
                    email = self
                        .text(value, "email", is_address, "ann@example.com")
                        .and_then(|text| Email::parse(&text).ok());
                }
                "locale" => {
                    let fits = |text: &str| Tag::parse(text).is_ok();
                    locale = self.text(value, "locale", fits, "en or pt-BR");
                }
                "disabled" => match value.get_ref().as_bool() {
                    Some(given) => disabled = given,
                    None => self.kind(value, "disabled", "true or false"),
                },
                other => self.unknown(key.span(), other),
            }
        }
        if !table.contains_key("name") {
            self.problem(
                span,
                "this user has no name",
                Some("add name = \"…\"".to_owned()),
                What::Missing,
            );
        }
        if let Some(subject) = subject.filter(|_| !disabled) {
            users.add(
                Person {
                    subject,
                    phone,
                    email,
                    locale,
                },
                aliases,
            );
        }
    }

    /// A name or an alias that nobody has yet.
    fn name(&mut self, value: &Spanned<DeValue<'_>>, key: &str) -> Option<Subject> {
        let Some(text) = value.get_ref().as_str() else {
            self.kind(value, key, "text in quotes");
            return None;
        };
        let subject = match Subject::parse(text) {
            Ok(subject) => subject,
            Err(wrong) => {
                self.problem(value.span(), wrong.to_string(), None, What::Wrong);
                return None;
            }
        };
        let line = self.lines.place(value.span().start).0;
        if let Some(first) = self.taken.get(&subject) {
            let message =
                format!("`{subject}` on line {line} is a name or alias on line {first} already");
            self.wrong(value.span(), message, "one name leads to one person");
            return None;
        }
        self.taken.insert(subject.clone(), line);
        Some(subject)
    }

    fn aliases(&mut self, value: &Spanned<DeValue<'_>>) -> Vec<Subject> {
        let DeValue::Array(entries) = value.get_ref() else {
            self.kind(value, "aliases", "a list, as in [\"ann@example.com\"]");
            return Vec::new();
        };
        entries
            .iter()
            .filter_map(|entry| self.name(entry, "aliases"))
            .collect()
    }

    fn phone(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Phone> {
        let Some(text) = value.get_ref().as_str() else {
            self.kind(value, "phone", "text in quotes, as in \"+12025550143\"");
            return None;
        };
        match Phone::parse(text) {
            Ok(phone) => return Some(phone),
            // The one reason that holds the number: it is kept out of the message.
            Err(wrong @ NotAPhone::Spelling { .. }) => {
                let message = "a phone number is + and digits only, with the country code";
                self.wrong(value.span(), message, wrong.to_string());
            }
            Err(wrong) => self.problem(value.span(), wrong.to_string(), None, What::Wrong),
        }
        None
    }

    fn text(
        &mut self,
        value: &Spanned<DeValue<'_>>,
        key: &str,
        fits: fn(&str) -> bool,
        example: &str,
    ) -> Option<String> {
        let Some(text) = value.get_ref().as_str() else {
            self.kind(value, key, "text in quotes");
            return None;
        };
        if !fits(text) {
            self.wrong(
                value.span(),
                format!("this is no {key}"),
                format!("one is {example}"),
            );
            return None;
        }
        Some(text.to_owned())
    }

    fn kind(&mut self, value: &Spanned<DeValue<'_>>, key: &str, wanted: &str) {
        let message = format!("`{key}` has the wrong type: {}", value.get_ref().type_str());
        self.wrong(value.span(), message, format!("it is {wanted}"));
    }

    fn unknown(&mut self, span: Range<usize>, key: &str) {
        let scored = KEYS
            .iter()
            .map(|&own| (strsim::jaro_winkler(own, key), own));
        let like = scored
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .filter(|&(score, _)| score > 0.75);
        let help = match like {
            Some((_, own)) => format!("did you mean `{own}`?"),
            None => format!("a user has {}", KEYS.join(", ")),
        };
        self.wrong(span, format!("a user has no `{key}`"), help);
    }

    fn broken(&self, error: &toml::de::Error) -> Problem {
        let span = error.span().unwrap_or(0..0);
        let (line, column) = self.lines.place(span.start);
        Problem {
            line,
            column,
            message: error.message().to_owned(),
            help: None,
            span,
            what: What::Wrong,
        }
    }

    fn wrong(&mut self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.problem(span, message, Some(help.into()), What::Wrong);
    }

    fn problem(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        help: Option<String>,
        what: What,
    ) {
        let (line, column) = self.lines.place(span.start);
        self.problems.push(Problem {
            line,
            column,
            message: message.into(),
            help,
            span,
            what,
        });
    }
}

/// The keys of a user.
const KEYS: [&str; 6] = ["name", "phone", "aliases", "email", "locale", "disabled"];

fn is_address(text: &str) -> bool {
    Email::parse(text).is_ok()
}

#[cfg(test)]
mod tests;
