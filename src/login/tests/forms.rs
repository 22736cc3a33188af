//! Forms as browsers send them, and as attackers do.

use super::*;

fn form(body: &str) -> Result<Option<String>, Ambiguous> {
    reading(&wanted("u", "p"), URLENCODED, body)
}

/// Names of the user's and the password's fields, a query, a body, and who it is.
const REAL: [(&str, &str, &str, &str, &str); 17] = [
    // DokuWiki
    (
        "u",
        "p",
        "id=start&do=login&sectok=",
        "sectok=c3e8b2&id=start&do=login&u=ann&p=pass+word%21&r=1",
        "ann",
    ),
    // WordPress
    (
        "log",
        "pwd",
        "",
        "log=ann%40example.com&pwd=x%26y%3Dz&rememberme=forever&wp-submit=Log+In&\
             redirect_to=http%3A%2F%2Flocalhost%2Fwp-admin%2F%3Flog%3Dbob%26pwd%3Dy&testcookie=1",
        "ann@example.com",
    ),
    // phpMyAdmin
    (
        "pma_username",
        "pma_password",
        "route=/",
        "set_session=a0&pma_username=root&pma_password=%3B%25&server=1&lang=en&route=%2F&token=4f%60%2B",
        "root",
    ),
    // Adminer, as browsers escape brackets and as they do not
    (
        "auth[username]",
        "auth[password]",
        "",
        "auth%5Bdriver%5D=server&auth%5Bserver%5D=db&auth%5Busername%5D=ann&auth%5Bpassword%5D=x&auth%5Bdb%5D=&auth%5Bpermanent%5D=1",
        "ann",
    ),
    (
        "auth[username]",
        "auth[password]",
        "server=db",
        "auth[driver]=server&auth[server]=&auth[username]=ann&auth[password]=x&auth[db]=",
        "ann",
    ),
    // MediaWiki
    (
        "wpName",
        "wpPassword",
        "title=Special:UserLogin&returnto=Main+Page",
        "wpName=Ann+Other&wpPassword=x&wploginattempt=Log+in&wpEditToken=%2B%5C&title=Special%3AUserLogin&authAction=login&force=&wpLoginToken=a1%2B%5C",
        "Ann Other",
    ),
    // Django
    (
        "username",
        "password",
        "next=/admin/",
        "csrfmiddlewaretoken=Zk3&username=ann&password=x&next=%2Fadmin%2F",
        "ann",
    ),
    // Tiny Tiny RSS
    (
        "login",
        "password",
        "return=%2Ftt-rss%2F",
        "op=login&login=ann&password=x&profile=&bw_limit=&safe_mode=&remember_me=on",
        "ann",
    ),
    // Roundcube
    (
        "_user",
        "_pass",
        "_task=login",
        "_token=9y&_task=login&_action=login&_timezone=Europe%2FParis&_url=&_user=ann%40example.org&_pass=x",
        "ann@example.org",
    ),
    // Request Tracker
    ("user", "pass", "", "user=ann&pass=x&next=0f2", "ann"),
    // Node-RED
    (
        "username",
        "password",
        "",
        "client_id=node-red-editor&grant_type=password&scope=&username=ann&password=x",
        "ann",
    ),
    // Rails, with a box that is there twice
    (
        "user[login]",
        "user[password]",
        "",
        "utf8=%E2%9C%93&user%5Blogin%5D=ann&user%5Bpassword%5D=x&user%5Bremember_me%5D=0&user%5Bremember_me%5D=1",
        "ann",
    ),
    // ASP.NET Identity, ASP.NET WebForms, JSF
    (
        "Input.Email",
        "Input.Password",
        "ReturnUrl=%2F",
        "Input.Email=ann%40x.org&Input.Password=x&Input.RememberMe=true&__RequestVerificationToken=C-8&Input.RememberMe=false",
        "ann@x.org",
    ),
    (
        "ctl00$Main$UserName",
        "ctl00$Main$Password",
        "",
        "__VIEWSTATE=%2FwE%3D&__EVENTVALIDATION=%2F&ctl00%24Main%24UserName=ann&ctl00%24Main%24Password=x&ctl00%24Main%24Go=Log+In",
        "ann",
    ),
    (
        "login:user",
        "login:pass",
        "",
        "login=login&login%3Auser=ann&login%3Apass=x&login%3Asubmit=Go&javax.faces.ViewState=a%3Ab",
        "ann",
    ),
    // An image for a button, named like the user's field in Tiny Tiny RSS
    (
        "login",
        "password",
        "",
        "login=ann&password=x&login.x=3&login.y=4",
        "ann",
    ),
    // The order is nobody's concern
    ("u", "p", "", "p=x&u=ann", "ann"),
];

#[test]
fn the_forms_of_real_applications_are_read() {
    for (username, password, query, body, user) in REAL {
        let wanted = wanted(username, password);
        let read = read(&wanted, UTF_8, URLENCODED, body.as_bytes(), Some(query)).map(who);
        assert_login(&read, user, body);
    }
}

#[test]
fn a_form_that_asks_for_a_password_alone_is_read() {
    let jupyter = Wanted {
        username: None,
        password: Place::of("password"),
    };
    let body = b"_xsrf=2%7C1&password=x";
    let login = read(&jupyter, UTF_8, URLENCODED, body, Some("next=%2Flab")).unwrap();
    assert_eq!(login.unwrap().username, None);
    for body in ["_xsrf=1", "password_hint=x", ""] {
        let none = read(&jupyter, UTF_8, URLENCODED, body.as_bytes(), None);
        assert_eq!(none.map(who), Ok(None), "{body}");
    }
    let twice = read(&jupyter, UTF_8, URLENCODED, b"password=x&Password=y", None);
    assert!(twice.is_err());
}

#[test]
fn whatever_browsers_escape_may_stand_in_a_user_and_a_password() {
    for (body, user) in [
        ("u=ann&p=a%26u%3Dbob", "ann"),
        ("u=ann&p=a%3Bu%3Dbob", "ann"),
        ("u=a%26p%3Dx&p=y", "a&p=x"),
        ("u=a%3Bu%3Db&p=y", "a;u=b"),
        ("u=a+b&p=%2B", "a b"),
        ("u=a%2Bb&p=+", "a+b"),
        ("u=a%20b&p=", "a b"),
        ("u=100%25&p=%25zz", "100%"),
        ("u=%2541&p=%2500", "%41"),
        ("u=a%5C%22%27%3C%3E%5B%5D.b&p=%5B", "a\\\"'<>[].b"),
        ("u=EXAMPLE%5Cann&p=x", "EXAMPLE\\ann"),
        ("u=cn%3Dann%2Cdc%3Dx&p=x", "cn=ann,dc=x"),
        ("u=&p=", ""),
        ("u=+ann+&p=x", " ann "),
        ("u=ann&p=%0D%0A%09%01", "ann"),
        ("u=%26%23322%3Buk&p=x", "&#322;uk"),
        ("%75=ann&%70=x", "ann"),
        // As scripts send them that escape little.
        ("u=ann@example.com&p=x", "ann@example.com"),
        ("u=a!*'()~-._/:?,$b&p=x", "a!*'()~-._/:?,$b"),
        ("u=ann&p=aGFzaA==", "ann"),
        ("u=ann&p=a;b", "ann"),
        ("u=ann&p=pässwort", "ann"),
        ("u=ann&p=x&next=/x;jsessionid=1", "ann"),
        ("u=ann&p=x&broken=%zz%", "ann"),
        ("u=ann&p=x&nul=a%00b&n%00x=1", "ann"),
        ("u=ann&p=x&&a&=b&=&", "ann"),
    ] {
        assert_login(&form(body), user, body);
    }
}

#[test]
fn without_both_credentials_it_is_no_login() {
    for body in [
        "",
        "&",
        "=",
        "u=ann",
        "p=x",
        "u=ann&u=bob",
        "user=ann&pass=x",
        "u=ann&pp=x",
        "u=ann&xp=x",
        "u=ann&p_=x",
        "u=ann&_p=x",
        "u=ann&p-x=x",
        "u=ann&x[p]=x",
        "u=ann&x.p=x",
        "u=ann&q=%26p%3Dx",
        "u=ann&q=p",
        "u=ann&q=p=x",
        "u=%00&q=x",
    ] {
        assert_eq!(form(body), Ok(None), "{body}");
    }
}

#[test]
fn pointers_find_nothing_in_forms() {
    let wanted = wanted("/u", "/p");
    assert_eq!(reading(&wanted, URLENCODED, "u=ann&p=x"), Ok(None));
    assert_eq!(reading(&wanted, URLENCODED, "/u=ann&/p=x"), Ok(None));
}

/// Spellings of `u` that some server takes for it.
const LIKE_U: [&str; 64] = [
    // PHP: leading blanks, cut at NUL, arrays. `u.`, `u ` and `u[` are `u_` there, and `u` to those who trim.
    "+u",
    "%2Bu",
    "%20u",
    " u",
    "++u",
    "%09u",
    "%0au",
    "%0bu",
    "%0D%0Au",
    "u%00",
    "u%00zz",
    "+u%00zz",
    "u%00%5Bx%5D",
    "u[]",
    "u[0]",
    "u%5B%5D",
    "u%5bx%5d",
    "u[x][y]",
    "u[x]y",
    "u[",
    "u[x",
    "u.",
    "u+",
    "u%20",
    "u]",
    "u]x",
    "u.]x",
    // qs of Node, and others that walk into objects
    "[u]",
    "[u][x]",
    "%5Bu%5D",
    "[u",
    ".u",
    // Letters: ASP.NET, best fit, NFKC, what does not show
    "U",
    "%55",
    "%EF%BD%95",
    "%EF%BC%B5",
    "%C3%BA",
    "%C3%9C",
    "%FA",
    "%F0%9D%90%AE",
    "%C2%ADu",
    "u%E2%80%8B",
    "%EF%BB%BFu",
    "\u{feff}u",
    "%C2%A0u",
    "u%CC%81",
    "u%7F",
    "u%01",
    // Escapes of another kind, and twice
    "%2575",
    "%252575",
    "%2500u",
    "u%2500",
    "%25u0075",
    "%C1%B5",
    "%E0%81%B5",
    "%C1u",
    // Decoded before it is split
    "x%26u",
    "x%3Bu",
    "u%3D",
    "%3Fu",
    "u%26x",
    // Zope and Spring
    "u:string",
    "u%3Autf8%3Austring",
    "!u",
];

#[test]
fn a_look_alike_beside_a_credential_is_refused() {
    for like in LIKE_U {
        for body in [
            format!("u=mallory&p=x&{like}=bob"),
            format!("{like}=bob&u=mallory&p=x"),
            format!("u=mallory&{like}&p=x"),
        ] {
            assert!(form(&body).is_err(), "{body}: {:?}", form(&body));
        }
    }
}

#[test]
fn a_look_alike_instead_of_a_credential_is_refused() {
    for like in LIKE_U {
        for body in [format!("{like}=bob&p=x"), format!("p=x&{like}")] {
            assert!(form(&body).is_err(), "{body}: {:?}", form(&body));
        }
        // The password's name is as good a game.
        let like_p = format!("p=ann&{like}=x");
        let read = reading(&wanted("p", "u"), URLENCODED, &like_p);
        assert!(read.is_err(), "{like_p}: {read:?}");
    }
}

#[test]
fn a_look_alike_in_the_query_is_refused() {
    for like in LIKE_U {
        let like = like.replace('\u{feff}', "%EF%BB%BF").replace(' ', "+");
        for query in [
            format!("{like}=bob"),
            format!("id=1&{like}"),
            format!("id=1;{like}=&x=2"),
        ] {
            let wanted = wanted("u", "p");
            let read = read(&wanted, UTF_8, URLENCODED, b"u=mallory&p=x", Some(&query));
            assert!(read.is_err(), "{query}");
        }
    }
}

#[test]
fn credentials_in_body_and_query_together_are_refused() {
    for (body, query) in [
        ("u=ann&p=x", "u=ann"),
        ("u=ann&p=x", "p=x"),
        ("u=ann", "p=x"),
        ("p=x", "u=ann"),
        ("x=y", "u=ann&p=x"),
        ("", "u=ann&p=x"),
        ("u=ann&p=x", "do=login;u=bob"),
        ("u=ann&p=x", "a=b&amp;u=bob"),
        ("u=ann&p=x", "?u=bob"),
    ] {
        let wanted = wanted("u", "p");
        let read = read(&wanted, UTF_8, URLENCODED, body.as_bytes(), Some(query));
        assert!(read.is_err(), "{body} {query}");
    }
}

#[test]
fn a_query_without_credentials_is_nobodys_concern() {
    for query in [
        "",
        "u",
        "id=u",
        "id=start&do=login",
        "next=%2Fx%3Fp%3D1",
        "next=/x?p=1",
        "a=1%26p%3D2",
        "u_=1",
        "up=1",
        "user=bob&pp=1",
        "_u=1&x[p]=2&x.p=3",
        "q=p%00",
    ] {
        let wanted = wanted("u", "p");
        let body = b"u=ann&p=x";
        let read = read(&wanted, UTF_8, URLENCODED, body, Some(query)).map(who);
        if query == "u" {
            assert!(read.is_err());
        } else {
            assert_login(&read, "ann", query);
        }
    }
}

#[test]
fn the_field_games_are_refused() {
    for body in [
        // Twice
        "u=ann&u=ann&p=x",
        "u=ann&u=bob&p=x",
        "u=ann&p=x&p=x",
        "u=ann&p=x&p",
        "u=&u=ann&p=x",
        // A semicolon separates for Python up to 3.9 and for Perl
        "u=mallory;u=bob&p=x",
        "u=mallory;x&p=x",
        "u=mallory;&p=x",
        "a;u=bob&u=mallory&p=x",
        "next=/x;u=bob&u=mallory&p=x",
        "u=mallory&p=x;u=bob",
        "a=1;u=bob;p=x",
        "u;x=bob&p=x",
        "u=mallory&p=x&amp;u=bob",
        ";u=ann&p=x",
        // Bad escapes
        "u=%&p=x",
        "u=a%zz&p=x",
        "u=%u0061nn&p=x",
        "u=a%4&p=x",
        "u=ann&p=%",
        "u=ann&p=100%",
        "%=1&u=ann&p=x",
        "u=ann&p=x&%u0075=bob",
        "u=ann&p=x&%u0055=bob",
        "u=ann&p=x&u%=bob",
        "u=ann&p=x&other%zz=1",
        // NUL and controls
        "u=ann%00&p=x",
        "u=ann%00zz&p=x",
        "u=ann&p=x%00y",
        "u=ann\0&p=x",
        "u=ann%0A&p=x",
        "u=ann%0D%0Abob&p=x",
        "u=%09ann&p=x",
        "u=ann%7F&p=x",
        "u=ann%1B%5B0m&p=x",
        "u=ann%C2%85&p=x",
        "p=x&u=ann\r\n",
        // No text in UTF-8
        "u=%E9&p=x",
        "u=ann%FF&p=x",
        "u=%C1%A1nn&p=x",
        "u=%ED%A0%80&p=x",
        "u=%F4%90%80%80&p=x",
        // What browsers escape
        "u=Ren\u{e9}&p=x",
        "u=bob=mallory&p=x",
        "u==bob&p=x",
        // Without a value
        "u&p=x",
        "u=ann&p",
    ] {
        assert!(form(body).is_err(), "{body}: {:?}", form(body));
    }
}

#[test]
fn bytes_that_may_swallow_a_separator_are_refused() {
    use encoding_rs::{SHIFT_JIS, WINDOWS_1252};

    // A lenient decoder of Shift_JIS or UTF-8 takes the ampersand along.
    for (site, body) in [
        (UTF_8, &b"p=x\xc3&u=ann"[..]),
        (UTF_8, b"next=\xc3&u=ann&p=x"),
        (SHIFT_JIS, b"next=\x83&u=ann&p=x"),
        (SHIFT_JIS, "next=é&u=ann&p=x".as_bytes()),
    ] {
        let read = reading_in(site, &wanted("u", "p"), URLENCODED, body);
        assert!(read.is_err(), "{read:?}");
    }
    for (site, body) in [
        (WINDOWS_1252, &b"next=\xe9&u=ann&p=x"[..]),
        (UTF_8, "next=é&u=ann&p=x".as_bytes()),
    ] {
        assert_login(
            &reading_in(site, &wanted("u", "p"), URLENCODED, body),
            "ann",
            "next",
        );
    }
}

#[test]
fn the_field_games_with_longer_names_are_refused() {
    for (name, like) in [
        ("pma_username", "pma.username"),
        ("pma_username", "pma+username"),
        ("pma_username", "pma%20username"),
        ("pma_username", "pma[username"),
        ("pma_username", "pma%5Busername"),
        ("pma_username", "PMA_username"),
        ("pma_username", "pma.username[x]"),
        ("_user", ".user"),
        ("_user", "_USER"),
        ("_user", "+.user%00x"),
        ("auth[username]", "auth"),
        ("auth[username]", "auth[]"),
        ("auth[username]", "Auth[Username]"),
        ("auth[username]", "auth[username][x]"),
        ("auth[username]", "auth[username]x"),
        ("auth[username]", "auth[username]]"),
        ("auth[username]", "auth[username"),
        ("auth[username]", "auth.username"),
        ("auth[username]", "[auth][username]"),
        ("auth[username]", ".auth[username]"),
        ("auth[username]", "auth[]x[username]"),
        ("a[b][d]", ".a[b]%5C[d]"),
        ("auth[username]", "auth[][username]"),
        ("auth[username]", "auth[+username]"),
        ("auth[username]", "+auth%5Busername%5D%00"),
        ("Input.Email", "Input_Email"),
        ("Input.Email", "Input[Email]"),
        ("Input.Email", "input.email"),
        ("token_k", "token_%E2%84%AA"),
        ("password", "pa%C5%BF%C5%BFword"),
        ("password", "PASSWORD"),
        ("username", "user%EF%BD%8Eame"),
    ] {
        let bodies = [
            format!("{name}=mallory&p=x&{like}=bob"),
            format!("{like}=bob&p=x"),
        ];
        for body in bodies {
            let read = reading(&wanted(name, "p"), URLENCODED, &body);
            assert!(read.is_err(), "{body}: {read:?}");
        }
    }
}

#[test]
fn what_says_no_more_than_that_it_is_ambiguous_tells_nothing_of_the_form() {
    for body in ["u=secret1&u=secret2&p=secret3", "u=secret1%00&p=secret2"] {
        let told = form(body).unwrap_err().to_string();
        assert!(!told.contains("secret"), "{told}");
    }
}

#[test]
fn fields_of_a_multipart_form_are_looked_at_as_pairs_are() {
    let field = |name: &str, value: &str, file| Field {
        name: name.as_bytes().to_vec(),
        value: value.as_bytes().to_vec(),
        file,
    };
    let look = |fields: &[Field]| {
        let charset = Charset::of(None, UTF_8).unwrap();
        let mut sought = Sought::all(&wanted("u", "p"));
        sought::look_at_fields(&mut sought, fields, charset);
        sought::settle(sought, "").map(who)
    };
    let p = || field("p", "x", false);
    // Nothing is escaped here, nothing separates.
    for user in ["ann", "a%41", "a;u=b", "a+b", "é"] {
        assert_login(&look(&[p(), field("u", user, false)]), user, user);
    }
    for bad in [
        vec![p(), field("u", "a\0", false)],
        vec![p(), field("u", "a\n", false)],
        vec![p(), field("u", "ann", true)],
        vec![p(), field("u", "ann", false), field("u", "ann", false)],
        vec![p(), field("u", "ann", false), field("u", "ann", true)],
        vec![p(), field("u", "ann", false), field("U", "bob", false)],
        vec![p(), field("u", "ann", false), field("u[]", "bob", false)],
        vec![p(), field("u", "ann", false), field("%75", "bob", false)],
        vec![p(), field("u\0zz", "ann", false)],
        vec![field("p", "x", true), field("u", "ann", false)],
        vec![field("p", "x\0", false), field("u", "ann", false)],
    ] {
        assert!(look(&bad).is_err());
    }
    assert_eq!(look(&[p(), field("x", "ann", false)]), Ok(None));
}
