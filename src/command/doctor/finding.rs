//! What was found, how it is told, and what was tried where nothing was.

use std::io::{self, Write};

use serde_json::json;

use crate::config::rule::Severity;

/// Something that lets people past the code, or may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// An error lets people past; a warning wants somebody to look.
    pub(super) severity: Severity,
    /// The site; none for what belongs to no site.
    pub(super) site: Option<String>,
    /// The request and its answer, or the place in the configuration.
    pub(super) seen: String,
    /// Why it matters.
    pub(super) why: String,
    /// What to write or to do.
    pub(super) write: String,
}

/// All that came of a look.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// In the order in which they were found.
    pub(super) findings: Vec<Finding>,
    /// What was looked at, a line each.
    pub(super) tried: Vec<String>,
    /// Applications that do not answer, a sentence each.
    pub(super) unreachable: Vec<String>,
}

impl Report {
    pub(super) fn add(&mut self, finding: Finding) {
        // Two ways of looking can come upon one thing.
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    fn count(&self, severity: Severity) -> usize {
        let of_it = self.findings.iter();
        of_it.filter(|found| found.severity == severity).count()
    }

    /// For people: a finding and what to do about it, what was tried, and the count last.
    pub(super) fn print(&self, to: &mut impl Write) -> io::Result<()> {
        for found in &self.findings {
            let site = found.site.as_deref().unwrap_or("configuration");
            let (severity, seen, why) = (found.severity.word(), &found.seen, &found.why);
            writeln!(to, "{severity} {site}: {seen}: {why}")?;
            writeln!(to, "  = {}", found.write)?;
        }
        for sentence in &self.unreachable {
            writeln!(to, "error {sentence}")?;
        }
        for line in &self.tried {
            writeln!(to, "tried {line}")?;
        }
        writeln!(to, "{}", self.sum())
    }

    fn sum(&self) -> String {
        let found = match (self.count(Severity::Error), self.count(Severity::Warning)) {
            (0, 0) => "nothing found".to_owned(),
            (0, warnings) => super::counted(warnings, "warning"),
            (errors, 0) => super::counted(errors, "error"),
            (errors, warnings) => format!(
                "{}, {}",
                super::counted(errors, "error"),
                super::counted(warnings, "warning")
            ),
        };
        match self.unreachable.len() {
            0 => found,
            some => format!(
                "{found}; {} not looked at",
                super::counted(some, "application")
            ),
        }
    }

    /// For programs: one object.
    pub(super) fn print_json(&self, to: &mut impl Write) -> io::Result<()> {
        let findings: Vec<_> = self
            .findings
            .iter()
            .map(|found| {
                json!({
                    "severity": found.severity.word(), "site": found.site, "seen": found.seen,
                    "why": found.why, "write": found.write,
                })
            })
            .collect();
        let told = json!({
            "ok": self.findings.is_empty() && self.unreachable.is_empty(),
            "errors": self.count(Severity::Error), "warnings": self.count(Severity::Warning),
            "findings": findings, "unreachable": self.unreachable, "tried": self.tried,
        });
        writeln!(to, "{told}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(severity: Severity) -> Finding {
        Finding {
            severity,
            site: Some("portal".to_owned()),
            seen: "GET /x: 401".to_owned(),
            why: "another login".to_owned(),
            write: "write: path = \"/x\", require = \"deny\"".to_owned(),
        }
    }

    fn printed(report: &Report) -> String {
        let mut to = Vec::new();
        report.print(&mut to).unwrap();
        String::from_utf8(to).unwrap()
    }

    #[test]
    fn a_finding_is_a_line_and_a_way_out_and_the_count_comes_last() {
        let mut report = Report::default();
        report.add(found(Severity::Error));
        report.add(found(Severity::Error));
        report.add(found(Severity::Warning));
        report.tried.push("portal: 3 doors".to_owned());
        assert_eq!(
            printed(&report),
            "error portal: GET /x: 401: another login\n  = write: path = \"/x\", require = \"deny\"\n\
             warning portal: GET /x: 401: another login\n  = write: path = \"/x\", require = \"deny\"\n\
             tried portal: 3 doors\n1 error, 1 warning\n"
        );
    }

    #[test]
    fn nothing_found_tells_what_was_tried_and_what_was_not() {
        let mut report = Report {
            tried: vec!["portal: 3 doors".to_owned()],
            ..Report::default()
        };
        assert_eq!(printed(&report), "tried portal: 3 doors\nnothing found\n");
        report.unreachable.push("shop: nobody there".to_owned());
        assert!(printed(&report).ends_with("nothing found; 1 application not looked at\n"));
        let mut to = Vec::new();
        report.print_json(&mut to).unwrap();
        let told: serde_json::Value = serde_json::from_slice(&to).unwrap();
        assert_eq!(
            (&told["ok"], &told["errors"]),
            (&json!(false), &json!(0)),
            "what was not looked at is not well"
        );
    }
}
