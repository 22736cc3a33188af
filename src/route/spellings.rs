//! Spellings of one page that got past some gate, and harmless addresses that must get past this one.

use http::Method;

use super::tests::{needs, scope, table};
use super::{Asked, Requirement};
use crate::form::Form;
use crate::target::{NotATarget, Target};

/// Ways to say `/admin/users`, most of them from advisories.
const ADMIN_USERS: &[&str] = &[
    // As it is, and below.
    "/admin/users",
    "/admin/users/",
    "/admin/users?x=y",
    "/admin/users/7/edit",
    "/admin/",
    "/admin",
    // Percent-encoding, once and oftener (nginx, Traefik CVE-2025-66490, oauth2-proxy CVE-2025-54576).
    "/%61dmin/users",
    "/admi%6e/users",
    "/%61%64%6d%69%6e/users",
    "/%61%64%6D%69%6E%2Fusers",
    "/admin%2Fusers",
    "/admin%2fusers",
    "/%2561dmin/users",
    "/%252561dmin/users",
    "/%25252561dmin/users",
    "/%2525252561dmin/users",
    "/admin%252Fusers",
    "/%2Fadmin/users",
    "/%2fadmin%2fusers",
    "/%252fadmin/users",
    "/admin%25%32%46users",
    // Dot segments (Apache CVE-2021-41773 and CVE-2021-42013, Traefik CVE-2025-47952, Spring CVE-2019-3799).
    "/./admin/users",
    "/x/../admin/users",
    "/x/y/../../admin/users",
    "/../admin/users",
    "/../../../admin/users",
    "/admin/./users",
    "/admin/x/../users",
    "/public/../admin/users",
    "/%2e/admin/users",
    "/x/%2e%2e/admin/users",
    "/x/.%2e/admin/users",
    "/x/%2e./admin/users",
    "/x/%252e%252e/admin/users",
    "/x/%25%32%65%25%32%65/admin/users",
    "/x/..%2fadmin/users",
    "/x%2f..%2fadmin/users",
    "/x/%2e%2e%2fadmin/users",
    "/x%2f%2e%2e%2fadmin/users",
    "/x/..%252fadmin/users",
    "/public/..%2f..%2fadmin/users",
    "/x/././../admin/users",
    "/x/.../../../admin/users",
    "/public/%2e%2e/admin/users",
    "/public/a/..%2f../admin/users",
    "/x%2Fy/%2e%2e/admin/users",
    "/admin/..",
    "/admin/../admin/users",
    "/admin/../public/a",
    "/admin%2f..%2fpublic/a",
    "/public/../public/../admin/users",
    // Slashes (nginx merge_slashes, Envoy CVE-2019-9901, Go's ServeMux, Django behind nginx).
    "//admin/users",
    "///admin/users",
    "////admin////users",
    "/admin//users",
    "//admin//users//",
    "/x//../admin/users",
    "/x//..//admin/users",
    "//x/../admin/users",
    "/public//../admin/users",
    "/public/..//admin/users",
    "/.//admin/users",
    // Path parameters (Tomcat CVE-2007-0450, Spring Security CVE-2016-5007, Jetty CVE-2021-28164, Shiro CVE-2020-1957).
    "/admin;/users",
    "/admin;x/users",
    "/admin;x=y/users",
    "/admin/;/users",
    "/;/admin/users",
    "/;x/admin/users",
    "/;a=b;c=d/admin/users",
    "/x/..;/admin/users",
    "/x/..;a=b/admin/users",
    "/public/..;/admin/users",
    "/public;/../admin/users",
    "/x;/../admin/users",
    "/.;/admin/users",
    "/admin/users;jsessionid=AF01",
    "/admin;jsessionid=AF01/users",
    "/x/%2e%2e;/admin/users",
    "/x/..%3b/admin/users",
    "/x/..%3Ba/admin/users",
    "/x/%2e%2e%3b/admin/users",
    "/admin%3b/users",
    "/admin%3bx/users",
    "/public/;/..;/admin/users",
    "/public;/..;x/admin;y/users;z",
    "/x/..%253b/admin/users",
    "//;//admin/users",
    "/admin;%2f..%2fpublic/a",
    "/admin;/../public/a",
    // Backslashes (IIS, ASP.NET, Windows builds of Apache and nginx).
    "/admin%5Cusers",
    "/admin%5cusers",
    "/x%5C..%5Cadmin%5Cusers",
    "/x/..%5cadmin/users",
    "/%5Cadmin/users",
    "/%5C%5Cadmin/users",
    "/x%255c..%255cadmin/users",
    "/public%5c..%5cadmin%5cusers",
    "/x/%2e%2e%5cadmin/users",
    // Letter case (IIS, macOS and Windows files, Spring Security CVE-2024-38827, Turkish locales).
    "/ADMIN/users",
    "/Admin/Users",
    "/aDmIn/uSeRs",
    "/%41DMIN/users",
    "/ADM%C4%B0N/users",
    "/adm%C4%B1n/users",
    "/admin/u%C5%BFers",
    "/ADMIN%2FUSERS",
    "/%C3%A0dmin/users",
    "/%C4%83dmin/users",
    "/%E0dmin/users",
    "/adm%CE%B9n/../admin/users",
    // Compatibility forms (Python, Java, .NET behind normalizing fronts; IIS 2001).
    "/%EF%BD%81%EF%BD%84%EF%BD%8D%EF%BD%89%EF%BD%8E/users",
    "/%EF%BC%A1dmin/users",
    "/%EF%BC%8Fadmin/users",
    "/admin%EF%BC%8Fusers",
    "/x/%EF%BC%8E%EF%BC%8E/admin/users",
    "/x/%E2%80%A5/admin/users",
    "/x/%EF%BC%8E.%EF%BC%8Fadmin/users",
    "/%E2%93%90dmin/users",
    "/%F0%9D%90%9Admin/users",
    "/admin%EF%BC%BCusers",
    "/%C2%AAdmin/users",
    "/%AAdmin/users",
    "/x/..%EF%BC%9B/admin/users",
    "/%EF%BC%85%36%31dmin/users",
    "/%EF%BC%85%EF%BC%96%EF%BC%91dmin/users",
    "/admin%EF%BC%9Fx",
    "/%25uff41dmin/users",
    // Slashes of code pages (Orange Tsai's WorstFit, 2024).
    "/admin%E2%88%95users",
    "/admin%E2%81%84users",
    "/x%C2%A5..%C2%A5admin/users",
    "/x/..%E2%82%A9admin/users",
    "/x/..%E2%88%96admin/users",
    // Overlong UTF-8 (IIS MS00-078, GlassFish CVE-2017-1000028, Tomcat CVE-2008-2938).
    "/%c1%a1dmin/users",
    "/admin%c0%afusers",
    "/x/..%c0%afadmin/users",
    "/x/%c0%ae%c0%ae/admin/users",
    "/x/%c0%ae%c0%ae%c0%afadmin/users",
    "/x/..%c0%2fadmin/users",
    "/x/..%c1%1cadmin/users",
    "/x/..%c1%9cadmin/users",
    "/x/..%e0%80%afadmin/users",
    "/x/%e0%80%ae%e0%80%ae/admin/users",
    "/x/..%f0%80%80%afadmin/users",
    "/x/..%f8%80%80%80%afadmin/users",
    "/x/..%fc%80%80%80%80%afadmin/users",
    "/x/..%25c0%25afadmin/users",
    "/%e0%81%a1dmin/users",
    // %u (IIS, old JavaScript).
    "/%25u0061dmin/users",
    "/x/%25u002e%25u002e/admin/users",
    "/admin%25u002fusers",
    "/x/..%25u2215admin/users",
    "/admin%25u005cusers",
    // Blanks and controls (nginx CVE-2013-4547, Node and Flask trims: Raef Ben Yahia's list, HAProxy, Rails).
    "/admin%20/users",
    "/%20admin/users",
    "/admin%09/users",
    "/%09/admin/users",
    "/admin%0a",
    "/admin%0d%0a/users",
    "/admin%a0/users",
    "/admin%85",
    "/admin%85/users",
    "/admin%1f/users",
    "/%1cadmin/users",
    "/ad%0dmin/users",
    "/ad%0a%0dmin/users",
    "/ad%09min/users",
    "/%e2%80%8badmin/users",
    "/admin%e2%80%8b/users",
    "/ad%c2%admin/../ad%c2%adm%69n/users",
    "/%ef%bb%bfadmin/users",
    "/%e3%80%80admin/users",
    "/admin%c2%a0/users",
    "/admin%7f/users",
    "/x/..%20/admin/users",
    "/x/%20../admin/users",
    "/x/..%09/admin/users",
    "/x/..%0d/admin/users",
    "/x/.%0d./admin/users",
    "/ad%ffmin/users",
    "/+admin/users",
    "/admin+/users",
    "/x/..+/admin/users",
    // Tails (Windows names, Spring's suffix matching, Rails' formats, IIS streams and short names).
    "/admin./users",
    "/admin../users",
    "/admin.../users",
    "/admin.%20/users",
    "/admin/users.",
    "/admin.json",
    "/admin/users.json",
    "/admin/users.css",
    "/admin/users%00.css".split_at(12).0,
    "/admin::$DATA",
    "/admin/users::$DATA",
    "/admin:$i30:$INDEX_ALLOCATION/users",
    "/admin::$INDEX_ALLOCATION/users",
    "/admin%3a%3a$INDEX_ALLOCATION/users",
    "/x/..::$INDEX_ALLOCATION/admin/users",
    "/admin~1",
    "/admin~1/users",
    "/admin~",
    "/admin.bak",
    // Queries and fragments that were none (oauth2-proxy CVE-2025-54576, F5 CVE-2020-5902, Citrix).
    "/admin%3Fx",
    "/admin%23x",
    "/admin%3f/../public/a",
    "/admin/users%23.css",
    "/admin%253Fx",
    "/admin%2523x",
    "/x/../admin%3f/..",
    "/x/..%2fadmin%3f/../../public/a",
    "/public/../admin/users%3f.css",
    // Another host (Traefik, Apache mod_rewrite CVE-2011-3368, Spring WebFlux).
    "//host/admin/users",
    "//host:80/admin/users",
    "//user@host/admin/users",
    "///host/admin/users",
    "/%2fhost/admin/users",
    "/%5chost/admin/users",
    "/http://host/admin/users",
    "/http:%2f%2fhost/admin/users",
    "/https%3a//host/admin/users",
    // Sessions and scripts in paths (ASP.NET CVE-2023-36899, front controllers, aliases without a slash).
    "/(S(x))/admin/users",
    "/(S(aaaa1111))/admin/(S(x))/users",
    "/ad(S(x))min/users",
    "/(A(x)F(y)S(z))/admin/users",
    "/admin(S(x))/users",
    "/index.php/admin/users",
    "/app.php/admin/users",
    "/INDEX.PHP/Admin",
    "/index.php/index.php/admin/users",
    "/cgi.pl/admin/users",
    "/static../admin/users",
    "/public../admin/users",
    "/%70ublic../admin/users",
    // Careless cleaning, and narrow characters (Node CVE-2018-12116 and the likes of it).
    "/x/....//admin/users",
    "/public/....//admin/users",
    "/%C5%A1dmin/users",
    "/x/%EF%BC%AE%EF%BC%AE/admin/users",
    "/admin%C4%AFusers",
];

/// More than a few of them at once: these may be refused as well.
const MONSTERS: &[&str] = &[
    "//x%2f..;a=b/%2e/%2561dmin%5c%20;v/users",
    "/x/%2e%2e%3bq/%EF%BC%A1DM%C4%B0N.%20;z//users",
    "/.%2f;x//%252e/ADMIN%09/users",
];

/// What people and applications really ask for beside it; most of it from R4.
const HARMLESS: &[&str] = &[
    "/",
    "/index.html",
    "/a%2Fb",
    "/files/a%2Fb.txt",
    "/caf%E9",
    "/caf%C3%A9",
    "/CAF%c3%89",
    "//",
    "/a//b",
    "/a/b//",
    "/a///b/c",
    "/x;v=1",
    "/x;v=1/y",
    "/x;jsessionid=0A1B",
    "/...",
    "/a/.../b",
    "/a...b",
    "/a..b/c",
    "/a/..",
    "/a/./b",
    "/a/../b",
    "/administrator-guide",
    "/administrator",
    "/admin-guide",
    "/admin_panel",
    "/admins/users",
    "/adminusers",
    "/badmin",
    "/xadmin/users",
    "/users/admin",
    "/docs/admin/users",
    "/madmin",
    "/admi",
    "/admi/n",
    "/Administration",
    "/admin9",
    "/%61dministrator",
    "/search?q=/admin/users",
    "/search?q=%2Fadmin%2Fusers",
    "/x?next=/../admin/users",
    "/x?a=b;c=d&e",
    "/x??/admin",
    "/x?path=..%2fadmin",
    "/My%20Documents/Annual%20Report%202024%20(final).pdf",
    "/a+b",
    "/c++",
    "/100%25",
    "/100%25-sure/x",
    "/50%2525",
    "/%7Eann/",
    "/~ann/index.html",
    "/wiki/Special:Search",
    "/wiki/AC/DC",
    "/a:b/c",
    "/a@b",
    "/a,b/c=d",
    "/a!b'c(d)*e$f&g=h",
    "/.well-known/acme-challenge/x_-Y",
    "/v1.2/x.js",
    "/index.php",
    "/index.php/users",
    "/blog/index.php/2024/admin-tips",
    "/%D0%9F%D1%80%D0%B8%D0%B2%D0%B5%D1%82/%D0%BC%D0%B8%D1%80",
    "/%E6%97%A5%E6%9C%AC%E8%AA%9E/%E3%82%A6%E3%82%A7%E3%83%96%E3%83%9A%E3%83%BC%E3%82%B8.html",
    "/%E0%A4%B9%E0%A4%BF%E0%A4%A8%E0%A5%8D%E0%A4%A6%E0%A5%80",
    "/%ED%95%9C%EA%B5%AD%EC%96%B4%20%EB%AC%B8%EC%84%9C.pdf",
    "/na%C3%AFve%20r%C3%A9sum%C3%A9%20%E2%80%94%20%E2%82%AC100.pdf",
    "/%F0%9F%98%80.png",
    "/a%20%20b%20/c%20",
    "/rails/blobs/redirect/eyJfcmFpbHMiOnt9fQ==--0a1b/photo%20(1).JPG",
    "/matrix;a=1;b=2/c;d=%20e/f",
    "/odata/Products(1)/Name",
    "/odata/Users('a%20b')/Groups",
    "/@scope%2fpackage",
    "/@scope/package@1.0.0/x.mjs",
    "/repo.git/info/refs?service=git-upload-pack",
    "/a/b/c/d/e/f/g/h/i/j?k#".split_at(21).0,
    "/%E3%81%82//b;v=1/c%20d/e%2Ff",
    "/files/~1",
    "/files/a~1.txt",
    "/x/http://example.com/y",
    "/proxy/https%3A%2F%2Fexample.com%2Fa%3Fb%3Dc",
    "/%5Bx%5D",
    "/a%5Cb",
    "/?",
    "/?x=%E9",
    "/?a[]=1&a[]=2",
    "/robots.txt",
    "/favicon.ico",
    "/api/v1/items/42.json",
    "/%2e",
    "/a%2e%2e",
    "/%3Cscript%3E",
    "/a|b",
    "/%EF%BC%A1bc",
];

#[test]
fn r2_every_spelling_of_a_closed_page_is_closed() {
    assert!(ADMIN_USERS.len() >= 150, "{}", ADMIN_USERS.len());
    let table = table(&[
        ("/public/**", scope("public")),
        ("/static/**", scope("public-full")),
        ("/admin", scope("admin")),
    ]);
    for text in ADMIN_USERS {
        let needed = needs(&table, text);
        assert!(
            needed.contains(&"admin".to_owned()),
            "{text} needs {needed:?}"
        );
    }
}

/// The same spellings refused nothing: that would be no proof of reading them.
#[test]
fn r2_spellings_are_judged_and_not_refused() {
    for text in ADMIN_USERS {
        let parsed = Target::parse(text.parse().unwrap_or_else(|why| panic!("{text}: {why}")));
        assert!(parsed.is_ok(), "{text}: {parsed:?}");
    }
}

#[test]
fn r2_spellings_that_cannot_be_judged_are_refused() {
    let table = table(&[("/public/**", scope("public")), ("/admin", scope("admin"))]);
    for text in MONSTERS {
        match Target::parse(text.parse().unwrap()) {
            Err(why) => assert_eq!(why, NotATarget::TooManyReadings, "{text}"),
            Ok(_) => assert!(needs(&table, text).contains(&"admin".to_owned()), "{text}"),
        }
    }
}

#[test]
fn r5_every_method_is_closed() {
    let table = table(&[("/admin", scope("admin"))]);
    let target = Target::parse("/x/..;/admin".parse().unwrap()).unwrap();
    for method in ["GET", "HEAD", "POST", "OPTIONS", "PROPFIND", "get", "BREW"] {
        let asked = Asked {
            method: &Method::from_bytes(method.as_bytes()).unwrap(),
            overriding: None,
            target: &target,
            websocket: false,
            form: &Form::Unread,
            logins: &[],
        };
        let Requirement::Scopes(needed) = table.judge(&asked) else {
            panic!("{method}")
        };
        assert!(
            needed.scopes().any(|name| name.as_str() == "admin"),
            "{method}"
        );
    }
}

#[test]
fn r4_harmless_addresses_pass_as_they_are() {
    assert!(HARMLESS.len() >= 60, "{}", HARMLESS.len());
    let table = table(&[("/xmlrpc.php", scope("deny")), ("/admin", scope("admin"))]);
    for text in HARMLESS {
        let target = Target::parse(text.parse().unwrap_or_else(|why| panic!("{text}: {why}")));
        let target = target.unwrap_or_else(|why| panic!("{text}: {why}"));
        assert_eq!(target.raw(), *text);
        assert_eq!(
            needs(&table, text),
            ["login"],
            "{text}: {:?}",
            target.readings()
        );
    }
}

/// Room to spare: addresses of real sites stay far below the bound.
#[test]
fn r4_harmless_addresses_have_few_readings() {
    for text in HARMLESS {
        let target = Target::parse(text.parse().unwrap()).unwrap();
        assert!(
            target.each().count() <= 64,
            "{text}: {}",
            target.each().count()
        );
    }
}

#[test]
fn r4_what_is_under_an_open_folder_stays_open() {
    let table = table(&[("/**", scope("public-full"))]);
    for text in HARMLESS {
        assert_eq!(needs(&table, text), ["public-full"], "{text}");
    }
}
