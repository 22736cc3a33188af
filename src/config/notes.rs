//! What is noted while the tables are read: problems, the keys that exist, and what could not be read.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::diagnostic::{Diagnostic, Place, Source};
use super::rule::Severity;
use super::tree::Table;

/// What is noted while the tables are read.
pub(super) struct Notes {
    problems: RefCell<Vec<Diagnostic>>,
    /// Every key that was asked for, `sites.NAME.url`, with `NAME` for what the operator names.
    asked: RefCell<BTreeSet<String>>,
    /// Names that stand for something that could not be read: who refers to them is not to blame.
    spoilt: RefCell<BTreeSet<String>>,
    /// Keys that nobody asked for and that are like no other of their table: where in `problems`, and the key.
    strays: RefCell<Vec<(usize, String)>>,
    /// Stands in for tables that are not written: everything in them has its default.
    empty: Table,
}

impl Notes {
    pub(super) fn new(problems: Vec<Diagnostic>) -> Self {
        let nowhere = Place::whole(&Source::new(std::path::PathBuf::new(), String::new(), 0));
        let empty = Table {
            place: nowhere,
            entries: Vec::new(),
        };
        Self {
            problems: RefCell::new(problems),
            asked: RefCell::default(),
            spoilt: RefCell::default(),
            strays: RefCell::default(),
            empty,
        }
    }

    pub(super) fn add(&self, problem: Diagnostic) {
        self.problems.borrow_mut().push(problem);
    }

    /// Adds that there is no key `key`, which is like no other of its table.
    pub(super) fn add_stray(&self, problem: Diagnostic, key: &str) {
        let index = self.problems.borrow().len();
        self.strays.borrow_mut().push((index, key.to_owned()));
        self.add(problem);
    }

    /// Says that the key at `path` exists.
    pub(super) fn ask(&self, path: String) {
        self.asked.borrow_mut().insert(path);
    }

    /// Says that something of that name could not be read.
    pub(super) fn spoil(&self, name: &str) {
        self.spoilt.borrow_mut().insert(name.to_owned());
    }

    /// A table in which nothing is written.
    pub(super) fn empty(&self) -> &Table {
        &self.empty
    }

    /// Whether nothing but warnings was noted. What is said to be unused is so only then: it may be meant where
    /// something else is wrong.
    pub(super) fn sound(&self) -> bool {
        self.errors() == 0
    }

    /// How many errors were noted so far.
    pub(super) fn errors(&self) -> usize {
        self.problems
            .borrow()
            .iter()
            .filter(|problem| problem.severity() == Severity::Error)
            .count()
    }

    /// Whether something of that name could not be read.
    pub(super) fn spoilt(&self, name: &str) -> bool {
        self.spoilt.borrow().contains(name)
    }

    /// The keys that exist, as far as tables of their kind were read.
    #[cfg(test)]
    pub(super) fn asked(&self) -> BTreeSet<String> {
        self.asked.borrow().clone()
    }

    /// The problems from top to bottom. A key in the wrong table is told where it belongs, which is known only now.
    pub(super) fn into_problems(self) -> Vec<Diagnostic> {
        let (asked, mut problems) = (self.asked.into_inner(), self.problems.into_inner());
        for (index, key) in self.strays.into_inner() {
            let home = asked.iter().find_map(|path| {
                path.rsplit_once('.')
                    .filter(|(_, last)| *last == key)
                    .map(|(table, _)| table)
            });
            if let Some(table) = home {
                problems[index]
                    .help
                    .push(format!("`{key}` belongs in [{table}]"));
            }
        }
        let mut problems: Vec<Diagnostic> =
            problems.into_iter().map(Diagnostic::where_named).collect();
        problems.sort_by_key(|problem| problem.place().order());
        problems
    }
}
