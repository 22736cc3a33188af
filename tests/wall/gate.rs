//! Countersign with the prefixes that the other gateways deny as routes of a scope.

use super::support::gate::{Gate, Setup};

/// What is guarded. Between them they have the letters that have lookalikes of other cases: `i` (dotless), `s` (long),
/// `k` (Kelvin).
pub const GUARDED: [&str; 3] = ["/admin", "/sign-in", "/desk"];

/// Countersign before `upstream` (`http://address`). Nobody reaches what is guarded without a code; everything else is open
/// for all methods, as behind the others.
pub fn before(upstream: &str) -> Gate {
    let mut routes: Vec<(&str, &str)> = GUARDED.iter().map(|path| (*path, "login")).collect();
    routes.push(("/**", "public-full"));
    Setup::new(upstream).routes(&routes).start()
}

/// Countersign before `upstream` with one open folder, `/public/`; all the rest needs a code.
pub fn narrow(upstream: &str) -> Gate {
    Setup::new(upstream)
        .routes(&[("/public/**", "public-full")])
        .start()
}
