//! The other gateways: each a plain reverse proxy that denies the guarded prefixes in the way its own manual shows.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::gate::GUARDED;
use super::instance::{Instance, version, write};

/// One before an application; it stops when this is dropped.
pub struct Rival {
    /// What the columns of tables are called.
    pub name: &'static str,
    /// As it says itself.
    pub version: String,
    /// Where it listens.
    pub address: SocketAddr,
    _instance: Instance,
}

impl Rival {
    /// All of them before `upstream`.
    pub fn all(upstream: SocketAddr) -> [Self; 3] {
        [
            Self::nginx(upstream),
            Self::apache(upstream),
            Self::haproxy(upstream),
        ]
    }

    /// `location … { deny all; }` (`ngx_http_access_module`), `proxy_pass` without a path of its own.
    pub fn nginx(upstream: SocketAddr) -> Self {
        let denied: String = GUARDED
            .iter()
            .map(|path| format!("    location {path} {{ deny all; }}\n"))
            .collect();
        let instance = Instance::start(|folder, port| {
            let site = format!(
                "    listen 127.0.0.1:{port};\n{denied}    location / {{ proxy_pass http://{upstream}; }}\n"
            );
            nginx(folder, &format!("  server {{\n{site}  }}\n"))
        });
        Self::of("nginx", version("/usr/sbin/nginx", "-v"), instance)
    }

    /// `<Location …> Require all denied` (`mod_authz_core`) and `ProxyPass "/"` (`mod_proxy`).
    pub fn apache(upstream: SocketAddr) -> Self {
        let denied: String = GUARDED
            .iter()
            .map(|path| format!("<Location \"{path}\">\n  Require all denied\n</Location>\n"))
            .collect();
        let instance = Instance::start(|folder, port| {
            let modules = ["proxy", "proxy_http"];
            let proxy = format!(
                "{denied}ProxyPass \"/\" \"http://{upstream}/\"\nProxyPassReverse \"/\" \"http://{upstream}/\"\n"
            );
            apache(folder, port, "event", &modules, &proxy)
        });
        Self::of("Apache", version("/usr/sbin/apache2", "-v"), instance)
    }

    /// `http-request deny if { path_beg … }` (configuration manual, section 7.3.6).
    pub fn haproxy(upstream: SocketAddr) -> Self {
        let denied = GUARDED.join(" ");
        let instance = Instance::start(|folder, port| {
            let text = format!(
                "global\n  maxconn 2000\n\
                 defaults\n  mode http\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n\
                 frontend front\n  bind 127.0.0.1:{port}\n  acl guarded path_beg {denied}\n\
                 \x20 http-request deny if guarded\n  default_backend back\n\
                 backend back\n  server app {upstream}\n"
            );
            write(folder, "haproxy.cfg", &text);
            let mut command = Command::new("/usr/sbin/haproxy");
            command.args(["-db", "-f"]).arg(folder.join("haproxy.cfg"));
            command
        });
        Self::of("HAProxy", version("/usr/sbin/haproxy", "-v"), instance)
    }

    fn of(name: &'static str, version: String, instance: Instance) -> Self {
        Self {
            name,
            version,
            address: instance.address,
            _instance: instance,
        }
    }
}

/// nginx with these servers; what it writes stays in the folder.
pub fn nginx(folder: &Path, servers: &str) -> Command {
    let own = folder.display();
    let text = format!(
        "daemon off;\nworker_processes 1;\npid {own}/pid;\nerror_log {own}/error.log;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\n  access_log {own}/access.log;\n  client_body_temp_path {own}/t1;\n  proxy_temp_path {own}/t2;\n\
         \x20 fastcgi_temp_path {own}/t3;\n  uwsgi_temp_path {own}/t4;\n  scgi_temp_path {own}/t5;\n\
         \x20 keepalive_timeout 60;\n{servers}}}\n"
    );
    write(folder, "nginx.conf", &text);
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-e").arg(folder.join("error.log"));
    command.arg("-p").arg(folder);
    command.arg("-c").arg(folder.join("nginx.conf"));
    command
}

/// Apache httpd with this way of working (`event`, `prefork`), these modules beside the access ones, and these directives.
pub fn apache(folder: &Path, port: u16, way: &str, modules: &[&str], directives: &str) -> Command {
    const ALWAYS: [&str; 2] = ["authz_core", "authz_host"];
    let own = folder.display();
    let load: String = ALWAYS
        .iter()
        .chain(modules)
        .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
        .collect();
    let user = if rustix::process::getuid().is_root() {
        "User www-data\nGroup www-data\n"
    } else {
        ""
    };
    let text = format!(
        "ServerRoot {own}\nServerName localhost\nPidFile {own}/pid\nListen 127.0.0.1:{port}\n{user}\
         LoadModule mpm_{way}_module /usr/lib/apache2/modules/mod_mpm_{way}.so\n{load}\
         ErrorLog {own}/error.log\nStartServers 1\n{directives}"
    );
    write(folder, "httpd.conf", &text);
    let mut command = Command::new("/usr/sbin/apache2");
    command.args(["-D", "FOREGROUND", "-f"]);
    command.arg(folder.join("httpd.conf"));
    command
}
