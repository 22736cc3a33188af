//! Presets: each alone is a good configuration, closes what it should, and gives way to the site's own words.

use http::Method;

use super::*;
use crate::form::Form;
use crate::name::Name;
use crate::preset;
use crate::route::{Asked, Opening, Requirement};
use crate::target::Target;

/// A site with a preset; `more` stands in the site's table.
fn site(more: &str, scopes: &[&str]) -> String {
    let tables = scopes.iter().fold(String::new(), |tables, scope| {
        tables + "[scopes." + scope + "]\n"
    });
    format!(
        "[listen]\nhttp = [\"127.0.0.1:8080\"]\n[sites.portal]\nurl = \"http://localhost:8080\"\n\
         upstream = \"http://127.0.0.1:3000\"\nsupport = \"Help desk\"\ndirectory = \"staff\"\nscopes = {scopes:?}\n{more}\n\
         {tables}[directory.staff.file]\npath = \"users.toml\"\n[carriers.main.webhook]\n\
         url = \"https://sms.example.net/send\"\nsigning_key = \"file:hook.key\"\n[delivery]\nsms = [\"main\"]\n"
    )
}

/// What a preset needs beside its name.
fn named(name: &str) -> String {
    let more = if name == "jupyter" {
        "fixed_user = \"ann\"\n"
    } else {
        ""
    };
    format!("preset = \"{name}\"\n{more}")
}

fn good(configuration: &str) -> Site {
    let folder = Folder::new(configuration);
    let loaded = folder.load();
    assert_eq!(folder.told(&loaded), "", "{configuration}");
    loaded.config.unwrap().sites.remove(0).site
}

/// What a request needs: `deny`, a class, `capture`, or scopes.
fn needs(site: &Site, line: &str, login: bool) -> String {
    let (method, rest) = line.split_once(' ').unwrap();
    let (address, body) = rest.split_once(' ').unwrap_or((rest, ""));
    let target = Target::parse(address.parse().unwrap()).unwrap();
    let fields = body
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let names: Vec<&Name> = site.captures.iter().map(|capture| &capture.name).collect();
    let judged = site.routes.judge(&Asked {
        method: &Method::from_bytes(method.as_bytes()).unwrap(),
        overriding: None,
        target: &target,
        websocket: false,
        form: &Form::Fields(fields.collect()),
        logins: if login { &names } else { &[] },
    });
    match judged {
        Requirement::Deny(_) => "deny".to_owned(),
        Requirement::Open(Opening::Public, _) => "public".to_owned(),
        Requirement::Open(Opening::PublicFull, _) => "public-full".to_owned(),
        Requirement::Open(Opening::LoginPage, _) => "login-page".to_owned(),
        Requirement::Open(Opening::Capture, _) => "capture".to_owned(),
        Requirement::Scopes(needed) => needed
            .scopes()
            .map(Name::as_str)
            .collect::<Vec<_>>()
            .join("+"),
    }
}

#[test]
fn every_preset_alone_is_a_good_configuration() {
    for preset in preset::all() {
        for base in ["", "base = \"/some/where\"\n"] {
            let more = named(preset.name) + base;
            good(&site(&more, &["staff"]));
            // Where it has a use for a scope `admin`, nobody is told that nothing asks for it.
            if preset.text.contains("\"admin\"") {
                good(&site(&more, &["login", "admin"]));
            }
        }
    }
}

/// Requests, and what they need on a site with the scopes `login` and `admin`; `!` stands for a body with a login.
const TABLE: &[(&str, &[(&str, &str)])] = &[
    (
        "wordpress",
        &[
            ("GET /", "login"),
            ("GET /wp-login.php", "capture"),
            ("GET /wp-login.php?action=lostpassword", "login-page"),
            ("GET /wp-login.php?action=rp&key=a&login=ann", "login-page"),
            ("!POST /wp-login.php", "capture"),
            ("!POST /wp-login.php?action=lostpassword", "capture"),
            ("POST /wp-login.php", "login"),
            ("POST /wp-login.php?action=lostpassword", "login-page"),
            ("POST /wp-login.php?action=resetpass", "login-page"),
            ("POST /wp-login.php?action=postpass", "login"),
            ("!POST /wp-login.php/x", "login"),
            ("GET /wp-includes/css/dashicons.min.css", "public"),
            ("GET /wp-admin/load-styles.php?c=0", "public"),
            ("GET /wp-admin/css/login.min.css", "public"),
            ("GET /wp-content/themes/a/style.css", "public"),
            ("GET /wp-content/plugins/a/b.php", "login"),
            ("GET /wp-content/plugins/a/b.php/x.css", "login"),
            ("GET /wp-content/uploads/2026/11/a.jpg", "login"),
            ("POST /wp-admin/admin-ajax.php", "login"),
            ("GET /wp-admin/", "login"),
            ("GET /wp-admin/index.php", "login"),
            ("GET /wp-admin/post.php?post=1&action=edit", "login"),
            ("POST /wp-admin/post.php", "login"),
            ("POST /wp-admin/async-upload.php", "login"),
            ("POST /wp-admin/admin-ajax.php action=heartbeat", "login"),
            (
                "POST /wp-admin/admin-ajax.php action=update-plugin",
                "admin",
            ),
            (
                "POST /wp-admin/admin-ajax.php?action=install-theme",
                "admin",
            ),
            (
                "POST /wp-admin/admin-ajax.php action=edit-theme-plugin-file",
                "admin",
            ),
            (
                "POST /wp-admin/admin-ajax.php action=wp-privacy-erase-personal-data",
                "admin",
            ),
            ("GET /wp-admin/profile.php", "admin"),
            ("POST /wp-admin/profile.php user_id=2", "admin"),
            ("GET /wp-admin/users.php/post.php", "login+admin"),
            ("GET /wp-admin/edit.php?page=akismet", "admin"),
            ("GET /wp-admin/index.php?import=rss", "admin"),
            ("GET /wp-admin/network/", "admin"),
            ("GET /wp-admin/options-general.php", "admin"),
            ("GET //wp-admin/users.php", "login+admin"),
            ("GET /%77p-admin/users.php", "login+admin"),
            ("POST /xmlrpc.php", "deny"),
            ("POST //xmlrpc.php", "deny"),
            ("POST /plan/trackback/", "login"),
            ("POST /wp-trackback.php/1", "deny"),
            ("GET /wp-json/wp/v2/users/me", "login"),
            ("PUT /wp-json/wp/v2/users/me", "login"),
            (
                "POST /wp-json/wp/v2/users/me/application-passwords",
                "admin",
            ),
            ("GET /wp-json/wp/v2/users", "login"),
            ("POST /wp-json/wp/v2/users/2", "admin"),
            ("POST /wp-json/batch/v1", "admin"),
            ("POST /wp-json/wp/v2/posts", "login"),
            ("GET /wp-json/wp/v2/users?_method=POST", "deny"),
            ("GET /?rest_route=/wp/v2/users/me", "deny"),
            ("GET /wp-admin/edit.php?rest.route=/wp/v2/users", "deny"),
            ("POST /wp-admin/edit.php rest_route=/wp/v2/users", "deny"),
            ("POST / rest_route=/wp/v2/users", "admin"),
        ],
    ),
    (
        "dokuwiki",
        &[
            ("GET /doku.php", "login"),
            ("GET /doku.php?do=login", "capture"),
            ("!POST /doku.php", "capture"),
            ("!POST /doku.php?id=start&do=login", "capture"),
            ("POST /doku.php", "login"),
            ("GET /doku.php?do=admin", "admin"),
            ("GET /start?do=admin", "admin"),
            ("POST /doku.php do=admin", "admin"),
            ("!POST /doku.php do=admin", "admin"),
            ("GET /lib/exe/css.php", "public"),
            ("GET /lib/tpl/dokuwiki/images/logo.png", "public"),
            ("GET /lib/tpl/dokuwiki/main.php/x.css", "login"),
            ("POST /lib/exe/ajax.php", "login"),
            ("POST /lib/exe/xmlrpc.php", "deny"),
            ("POST /lib/exe/jsonrpc.php/x", "deny"),
            ("GET /feed.php?u=a&p=b", "login"),
        ],
    ),
    (
        "phpmyadmin",
        &[
            ("GET /", "login"),
            ("GET /index.php?route=/", "capture"),
            ("GET /index.php?route=/&db=mysql", "login"),
            ("GET /index.php?route=/sql&db=mysql", "login"),
            ("!POST /index.php?route=/", "capture"),
            ("!POST /index.php", "capture"),
            ("GET /index.php?route=/server/privileges", "admin"),
            ("GET /index.php?route=%2Fserver%2Fprivileges", "admin"),
            ("POST /index.php route=/server/sql", "admin"),
            ("GET /index.php?route=/database/import&db=a", "admin"),
            ("POST /index.php?route=/import", "admin"),
            ("POST /index.php route=/import", "admin"),
            ("POST / route=/user-password", "admin"),
            ("POST /index.php?route=/logout", "login"),
            ("GET /js/dist/main.js", "public"),
            ("GET /js/x.php/main.js", "login"),
            ("GET /index.php?route=/messages&l=x", "public"),
            ("GET /js/messages.php?l=en", "public"),
            ("GET /js/messages.php/x.js", "login"),
            ("POST /js/messages.php", "login"),
            ("GET /themes/pmahomme/css/theme.css", "public"),
            ("GET /setup/index.php", "login"),
        ],
    ),
    (
        "mediawiki",
        &[
            ("GET /index.php/Main_Page", "login"),
            ("GET /index.php?title=Special:UserLogin", "capture"),
            ("!POST /index.php?title=Special:UserLogin", "capture"),
            ("!POST /index.php/Special:UserLogin", "capture"),
            ("GET /index.php?title=Special:UserRights", "admin"),
            ("GET /index.php?title=special:userrights/Bob", "admin"),
            ("GET /index.php/Special:Block/Bob", "admin"),
            ("POST /api.php?action=clientlogin", "deny"),
            ("GET /api.php?action=query", "login"),
            ("GET /load.php?modules=startup", "public"),
            ("GET /resources/assets/wiki.png", "public"),
            ("GET /skins/a/b.php/wiki.png", "login"),
            ("GET /rest.php/v1/page/Main_Page", "login"),
        ],
    ),
    (
        "adminer",
        &[
            ("GET /adminer.php", "capture"),
            ("!POST /adminer.php", "capture"),
            ("POST /adminer.php", "login"),
            ("GET /adminer.php?server=&username=ann", "capture"),
            ("GET /adminer.php?username=ann&db=garden", "login"),
            ("GET /adminer.php?username=ann&file=default.css", "public"),
            ("GET /adminer.php?file=default.css", "public"),
            ("GET /", "login"),
        ],
    ),
    (
        "django",
        &[
            ("GET /", "login"),
            ("GET /admin/login/?next=/admin/", "capture"),
            ("!POST /admin/login/", "capture"),
            ("GET /static/admin/css/base.css", "public"),
            ("GET /admin/auth/user/", "admin"),
            ("GET /admin/logout/", "admin"),
        ],
    ),
    (
        "flask",
        &[
            ("GET /login", "capture"),
            ("!POST /login", "capture"),
            ("GET /static/a.css", "public"),
            ("GET /private", "login"),
            ("POST /api/login", "login"),
        ],
    ),
    (
        "generic",
        &[
            ("GET /login", "capture"),
            ("!POST /login", "capture"),
            ("POST /login", "login"),
            ("GET /assets/a.css", "public"),
            ("GET /", "login"),
        ],
    ),
    (
        "ttrss",
        &[
            ("GET /", "login"),
            ("GET /index.php", "capture"),
            ("!POST /public.php op=login", "capture"),
            ("POST /public.php op=login", "login"),
            ("GET /public.php?op=rss&key=x", "login"),
            ("POST /api/", "deny"),
            ("GET /prefs.php", "admin"),
            ("POST /backend.php op=pref-users", "admin"),
            ("POST /backend.php op=feeds", "login"),
            ("GET /lib/dojo/dojo.js", "public"),
            ("GET /lib/floIcon.php", "login"),
            ("GET /lib/floIcon.php/x.js", "login"),
        ],
    ),
    (
        "jupyter",
        &[
            ("GET /login?next=/lab", "capture"),
            ("!POST /login", "capture"),
            ("GET /lab", "login"),
            ("GET /api", "login"),
            ("GET /lab?token=x", "deny"),
            ("GET /login?token=x", "deny"),
            ("GET /terminals/websocket/1", "admin"),
            // A POST can say that it stands for a GET, which anybody with a login may do.
            ("POST /api/terminals", "login+admin"),
            ("GET /api/terminals", "login"),
            ("GET /lab?terminals=on", "admin"),
            ("GET /static/a.js", "public"),
        ],
    ),
    (
        "nodered",
        &[
            ("GET /", "public"),
            ("GET /red/red.min.js", "public"),
            ("GET /auth/login", "public"),
            ("!POST /auth/token", "capture"),
            ("POST /auth/token", "login"),
            ("GET /flows", "login"),
            ("GET /settings", "login"),
            ("POST /auth/revoke", "login"),
            ("GET /comms", "login"),
            ("GET /a-flow-of-mine", "login"),
        ],
    ),
    (
        "cockpit",
        &[
            ("GET /", "login"),
            ("GET /cockpit/login", "login"),
            ("GET /cockpit/socket", "login"),
        ],
    ),
    (
        "tomcat",
        &[
            ("GET /", "login"),
            ("GET /manager/html", "login"),
            ("GET /manager;x/html", "login"),
            ("GET /host-manager/html", "admin"),
            ("GET /manager/text/list", "deny"),
            ("GET /manager/jmxproxy/?qry=x", "deny"),
        ],
    ),
    ("basic", &[("GET /", "login"), ("PROPFIND /ann/", "login")]),
];

#[test]
fn every_preset_closes_what_it_should() {
    let mut wrong = String::new();
    for preset in preset::all() {
        let (_, rows) = TABLE
            .iter()
            .find(|(name, _)| *name == preset.name)
            .unwrap_or_else(|| panic!("{} has no rows", preset.name));
        let admin = preset.text.contains("\"admin\"");
        let scopes: &[&str] = if admin {
            &["login", "admin"]
        } else {
            &["login"]
        };
        for base in ["", "/some/where"] {
            let line = if base.is_empty() {
                String::new()
            } else {
                format!("base = \"{base}\"\n")
            };
            let site = good(&site(&(named(preset.name) + &line), scopes));
            for (request, need) in *rows {
                let login = request.starts_with('!');
                let asked = request
                    .trim_start_matches('!')
                    .replacen(" /", &format!(" {base}/"), 1);
                let told = needs(&site, &asked, login);
                if told != *need {
                    writeln!(wrong, "{}: {request} needs {told}, not {need}", preset.name).unwrap();
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn without_a_scope_admin_the_first_guards_its_pages_and_nothing_opens() {
    for (name, rows) in TABLE {
        let site = good(&site(&named(name), &["staff"]));
        for (request, need) in *rows {
            let login = request.starts_with('!');
            let told = needs(&site, request.trim_start_matches('!'), login);
            let closed = ["login", "admin", "login+admin"].contains(need);
            assert_eq!(
                told,
                if closed { "staff" } else { *need },
                "{name}: {request}"
            );
        }
    }
}

#[test]
fn own_routes_come_first_and_the_presets_after_them() {
    let own = "preset = \"wordpress\"\n[[sites.portal.routes]]\npath = \"/wp-admin/css\"\nrequire = \"deny\"\n";
    let own = good(&site(own, &["login", "admin"]));
    assert_eq!(needs(&own, "GET /wp-admin/css/login.css", false), "deny");
    assert_eq!(needs(&own, "GET /wp-admin/js/a.js", false), "public");
    let inline = "preset = \"wordpress\"\nroutes = [{ path = \"/feed/\", require = \"public\" }]\n";
    let inline = good(&site(inline, &["login", "admin"]));
    assert_eq!(needs(&inline, "GET /feed/", false), "public");
    assert_eq!(needs(&inline, "POST /xmlrpc.php", false), "deny");
}

#[test]
fn an_own_route_for_everything_opens_only_what_the_preset_does_not_name() {
    for front in [
        "[[sites.portal.routes]]\npath = \"/**\"\nrequire = \"public\"\n",
        "[[sites.portal.routes]]\npath = \"/feed/\"\nrequire = \"deny\"\n[[sites.portal.routes]]\npath = [\"/**\"]\nrequire = \"public\"\n",
    ] {
        let site = good(&site(
            &format!("preset = \"wordpress\"\n{front}"),
            &["login", "admin"],
        ));
        assert_eq!(needs(&site, "GET /plan/", false), "public");
        assert_eq!(needs(&site, "GET /wp-login.php", false), "capture");
        for (request, need) in [
            ("GET /wp-admin/", "login"),
            ("GET /wp-admin/users.php", "admin"),
            ("POST /xmlrpc.php", "deny"),
            ("GET /?rest_route=/wp/v2/users/me", "deny"),
            ("GET /wp-json/wp/v2/users/me", "login"),
        ] {
            assert_eq!(needs(&site, request, false), need, "{request}");
        }
    }
    // What has a condition, or is followed by others, is a route like any other.
    for own in [
        "[[sites.portal.routes]]\npath = \"/**\"\nquery = { open = \"yes\" }\nrequire = \"deny\"\n",
        "[[sites.portal.routes]]\npath = \"/**\"\nmethods = [\"DELETE\"]\nrequire = \"deny\"\n",
    ] {
        let site = good(&site(
            &format!("preset = \"wordpress\"\n{own}"),
            &["login", "admin"],
        ));
        let told = needs(&site, "DELETE /wp-content/a?open=yes", false);
        assert_eq!(told, "deny", "{own}");
    }
}

#[test]
fn own_keys_win_and_a_capture_is_completed_key_by_key() {
    let folder = Folder::new(&site(
        "preset = \"wordpress\"\nhost = \"upstream\"\n[sites.portal.captures.form]\nhold = \"4m\"\nusername = \"mail\"\n",
        &["login", "admin"],
    ));
    let loaded = folder.load();
    assert_eq!(folder.told(&loaded), "");
    let settings = loaded.config.unwrap().sites.remove(0);
    assert_eq!(settings.upstream.host, HostMode::Upstream);
    let capture = &settings.site.captures[0];
    assert_eq!(capture.hold, Duration::from_mins(4));
    assert_eq!(
        capture.form().unwrap().username,
        Some(crate::login::Place::of("mail"))
    );
    assert_eq!(
        capture.form().unwrap().password,
        crate::login::Place::of("pwd")
    );
    let alone = Folder::new(&site("preset = \"wordpress\"\n", &["login", "admin"])).load();
    assert_eq!(
        alone.config.unwrap().sites[0].upstream.host,
        HostMode::Preserve
    );
}

#[test]
fn further_captures_are_added() {
    let more = "preset = \"django\"\n[[sites.portal.routes]]\npath = \"/accounts/login/\"\ncapture = \"people\"\n\
         [sites.portal.captures.people]\nscope = \"login\"\nusername = \"username\"\npassword = \"password\"\nprobe = \"/me/\"\n\
         auth_cookies = [\"sessionid\"]\n";
    let site = good(&site(more, &["login", "admin"]));
    let names: Vec<_> = site
        .captures
        .iter()
        .map(|capture| capture.name.as_str())
        .collect();
    assert_eq!(names, ["people", "form"]);
}

#[test]
fn paths_of_the_preset_begin_at_the_base_and_no_others() {
    let more = "preset = \"wordpress\"\nbase = \"/wordpress\"\n[[sites.portal.routes]]\npath = \"/own\"\nrequire = \"public\"\n";
    let site = good(&site(more, &["login", "admin"]));
    assert_eq!(site.captures[0].page, "/wordpress/wp-login.php");
    assert_eq!(needs(&site, "GET /own", false), "public");
    assert_eq!(needs(&site, "GET /wp-login.php", false), "login");
    assert_eq!(needs(&site, "POST /wordpress/xmlrpc.php", false), "deny");
}

#[test]
fn a_route_says_in_which_line_of_the_preset_it_stands() {
    let site = good(&site("preset = \"wordpress\"\n", &["login", "admin"]));
    let target = Target::parse("/xmlrpc.php".parse().unwrap()).unwrap();
    let explained = site.routes.explain(&Asked {
        method: &Method::POST,
        overriding: None,
        target: &target,
        websocket: false,
        form: &Form::Unread,
        logins: &[],
    });
    let text = preset::named("wordpress").unwrap().text;
    let line = text
        .lines()
        .position(|line| line == "require = \"deny\"")
        .unwrap();
    // A route stands where its table begins or where it says who may: within its three lines.
    let told = explained.to_string();
    let near = (line - 1..=line + 1).any(|line| told.contains(&format!("preset wordpress:{line}")));
    assert!(near, "{told}");
}

#[test]
fn what_is_shown_can_be_pasted_in_place_of_the_preset() {
    for preset in preset::all() {
        let pasted = preset.pasted("portal");
        let (own, tables) = pasted.split_once("\n\n").unwrap_or((&pasted, ""));
        let own = own.replacen("[sites.portal]", "", 1);
        let admin = if preset.text.contains("\"admin\"") || preset.text.contains("= \"login\"") {
            &["login", "admin"][..]
        } else {
            &["login"][..]
        };
        let more = named(preset.name);
        let (_, more) = more.split_once('\n').unwrap();
        let folder = Folder::new(&site(&format!("{more}{own}\n{tables}"), admin));
        let loaded = folder.load();
        assert_eq!(loaded.count(Severity::Error), 0, "{}", folder.told(&loaded));
    }
}
