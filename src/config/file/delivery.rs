//! `[directory.…]` and `[delivery]` as written: who is reached, and by whom in which order.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::diagnostic::Diagnostic;
use crate::config::reader::{List, Reader};
use crate::config::rule::Rule;
use crate::config::value::{At, Country};
use crate::name::Name;
use crate::site::Origin;

/// `[directory.NAME.KIND]`; without a kind if that is wrong or to come.
pub(in crate::config) struct Directory {
    pub(in crate::config) name: At<Name>,
    pub(in crate::config) users: Option<At<PathBuf>>,
}

/// `[delivery]`
pub(in crate::config) struct Delivery {
    pub(in crate::config) sms: List<Name>,
    pub(in crate::config) voice: List<Name>,
    pub(in crate::config) email: List<Name>,
    pub(in crate::config) by_country: Vec<(At<Country>, List<Name>)>,
    pub(in crate::config) public_url: Option<At<Origin>>,
    pub(in crate::config) timeout: Duration,
    pub(in crate::config) countries: List<Country>,
    pub(in crate::config) fictional: bool,
}

impl Directory {
    pub(super) fn read(name: At<Name>, mut table: Reader<'_>) -> Self {
        let instead = "write [directory.NAME.file] and a users file";
        let to_come = ["ldap", "sql", "http"]
            .map(|kind| table.not_yet(kind, instead))
            .contains(&true);
        let users = table.table_if_written("file").map(|mut file| {
            file.only(
                "without_phone",
                "deny",
                "leave it out: who has no number cannot go on",
            );
            let path = file.required("path", "\"/etc/countersign/users.toml\"");
            file.finish();
            path
        });
        one_kind(
            &table,
            &name,
            usize::from(table.has("file")) + usize::from(to_come),
            "[directory.NAME.file]",
        );
        table.finish();
        Self {
            name,
            users: users.flatten(),
        }
    }
}

pub(super) fn one_kind(table: &Reader<'_>, name: &At<Name>, kinds: usize, forms: &str) {
    let title = match kinds {
        0 => format!("`{}` has no kind", name.value),
        1 => return,
        _ => format!("`{}` has more than one kind", name.value),
    };
    let help = format!(
        "the kind is the last name of the table: {}",
        forms.replace("NAME", name.value.as_str())
    );
    table
        .notes()
        .add(Diagnostic::new(Rule::OneKind, title, &name.place, "what is it?").help(help));
}

impl Delivery {
    pub(super) fn read(mut table: Reader<'_>) -> Self {
        let delivery = Self {
            sms: table.list("sms"),
            voice: table.list("voice"),
            email: table.list("email"),
            by_country: table.lists("by_country", "a table such as { CA = [\"spare\"] }"),
            public_url: table.optional("public_url"),
            // All attempts of one message: the visitor is waiting for the page.
            timeout: table.duration(
                "timeout",
                Duration::from_secs(1)..=Duration::from_secs(30),
                Duration::from_secs(10),
            ),
            countries: table.some("countries"),
            fictional: table.optional("fictional").is_some_and(|is| is.value),
        };
        table.finish();
        delivery
    }
}
