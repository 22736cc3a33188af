//! What links say in many languages: that they sign out, that they do something, that they are about the person.
//!
//! A page that is looked at by GET should do nothing, but old applications delete by a link. So nothing is asked for that
//! sounds like an action, and signing out is only named, never done.

use percent_encoding::percent_decode_str;

/// In how likely an order a link is a page of whoever is signed in; a smaller one is tried first. `None`: not at all.
pub(super) fn rank(href: &str, text: &str) -> Option<u8> {
    let address = plain(href);
    let text = text.to_lowercase();
    let says = |words: &[&str]| {
        let mut words = words.iter();
        words.any(|word| address.contains(word) || text.contains(word))
    };
    let own = OWN.iter().any(|word| address.contains(word));
    // "Update profile" leads to the profile.
    if signs_out(href, &text) || acts(&address) || (acts(&text) && !own) {
        return None;
    }
    Some(if says(OWN) {
        0
    } else if says(ADMIN) {
        // Not everybody gets these.
        2
    } else {
        1
    })
}

/// Whether a link, or what a form is sent to, signs people out.
pub(super) fn signs_out(href: &str, text: &str) -> bool {
    let (address, text) = (plain(href), text.to_lowercase());
    let is = |text: &str| {
        let mut words = text.split(|c: char| !c.is_alphanumeric());
        SIGN_OUT.iter().any(|word| text.contains(word)) || words.any(|word| OUT.contains(&word))
    };
    is(&address) || is(&text)
}

/// Whether a name of a query or its value is one of a token: it will be another tomorrow.
pub(super) fn is_token(name: &str, value: &str) -> bool {
    let name = name.to_lowercase();
    let long = value.len() >= 16
        && value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.=+/%:".contains(&b));
    let mixed = value.bytes().any(|b| b.is_ascii_digit());
    let called = |word: &&str| name == **word || (word.len() > 4 && name.contains(*word));
    TOKENS.iter().any(called) || (long && mixed) || hex_run(value).is_some()
}

/// Where a run of at least eight hexadecimal digits begins that has a number in it: nobody names a thing so.
pub(super) fn hex_run(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut start = 0;
    for at in 0..=bytes.len() {
        if bytes.get(at).is_some_and(u8::is_ascii_hexdigit) {
            continue;
        }
        let run = &bytes[start..at];
        if run.len() >= 8 && run.iter().any(u8::is_ascii_digit) {
            return Some(start);
        }
        start = at + 1;
    }
    None
}

fn plain(href: &str) -> String {
    percent_decode_str(href).decode_utf8_lossy().to_lowercase()
}

/// Whether something is done by it. Short words count alone, longer ones within others, too.
fn acts(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    words.any(|word| ACTS.contains(&word)) || ACTS_WITHIN.iter().any(|act| text.contains(act))
}

/// What is about the person who is signed in.
const OWN: &[&str] = &[
    "profile",
    "account",
    "settings",
    "preferences",
    "dashboard",
    "my-",
    "/my",
    "/me",
    "home",
    "inbox",
    "profil",
    "konto",
    "einstellung",
    "compte",
    "cuenta",
    "perfil",
    "conta",
    "impostazioni",
    "instellingen",
];

/// What not everybody may see.
const ADMIN: &[&str] = &[
    "admin",
    "manage",
    "system",
    "config",
    "server",
    "users",
    "verwaltung",
];

const SIGN_OUT: &[&str] = &[
    "logout",
    "log-out",
    "log_out",
    "log out",
    "logoff",
    "log-off",
    "log off",
    "signout",
    "sign-out",
    "sign_out",
    "sign out",
    "signoff",
    "sign off",
    "endsession",
    "end-session",
    "end_session",
    "abmelden",
    "ausloggen",
    "déconnexion",
    "deconnexion",
    "déconnecter",
    "deconnecter",
    "cerrar sesi",
    "cerrar-sesi",
    "desconectar",
    "disconnetti",
    "terminar sess",
    "uitloggen",
    "afmelden",
    "logga ut",
    "log ud",
    "logg ut",
    "kirjaudu ulos",
    "wyloguj",
    "odhlás",
    "odhlas",
    "kijelentkez",
    "deconecta",
    "выйти",
    "выход",
    "вийти",
    "вихід",
    "çıkış",
    "oturumu kapat",
    "αποσύνδεση",
    "ログアウト",
    "サインアウト",
    "退出",
    "登出",
    "注销",
    "로그아웃",
    "تسجيل الخروج",
    "התנתק",
    "יציאה",
];

/// Words of signing out that others have within them.
const OUT: &[&str] = &["esci", "sair", "salir", "exit", "quit"];

const ACTS: &[&str] = &[
    "add", "new", "run", "stop", "send", "drop", "kill", "edit", "save", "vote", "buy", "pay",
    "move", "copy", "lock", "clear", "empty", "flush", "reset", "order", "apply", "merge", "close",
    "share", "block", "token", "retry", "undo", "redo", "sync", "mark", "exec",
];

const ACTS_WITHIN: &[&str] = &[
    "delete",
    "remove",
    "destroy",
    "purge",
    "erase",
    "cancel",
    "disable",
    "enable",
    "activat",
    "install",
    "upgrade",
    "update",
    "restart",
    "reboot",
    "shutdown",
    "execute",
    "submit",
    "approve",
    "reject",
    "confirm",
    "subscribe",
    "import",
    "export",
    "download",
    "upload",
    "backup",
    "restore",
    "deploy",
    "reload",
    "revoke",
    "create",
    "invite",
    "publish",
    "archive",
    "password",
    "löschen",
    "entfernen",
    "bearbeiten",
    "supprimer",
    "eliminar",
    "borrar",
    "elimina",
    "cancella",
    "excluir",
    "apagar",
    "verwijder",
    "radera",
    "ta bort",
    "poista",
    "usuń",
    "smazat",
    "töröl",
    "удал",
    "видал",
    "削除",
    "删除",
    "刪除",
    "삭제",
    "حذف",
    "מחק",
];

/// Names of what is another every time; the longer ones within others, too.
const TOKENS: &[&str] = &[
    "token", "nonce", "csrf", "xsrf", "sid", "session", "sessid", "sectok", "ticket", "sig",
    "hash", "_t", "rand", "time",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_tried_that_signs_out_or_acts() {
        for (href, text) in [
            ("/logout", ""),
            ("/x?action=log%6Fut", ""),
            ("/x", "Abmelden"),
            ("/x", "Se déconnecter"),
            ("/x", "ログアウト"),
            ("/items/3/delete", ""),
            ("/items/3", "Löschen"),
            ("/items/3", "Удалить"),
            ("/items?do=add", ""),
            ("/newsletter/new", ""),
            ("/manager/html/undeploy?path=/x", "Undeploy"),
            ("/account/password", ""),
        ] {
            assert_eq!(rank(href, text), None, "{href} {text}");
        }
    }

    #[test]
    fn pages_about_the_person_come_first_and_administration_last() {
        assert_eq!(rank("/profile", ""), Some(0));
        assert_eq!(rank("/x", "Mein Konto"), Some(0));
        assert_eq!(rank("/doku.php?do=profile", "Update Profile"), Some(0));
        // `start` is a wiki's first page more often than a deed.
        assert_eq!(rank("/doku.php?id=start&do=index", "Sitemap"), Some(1));
        assert_eq!(rank("/news", "News"), Some(1));
        assert_eq!(rank("/address-book", "Addresses"), Some(1));
        assert_eq!(rank("/admin/users", ""), Some(2));
    }

    #[test]
    fn tokens_are_told_from_words() {
        assert!(is_token("_wpnonce", "1"));
        assert!(is_token("a", "5f4dcc3b5aa765d61d8327deb882cf99"));
        assert!(is_token("a", "AbCdEf0123456789xyz"));
        assert!(!is_token("route", "/server/databases"));
        assert!(!is_token("do", "profile"));
        assert!(!is_token("id", "start"));
    }

    #[test]
    fn what_nobody_would_call_a_thing() {
        assert_eq!(hex_run("DW5f4dcc3b5aa765d6"), Some(2));
        assert_eq!(hex_run("wordpress_logged_in_5f4dcc3b"), Some(20));
        assert_eq!(hex_run("username-127-0-0-1-8888"), None);
        assert_eq!(hex_run("deadbeefcafe"), None);
        assert_eq!(hex_run("session20261123"), Some(7));
    }
}
