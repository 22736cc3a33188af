//! What a page has for somebody who reads it without running its scripts: forms, links, and the files it is drawn with.

use std::collections::BTreeMap;

use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};
use http::HeaderValue;

use super::form::{Field, Form, Kind};
use crate::capture::judge::{Leads, resolve};
use crate::site::Origin;
use crate::target::Target;

/// A page that was read.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Its title, blanks folded.
    pub title: String,
    /// Its forms, in order.
    pub forms: Vec<Form>,
    /// Its links, in order.
    pub links: Vec<Link>,
    /// What it loads by itself: scripts, styles, images, icons. As written, in order, each once.
    pub assets: Vec<String>,
    /// How many scripts it has, those in the page included.
    pub scripts: usize,
    /// Whether a password field stands in no form.
    pub loose_password: bool,
    /// Where a `meta` refresh leads, as written.
    pub refresh: Option<String>,
    base: Option<String>,
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where it leads, as written.
    pub href: String,
    /// What it says: its text, else its title or label, blanks folded.
    pub text: String,
}

/// The most that is read of links, forms and files each: a page with more has enough of them.
const MOST: usize = 2000;

impl Page {
    /// Reads a page.
    pub fn read(html: &str) -> Self {
        let mut emitter = DefaultEmitter::default();
        emitter.naively_switch_states(true);
        let mut reader = Reader::default();
        for token in Tokenizer::new_with_emitter(html, emitter) {
            // A string cannot fail to be read.
            let Ok(token) = token;
            match token {
                Token::StartTag(tag) => reader.start(&tag),
                Token::EndTag(tag) => reader.end(&tag.name),
                Token::String(text) => reader.text(&String::from_utf8_lossy(&text)),
                Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
            }
        }
        reader.finish()
    }

    /// Where something written in this page leads. `at` is the page's own address, `own` the origin it was asked for at.
    pub fn leads(&self, at: &Target, own: &Origin, written: &str) -> Leads {
        let base = self.base.as_deref().map(|base| lead(at, own, base));
        match base {
            // What is relative to another origin leads there; nobody here asks for it.
            Some(Leads::Elsewhere { .. }) if !is_absolute(written) => Leads::Nowhere,
            Some(Leads::Here(base)) => lead(&base, own, written),
            _ => lead(at, own, written),
        }
    }
}

/// Where a reference leads, as browsers read it: line ends within it do not count.
fn lead(base: &Target, own: &Origin, written: &str) -> Leads {
    let clean: String = written.chars().filter(|c| !c.is_control()).collect();
    let clean = clean.trim();
    if clean.is_empty() {
        return Leads::Here(base.clone());
    }
    // A fragment alone is the page itself.
    let Ok(value) = HeaderValue::from_bytes(clean.as_bytes()) else {
        return Leads::Nowhere;
    };
    resolve(base, own.text(), &value)
}

fn is_absolute(written: &str) -> bool {
    written.starts_with('/') || written.contains("://")
}

#[derive(Default)]
struct Reader {
    page: Page,
    /// The form that is open: its place in the list.
    open: Option<usize>,
    ids: BTreeMap<String, usize>,
    /// Fields that name their form, which may come later.
    elsewhere: Vec<(String, Field)>,
    /// What text belongs to now.
    within: Within,
}

#[derive(Default)]
enum Within {
    #[default]
    Nothing,
    Title,
    /// A link, by its place in the list.
    Link,
    Button(Field, Option<String>),
    Select(Select),
    Textarea(Field, Option<String>),
}

#[derive(Default)]
struct Select {
    name: String,
    form: Option<String>,
    first: Option<String>,
    chosen: Option<String>,
    /// An option without a value, whose text is its value.
    untold: Option<bool>,
}

impl Reader {
    fn start(&mut self, tag: &StartTag<()>) {
        let get = |name: &str| {
            let value = tag.attributes.get(name.as_bytes());
            value.map(|value| String::from_utf8_lossy(value).into_owned())
        };
        let name: &[u8] = &tag.name;
        match name {
            b"base" => self.page.base = self.page.base.take().or_else(|| get("href")),
            b"title" => self.within = Within::Title,
            b"meta" => {
                let refreshes =
                    get("http-equiv").is_some_and(|v| v.eq_ignore_ascii_case("refresh"));
                if refreshes && self.page.refresh.is_none() {
                    self.page.refresh = get("content").as_deref().and_then(refresh);
                }
            }
            b"a" | b"area" => self.link(get("href"), get("title").or_else(|| get("aria-label"))),
            b"script" => {
                self.page.scripts += 1;
                self.asset(get("src"));
            }
            b"img" => self.asset(get("src")),
            b"link" => {
                let rel = get("rel").unwrap_or_default().to_ascii_lowercase();
                let loads = ["stylesheet", "icon", "apple-touch-icon", "modulepreload"];
                if rel.split_ascii_whitespace().any(|rel| loads.contains(&rel)) {
                    self.asset(get("href"));
                }
            }
            b"form" => self.form(get),
            b"input" => {
                let kind = Kind::of_input(&get("type").unwrap_or_default());
                let field = field(kind, get, tag.attributes.contains_key(&b"checked"[..]));
                self.take(field, get("form"));
            }
            b"button" => {
                let kind = match get("type")
                    .unwrap_or_default()
                    .to_ascii_lowercase()
                    .as_str()
                {
                    "button" | "reset" => Kind::Button,
                    _ => Kind::Submit,
                };
                self.within = Within::Button(field(kind, get, false), get("form"));
            }
            b"textarea" => {
                self.within = Within::Textarea(field(Kind::Text, get, false), get("form"));
            }
            b"select" => {
                self.within = Within::Select(Select {
                    name: get("name").unwrap_or_default(),
                    form: get("form"),
                    ..Select::default()
                });
            }
            b"option" => {
                if let Within::Select(select) = &mut self.within {
                    select.option(get("value"), tag.attributes.contains_key(&b"selected"[..]));
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, name: &[u8]) {
        match (name, std::mem::take(&mut self.within)) {
            (b"form", within) => {
                self.open = None;
                self.within = within;
            }
            (b"title", Within::Title) | (b"a", Within::Link) => {}
            (b"button", Within::Button(field, form))
            | (b"textarea", Within::Textarea(field, form)) => {
                self.take(field, form);
            }
            (b"select", Within::Select(select)) => {
                let value = select.chosen.or(select.first);
                let field = Field {
                    kind: Kind::Choice,
                    name: select.name,
                    checked: value.is_some(),
                    value: value.unwrap_or_default(),
                    ..Field::default()
                };
                self.take(field, select.form);
            }
            (_, within) => self.within = within,
        }
    }

    fn text(&mut self, text: &str) {
        let add = |to: &mut String| {
            for word in text.split_whitespace() {
                if !to.is_empty() {
                    to.push(' ');
                }
                to.push_str(word);
            }
        };
        match &mut self.within {
            Within::Nothing => {}
            Within::Title => add(&mut self.page.title),
            Within::Link => {
                if let Some(link) = self.page.links.last_mut() {
                    add(&mut link.text);
                }
            }
            Within::Button(field, _) => add(&mut field.text),
            Within::Textarea(field, _) => field.value.push_str(text),
            Within::Select(select) => select.told(text.trim()),
        }
    }

    fn link(&mut self, href: Option<String>, text: Option<String>) {
        let Some(href) = href.filter(|_| self.page.links.len() < MOST) else {
            return;
        };
        let text = text.unwrap_or_default();
        self.page.links.push(Link { href, text });
        self.within = Within::Link;
    }

    fn asset(&mut self, address: Option<String>) {
        let Some(address) = address else { return };
        let address = address.trim();
        let known = |known: &String| known == address;
        let inline = address.is_empty() || address.starts_with("data:");
        if !inline && self.page.assets.len() < MOST && !self.page.assets.iter().any(known) {
            self.page.assets.push(address.to_owned());
        }
    }

    fn form(&mut self, get: impl Fn(&str) -> Option<String>) {
        // A form in a form is none (HTML Living Standard section 13.2.6.4.7).
        if self.open.is_some() || self.page.forms.len() >= MOST {
            return;
        }
        let number = self.page.forms.len();
        self.page.forms.push(Form {
            action: get("action").unwrap_or_default(),
            post: get("method").is_some_and(|method| method.eq_ignore_ascii_case("post")),
            enctype: get("enctype").unwrap_or_default().to_ascii_lowercase(),
            fields: Vec::new(),
        });
        if let Some(id) = get("id") {
            self.ids.entry(id).or_insert(number);
        }
        self.open = Some(number);
    }

    fn take(&mut self, field: Field, form: Option<String>) {
        if let Some(form) = form {
            self.elsewhere.push((form, field));
        } else if let Some(open) = self.open {
            self.page.forms[open].fields.push(field);
        } else if field.kind == Kind::Password {
            self.page.loose_password = true;
        }
    }

    fn finish(mut self) -> Page {
        for (form, field) in self.elsewhere {
            match self.ids.get(&form) {
                Some(&number) => self.page.forms[number].fields.push(field),
                None if field.kind == Kind::Password => self.page.loose_password = true,
                None => {}
            }
        }
        self.page
    }
}

impl Select {
    fn option(&mut self, value: Option<String>, selected: bool) {
        self.untold = value.is_none().then_some(selected);
        if let Some(value) = value {
            self.offer(&value, selected);
        }
    }

    fn told(&mut self, text: &str) {
        if let Some(selected) = self.untold.filter(|_| !text.is_empty()) {
            self.untold = None;
            self.offer(text, selected);
        }
    }

    fn offer(&mut self, value: &str, selected: bool) {
        self.first.get_or_insert_with(|| value.to_owned());
        if selected {
            self.chosen = Some(value.to_owned());
        }
    }
}

fn field(kind: Kind, get: impl Fn(&str) -> Option<String>, checked: bool) -> Field {
    let boxed = kind == Kind::Checkbox;
    Field {
        kind,
        name: get("name").unwrap_or_default(),
        value: get("value").unwrap_or_else(|| {
            if boxed {
                "on".to_owned()
            } else {
                String::new()
            }
        }),
        checked,
        autocomplete: get("autocomplete").unwrap_or_default().to_ascii_lowercase(),
        text: String::new(),
    }
}

/// The address in `5; url=/somewhere`.
fn refresh(content: &str) -> Option<String> {
    let at = content.to_ascii_lowercase().find("url=")? + "url=".len();
    let address = content[at..].trim().trim_matches(['"', '\'']);
    (!address.is_empty()).then(|| address.to_owned())
}

#[cfg(test)]
mod tests {
    use http::uri::PathAndQuery;

    use super::*;

    fn leads(page: &Page, written: &str) -> String {
        let at = Target::parse(PathAndQuery::from_static("/app/login?next=1")).unwrap();
        let own = Origin::parse("http://app.test:8080").unwrap();
        match page.leads(&at, &own, written) {
            Leads::Here(target) => target.raw().to_owned(),
            Leads::Elsewhere { url, .. } => url,
            Leads::Nowhere => "nowhere".to_owned(),
        }
    }

    #[test]
    fn links_have_their_text_and_files_are_found() {
        let page = Page::read(
            "<title>My\n page</title><link rel='shortcut icon' href=/favicon.ico><link rel=stylesheet href=a.css>\
             <link rel=canonical href=/x><script src=a.js></script><script>'<a href=/no>'</script><img src=a.png><img src=a.png>\
             <img src='data:image/png;base64,AA'><a href='/out?a=1&amp;b=2'><b>Log</b>\n out</a><a title=Help href=/h></a><a name=x>no</a>",
        );
        assert_eq!(page.title, "My page");
        assert_eq!(page.assets, ["/favicon.ico", "a.css", "a.js", "a.png"]);
        assert_eq!(page.scripts, 2);
        let said: Vec<_> = page
            .links
            .iter()
            .map(|link| (link.href.as_str(), link.text.as_str()))
            .collect();
        assert_eq!(said, [("/out?a=1&b=2", "Log out"), ("/h", "Help")]);
    }

    #[test]
    fn addresses_are_relative_to_the_page_or_to_its_base() {
        let plain = Page::read("");
        for (written, leads_to) in [
            ("", "/app/login?next=1"),
            ("?a=b", "/app/login?a=b"),
            ("x/y", "/app/x/y"),
            ("../z", "/z"),
            ("/z#top", "/z"),
            ("\n/z\t", "/z"),
            ("http://app.test:8080/z", "/z"),
            ("https://app.test/z", "https://app.test/z"),
            ("//other.test/z", "http://other.test/z"),
            ("javascript:void(0)", "nowhere"),
            ("mailto:a@b.test", "nowhere"),
        ] {
            assert_eq!(leads(&plain, written), leads_to, "{written:?}");
        }
        let based = Page::read("<base href='/root/'><base href=/no/>");
        assert_eq!(leads(&based, "a"), "/root/a");
        assert_eq!(leads(&based, "?q"), "/root/?q");
        let away = Page::read("<base href='http://cdn.test/'>");
        assert_eq!(leads(&away, "a"), "nowhere");
        assert_eq!(leads(&away, "/a"), "/a");
    }

    #[test]
    fn fields_outside_belong_to_the_form_they_name() {
        let page = Page::read(
            "<input form=f name=user><form id=f method=POST action=/in><input type=password name=pw></form>\
             <button form=f name=go value=1>Go</button><input name=stray>",
        );
        let names: Vec<_> = page.forms[0]
            .fields
            .iter()
            .map(|f| f.name.as_str())
            .collect();
        assert_eq!(names, ["pw", "user", "go"]);
        assert!(page.forms[0].post && !page.loose_password);
        assert!(Page::read("<input type=password form=none>").loose_password);
        assert!(Page::read("<form></form><input type=PassWord>").loose_password);
    }

    #[test]
    fn a_choice_has_the_value_that_a_browser_sends() {
        let value = |html: &str| {
            let page = Page::read(&format!("<form><select name=s>{html}</select></form>"));
            let field = &page.forms[0].fields[0];
            field.checked.then(|| field.value.clone())
        };
        assert_eq!(
            value("<option value=a>A<option value=b selected>B").as_deref(),
            Some("b")
        );
        assert_eq!(
            value("<option value=a>A<option value=b>B").as_deref(),
            Some("a")
        );
        assert_eq!(
            value("<option> One </option><option>Two").as_deref(),
            Some("One")
        );
        assert_eq!(value(""), None);
    }

    #[test]
    fn what_is_no_markup_is_no_field() {
        let page = Page::read(
            "<!-- <form><input type=password></form> --><textarea><form></textarea><script>'<form>'</script>\
             <noscript><form><input type=password></form></noscript>",
        );
        assert!(page.forms.is_empty() && !page.loose_password);
    }

    #[test]
    fn a_page_may_send_its_reader_on() {
        let page = Page::read("<meta http-equiv=Refresh content='0; URL=\"/ui/\"'>");
        assert_eq!(page.refresh.as_deref(), Some("/ui/"));
        assert_eq!(
            Page::read("<meta http-equiv=refresh content=60>").refresh,
            None
        );
    }
}
