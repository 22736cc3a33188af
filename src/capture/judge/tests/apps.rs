//! Real applications as they were measured: what each answers to a right and to a wrong password, and what is made of it.

use super::*;
use crate::capture::Credentials;
use crate::login::{Place, Wanted};

/// One application.
struct App {
    name: &'static str,
    capture: Capture,
    post: Post,
    right: Answer,
    wrong: Answer,
    /// What comes of the right and the wrong answer with nothing set.
    guessed: [&'static str; 2],
    /// The cookie that only a good login sets, where there is one.
    sign: &'static [&'static str],
}

fn at_page(page: &str) -> Capture {
    Capture {
        page: page.to_owned(),
        ..Capture::plain()
    }
}

fn see(location: &str) -> Answer {
    Answer::found(location)
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn apps() -> Vec<App> {
    vec![
        App {
            name: "dokuwiki",
            capture: at_page("/doku.php?do=login"),
            post: Post::to("/doku.php?id=start").field("cookie", "DokuWiki=abc").body("sectok=&id=start&do=login&u=alice&p=x"),
            right: see("https://portal.example.com/doku.php?id=start").sets("DW7fa0=YWxpY2U%3D%7C0%7Cx; HttpOnly"),
            wrong: Answer { status: 403, ..Answer::html(FORM) },
            // The page that the form was on is the visitor's choice.
            guessed: ["Doubt", "Bad"],
            sign: &["DW*"],
        },
        App {
            name: "wordpress",
            capture: at_page("/wp-login.php"),
            post: Post::to("/wp-login.php").field("cookie", "wordpress_test_cookie=WP%20Cookie%20check")
                .body("log=alice&pwd=x&wp-submit=Log+In&redirect_to=https%3A%2F%2Fportal.example.com%2Fwp-admin%2F&testcookie=1"),
            right: see("https://portal.example.com/wp-admin/")
                .sets("wordpress_5c0=a; path=/wp-content/plugins; HttpOnly").sets("wordpress_5c0=a; path=/wp-admin; HttpOnly")
                .sets("wordpress_logged_in_5c0=a; path=/; HttpOnly"),
            wrong: Answer::html(FORM).sets("wordpress_test_cookie=WP%20Cookie%20check; path=/; HttpOnly"),
            guessed: ["Doubt", "Bad"],
            sign: &["wordpress_logged_in_*"],
        },
        App {
            name: "wordpress without its test cookie",
            capture: at_page("/wp-login.php"),
            post: Post::to("/wp-login.php").body("log=alice&pwd=x&testcookie=1"),
            right: Answer::html(FORM).sets("wordpress_5c0=a; HttpOnly").sets("wordpress_logged_in_5c0=a; HttpOnly"),
            wrong: Answer::html(FORM),
            guessed: ["Doubt", "Bad"],
            sign: &["wordpress_logged_in_*"],
        },
        App {
            name: "phpmyadmin",
            capture: at_page("/"),
            post: Post::to("/index.php?route=/").field("cookie", "phpMyAdmin=a; pma_lang=en").body("route=%2F&pma_username=alice&pma_password=x&server=1&lang=en&token=0a"),
            right: see("./index.php?route=/&lang=en").sets("phpMyAdmin=b; HttpOnly").sets("phpMyAdmin=c; HttpOnly")
                .sets("pmaUser-1=x; HttpOnly").sets("pmaAuth-1=y; HttpOnly; SameSite=Strict"),
            wrong: Answer::html(FORM).sets("phpMyAdmin=b; HttpOnly"),
            guessed: ["Doubt", "Bad"],
            sign: &["pmaAuth-*"],
        },
        App {
            name: "mediawiki",
            capture: at_page("/index.php/Special:UserLogin"),
            post: Post::to("/index.php/Special:UserLogin").field("cookie", "wiki_session=a")
                .body("wpName=alice&wpPassword=x&wpLoginToken=1%2B%5C&title=Special%3AUserLogin&authAction=login&force="),
            right: see("https://portal.example.com/index.php/Main_Page").sets("wiki_session=b; HttpOnly").sets("wikiUserName=Alice; HttpOnly"),
            wrong: Answer::html(FORM),
            guessed: ["Follow /index.php/Main_Page", "Bad"],
            sign: &["wikiUserName"],
        },
        App {
            name: "adminer",
            capture: Capture {
                credentials: Credentials::Form(Wanted {
                    username: Some(Place::of("auth[username]")),
                    password: Place::of("auth[password]"),
                }),
                ..at_page("/adminer.php")
            },
            post: Post::to("/adminer.php").field("cookie", "adminer_sid=a").body("auth%5Bdriver%5D=server&auth%5Bserver%5D=db&auth%5Busername%5D=alice&auth%5Bpassword%5D=x&auth%5Bdb%5D="),
            right: see("adminer.php?server=db&username=alice").sets("adminer_sid=b; HttpOnly"),
            wrong: see("adminer.php?server=db&username=alice").sets("adminer_sid=c; HttpOnly"),
            guessed: ["Follow /adminer.php?server=db&username=alice", "Follow /adminer.php?server=db&username=alice"],
            sign: &[],
        },
        App {
            name: "django admin",
            capture: at_page("/admin/login/"),
            post: Post::to("/admin/login/").field("cookie", "csrftoken=a").field("referer", "https://portal.example.com/admin/login/")
                .body("csrfmiddlewaretoken=a&username=alice&password=x"),
            right: see("/admin/").sets("csrftoken=b; Path=/").sets("sessionid=c; HttpOnly; Path=/"),
            wrong: Answer::html(FORM).sets("csrftoken=b; Path=/"),
            guessed: ["Follow /admin/", "Bad"],
            sign: &["sessionid"],
        },
        App {
            name: "django admin with a page to go to",
            capture: at_page("/admin/login/"),
            post: Post::to("/admin/login/?next=/admin/").field("cookie", "csrftoken=a").body("csrfmiddlewaretoken=a&username=alice&password=x&next=%2Fadmin%2F"),
            right: see("/admin/").sets("csrftoken=b; Path=/").sets("sessionid=c; HttpOnly; Path=/"),
            wrong: Answer::html(FORM).sets("csrftoken=b; Path=/"),
            guessed: ["Doubt", "Bad"],
            sign: &["sessionid"],
        },
        App {
            name: "flask-login",
            capture: at_page("/login"),
            post: Post::to("/login").field("cookie", "session=a").body("username=alice&password=x"),
            right: see("/private").sets("session=b; HttpOnly; Path=/"),
            wrong: Answer::html(FORM).sets("session=c; HttpOnly; Path=/"),
            guessed: ["Follow /private", "Bad"],
            sign: &[],
        },
        App {
            name: "jupyterlab",
            capture: at_page("/login"),
            post: Post::to("/login?next=%2Flab").field("cookie", "_xsrf=a").body("_xsrf=a&password=x"),
            right: see("/lab").sets(r#"username-127-0-0-1-8888="2|1:0|10:17|44:eyJ=="; HttpOnly; Path=/"#),
            wrong: Answer { status: 401, ..Answer::html(FORM) },
            guessed: ["Doubt", "Bad"],
            sign: &["username-*"],
        },
        App {
            name: "tt-rss",
            capture: at_page("/"),
            post: Post::to("/public.php?return=https%3A%2F%2Fportal.example.com%2Ftt-rss%2F").body("op=login&login=alice&password=x"),
            right: see("https://portal.example.com/tt-rss/").sets("ttrss_sid=a").sets("ttrss_sid=a"),
            wrong: see("https://portal.example.com/tt-rss/").sets("ttrss_sid=b"),
            guessed: ["Doubt", "Doubt"],
            sign: &[],
        },
        App {
            name: "a session elevated in place",
            capture: at_page("/legacy/login"),
            post: Post::to("/legacy/login").field("cookie", "legacy=a").body("username=alice&password=x"),
            right: see("/legacy/home"),
            wrong: see("/legacy/home"),
            guessed: ["Follow /legacy/home", "Follow /legacy/home"],
            sign: &[],
        },
        App {
            name: "node-red",
            capture: at_page("/"),
            post: Post::to("/auth/token").body("client_id=node-red-editor&grant_type=password&scope=&username=alice&password=x"),
            right: Answer::json(r#"{"access_token":"A","expires_in":604800,"token_type":"Bearer"}"#),
            wrong: Answer { status: 403, ..Answer::json(r#"{"error":"invalid_grant"}"#) },
            guessed: ["Doubt", "Bad"],
            sign: &[],
        },
        App {
            name: "a login by script",
            capture: at_page("/spa"),
            post: Post::to("/api/login").field("content-type", "application/json").body(r#"{"username":"alice","password":"x"}"#),
            right: Answer::json(r#"{"ok":true,"access_token":"A"}"#).sets("session=a; HttpOnly"),
            wrong: Answer { status: 401, ..Answer::json(r#"{"ok":false}"#) },
            guessed: ["Doubt", "Bad"],
            sign: &["session"],
        },
    ]
}

#[test]
fn g2_every_measured_application_is_judged_as_its_answers_allow() {
    for app in apps() {
        let guessed =
            [&app.right, &app.wrong].map(|answer| judged(&app.capture, &app.post, answer));
        assert_eq!(guessed, app.guessed, "{}", app.name);
    }
}

#[test]
fn g2_no_wrong_password_of_a_measured_application_counts_as_right() {
    for app in apps() {
        assert_ne!(
            judged(&app.capture, &app.post, &app.wrong),
            "Good",
            "{}",
            app.name
        );
        assert_ne!(
            judged(&app.capture, &app.post, &app.right),
            "Bad",
            "{}",
            app.name
        );
    }
}

#[test]
fn g2_a_cookie_of_their_own_tells_right_from_wrong() {
    for app in apps().into_iter().filter(|app| !app.sign.is_empty()) {
        let capture = Capture {
            success_cookie: Some(Names::parse(app.sign.iter().copied()).unwrap()),
            ..app.capture
        };
        let told = [&app.right, &app.wrong].map(|answer| judged(&capture, &app.post, answer));
        assert_eq!(told, ["Good", "Bad"], "{}", app.name);
    }
}

#[test]
fn g2_a_probe_tells_right_from_wrong_for_all_of_them() {
    for app in apps() {
        let capture = Capture {
            probe: Some("/private".to_owned()),
            ..app.capture
        };
        assert_eq!(
            judged(&capture, &app.post, &app.right),
            "Probe",
            "{}",
            app.name
        );
        let wrong = judged(&capture, &app.post, &app.wrong);
        let failed = app.wrong.status >= 400;
        assert_eq!(wrong, if failed { "Bad" } else { "Probe" }, "{}", app.name);
    }
    // What the private page answers, signed in and not, in the ways that were measured.
    assert_eq!(probed(&Answer::html(HOME).seen()), Judgement::Good);
    for answer in [
        Answer::html(FORM),
        see("/login?next=/private"),
        Answer::new(401, ""),
        Answer::new(403, FORM),
    ] {
        assert_eq!(probed(&answer.seen()), Judgement::Bad);
    }
}

#[test]
fn g2_where_a_redirect_is_followed_its_end_tells_right_from_wrong() {
    for app in apps()
        .into_iter()
        .filter(|app| app.guessed[0].starts_with("Follow"))
    {
        let at = app.guessed[0].trim_start_matches("Follow ");
        assert_eq!(
            judged_at(&app.post, at, &Answer::html(HOME), 1),
            "Good",
            "{}",
            app.name
        );
        assert_eq!(
            judged_at(&app.post, at, &Answer::html(FORM), 1),
            "Bad",
            "{}",
            app.name
        );
        let back = see("/login");
        assert_eq!(
            judged_at(&app.post, at, &back, 1),
            "Follow /login",
            "{}",
            app.name
        );
        assert_eq!(
            judged_at(&app.post, "/login", &Answer::html(FORM), 2),
            "Bad",
            "{}",
            app.name
        );
    }
}
