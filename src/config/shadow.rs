//! Scopes in shadow ask nobody: that is said whenever the configuration is read.

use super::diagnostic::Diagnostic;
use super::file::File;
use super::file::site::{Scope, Site};
use super::notes::Notes;
use super::rule::Rule;
use crate::name::Name;

/// Warns of every scope in shadow, and of scopes in force that nobody gets to because the first is in shadow.
pub(super) fn warn(file: &File, notes: &Notes) {
    for scope in &file.scopes {
        if let Some(shadow) = scope.shadow.as_ref().filter(|shadow| shadow.value) {
            let name = &scope.name.value;
            let problem = Diagnostic::new(
                Rule::Skipped,
                format!("scope `{name}` is in shadow: nobody is asked for its code"),
                &shadow.place,
                "what it guards stands open",
            );
            notes.add(problem.help("take `shadow` out once the log says what it should: until then this scope guards nothing"));
        }
    }
    let shadows = |name: &Name| {
        let mut scopes = file.scopes.iter().filter(|scope| is_shadow(scope));
        scopes.any(|scope| scope.name.value == *name)
    };
    for site in &file.sites {
        let Some(first) = site.scopes.items.first() else {
            continue;
        };
        let by_login = captured(site, &first.value);
        if !shadows(&first.value) || !by_login {
            continue;
        }
        for scope in site.scopes.items.iter().skip(1) {
            if shadows(&scope.value) || captured(site, &scope.value) {
                continue;
            }
            let problem = Diagnostic::new(
                Rule::NotReached,
                format!(
                    "nobody gets to the code of scope `{}` on site `{}`",
                    scope.value, site.name.value
                ),
                &scope.place,
                format!("people come to it by the login of `{}`", first.value),
            );
            notes.add(
                problem
                    .also(&first.place, "is in shadow, and its login leads to no code")
                    .help(format!(
                        "put both in shadow, or neither: [scopes.{}] shadow = true",
                        scope.value
                    )),
            );
        }
    }
}

fn is_shadow(scope: &Scope) -> bool {
    scope.shadow.as_ref().is_some_and(|shadow| shadow.value)
}

/// Whether a login of the application is captured for this scope.
fn captured(site: &Site, scope: &Name) -> bool {
    site.captures.iter().any(|capture| {
        let own = capture.scope.as_ref();
        own.is_some_and(|own| own.value == *scope)
    })
}
