//! Which redirects are followed before the code, and what is made of where they lead.

use super::*;
use crate::capture::Credentials;
use crate::login::{Place, Wanted};

fn followed_to(post: &Post, location: &str) -> String {
    judged(&Capture::plain(), post, &Answer::found(location))
}

/// A login with this in its body, too.
fn with(more: &str) -> Post {
    Post::to("/login").body(format!("username=alice&password=secret&{more}"))
}

/// A login posted to this query.
fn at(query: &str) -> Post {
    Post {
        target: format!("/login?{query}"),
        ..login()
    }
}

fn from(referer: &str) -> Post {
    login().field("referer", referer)
}

fn typed(kind: &str, body: &str) -> Post {
    login().field("content-type", kind).body(body)
}

const DELETE: &str = "/admin/delete?id=1";

/// Holds that none of these is followed, whenever it comes.
fn refuse(rows: &[(Post, &str)]) {
    for (post, location) in rows {
        let target = &post.target;
        assert_eq!(
            followed_to(post, location),
            "Doubt",
            "{target} to {location}"
        );
        let later = judged_at(post, "/home", &Answer::found(location), 1);
        assert_eq!(later, "Doubt", "{target} to {location}");
    }
}

#[test]
fn g2_what_the_visitor_asked_for_in_the_query_is_never_fetched_before_the_code() {
    refuse(&[
        (at("next=/admin/delete?id=1"), DELETE),
        (at("next=/admin/delete%3Fid%3D1"), DELETE),
        (at("next=%2Fadmin%2Fdelete%3Fid%3D1"), DELETE),
        (at("next=%252Fadmin%252Fdelete%253Fid%253D1"), DELETE),
        (at("next=%25252561dmin%2525252fdelete"), DELETE),
        (
            at("next=https://portal.example.com/admin/delete?id=1"),
            DELETE,
        ),
        (at("next=//portal.example.com/admin/delete?id=1"), DELETE),
        (at("next=admin/delete?id=1"), DELETE),
        (at("next=/ADMIN/Delete"), DELETE),
        (
            at("next=/admin/delete?id=1"),
            "https://portal.example.com/admin/delete?id=1",
        ),
        (at("next=/admin/delete?id=1"), "/app/admin/delete?id=1"),
        (at("next=/admin/delete?id=1"), "/%61dmin/%64elete?id=1"),
        (at("next=/admin/delete?id=1"), "/admin/%2564elete?id=1"),
        (at("next=/admin/delete?id=1"), "/admin/delete?id=1#x"),
        (at("next=/admin/delete?id=1"), "/x/../admin/delete?id=1"),
        (at("next=/admin/delete?id=1"), "/redirect?to=/admin/delete"),
        (
            at("next=/admin/delete?id=1"),
            "/redirect?to=%2Fadmin%2Fdelete",
        ),
        (at("next=/admin/delete?id=1"), "/delete"),
        (at("next=/admin/delete"), "/admin/delete.html"),
        (at("next=/admin/delete"), "/admin-delete"),
        (at("delete"), "/delete"),
        (at("/admin/delete"), DELETE),
        (at("/admin/delete=x"), DELETE),
        (at("delete="), "/?delete="),
        (at("a;next=/admin/delete"), DELETE),
        (at("next[]=/admin/delete"), DELETE),
        (at("redirect%5Bto%5D=delete"), "/delete"),
        (at("%2Fadmin%2Fdelete=x"), DELETE),
        (at("id=1"), "/item?id=1"),
        (at("id=1"), "/item?ID=1"),
        (at("id=1"), "/item/1"),
        (at("id=77"), "/item?no=77"),
        (at("id=77"), "/item-77"),
        (at("to=%E9tat"), "/%C3%A9tat"),
        (at("to=%C3%A9tat"), "/%E9tat"),
        (at("to=e%CC%81tat"), "/%C3%89TAT"),
        (at("to=%C1%A4elete"), "/delete"),
        (with("to=%u0064elete"), "/delete"),
        (at("return=L2FkbWluL2RlbGV0ZT9pZD0x"), DELETE),
        (at("return=L2FkbWluL2RlbGV0ZT9pZD0xMg=="), DELETE),
        (at("return=L2FkbWluL2RlbGV0ZT9pZD0xMg%3D%3D"), DELETE),
        (at("return=JTJGYWRtaW4lMkZkZWxldGU"), DELETE),
    ]);
}

#[test]
fn g2_what_the_visitor_asked_for_in_a_form_is_never_fetched_before_the_code() {
    refuse(&[
        (with("next=/admin/delete?id=1"), DELETE),
        (with("next=%2Fadmin%2Fdelete%3Fid%3D1"), DELETE),
        (
            with("controller=users&action=delete"),
            "/index.php?c=users&a=delete",
        ),
        (with("action=delete"), "/delete/7"),
        (
            with("redirect_to=https%3A%2F%2Fportal.example.com%2Fwp-admin%2F"),
            "/wp-admin/",
        ),
        (with("next=/private"), "/private"),
        (with("next=/private"), "/private/"),
        (with("next=/private/"), "/private"),
        (with("next=%09/private"), "/private"),
        (with("module=private"), "/private"),
        (
            Post::to("/login").body("username=private&password=x"),
            "/private",
        ),
    ]);
}

#[test]
fn g2_what_the_visitor_asked_for_elsewhere_is_never_fetched_before_the_code() {
    let json = |body: &str| typed("application/json", body);
    let multipart = |part: &str| {
        let name = "Content-Disposition: form-data; name=\"username\"";
        let body = format!("--XX\r\n{name}\r\n\r\nalice\r\n--XX\r\n{part}\r\n--XX--\r\n");
        typed("multipart/form-data; boundary=XX", &body)
    };
    refuse(&[
        (from("https://portal.example.com/admin/delete"), DELETE),
        (
            from("https://portal.example.com/login?next=/admin/delete"),
            DELETE,
        ),
        (
            from("https://portal.example.com/login?next=%2Fadmin%2Fdelete"),
            DELETE,
        ),
        (from("https://elsewhere.example/admin/delete"), DELETE),
        (from("/admin/delete"), DELETE),
        (
            login().field("cookie", "return_to=/admin/delete?id=1"),
            DELETE,
        ),
        (
            login().field("cookie", "return_to=%2Fadmin%2Fdelete%3Fid%3D1"),
            DELETE,
        ),
        (
            login().field(
                "cookie",
                "x=y; session=eyJuZXh0IjoiL2FkbWluL2RlbGV0ZSJ9.ZZ.abc",
            ),
            DELETE,
        ),
        (
            json(r#"{"username":"alice","next":"/admin/delete?id=1"}"#),
            DELETE,
        ),
        (
            json(r#"{"username":"alice","a":{"b":["/admin\/delete"]}}"#),
            DELETE,
        ),
        (json(r#"{"username":"alice","a":["del\u0065te"]}"#), DELETE),
        (json(r#"{"username":"alice","id":77}"#), "/item?id=77"),
        (json(r#"{"/admin/delete":"x"}"#), DELETE),
        (json("{\"next\":\"/admin/delete\""), DELETE),
        (
            multipart("Content-Disposition: form-data; name=\"next\"\r\n\r\n/admin/delete"),
            DELETE,
        ),
        (
            multipart("Content-Disposition: form-data; name=next\n\n/admin/delete"),
            DELETE,
        ),
        (
            multipart("Content-Disposition: form-data; name=\"/admin/delete\"\r\n\r\nx"),
            DELETE,
        ),
        (
            multipart(
                "Content-Disposition: form-data; name=\"f\"; filename=\"/admin/delete\"\r\n\r\nx",
            ),
            DELETE,
        ),
        (multipart("/admin/delete"), DELETE),
        (typed("text/plain", "next=/admin/delete"), DELETE),
        (typed("", "next=/admin/delete"), DELETE),
        (
            Post {
                target: "/login/admin/delete".to_owned(),
                ..login()
            },
            "/admin/delete",
        ),
        // Nobody knows what it says.
        (at("x=%2525252525252541"), "/home"),
        (login(), "/%2525252525252541"),
        (login(), "/?x=%2525252525252541"),
    ]);
}

#[test]
fn what_is_the_applications_own_choice_is_followed() {
    for (post, location, asked) in [
        (login(), "/private", "/private"),
        (login(), "private", "/private"),
        (login(), "https://portal.example.com/private", "/private"),
        (login(), "/private#x", "/private"),
        (login(), "/private?tab=2", "/private?tab=2"),
        (login(), "?welcome", "/login?welcome"),
        (login(), "/index.php", "/index.php"),
        (
            from("https://portal.example.com/login"),
            "/private",
            "/private",
        ),
        (from("https://portal.example.com/"), "/private", "/private"),
        (from("https://portal.example.com"), "/private", "/private"),
        (
            from("https://portal.example.com/start.php"),
            "/home.php",
            "/home.php",
        ),
        (
            from("https://portal.example.com/login"),
            "/login?failed=1",
            "/login?failed=1",
        ),
        (with("remember=1"), "/login?failed=1", "/login?failed=1"),
        (with("remember=on"), "/private", "/private"),
        (with("next="), "/private", "/private"),
        (with("next=/"), "/private", "/private"),
        (
            with("route=%2F"),
            "/index.php?route=/",
            "/index.php?route=/",
        ),
        (with("next=/"), "/?welcome=1", "/?welcome=1"),
        (with("token=Zm9vYmFyYmF6"), "/private", "/private"),
        (
            login().field("cookie", "session=private; lang=en"),
            "/private",
            "/private",
        ),
        // The root, and the login page itself, are never the visitor's.
        (with("next=/"), "/", "/"),
        (with("next=/login"), "/login", "/login"),
        (at("x=%2525252525252541"), "/", "/"),
        (from("https://portal.example.com/"), "/", "/"),
        (with("next=/login?a=b"), "/login", "/login"),
        // Folders that the login is in are in every Referer.
        (
            Post {
                target: "/app/login".to_owned(),
                ..from("https://portal.example.com/app/login")
            },
            "/app/home",
            "/app/home",
        ),
        (
            Post {
                target: "/app/login".to_owned(),
                ..from("https://portal.example.com/app/start")
            },
            "home",
            "/app/home",
        ),
        (
            Post {
                target: "/admin/login/".to_owned(),
                ..from("https://portal.example.com/admin/login/")
            },
            "/admin/",
            "/admin/",
        ),
        (
            Post {
                target: "/admin/login/".to_owned(),
                ..Post::to("").body("username=admin&password=x")
            },
            "/admin/",
            "/admin/",
        ),
    ] {
        assert_eq!(
            followed_to(&post, location),
            format!("Follow {asked}"),
            "{} to {location}",
            post.target
        );
    }
}

#[test]
fn g2_a_folder_of_the_login_is_the_visitors_where_they_name_it() {
    let django = |next: &str| Post {
        target: "/admin/login/".to_owned(),
        ..with(&format!("next={next}"))
    };
    for (next, location) in [
        ("/admin/", "/admin/"),
        ("/admin", "/admin/"),
        ("https://portal.example.com/admin/", "/admin/"),
        ("/admin/?a=1", "/admin/?a=1"),
        ("/admin/?login=admin", "/admin/?login=admin"),
        ("/admin/login/?a=1", "/admin/login/?a=1"),
        ("/login/admin", "/login/admin"),
        ("/admin/delete?id=1", "/admin/delete?id=1"),
        ("/admin/delete/", "/admin/login/delete/"),
    ] {
        assert_eq!(followed_to(&django(next), location), "Doubt", "{next}");
    }
}

#[test]
fn the_page_of_the_capture_is_a_login_page_too() {
    let capture = Capture {
        page: "/welcome/sign-in?lang=en".to_owned(),
        ..Capture::plain()
    };
    let post = from("https://portal.example.com/welcome/sign-in");
    for (location, next) in [
        ("/welcome/sign-in", "Follow /welcome/sign-in"),
        ("/login", "Follow /login"),
        ("/welcome/back", "Follow /welcome/back"),
    ] {
        assert_eq!(judged(&capture, &post, &Answer::found(location)), next);
    }
    let post = with("next=/welcome/sign-in?lang=en");
    for location in ["/welcome/sign-in?lang=en", "/sign-in"] {
        let next = judged(&capture, &post, &Answer::found(location));
        assert_eq!(next, "Doubt", "{location}");
    }
}

/// Adminer leads to `?server=…&username=…` whether the password was right or wrong.
#[test]
fn a_login_page_that_says_who_logs_in_is_followed_to_and_with_anything_else_is_not() {
    let capture = Capture {
        credentials: Credentials::Form(Wanted {
            username: Some(Place::of("auth[username]")),
            password: Place::of("auth[password]"),
        }),
        ..Capture::plain()
    };
    let told = |body: &str, location: &str| {
        let post = Post::to("/login").body(body);
        judged(&capture, &post, &Answer::found(location))
    };
    let body = "auth[driver]=server&auth%5Bserver%5D=db.example&auth[username]=ann+lee&auth[password]=x&do=delete&auth[then]=/admin/";
    for location in [
        "/login?username=ann%20lee",
        "/login?server=db.example&username=ann+lee",
        "/login?auth[username]=ann+lee",
    ] {
        assert_eq!(told(body, location), format!("Follow {location}"));
    }
    for location in [
        "/login?username=ann+lee&do=delete",
        "/login?who=ann+lee",
        "/login?server=ann+lee",
        "/login?then=ann+lee",
        "/login?do=ann+lee",
        "/login?db.example=server",
        "/login?do=db.example",
        "/login?then=/admin/",
        "/other?username=ann+lee",
        "/login/x?username=ann+lee",
        "/login?username=ann+lee;do=delete",
        "/login?username=ann+lee&delete",
    ] {
        assert_eq!(told(body, location), "Doubt", "{location}");
    }
    for name in ["news/delete", "news%26do%3Ddelete", "news%253Fdelete"] {
        let body = format!("auth[username]={name}&auth[password]=x");
        let location = format!("/login?username={name}");
        assert_eq!(told(&body, &location), "Doubt", "{name}");
    }
    // Where the body is no plain form nobody knows what is whose.
    let post = Post::to("/login")
        .field("content-type", "text/plain")
        .body("auth[username]=ann");
    let answer = Answer::found("/login?username=ann");
    assert_eq!(judged(&capture, &post, &answer), "Doubt");
}

#[test]
fn only_redirects_that_become_a_get_within_the_site_are_followed() {
    for (status, next) in [
        (300, "Doubt"),
        (301, "Follow /home"),
        (302, "Follow /home"),
        (303, "Follow /home"),
        (304, "Doubt"),
        (305, "Doubt"),
        (307, "Doubt"),
        (308, "Doubt"),
    ] {
        let answer = Answer {
            status,
            ..Answer::found("/home")
        };
        assert_eq!(judged(&Capture::plain(), &login(), &answer), next);
        assert_eq!(judged_at(&login(), "/x", &answer, 1), next);
    }
    for location in [
        "https://elsewhere.example/home",
        "//elsewhere.example/home",
        "http://portal.example.com/home",
        "https://alice@portal.example.com/home",
        "javascript:home",
        "/home%zz",
        "/home%00",
        "/.//home",
        "",
    ] {
        assert_eq!(followed_to(&login(), location), "Doubt", "{location}");
    }
    let none = Answer::new(302, "");
    assert_eq!(judged(&Capture::plain(), &login(), &none), "Doubt");
    let two = Answer::found("/home").with("location", "/home");
    assert_eq!(judged(&Capture::plain(), &login(), &two), "Doubt");
}

#[test]
fn g2_a_followed_page_decides_by_its_password_field() {
    for (answer, next) in [
        (Answer::html(HOME), "Good"),
        (Answer::new(200, HOME), "Good"),
        (Answer::new(204, ""), "Good"),
        (Answer::json("{}"), "Good"),
        (
            Answer::new(200, FORM).with("content-type", "text/plain"),
            "Good",
        ),
        (Answer::html(FORM), "Bad"),
        (Answer::new(200, FORM), "Bad"),
        (Answer::html(FORM).sets("new=1; HttpOnly"), "Bad"),
        (Answer::html(HOME).unreadable(), "Doubt"),
        (Answer::new(401, FORM), "Doubt"),
        (Answer::new(403, HOME), "Doubt"),
        (Answer::new(404, HOME), "Doubt"),
        (Answer::new(500, HOME), "Doubt"),
        (Answer::found("/next"), "Follow /next"),
        (Answer::found("next"), "Follow /folder/next"),
        (Answer::found("?a=b"), "Follow /folder/home?a=b"),
        (Answer::found("/folder/home"), "Follow /folder/home"),
    ] {
        assert_eq!(
            judged_at(&login(), "/folder/home?x=y", &answer, 1),
            next,
            "{} {:?}",
            answer.status,
            answer.fields
        );
    }
}

#[test]
fn the_login_page_once_more_is_a_no_whatever_its_status() {
    for (at, answer, next) in [
        ("/login", Answer::new(403, FORM), "Bad"),
        ("/login?username=alice", Answer::new(401, FORM), "Bad"),
        ("/login", Answer::new(403, HOME), "Doubt"),
        ("/login", Answer::new(500, FORM), "Doubt"),
        ("/login", Answer::html(FORM).unreadable(), "Doubt"),
        ("/home", Answer::new(403, FORM), "Doubt"),
    ] {
        let status = answer.status;
        assert_eq!(judged_at(&login(), at, &answer, 1), next, "{at} {status}");
    }
}

#[test]
fn a_chain_is_followed_three_times_at_most() {
    for (hops, next) in [
        (1, "Follow /x"),
        (2, "Follow /x"),
        (3, "Doubt"),
        (4, "Doubt"),
    ] {
        assert_eq!(
            judged_at(&login(), "/home", &Answer::found("/x"), hops),
            next
        );
    }
    assert_eq!(judged_at(&login(), "/home", &Answer::html(HOME), 3), "Good");
}

proptest! {
    #[test]
    fn g2_no_word_of_the_visitors_is_fetched_in_any_spelling(
        word in "q[a-z]{1,7}",
        rounds in 0_usize..3,
        upper: bool,
        front in "(/|/app/|/x/y/|/\\?go=|/p\\?a=b&go=%2F)",
        back in "(|/|/x|\\?y=z|%3Fy|#z|\\.html|;v=1)",
        place in 0..6,
    ) {
        let encode = |text: &str| text.bytes().fold(String::new(), |out, b| out + &format!("%{b:02X}"));
        let sent = (0..rounds).fold(word.clone(), |text, _| encode(&text));
        let shown = if upper { word.to_uppercase() } else { encode(&word) };
        let post = match place {
            0 => at(&format!("next=/{sent}")),
            1 => at(&sent),
            2 => with(&format!("next=%2F{sent}%2F")),
            3 => from(&format!("https://portal.example.com/{sent}?x=y")),
            4 => login().field("cookie", &format!("next=/{sent}")),
            _ => typed("application/json", &format!("{{\"next\":\"{sent}\"}}")),
        };
        prop_assert_eq!(followed_to(&post, &format!("{front}{shown}{back}")), "Doubt");
    }
}
