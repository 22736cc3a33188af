//! What the demonstration's application shows: a frame, and what stands in it.

use super::USERS;
use super::upload::File;

/// Why the login form is shown again, and the user name that was typed.
pub(super) enum Refused {
    /// No such user, or another password: which of them is nobody's business.
    Wrong(String),
    /// The form was not shown to this browser, or by another run of the demonstration.
    Stale(String),
}

/// A whole page: the frame with the portal's title, who is signed in, and `content` (HTML).
pub(super) fn whole(title: &str, user: Option<&str>, content: &str) -> String {
    let title = escape(title);
    let signed_in = user.map_or_else(String::new, |user| {
        let user = escape(user);
        format!(r#"<nav><a href="/home">Home</a> <a href="/admin/">Admin</a> <span>{user}</span> <a href="/logout">Log out</a></nav>"#)
    });
    format!(
        r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title>
<link rel="stylesheet" href="/style.css">
<header><strong>{title}</strong>{signed_in}</header>
<main>
{content}
</main>
</html>
"#
    )
}

/// The login form, which brings `token` back.
pub(super) fn login(token: &str, refused: Option<&Refused>) -> String {
    let (message, user) = match refused {
        Some(Refused::Wrong(user)) => ("Wrong user name or password.", escape(user)),
        Some(Refused::Stale(user)) => (
            "This form is no longer good. Please try again.",
            escape(user),
        ),
        None => ("", String::new()),
    };
    let message = if message.is_empty() {
        String::new()
    } else {
        format!(r#"<p class="error" id="error">{message}</p>"#)
    };
    let [(ann, password), (bob, _)] = USERS;
    format!(
        r#"<h1>Log in</h1>
{message}
<form method="post" action="/login">
<input type="hidden" name="token" value="{token}">
<label for="user">User name</label>
<input id="user" name="user" value="{user}" autocomplete="username" autocapitalize="none" required>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Log in</button>
</form>
<p class="hint">This is a demonstration: you are <kbd>{ann}</kbd> or <kbd>{bob}</kbd>, and the password is <kbd>{password}</kbd>.</p>"#
    )
}

/// The private page.
pub(super) fn home(user: &str) -> String {
    let user = escape(user);
    format!(
        r#"<h1>Hello {user}</h1>
<p>This page is private: you see it because you logged in.</p>
<h2>Time</h2>
<p>By WebSocket: <output id="clock">waiting for the first tick</output></p>
<noscript><p>The clock needs JavaScript. Nothing else here does.</p></noscript>
<h2>Upload</h2>
<form method="post" action="/upload" enctype="multipart/form-data">
<label for="file">A file, which is counted and thrown away</label>
<input id="file" name="file" type="file" required>
<button>Upload</button>
</form>
<h2>More</h2>
<ul>
<li><a href="/admin/">The admin area</a></li>
<li><a href="/events">The time as a stream of events</a></li>
<li><a href="/logout">Log out of this application</a></li>
<li><a href="/.countersign/sign-out">Sign out at the gate</a></li>
</ul>
<script>{CLOCK}</script>"#
    )
}

/// The admin area.
pub(super) fn admin(title: &str) -> String {
    let title = escape(title);
    format!(
        r#"<h1>Administration</h1>
<p>The portal is called <strong id="title">{title}</strong>.</p>
<form method="post" action="/admin/rename">
<label for="new-title">New title</label>
<input id="new-title" name="title" maxlength="60" required>
<button>Rename</button>
</form>"#
    )
}

/// What came of an upload.
pub(super) fn uploaded(file: &File) -> String {
    let (name, bytes) = (escape(&file.name), file.bytes);
    format!(
        r#"<h1>Received</h1>
<p><strong id="name">{name}</strong>, <span id="size">{bytes} bytes</span>.</p>
<p><a href="/home">Back</a></p>"#
    )
}

/// Text as it may stand in an element or in a quoted attribute.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// How every page looks. A file of its own, as in most applications, which the login page needs before anybody is in.
pub(super) const STYLE: &str = include_str!("style.css");
const CLOCK: &str = include_str!("clock.js");
