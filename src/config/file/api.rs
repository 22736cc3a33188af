//! `[api]` as written.

use std::net::SocketAddr;

use crate::config::diagnostic::Place;
use crate::config::reader::Reader;
use crate::config::secret::Reference;
use crate::config::value::{At, Words};

/// `[api]`
pub(in crate::config) struct Api {
    pub(in crate::config) place: Place,
    pub(in crate::config) listen: Option<At<SocketAddr>>,
    pub(in crate::config) accounts: Vec<Account>,
    /// True if there is a `[api.accounts.…]`, even one that could not be read.
    pub(in crate::config) accounts_written: bool,
}

/// `[api.accounts.ID]`
pub(in crate::config) struct Account {
    pub(in crate::config) id: At<String>,
    pub(in crate::config) name: Option<At<Words>>,
    pub(in crate::config) username: Option<At<String>>,
    pub(in crate::config) password: Option<At<Reference>>,
}

impl Api {
    pub(super) fn read(mut table: Reader<'_>) -> Self {
        let api = Self {
            place: table.place().clone(),
            listen: table.optional("listen"),
            accounts_written: table.has("accounts"),
            accounts: table
                .tables("accounts", "ID")
                .into_iter()
                .map(|(id, table)| Account::read(id, table))
                .collect(),
        };
        table.finish();
        api
    }
}

impl Account {
    fn read(id: At<String>, mut table: Reader<'_>) -> Self {
        let account = Self {
            id,
            name: table.required("name", "\"Example\""),
            username: table.required("username", "\"example\""),
            password: table.required("password", "\"credential:api\""),
        };
        table.finish();
        account
    }
}
