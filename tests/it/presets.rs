//! A site's own routes and those of its preset, as requests meet them.

use crate::support::app::App;
use crate::support::gate::Setup;

/// `/**` opens what the preset leaves: in front of its routes it would open all that they shut.
#[test]
fn g1_a_sites_own_route_for_all_the_rest_stays_behind_the_presets() {
    for path in ["path = \"/**\"", "path = [\"/**\"]"] {
        let app = App::new();
        let gate = Setup::new(&app.url())
            .site("preset = \"wordpress\"")
            .raw_routes(&format!(
                "[[sites.app.routes]]\npath = \"/mine/**\"\nrequire = \"deny\"\n\
                 [[sites.app.routes]]\n{path}\nrequire = \"public\"\n"
            ))
            .start();
        let mut browser = gate.browser();
        assert_eq!(browser.get("/blog/post").status(), 200);
        assert_eq!(app.lines(), ["GET /blog/post HTTP/1.1"]);
        app.forget();
        // Its own, which stands in front; the preset's; and the preset's in another spelling.
        for shut in [
            "/mine/x",
            "/xmlrpc.php",
            "/x/..;/xmlrpc.php",
            "/?rest_route=/wp",
        ] {
            assert_eq!(browser.get(shut).status(), 403, "{shut}");
        }
        for guarded in ["/wp-admin/", "/WP-ADMIN/index.php", "/wp-admin/users.php"] {
            assert_eq!(browser.get(guarded).status(), 303, "{guarded}");
        }
        assert!(app.lines().is_empty(), "{:?}", app.lines());
    }
}

/// On a condition it is a route like any other, and where it stands is what its site says.
#[test]
fn a_route_for_all_on_a_condition_stays_in_front_of_the_presets() {
    let app = App::new();
    let gate = Setup::new(&app.url())
        .site("preset = \"django\"")
        .raw_routes(
            "[[sites.app.routes]]\npath = \"/**\"\nquery = { shut = \"yes\" }\nrequire = \"deny\"\n",
        )
        .start();
    let mut browser = gate.browser();
    assert_eq!(browser.get("/static/a.css").status(), 200);
    assert_eq!(browser.get("/static/a.css?shut=yes").status(), 403);
    assert_eq!(app.lines(), ["GET /static/a.css HTTP/1.1"]);
}
