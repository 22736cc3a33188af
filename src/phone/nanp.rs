//! The ten digits of country code 1: `NPA NXX XXXX`, area code, exchange and line.
//!
//! Area codes are the only thing that tells the countries of code 1 apart, and a call to most of them is priced as one
//! abroad; so each is told by name, and what no row names is the United States'.

use super::{NotAPhone, Undeliverable};

/// What an area code stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Area {
    /// A place, by its country (ISO 3166-1 alpha-2).
    Place(&'static str),
    /// The called one pays.
    TollFree,
    /// The caller pays the called one.
    Premium,
    /// No place: personal numbers, data, carriers, the government, or kept for a service to come.
    Service,
}

/// Checks the digits after `+1`: N is 2 to 9, and no N11 (those are 911 and its like).
///
/// # Errors
/// [`NotAPhone`], for the first part that is wrong.
pub(super) fn check(national: &str) -> Result<(), NotAPhone> {
    if national.len() != 10 {
        return Err(NotAPhone::TenDigits);
    }
    let (code, exchange) = (&national[..3], &national[3..6]);
    let Some(area) = area(code) else {
        return Err(NotAPhone::AreaCode(code.to_owned()));
    };
    // Area codes that belong to no place do have exchanges like 800-911; nothing is sent to those anyway.
    let service_code = exchange.ends_with("11") && matches!(area, Area::Place(_));
    if exchange.starts_with(['0', '1']) || service_code {
        return Err(NotAPhone::Exchange(exchange.to_owned()));
    }
    Ok(())
}

/// What the three digits stand for; `None` if the plan has no such area code and keeps none for later use: `0XX`,
/// `1XX`, `N11`, `N9X` (for the day when numbers get longer), `37X` and `96X`.
pub(super) fn area(code: &str) -> Option<Area> {
    let digits = code.as_bytes();
    let kept = digits[1] == b'9' || code.starts_with("37") || code.starts_with("96");
    if code.starts_with(['0', '1']) || code.ends_with("11") || kept {
        return None;
    }
    // A second digit equal to the third marks a service ("easily recognizable codes"); the others are listed.
    let alike = digits[1] == digits[2];
    Some(match code {
        "900" => Area::Premium,
        _ if is_in(TOLL_FREE, code) => Area::TollFree,
        _ if alike || is_in(SERVICES, code) => Area::Service,
        _ => Area::Place(place(code)),
    })
}

/// What the number is, if it is not somebody's ordinary one.
pub(super) fn service(national: &str, fictional: bool) -> Option<Undeliverable> {
    let (code, exchange, line) = (&national[..3], &national[3..6], &national[6..]);
    match (area(code), exchange, line) {
        (Some(Area::Premium), _, _) | (_, "976", _) => Some(Undeliverable::Premium),
        (Some(Area::TollFree), _, _) => Some(Undeliverable::TollFree),
        (Some(Area::Service) | None, _, _) => Some(Undeliverable::Service),
        (_, "555", "1212") => Some(Undeliverable::Directory),
        (_, "555", line) if line.starts_with("01") && !fictional => Some(Undeliverable::Fictional),
        _ => None,
    }
}

fn place(code: &str) -> &'static str {
    let row = PLACES.iter().find(|(_, codes)| is_in(codes, code));
    row.map_or("US", |(country, _)| country)
}

fn is_in(codes: &str, code: &str) -> bool {
    codes.split_ascii_whitespace().any(|one| one == code)
}

/// Toll-free area codes, and in the second line those that are kept to become so.
const TOLL_FREE: &str = "
800 833 844 855 866 877 888
822 880 881 882 883 884 885 886 887 889
";

/// Area codes without a place that do not show it by their digits: personal numbers (52X but for 520, which is Arizona;
/// 532), the carriers' 700 and the government's 710. Their like with equal digits (500, 533, 600, 622, …) need no list.
const SERVICES: &str = "521 523 524 525 526 527 528 529 532 700 710";

/// Whose area codes they are, but for the United States' own (libphonenumber 9.0.43): its territories, Canada, then
/// the countries that look domestic and are not.
const PLACES: [(&str, &str); 24] = [
    ("PR", "787 939"),
    ("VI", "340"),
    ("GU", "671"),
    ("MP", "670"),
    ("AS", "684"),
    (
        "CA",
        "204 226 236 249 250 257 263 273 289 306 343 354 365 367 368 382 403 416 418 428 431 437 438 450 468 474 506 \
         514 519 548 579 581 584 587 604 613 639 647 672 683 705 709 742 753 778 780 782 807 819 825 867 873 879 902 \
         905 942",
    ),
    ("AG", "268"),
    ("AI", "264"),
    ("BB", "246"),
    ("BM", "441"),
    ("BS", "242"),
    ("DM", "767"),
    ("DO", "809 829 849"),
    ("GD", "473"),
    ("JM", "658 876"),
    ("KN", "869"),
    ("KY", "345"),
    ("LC", "758"),
    ("MS", "664"),
    ("SX", "721"),
    ("TC", "649"),
    ("TT", "868"),
    ("VC", "784"),
    ("VG", "284"),
];

#[cfg(test)]
mod tests;
