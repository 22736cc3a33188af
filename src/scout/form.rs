//! Forms: which one is the login, and what a browser sends for it.

use std::borrow::Cow;

use encoding_rs::Encoding;

/// A form as a page has it.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// Where it is sent, as written; nothing for the page itself.
    pub action: String,
    /// Whether it is posted; else its fields go into the address.
    pub post: bool,
    /// Its `enctype`, in lower case; nothing by default.
    pub enctype: String,
    /// Its fields, in order; those that name it from outside come last.
    pub fields: Vec<Field>,
}

/// A field of a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// What kind it is.
    pub kind: Kind,
    /// Its name; nothing if it has none, and then it is not sent.
    pub name: String,
    /// The value that it has in the page.
    pub value: String,
    /// Whether a checkbox is ticked; whether a choice has something to choose.
    pub checked: bool,
    /// Its `autocomplete`, in lower case.
    pub autocomplete: String,
    /// What stands on a button.
    pub text: String,
}

/// What kind of field it is, as far as that says what is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Anything that somebody types: text, mail address, telephone number.
    #[default]
    Text,
    /// A password.
    Password,
    /// What nobody sees.
    Hidden,
    /// A checkbox or a radio button.
    Checkbox,
    /// A list to choose from.
    Choice,
    /// A button that sends the form.
    Submit,
    /// Any other button.
    Button,
    /// A file.
    File,
}

/// The login form of a page.
#[derive(Clone, Debug)]
pub struct Login {
    /// The form itself.
    pub form: Form,
    /// The name of the field that says who; `None` where it asks for a password alone.
    pub username: Option<String>,
    /// The name of the password's field.
    pub password: String,
}

/// Which form of a page is the login.
#[derive(Clone, Debug)]
pub enum Found {
    /// This one.
    One(Box<Login>),
    /// None of them: no form has a password field.
    None,
    /// A form has a password field but is not posted: a script takes it.
    Script,
    /// Several could be; their actions, as written.
    Many(Vec<String>),
}

impl Kind {
    /// The kind of an `input` by its `type`.
    pub fn of_input(kind: &str) -> Self {
        match kind.trim().to_ascii_lowercase().as_str() {
            "password" => Self::Password,
            "hidden" => Self::Hidden,
            "checkbox" | "radio" => Self::Checkbox,
            "submit" | "image" => Self::Submit,
            "button" | "reset" => Self::Button,
            "file" => Self::File,
            _ => Self::Text,
        }
    }
}

/// Finds the login among forms.
///
/// A form with two password fields changes a password or makes an account. Where several forms have one, the one that is
/// posted counts; more of them differ by where they lead, and nobody can tell here which is meant.
pub fn login(forms: &[Form]) -> Found {
    let passwords = |form: &Form| {
        let named = |field: &&Field| field.kind == Kind::Password && !field.name.is_empty();
        form.fields.iter().filter(named).count()
    };
    let with: Vec<&Form> = forms.iter().filter(|form| passwords(form) == 1).collect();
    let unnamed = forms.iter().any(|form| {
        let is = |field: &Field| field.kind == Kind::Password && field.name.is_empty();
        form.fields.iter().any(is)
    });
    let mut posted: Vec<&Form> = with.iter().copied().filter(|form| form.post).collect();
    posted.dedup_by(|a, b| a.action == b.action && names(a) == names(b));
    match posted[..] {
        [] if !with.is_empty() || unnamed => Found::Script,
        [] => Found::None,
        [form] => as_login(form).map_or(Found::None, |login| Found::One(Box::new(login))),
        _ => Found::Many(posted.iter().map(|form| form.action.clone()).collect()),
    }
}

fn names(form: &Form) -> Vec<&str> {
    form.fields
        .iter()
        .map(|field| field.name.as_str())
        .collect()
}

fn as_login(form: &Form) -> Option<Login> {
    let is = |field: &Field| field.kind == Kind::Password && !field.name.is_empty();
    let at = form.fields.iter().position(is)?;
    Some(Login {
        username: username(&form.fields, at),
        password: form.fields[at].name.clone(),
        form: form.clone(),
    })
}

/// The field that says who: the one that calls itself so, else one with such a name, else the last one to type into before
/// the password, else the first one after it that has such a name.
fn username(fields: &[Field], password: usize) -> Option<String> {
    const NAMES: [&str; 10] = [
        "user", "login", "mail", "account", "uname", "uid", "name", "log", "ident", "benutzer",
    ];
    // What is asked beside name and password in a login form.
    const OTHERS: [&str; 8] = [
        "captcha", "otp", "token", "code", "server", "domain", "search", "totp",
    ];
    let typed = |field: &&Field| field.kind == Kind::Text && !field.name.is_empty();
    let lower = |field: &Field| field.name.to_ascii_lowercase();
    let like =
        |field: &&Field, words: &[&str]| words.iter().any(|word| lower(field).contains(word));
    let own = |field: &&Field| !like(field, &OTHERS) || like(field, &["user", "login"]);
    let mut all = fields.iter().filter(typed);
    let said = all.clone().find(|field| {
        let mut words = field.autocomplete.split_ascii_whitespace();
        words.any(|word| matches!(word, "username" | "email"))
    });
    let before = || fields[..password].iter().filter(typed).filter(own);
    said.or_else(|| before().find(|field| like(field, &NAMES)))
        .or_else(|| before().next_back())
        .or_else(|| all.find(|field| own(field) && like(field, &NAMES)))
        .map(|field| field.name.clone())
}

impl Form {
    /// What a browser sends if these fields are filled in and the first button is pressed. Names that the form does not
    /// have are not added.
    pub fn filled(&self, typed: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut pressed = false;
        let mut sent = Vec::new();
        for field in &self.fields {
            let goes = match field.kind {
                Kind::Text | Kind::Password | Kind::Hidden => true,
                Kind::Checkbox | Kind::Choice => field.checked,
                Kind::Submit => !std::mem::replace(&mut pressed, true),
                Kind::Button | Kind::File => false,
            };
            if !goes || field.name.is_empty() {
                continue;
            }
            let typed = typed.iter().find(|(name, _)| *name == field.name);
            let value = typed.map_or(field.value.as_str(), |(_, value)| value);
            sent.push((field.name.clone(), value.to_owned()));
        }
        sent
    }

    /// The type and the bytes of a body with these fields. No server reads `text/plain` as a form; who asks for it gets the
    /// usual one.
    pub fn body(&self, sent: &[(String, String)], charset: &'static Encoding) -> (String, Vec<u8>) {
        if self.enctype == "multipart/form-data" {
            return multipart(sent, charset);
        }
        let kind = "application/x-www-form-urlencoded".to_owned();
        (kind, encoded(sent, charset).into_bytes())
    }
}

/// The fields as they stand in a body or behind a `?`.
pub fn encoded(sent: &[(String, String)], charset: &'static Encoding) -> String {
    let encode: &dyn Fn(&str) -> Cow<'_, [u8]> = &|text| charset.encode(text).0;
    form_urlencoded::Serializer::new(String::new())
        .encoding_override(Some(encode))
        .extend_pairs(sent)
        .finish()
}

fn multipart(sent: &[(String, String)], charset: &'static Encoding) -> (String, Vec<u8>) {
    let mut boundary = "----countersign".to_owned();
    while sent.iter().any(|(_, value)| value.contains(&boundary)) {
        boundary.push('-');
    }
    let mut body = Vec::new();
    for (name, value) in sent {
        // As browsers do (HTML Living Standard section 4.10.21.8).
        let name = name
            .replace('"', "%22")
            .replace('\r', "%0D")
            .replace('\n', "%0A");
        let head =
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        for part in [head.as_str(), value, "\r\n"] {
            body.extend_from_slice(&charset.encode(part).0);
        }
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}

#[cfg(test)]
mod tests {
    use encoding_rs::{UTF_8, WINDOWS_1252};

    use super::*;
    use crate::scout::page::Page;

    fn found(html: &str) -> Found {
        login(&Page::read(html).forms)
    }

    /// User field and password field of the login of a page.
    fn fields(html: &str) -> (Option<String>, String) {
        match found(html) {
            Found::One(login) => (login.username, login.password),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_field_that_says_who_is_found_in_odd_forms() {
        for (form, user) in [
            (
                "<input name=user><input type=password name=p>",
                Some("user"),
            ),
            (
                "<input type=email name=e><input type=password name=p>",
                Some("e"),
            ),
            (
                "<input type=text name=who><input type=password name=p>",
                Some("who"),
            ),
            // Wordless names of real applications.
            ("<input name=u><input type=PASSWORD name=p>", Some("u")),
            ("<input name=log><input type=password name=p>", Some("log")),
            (
                "<input name=tenant><input name=email><input type=password name=p>",
                Some("email"),
            ),
            (
                "<input name=auth[server]><input name=auth[username]><input type=password name=p>",
                Some("auth[username]"),
            ),
            (
                "<input name=pma_username><input type=password name=p><input name=pma_servername>",
                Some("pma_username"),
            ),
            (
                "<input name=x autocomplete='section-a username'><input name=user><input type=password name=p>",
                Some("x"),
            ),
            (
                "<input type=password name=p><input name=username>",
                Some("username"),
            ),
            ("<input type=password name=p><input name=captcha>", None),
            (
                "<input type=hidden name=username value=a><input type=password name=p>",
                None,
            ),
            (
                "<input type=password name=p><input type=checkbox name=user>",
                None,
            ),
        ] {
            let (found, password) = fields(&format!("<form method=post>{form}</form>"));
            assert_eq!((found.as_deref(), password.as_str()), (user, "p"), "{form}");
        }
    }

    #[test]
    fn the_login_is_told_from_other_forms() {
        let search = "<form action=/s><input name=q></form>";
        let signs_up = "<form method=post action=/new><input name=user><input type=password name=a><input type=password name=b></form>";
        let signs_in =
            "<form method=post action=/in><input name=user><input type=password name=p></form>";
        let twice = signs_in.replace("/in", "/other");
        assert!(
            matches!(found(&format!("{search}{signs_up}{signs_in}")), Found::One(login) if login.form.action == "/in")
        );
        assert!(matches!(
            found(&format!("{signs_in}{signs_in}")),
            Found::One(_)
        ));
        assert!(
            matches!(found(&format!("{signs_in}{twice}")), Found::Many(all) if all == ["/in", "/other"])
        );
        assert!(matches!(found(search), Found::None));
        assert!(matches!(found(signs_up), Found::None));
        assert!(matches!(found(""), Found::None));
    }

    #[test]
    fn a_form_that_is_not_posted_is_a_scripts() {
        let spa = "<form id=f><input name=username><input type=password name=password></form>";
        assert!(matches!(found(spa), Found::Script));
        let nameless = "<form method=post><input id=u><input type=password id=p></form>";
        assert!(matches!(found(nameless), Found::Script));
    }

    #[test]
    fn what_a_browser_sends() {
        let page = Page::read(
            "<form method=post><input type=hidden name=token value='a&amp;b'><input name=user><input type=password name=p>\
             <input type=checkbox name=remember><input type=checkbox name=terms checked><input type=file name=f>\
             <select name=lang><option value=de>Deutsch<option value=en selected>English</select>\
             <input type=submit name=go value=In><input type=submit name=cancel value=Out><input value=nameless></form>",
        );
        let sent = page.forms[0].filled(&[("user", "ann"), ("p", "x"), ("other", "y")]);
        let sent: Vec<_> = sent.iter().map(|(n, v)| format!("{n}={v}")).collect();
        assert_eq!(
            sent,
            [
                "token=a&b",
                "user=ann",
                "p=x",
                "terms=on",
                "lang=en",
                "go=In"
            ]
        );
    }

    #[test]
    fn bodies_are_of_the_forms_type_and_the_pages_charset() {
        let sent = [("ü ".to_owned(), "ß&".to_owned())];
        let mut form = Form::default();
        let (kind, body) = form.body(&sent, WINDOWS_1252);
        assert_eq!(kind, "application/x-www-form-urlencoded");
        assert_eq!(body, b"%FC+=%DF%26");
        form.enctype = "multipart/form-data".to_owned();
        let (kind, body) = form.body(&sent, UTF_8);
        let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
        let text = String::from_utf8(body).unwrap();
        assert_eq!(
            text,
            format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"ü \"\r\n\r\nß&\r\n--{boundary}--\r\n"
            )
        );
    }
}
