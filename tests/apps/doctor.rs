//! `countersign doctor` before real applications: what their presets shut is shut, and what an operator opens is found.

use super::gate::{Application, doctor};

/// The lines of a site with this preset, and more of its own.
fn site(preset: &str, more: &str) -> String {
    format!(
        "scopes = [\"login\", \"admin\"]\npreset = \"{preset}\"\n{more}\n[scopes.admin]\ntitle = \"Administration\"\n"
    )
}

/// A route of the operator's own.
fn open(name: &str, path: &str, class: &str) -> String {
    format!("[[sites.{name}.routes]]\npath = \"{path}\"\nrequire = \"{class}\"\n")
}

#[test]
fn dokuwiki_fits_its_preset_and_what_is_opened_is_found() {
    let app = Application::start("dokuwiki");
    let (code, said) = doctor(&app, &site("dokuwiki", ""));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.ends_with("nothing found\n"), "{said}");

    let opened = site(
        "dokuwiki",
        &open("dokuwiki", "/lib/exe/xmlrpc.php", "public-full"),
    );
    let (code, said) = doctor(&app, &opened);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("GET /lib/exe/xmlrpc.php is public-full"),
        "{said}"
    );

    let (code, said) = doctor(&app, &site("wordpress", ""));
    assert_eq!(code, Some(1), "{said}");
    let expected = "this looks like DokuWiki\n  = write: preset = \"dokuwiki\"";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn django_fits_its_preset_and_another_does_not() {
    let app = Application::start("django");
    let (code, said) = doctor(&app, &site("django", ""));
    assert_eq!(code, Some(0), "{said}");

    let (code, said) = doctor(&app, &site("jupyter", "fixed_user = \"alice\"\n"));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("error django: GET /login: "), "{said}");
    assert!(said.contains("preset jupyter does not fit"), "{said}");
}

#[test]
fn node_reds_socket_is_found_where_it_is_open_and_its_captured_login_is_not() {
    let app = Application::start("nodered");
    let (code, said) = doctor(&app, &site("nodered", &open("nodered", "/admin", "admin")));
    assert_eq!(code, Some(0), "{said}");

    let routes = open("nodered", "/admin", "admin") + &open("nodered", "/**", "public-full");
    let (code, said) = doctor(&app, &site("nodered", &routes));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("error nodered: GET /comms: 101: "), "{said}");
    // The preset captures it, in front of an own route that takes everything.
    assert!(!said.contains("/auth/token"), "{said}");
}
