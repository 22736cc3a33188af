//! The block of the configuration that says what was learned.

use std::fmt::Write as _;

use super::open::Open;
use crate::name::Name;
use crate::site::Origin;
use crate::target::Target;

/// Everything that the block says.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// The site's name.
    pub(super) site: Name,
    /// The public address.
    pub(super) url: Origin,
    /// Whether that address was made up.
    pub(super) made_up: bool,
    /// As in `upstream = "…"`.
    pub(super) upstream: String,
    /// As in `upstream_ca = "…"`.
    pub(super) upstream_ca: Option<String>,
    /// The directory's name.
    pub(super) directory: Name,
    /// Which Host the application sees.
    pub(super) host: Host,
    /// The charset of its forms, if that is not UTF-8.
    pub(super) charset: Option<&'static str>,
    /// The login.
    pub(super) capture: Capture,
    /// What tells a good login from a bad one.
    pub(super) judge: Judge,
    /// A page that only a signed-in person gets.
    pub(super) probe: Option<Target>,
    /// Whether that page seems to be this one person's.
    pub(super) personal: bool,
    /// Cookies that only a good login sets, as patterns.
    pub(super) success_cookie: Vec<String>,
    /// The path that only a good login leads to.
    pub(super) success_location: Option<String>,
    /// The cookies that make a session, as patterns.
    pub(super) auth_cookies: Vec<String>,
    /// Where people sign out.
    pub(super) logout: Vec<String>,
    /// What strangers may have.
    pub(super) open: Open,
    /// Presets of applications that this one looks like: names and titles.
    pub(super) presets: Vec<(&'static str, &'static str)>,
}

/// Which Host, Origin and Referer the application sees, and what is done about its pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// Its own.
    Upstream,
    /// Its own, and its own address in its pages is replaced.
    Rewritten,
    /// The public one.
    Preserved,
}

/// What tells a good login from a bad one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judge {
    /// A page that only a signed-in person gets: the surest, unless to look at it ends the login that is under way.
    Probe,
    /// Cookies.
    Cookie,
    /// Where it leads.
    Location,
}

/// How people sign in.
#[derive(Clone, Debug)]
pub(super) enum Capture {
    /// By a form.
    Form {
        /// The page with it.
        page: Target,
        /// The path that it is posted to.
        action: String,
        /// The field that says who; else the one person there is.
        who: Who,
        /// The password's field.
        password: String,
    },
    /// By HTTP Basic.
    Basic,
}

/// Who signs in.
#[derive(Clone, Debug)]
pub(super) enum Who {
    /// Whom this field names.
    Field(String),
    /// This person: the application asks for nobody.
    Fixed(String),
}

impl Block {
    /// What there is to judge by, the surest first.
    pub(super) fn judges(&self) -> Vec<Judge> {
        let probe = self.probe.is_some().then_some(Judge::Probe);
        let cookie = (!self.success_cookie.is_empty()).then_some(Judge::Cookie);
        let location = self.success_location.is_some().then_some(Judge::Location);
        [probe, cookie, location].into_iter().flatten().collect()
    }

    /// What is tried, in the words of the configuration.
    pub(super) fn mode(&self) -> String {
        let host = match self.host {
            Host::Upstream => "host = \"upstream\"",
            Host::Rewritten => "rewrite = [\"upstream\"]",
            Host::Preserved => "host = \"preserve\"",
        };
        let judge = match self.judge {
            Judge::Probe => "probe",
            Judge::Cookie => "success_cookie",
            Judge::Location => "success_location",
        };
        format!("{host} and {judge}")
    }

    /// As it stands in the file.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, to: &mut String) -> std::fmt::Result {
        let site = &self.site;
        for (name, title) in &self.presets {
            writeln!(
                to,
                "# This looks like {title}. What is known of it can stand in place of routes and capture: preset = \"{name}\"\n\
                 # (countersign preset show {name}); doors that nobody sees on the login page are shut there, too."
            )?;
        }
        writeln!(to, "[sites.{site}]")?;
        if self.made_up {
            writeln!(to, "# The address that people will use: write yours.")?;
        }
        writeln!(to, "url = {}", quoted(self.url.text()))?;
        if !self.url.https() && !self.url.loopback() {
            writeln!(to, "insecure = true")?;
        }
        writeln!(to, "upstream = {}", quoted(&self.upstream))?;
        if let Some(ca) = &self.upstream_ca {
            writeln!(to, "upstream_ca = {}", quoted(ca))?;
        }
        match self.host {
            Host::Upstream => writeln!(to, "host = \"upstream\"")?,
            Host::Preserved => writeln!(to, "host = \"preserve\"")?,
            Host::Rewritten => writeln!(to, "host = \"upstream\"\nrewrite = [\"upstream\"]")?,
        }
        writeln!(to, "directory = {}", quoted(self.directory.as_str()))?;
        writeln!(to, "scopes = [\"login\"]")?;
        writeln!(to, "# support = \"Help desk, +1 202 555 0143\"")?;
        if let Some(charset) = self.charset {
            writeln!(to, "charset = {}", quoted(charset))?;
        }
        if !self.logout.is_empty() {
            writeln!(to, "logout = {}", list(&self.logout))?;
        }
        self.routes(to)?;
        self.capture(to)
    }

    fn routes(&self, to: &mut String) -> std::fmt::Result {
        if let Capture::Form { page, action, .. } = &self.capture {
            let alone = page.path() == action && page.query().is_none();
            if alone {
                self.route(to, &list_of(&[action]), "capture = \"form\"")?;
            } else {
                self.route(
                    to,
                    &list_of(&[action]),
                    "methods = [\"POST\"]\ncapture = \"form\"",
                )?;
                let mut rest = "methods = [\"GET\", \"HEAD\"]\n".to_owned();
                if let Some(query) = condition(page) {
                    writeln!(rest, "query = {query}")?;
                }
                self.route(
                    to,
                    &list_of(&[page.path()]),
                    &format!("{rest}capture = \"form\""),
                )?;
            }
        }
        if !self.open.pages.is_empty() {
            writeln!(
                to,
                "\n# These answer to anybody now, and need a code from here on: {}\n# To keep one open, add a route: path = \"…\", require = \"public\"",
                self.open.pages.join(" ")
            )?;
        }
        if !self.open.folders.is_empty() {
            writeln!(
                to,
                "\n# A program is run by every path that begins with its own: /x.php/y.css."
            )?;
            let folders: Vec<&str> = self.open.folders.iter().map(String::as_str).collect();
            self.route_below(to, &list_of(&folders), "require = \"login\"")?;
        }
        let plain: Vec<&str> = self
            .open
            .files
            .iter()
            .filter(|files| files.query.is_none())
            .map(|files| files.path.as_str())
            .collect();
        if !plain.is_empty() {
            writeln!(to, "\n# What the login page is drawn with.")?;
            self.route_below(to, &list_of(&plain), "require = \"public\"")?;
        }
        for files in &self.open.files {
            if let Some((name, value)) = &files.query {
                let rest = format!(
                    "methods = [\"GET\", \"HEAD\"]\nquery = {{ {} = {} }}\nrequire = \"public\"",
                    quoted(name),
                    quoted(value)
                );
                self.route(to, &list_of(&[&files.path]), &rest)?;
            }
        }
        Ok(())
    }

    fn route(&self, to: &mut String, path: &str, rest: &str) -> std::fmt::Result {
        writeln!(to)?;
        self.route_below(to, path, rest)
    }

    fn route_below(&self, to: &mut String, path: &str, rest: &str) -> std::fmt::Result {
        writeln!(to, "[[sites.{}.routes]]\npath = {path}\n{rest}", self.site)
    }

    fn capture(&self, to: &mut String) -> std::fmt::Result {
        writeln!(
            to,
            "\n[sites.{}.captures.form]\nscope = \"login\"",
            self.site
        )?;
        match &self.capture {
            Capture::Basic => writeln!(to, "username = \"basic\"")?,
            Capture::Form {
                page,
                action,
                who,
                password,
            } => {
                match who {
                    Who::Field(field) => writeln!(to, "username = {}", quoted(field))?,
                    Who::Fixed(person) => writeln!(
                        to,
                        "# The application asks for a password alone: this person gets the code.\nfixed_user = {}",
                        quoted(person)
                    )?,
                }
                writeln!(to, "password = {}", quoted(password))?;
                if page.raw() != action {
                    writeln!(to, "page = {}", quoted(page.raw()))?;
                }
            }
        }
        match self.judge {
            Judge::Probe => {}
            Judge::Cookie => writeln!(
                to,
                "# Only a good login sets this.\nsuccess_cookie = {}",
                list(&self.success_cookie)
            )?,
            Judge::Location => {
                let location = self.success_location.as_deref().unwrap_or_default();
                writeln!(
                    to,
                    "# Only a good login leads there.\nsuccess_location = {}",
                    quoted(location)
                )?;
            }
        }
        if let (Judge::Probe, Some(probe)) = (self.judge, &self.probe) {
            if self.personal {
                writeln!(
                    to,
                    "# One person's page, by its name: write one that everybody gets who may sign in."
                )?;
            }
            writeln!(
                to,
                "# Only a signed-in person gets this page.\nprobe = {}",
                quoted(probe.raw())
            )?;
        }
        if !self.auth_cookies.is_empty() {
            let names: Vec<String> = self.auth_cookies.iter().map(|name| quoted(name)).collect();
            writeln!(to, "auth_cookies = [{}]", names.join(", "))?;
        }
        Ok(())
    }
}

/// The query of a page as a route's condition.
fn condition(page: &Target) -> Option<String> {
    let query = page.query()?;
    let pairs: Vec<String> = form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| format!("{} = {}", quoted(&name), quoted(&value)))
        .collect();
    (!pairs.is_empty()).then(|| format!("{{ {} }}", pairs.join(", ")))
}

pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn list(items: &[String]) -> String {
    let items: Vec<&str> = items.iter().map(String::as_str).collect();
    list_of(&items)
}

/// One alone, or several one under the other.
fn list_of(items: &[&str]) -> String {
    let quoted: Vec<String> = items.iter().map(|item| quoted(item)).collect();
    let line = quoted.join(", ");
    match quoted.len() {
        1 => line,
        _ if line.len() < 90 => format!("[{line}]"),
        _ => format!("[\n    {},\n]", quoted.join(",\n    ")),
    }
}
