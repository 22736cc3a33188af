//! A problem in the configuration: where it is, what is wrong, and the way out.

use std::fmt::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};

use super::rule::{Rule, Severity};

/// One problem. The first label is where it is; the others show what it clashes with or was meant.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Which rule is broken.
    pub rule: Rule,
    /// What is wrong, in one line.
    pub title: String,
    /// Where; never empty.
    pub labels: Vec<Label>,
    /// How to mend it.
    pub help: Vec<String>,
}

/// A place and what is to be said about it.
#[derive(Clone, Debug)]
pub struct Label {
    /// Where.
    pub place: Place,
    /// What; may be empty.
    pub text: String,
}

impl Diagnostic {
    /// A problem at `place`, with `text` under it.
    #[must_use]
    pub fn new(
        rule: Rule,
        title: impl Into<String>,
        place: &Place,
        text: impl Into<String>,
    ) -> Self {
        let label = Label {
            place: place.clone(),
            text: text.into(),
        };
        Self {
            rule,
            title: title.into(),
            labels: vec![label],
            help: Vec::new(),
        }
    }

    /// Adds a second place.
    #[must_use]
    pub fn also(mut self, place: &Place, text: impl Into<String>) -> Self {
        self.labels.push(Label {
            place: place.clone(),
            text: text.into(),
        });
        self
    }

    /// What is wrong in a text that is built in is shown first where the operator names it: there it can be mended.
    #[must_use]
    pub(super) fn where_named(mut self) -> Self {
        if let Some(named) = self.place().named().cloned() {
            let text = "by this preset".to_owned();
            self.labels.insert(0, Label { place: named, text });
        }
        self
    }

    /// Adds a way out.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// Whether the gateway starts all the same.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.rule.severity()
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> &Place {
        // `new` is the only maker and puts one in; nothing takes one out.
        &self.labels[0].place
    }

    /// The excerpt with its marks, as rustc draws it; without a line end.
    #[must_use]
    pub fn render(&self, styled: bool) -> String {
        let renderer = if styled {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let level = match self.severity() {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group =
            Group::with_title(level.primary_title(&self.title).id(self.rule.to_string()));
        for source in self.sources() {
            group = self.excerpt(group, &source);
        }
        for help in &self.help {
            group = group.element(Level::HELP.message(help));
        }
        renderer.render(&[group])
    }

    /// The files of the labels, in the order of the labels.
    fn sources(&self) -> Vec<Arc<Source>> {
        let mut sources: Vec<Arc<Source>> = Vec::new();
        for label in &self.labels {
            if !sources
                .iter()
                .any(|known| Arc::ptr_eq(known, &label.place.source))
            {
                sources.push(Arc::clone(&label.place.source));
            }
        }
        sources
    }

    fn excerpt<'a>(&'a self, group: Group<'a>, source: &Arc<Source>) -> Group<'a> {
        let path = source.path.display().to_string();
        let mut snippet = Snippet::source(source.shown()).path(path.clone());
        let mut marks = 0;
        for (index, label) in self.labels.iter().enumerate() {
            if let Some(span) = label
                .place
                .span
                .clone()
                .filter(|_| Arc::ptr_eq(&label.place.source, source))
            {
                let kind = if index == 0 {
                    AnnotationKind::Primary
                } else {
                    AnnotationKind::Context
                };
                let text = if label.text.is_empty() {
                    None
                } else {
                    Some(label.text.as_str())
                };
                snippet = snippet.annotation(kind.span(span).label(text));
                marks += 1;
            }
        }
        // A problem of the file as a whole has nothing to excerpt.
        if marks == 0 {
            group.element(Origin::path(path))
        } else {
            group.element(snippet)
        }
    }

    /// The same for programs: severity, code, message, file, line and column (from 1), label, help, and further places.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let also: Vec<Value> = self.labels[1..].iter().map(Label::to_json).collect();
        let mut object = self.labels[0].to_json();
        object["severity"] = json!(self.severity().word());
        object["code"] = json!(self.rule.to_string());
        object["message"] = json!(self.title);
        object["help"] = json!(self.help);
        object["also"] = Value::Array(also);
        object
    }
}

impl Label {
    fn to_json(&self) -> Value {
        let (line, column) = self.place.position().unzip();
        json!({ "file": self.place.source.path.display().to_string(), "line": line, "column": column, "label": self.text })
    }
}

/// A file as it was read.
pub struct Source {
    path: PathBuf,
    text: String,
    /// Its rank among the files, for the order of problems.
    rank: usize,
    /// Spans that must not be printed. A lock, for problems may be printed while another thread reloads.
    hidden: Mutex<Vec<Range<usize>>>,
    /// Where the operator names it, if it is built in: nobody can mend anything in it.
    named: Option<Place>,
}

impl Source {
    /// A file's text; `rank` 0 is the main file.
    #[must_use]
    pub fn new(path: PathBuf, text: String, rank: usize) -> Arc<Self> {
        Arc::new(Self {
            path,
            text,
            rank,
            hidden: Mutex::default(),
            named: None,
        })
    }

    /// A text that is built in and that the operator names at `named`; shown after all files.
    #[must_use]
    pub fn built_in(path: PathBuf, text: String, named: Place) -> Arc<Self> {
        Arc::new(Self {
            path,
            text,
            rank: usize::MAX,
            hidden: Mutex::default(),
            named: Some(named),
        })
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The path as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The text for people: what [`Place::hide`] marked is crossed out, at the same length.
    fn shown(&self) -> String {
        let hidden = self.hidden.lock().unwrap_or_else(PoisonError::into_inner);
        let mut shown = String::with_capacity(self.text.len());
        for (at, c) in self.text.char_indices() {
            let cross = !c.is_whitespace() && hidden.iter().any(|span| span.contains(&at));
            // One mark for each byte, so that every span still fits.
            if cross {
                shown.extend(std::iter::repeat_n('x', c.len_utf8()));
            } else {
                shown.push(c);
            }
        }
        shown
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the text: a literal secret may stand in it.
        write!(f, "Source({})", self.path.display())
    }
}

/// A span of a file, or the file as a whole.
#[derive(Clone)]
pub struct Place {
    source: Arc<Source>,
    span: Option<Range<usize>>,
}

impl Place {
    /// The bytes `span` of `source`.
    #[must_use]
    pub fn new(source: &Arc<Source>, span: Range<usize>) -> Self {
        Self {
            source: Arc::clone(source),
            span: Some(span),
        }
    }

    /// The file as a whole.
    #[must_use]
    pub fn whole(source: &Arc<Source>) -> Self {
        Self {
            source: Arc::clone(source),
            span: None,
        }
    }

    /// The file.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Where the operator names the text that this stands in, if that is built in.
    #[must_use]
    pub fn named(&self) -> Option<&Self> {
        self.source.named.as_ref()
    }

    /// Where `character` stands first within this place; the whole place if it is not written there as itself.
    #[must_use]
    pub fn first(&self, character: char) -> Self {
        let found = self.span.clone().and_then(|span| {
            let start = span.start + self.source.text.get(span)?.find(character)?;
            Some(start..start + character.len_utf8())
        });
        found.map_or_else(|| self.clone(), |span| Self::new(&self.source, span))
    }

    /// Line and column, from 1, the column in characters; `None` for the file as a whole.
    #[must_use]
    pub fn position(&self) -> Option<(usize, usize)> {
        let before = self.source.text.get(..self.span.as_ref()?.start)?;
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Some((
            before.matches('\n').count() + 1,
            before[line_start..].chars().count() + 1,
        ))
    }

    /// Keeps this span out of every excerpt: a secret was written there.
    pub fn hide(&self) {
        if let Some(span) = &self.span {
            self.source
                .hidden
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(span.clone());
        }
    }

    /// Sorts places as a reader meets them: by file, then from top to bottom.
    #[must_use]
    pub fn order(&self) -> (usize, usize) {
        (
            self.source.rank,
            self.span.as_ref().map_or(0, |span| span.start),
        )
    }
}

/// `file:line`, the file without its folder: short enough for logs.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.source.path.file_name().unwrap_or_default();
        f.write_str(&name.to_string_lossy())?;
        match self.position() {
            Some((line, _)) => write!(f, ":{line}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// All of `problems`, each as [`Diagnostic::render`] draws it and followed by an empty line.
#[must_use]
pub fn render(problems: &[Diagnostic], styled: bool) -> String {
    problems.iter().fold(String::new(), |mut text, problem| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}\n", problem.render(styled));
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Arc<Source> {
        Source::new(
            "/etc/é.toml".into(),
            "a = 1\nkey = \"é\" # end\n".to_owned(),
            0,
        )
    }

    #[test]
    fn a_place_counts_lines_from_one_and_columns_in_characters() {
        let place = Place::new(&source(), 16..21);
        assert_eq!(place.position(), Some((2, 10)));
        assert_eq!(place.to_string(), "é.toml:2");
        assert_eq!(Place::whole(&source()).position(), None);
    }

    #[test]
    fn a_character_is_pointed_at_where_it_is_written() {
        let value = Place::new(&source(), 12..16);
        assert_eq!(value.first('é').position(), Some((2, 8)));
        assert_eq!(value.first('é').order(), (0, 13));
        for missing in [value.first('e'), value.first('#')] {
            assert_eq!(missing.position(), value.position());
        }
        let whole = Place::whole(&source());
        assert_eq!(whole.first('a').position(), None);
    }

    #[test]
    fn c8_a_hidden_span_is_crossed_out_wherever_its_line_is_shown() {
        let source = source();
        let secret = Place::new(&source, 12..16);
        let neighbour = Place::new(&source, 0..1);
        secret.hide();
        for place in [&secret, &neighbour] {
            let problem =
                Diagnostic::new(Rule::LiteralSecret, "no", place, "here").also(&secret, "and here");
            assert!(
                !problem.render(false).contains('"'),
                "{}",
                problem.render(false)
            );
            assert!(problem.render(false).contains("key = xxxx # end"));
        }
    }

    #[test]
    fn colour_comes_only_when_asked_for() {
        let problem = Diagnostic::new(Rule::Missing, "no", &Place::whole(&source()), "");
        assert!(!problem.render(false).contains('\u{1b}'));
        assert!(problem.render(true).contains('\u{1b}'));
    }

    #[test]
    fn programs_get_the_same_places() {
        let source = source();
        let problem = Diagnostic::new(Rule::Twice, "twice", &Place::new(&source, 6..9), "here")
            .also(&Place::whole(&source), "there")
            .help("cut one");
        assert_eq!(
            problem.to_json(),
            json!({
                "severity": "error", "code": "C0003", "message": "twice", "file": "/etc/é.toml", "line": 2, "column": 1, "label": "here",
                "help": ["cut one"], "also": [{ "file": "/etc/é.toml", "line": null, "column": null, "label": "there" }]
            })
        );
    }
}
