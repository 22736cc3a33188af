//! `countersign check`: everything that is wrong with a configuration, told before it is used.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use crate::config::diagnostic::{self, Diagnostic};
use crate::config::rule::Severity;
use crate::config::{self, Loaded};

/// The configuration has errors (design section 12).
const HAS_ERRORS: u8 = 3;

/// What `check` is asked.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The configuration file.
    #[arg(
        long,
        value_name = "PATH",
        default_value = "/etc/countersign/countersign.toml"
    )]
    pub config: PathBuf,
    /// Fail on warnings, too.
    #[arg(long)]
    pub strict: bool,
    /// Answer in JSON.
    #[arg(long)]
    pub json: bool,
}

/// Reads the configuration and tells what is wrong with it: problems on stderr, the result on stdout; with `json` all
/// of it on stdout. 0 if it can be used, else 3.
#[must_use]
pub fn check(arguments: &Arguments) -> ExitCode {
    let loaded = config::load(&arguments.config);
    // Whoever closed the pipe does not want to read it; the exit code still says it.
    let _ = report(
        &loaded,
        arguments,
        &mut io::stdout().lock(),
        &mut io::stderr().lock(),
        on_terminal(),
    );
    ExitCode::from(if passes(&loaded, arguments.strict) {
        0
    } else {
        HAS_ERRORS
    })
}

/// Prints problems to stderr, in colour if people read them there.
pub fn tell(problems: &[Diagnostic]) {
    let _ = io::stderr()
        .lock()
        .write_all(diagnostic::render(problems, on_terminal()).as_bytes());
}

/// Colour only on a terminal, and not against <https://no-color.org>.
fn on_terminal() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn passes(loaded: &Loaded, strict: bool) -> bool {
    loaded.count(Severity::Error) == 0 && !(strict && loaded.count(Severity::Warning) > 0)
}

fn report(
    loaded: &Loaded,
    arguments: &Arguments,
    out: &mut impl Write,
    err: &mut impl Write,
    styled: bool,
) -> io::Result<()> {
    let (errors, warnings) = (
        loaded.count(Severity::Error),
        loaded.count(Severity::Warning),
    );
    if arguments.json {
        let problems: Vec<serde_json::Value> =
            loaded.problems.iter().map(Diagnostic::to_json).collect();
        let ok = passes(loaded, arguments.strict);
        return writeln!(
            out,
            "{}",
            json!({ "ok": ok, "errors": errors, "warnings": warnings, "problems": problems })
        );
    }
    err.write_all(diagnostic::render(&loaded.problems, styled).as_bytes())?;
    let path = arguments.config.display();
    let found = match (errors, warnings) {
        (0, 0) => String::new(),
        (0, warnings) => format!(", {}", counted(warnings, "warning")),
        (errors, 0) => counted(errors, "error"),
        (errors, warnings) => format!(
            "{}, {}",
            counted(errors, "error"),
            counted(warnings, "warning")
        ),
    };
    match &loaded.config {
        Some(config) => {
            let captures: usize = config
                .sites
                .iter()
                .map(|settings| settings.site.captures.len())
                .sum();
            let captures = match captures {
                0 => String::new(),
                some => format!(", {}", counted(some, "capture")),
            };
            let api = config.api.as_ref().map_or_else(String::new, |api| {
                format!(", {} of the API", counted(api.accounts.len(), "account"))
            });
            writeln!(
                out,
                "{path}: good, {}{captures}{api}, {}{found}",
                counted(config.sites.len(), "site"),
                counted(config.carriers.len(), "carrier")
            )
        }
        None => writeln!(out, "{path}: {found}"),
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 {
        format!("1 {what}")
    } else {
        format!("{count} {what}s")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const GOOD: &str = r#"
        [listen]
        http = ["127.0.0.1:8080"]
        [sites.portal]
        url = "http://localhost:8080"
        upstream = "http://127.0.0.1:3000"
        directory = "staff"
        scopes = ["login"]
        [scopes.login]
        [directory.staff.file]
        path = "users.toml"
        [carriers.trial.console]
        [delivery]
        sms = ["trial"]
    "#;

    /// Whether it passes, stdout, stderr.
    fn checked(configuration: &str, strict: bool, json: bool) -> (bool, String, String) {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("countersign.toml");
        let users = folder.path().join("users.toml");
        std::fs::write(&users, "[[user]]\nname = \"ann\"\n").unwrap();
        std::fs::set_permissions(&users, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::fs::write(&config, configuration).unwrap();
        let loaded = config::load(&config);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        report(
            &loaded,
            &Arguments {
                config,
                strict,
                json,
            },
            &mut out,
            &mut err,
            false,
        )
        .unwrap();
        let text = |bytes| {
            String::from_utf8(bytes)
                .unwrap()
                .replace(folder.path().to_str().unwrap(), "")
        };
        (passes(&loaded, strict), text(out), text(err))
    }

    #[test]
    fn warnings_fail_only_when_asked_to() {
        let (passes, out, err) = checked(GOOD, false, false);
        assert_eq!(
            (passes, out.as_str()),
            (
                true,
                "/countersign.toml: good, 1 site, 1 carrier, 2 warnings\n"
            )
        );
        assert_eq!(err.matches("warning[").count(), 2, "{err}");
        assert!(!checked(GOOD, true, false).0);
    }

    #[test]
    fn captures_are_counted_where_there_are_some() {
        let captures = GOOD.replace(
            "[scopes.login]",
            r#"
            routes = [{ path = "/login", capture = "form" }]
            [sites.portal.captures.form]
            scope = "login"
            username = "user"
            password = "pass"
            [scopes.login]
            "#,
        );
        let (_, out, err) = checked(&captures, false, false);
        assert_eq!(
            out, "/countersign.toml: good, 1 site, 1 capture, 1 carrier, 4 warnings\n",
            "{err}"
        );
        assert!(
            err.contains("warning[C0317]") && err.contains("warning[C0318]"),
            "{err}"
        );
    }

    #[test]
    fn errors_are_told_on_stderr_and_counted_on_stdout() {
        let (passes, out, err) = checked(
            &GOOD
                .replace("http://127", "127")
                .replace("staff\"", "stuff\""),
            false,
            false,
        );
        assert_eq!(
            (passes, out.as_str()),
            (false, "/countersign.toml: 2 errors, 2 warnings\n")
        );
        assert!(
            err.contains("error[C0104]") && err.contains("error[C0205]"),
            "{err}"
        );
    }

    #[test]
    fn programs_get_one_object_on_stdout_and_nothing_else() {
        let (_, out, err) = checked(&GOOD.replace("http://127", "127"), false, true);
        let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(
            (&answer["ok"], &answer["errors"], &answer["warnings"]),
            (&json!(false), &json!(1), &json!(2))
        );
        let problem = answer["problems"]
            .as_array()
            .unwrap()
            .iter()
            .find(|problem| problem["severity"] == "error")
            .unwrap();
        assert_eq!(
            (&problem["code"], &problem["line"], &problem["column"]),
            (&json!("C0205"), &json!(6), &json!(20))
        );
        assert_eq!(err, "");
    }
}
