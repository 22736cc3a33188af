//! Which text a person gets, by scope, site and language.

use super::*;

/// [`GOOD`] with these lines in scope `login`, these in its site, and a second site `other` that says nothing itself.
fn loaded(scope: &str, site: &str) -> Config {
    let other = "[sites.other]\nurl = \"http://other.localhost:8080\"\nupstream = \"http://127.0.0.1:1\"\nsupport = \"x\"\ndirectory = \"staff\"\nscopes = [\"login\"]\n";
    let configuration = GOOD.replace(
        "[scopes.login]\n",
        &format!("{site}\n{other}[scopes.login]\n{scope}\n"),
    );
    let folder = Folder::new(&configuration);
    let mut loaded = folder.load();
    let told = folder.told(&loaded);
    loaded.config.take().unwrap_or_else(|| panic!("{told}"))
}

/// What site and language get of scope `login`, without the line for browsers.
fn said(config: &Config, site: &str, locale: Option<&str>) -> String {
    let mut sites = config.sites.iter().map(|settings| &settings.site);
    let site = sites.find(|own| own.name.as_str() == site).unwrap();
    let template = site.scope("login").unwrap().message.choose(locale);
    let values = crate::message::Values {
        name: "NAME",
        code: "0",
        scope: "SCOPE",
        minutes: 5,
        host: None,
    };
    template.words(&values).as_str().to_owned()
}

#[test]
fn where_nothing_is_written_the_house_speaks_the_persons_language() {
    let config = loaded("", "");
    for (locale, text) in [
        (
            None,
            "NAME: 0 is your SCOPE code. Valid 5 min. Never share it.",
        ),
        (
            Some("ja"),
            "NAME: 0 is your SCOPE code. Valid 5 min. Never share it.",
        ),
        (
            Some("fr-CA"),
            "NAME : 0 est votre code (SCOPE). Valable 5 min. Ne le donnez à personne.",
        ),
        (
            Some("pt"),
            "NAME: 0 é seu codigo (SCOPE). Vale por 5 min. Nunca o compartilhe.",
        ),
    ] {
        assert_eq!(said(&config, "portal", locale), text);
        assert_eq!(said(&config, "other", locale), text);
    }
}

#[test]
fn a_sites_own_text_is_sent_in_place_of_the_scopes() {
    let scope =
        "message = \"{CODE} all\"\nmessages = { fr = \"{CODE} tous\", de = \"{CODE} alle\" }";
    let own_french = "[sites.portal.messages.login]\nfr = \"{CODE} ici\"";
    let own = &format!("{own_french}\ndefault = \"{{CODE}} here\"");
    for (site, locale, portal, other) in [
        ("", None, "0 all", "0 all"),
        ("", Some("fr"), "0 tous", "0 tous"),
        ("", Some("es"), "0 all", "0 all"),
        (own_french, None, "0 all", "0 all"),
        (own_french, Some("fr"), "0 ici", "0 tous"),
        (own_french, Some("fr-BE"), "0 ici", "0 tous"),
        (own_french, Some("de"), "0 alle", "0 alle"),
        (own, Some("fr"), "0 ici", "0 tous"),
        (own, Some("de"), "0 here", "0 alle"),
        (own, None, "0 here", "0 all"),
    ] {
        let config = loaded(scope, site);
        assert_eq!(said(&config, "portal", locale), portal, "{site} {locale:?}");
        assert_eq!(said(&config, "other", locale), other, "{site} {locale:?}");
    }
}

#[test]
fn a_languages_table_alone_leaves_the_rest_to_the_house() {
    let config = loaded("messages = { fr = \"{CODE} tous\" }", "");
    assert_eq!(said(&config, "portal", Some("fr")), "0 tous");
    let german = said(&config, "portal", Some("de"));
    assert!(german.starts_with("NAME: 0 ist Ihr Code"), "{german}");
    let english = said(&config, "portal", None);
    assert!(english.starts_with("NAME: 0 is your"), "{english}");
}
