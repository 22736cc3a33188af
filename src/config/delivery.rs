//! `[delivery]`: names become carriers that exist, countries ones that are sent to.

use super::diagnostic::Diagnostic;
use super::file::File;
use super::names::{refer, repeated};
use super::notes::Notes;
use super::reader::List;
use super::rule::Rule;
use super::value::{At, Country};
use crate::carrier;
use crate::name::Name;
use crate::phone::Policy;
use crate::site::Origin;

/// What it means. Whatever is wrong is in `notes`.
pub(super) fn resolve(file: &File, notes: &Notes) -> carrier::Delivery {
    let written = &file.delivery;
    let known: Vec<&At<Name>> = file.carriers.iter().map(|carrier| &carrier.name).collect();
    let names = |list: &List<Name>| {
        repeated(list, "carrier", notes, Clone::clone);
        for name in &list.items {
            refer("[delivery]", "carrier", name, &known, notes);
        }
        list.items.iter().map(|name| name.value.clone()).collect()
    };
    let countries = if written.countries.written {
        let listed = written.countries.items.iter();
        listed.map(|country| country.value.0.clone()).collect()
    } else {
        vec!["US".to_owned()]
    };
    let delivery = carrier::Delivery {
        sms: names(&written.sms),
        voice: names(&written.voice),
        email: names(&written.email),
        by_country: written
            .by_country
            .iter()
            .map(|(country, list)| (country.value.0.clone(), names(list)))
            .collect(),
        public: public(file, notes).map(|origin| origin.text().to_owned()),
        timeout: written.timeout,
        countries,
        fictional: written.fictional,
    };
    for (country, list) in &written.by_country {
        judge_country(country, &delivery, file, notes);
        judge_carriers(list, &known, file, notes);
    }
    delivery
}

/// An order for a country that is never sent to would never be used: one of the two is not what was meant.
fn judge_country(country: &At<Country>, delivery: &carrier::Delivery, file: &File, notes: &Notes) {
    let policy = Policy {
        countries: delivery.countries.clone(),
        fictional: false,
    };
    let code = &country.value.0;
    // A country that could not be read may be this one.
    if policy.reaches(code) || !file.delivery.countries.whole {
        return;
    }
    let all: Vec<String> = delivery
        .countries
        .iter()
        .chain([code])
        .map(|code| format!("\"{code}\""))
        .collect();
    let problem = Diagnostic::new(
        Rule::BadCountry,
        format!("nothing is sent to `{code}`"),
        &country.place,
        "not in `countries`",
    );
    notes.add(problem.help(format!(
        "write [delivery] countries = [{}], or leave this out",
        all.join(", ")
    )));
}

/// The order of a country is one of the carriers that each channel has; it adds none.
fn judge_carriers(list: &List<Name>, known: &[&At<Name>], file: &File, notes: &Notes) {
    let (sms, voice) = (&file.delivery.sms, &file.delivery.voice);
    let listed = |name: &At<Name>| {
        let mut all = sms.items.iter().chain(&voice.items);
        all.any(|own| own.value == name.value)
    };
    for name in &list.items {
        let exists = known.iter().any(|own| own.value == name.value);
        if exists && !listed(name) && sms.whole && voice.whole {
            let problem = Diagnostic::new(
                Rule::BadCarrier,
                format!("`{}` carries neither texts nor calls", name.value),
                &name.place,
                "neither in `sms` nor in `voice`",
            );
            notes.add(problem.help(
                "put it last in [delivery] sms or voice; elsewhere it is then asked after the others",
            ));
        }
    }
}

/// Where vendors reach us: as written, else as the first site that they can. Who is on this machine is nobody's
/// receipt address: vendors refuse messages that name one.
fn public<'a>(file: &'a File, notes: &Notes) -> Option<&'a Origin> {
    let Some(url) = &file.delivery.public_url else {
        let sites = file.sites.iter().filter_map(|site| site.url.as_ref());
        return sites
            .map(|url| &url.value)
            .find(|origin| origin.https() && !origin.loopback());
    };
    if !url.value.https() && !url.value.loopback() {
        let problem = Diagnostic::new(
            Rule::BadOrigin,
            "receipts would come in clear text",
            &url.place,
            "https is wanted, or this machine",
        );
        notes.add(problem.help(format!(
            "write \"https://{}\", where a proxy or this gateway answers by TLS",
            url.value.host()
        )));
    }
    Some(&url.value)
}
