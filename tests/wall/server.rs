//! Real applications for guarded paths: Debian's nginx, Apache with PHP and Tomcat, set up as sites are.
//!
//! Each writes the number of every request into its access log.

use std::cell::RefCell;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use super::ask;
use super::instance::{Instance, free_port, write};
use super::rival::{apache, nginx};

/// What every guarded page says, and no other.
pub const SECRET: &str = "heron-7-grey";

/// One process, and the ways in which it was set up, each on a port of its own.
pub struct Server {
    instance: Instance,
    /// What each is, and where it listens.
    pub doors: Vec<(&'static str, SocketAddr)>,
}

impl Server {
    /// Files, one alias without its slash, a rule for any case; with slashes merged, without, and a front that decodes what it
    /// hands to the next.
    pub fn nginx() -> Self {
        Self::start(
            &["nginx", "nginx, merge_slashes off", "nginx before nginx"],
            |folder, ports| {
                pages(folder);
                let own = folder.display();
                let [first, second, third] = ports else {
                    unreachable!("one for each name")
                };
                let server = |port: &u16, more: &str| {
                    format!(
                        "  server {{\n    listen 127.0.0.1:{port};\n    root {own}/root;\n    index index.html;\n{more}  }}\n"
                    )
                };
                let files = format!(
                    "    location /files {{ alias {own}/root/public/; }}\n\
                     \x20   location ~ ^(.+)\\.do$ {{ rewrite ^(.+)\\.do$ $1 last; }}\n\
                     \x20   location / {{ try_files $uri $uri/index.html =404; }}\n"
                );
                let any_case = "    merge_slashes off;\n\
                     \x20   location ~* ^/+(admin|sign-in|desk)(/|$) { try_files /admin/index.html =404; }\n";
                let front = format!(
                    "    location / {{\n      proxy_set_header Host $host;\n      proxy_set_header X-Number $http_x_number;\n\
                     \x20     proxy_pass http://127.0.0.1:{first}$uri;\n    }}\n"
                );
                let servers = [
                    "  log_format number '$http_x_number|$request|$status';\n".to_owned(),
                    format!("  access_log {own}/numbers.log number;\n"),
                    server(first, &files),
                    server(second, any_case),
                    server(third, &front),
                ];
                nginx(folder, &servers.concat())
            },
        )
    }

    /// Files and PHP, with what a script finds behind its name, with a page for each of several languages, and with names that
    /// need no ending; encoded slashes refused, decoded, and kept.
    pub fn apache() -> Self {
        Self::start(
            &[
                "Apache",
                "Apache, encoded slashes",
                "Apache, encoded slashes kept",
            ],
            |folder, ports| {
                pages(folder);
                php(folder);
                let own = folder.display();
                let library = fs::read_dir("/usr/lib/apache2/modules")
                    .unwrap()
                    .map(|file| file.unwrap().path().display().to_string())
                    .find(|file| file.contains("/libphp"))
                    .expect("./test installs libapache2-mod-php");
                let hosts: String = ports
                    .iter()
                    .zip(["Off", "On", "NoDecode"])
                    .map(|(port, slashes)| {
                        format!(
                            "<VirtualHost 127.0.0.1:{port}>\n  DocumentRoot {own}/root\n  AllowEncodedSlashes {slashes}\n</VirtualHost>\n"
                        )
                    })
                    .collect();
                let listen: String = ports[1..]
                    .iter()
                    .map(|port| format!("Listen 127.0.0.1:{port}\n"))
                    .collect();
                let directives = format!(
                    "LoadModule php_module {library}\n{listen}\
                     TypesConfig {own}/mime.types\nAddLanguage en .en\nAddLanguage fr .fr\nAddHandler application/x-httpd-php .php\n\
                     LogFormat \"%{{X-Number}}i|%r|%>s\" number\nCustomLog {own}/numbers.log number\n\
                     Alias /files {own}/root/public/\nDirectoryIndex index.php index.html\n\
                     <Directory {own}/root>\n  Options FollowSymLinks MultiViews\n  MultiviewsMatch Any\n  Require all granted\n\
                     </Directory>\nStartServers 3\nMaxRequestWorkers 6\nKeepAliveTimeout 1\n{hosts}"
                );
                write(folder, "mime.types", "text/html html\ntext/css css\n");
                let modules = ["alias", "dir", "mime", "negotiation"];
                apache(folder, ports[0], "prefork", &modules, &directives)
            },
        )
    }

    /// An application with a page for everything below the guarded prefixes; as it is, and as lenient as it can be made.
    pub fn tomcat() -> Self {
        Self::start(&["Tomcat", "Tomcat, lenient"], |folder, ports| {
            let own = folder.display();
            let page = |body: &str| format!("<%@ page session=\"false\" %><p>{body}</p>\n");
            write(folder, "webapps/ROOT/WEB-INF/guarded.jsp", &page(SECRET));
            write(folder, "webapps/ROOT/index.html", "<p>open</p>");
            write(folder, "webapps/ROOT/public/index.html", "<p>open</p>");
            write(
                folder,
                "webapps/ROOT/WEB-INF/web.xml",
                "<web-app version=\"6.0\">\n\
                 <servlet><servlet-name>guarded</servlet-name><jsp-file>/WEB-INF/guarded.jsp</jsp-file></servlet>\n\
                 <servlet-mapping><servlet-name>guarded</servlet-name><url-pattern>/admin/*</url-pattern>\
                 <url-pattern>/sign-in/*</url-pattern><url-pattern>/desk/*</url-pattern></servlet-mapping>\n</web-app>\n",
            );
            let [plain, lenient] = ports else {
                unreachable!("one for each name")
            };
            write(
                folder,
                "conf/server.xml",
                &format!(
                    "<Server port=\"-1\">\n<Service name=\"Catalina\">\n\
                     <Connector port=\"{plain}\" address=\"127.0.0.1\"/>\n\
                     <Connector port=\"{lenient}\" address=\"127.0.0.1\" allowBackslash=\"true\" encodedSolidusHandling=\"decode\"\n\
                     \x20 encodedReverseSolidusHandling=\"decode\" relaxedPathChars=\"&quot;&lt;&gt;[\\]^`{{|}}\"/>\n\
                     <Engine name=\"Catalina\" defaultHost=\"localhost\"><Host name=\"localhost\" appBase=\"webapps\" autoDeploy=\"false\">\n\
                     <Valve className=\"org.apache.catalina.valves.AccessLogValve\" directory=\"{own}\" prefix=\"numbers\" suffix=\".log\"\n\
                     \x20 fileDateFormat=\"\" buffered=\"false\" rotatable=\"false\" pattern=\"%{{X-Number}}i|%r|%s\"/>\n\
                     </Host></Engine>\n</Service>\n</Server>\n"
                ),
            );
            fs::copy(
                "/usr/share/tomcat10/etc/web.xml",
                folder.join("conf/web.xml"),
            )
            .expect("./test installs tomcat10");
            for made in ["lib", "logs", "temp", "work"] {
                fs::create_dir_all(folder.join(made)).unwrap();
            }
            // What compiles pages; Debian's Tomcat depends on it.
            let compiler = "/usr/share/java/eclipse-jdt-core.jar";
            symlink(compiler, folder.join("lib/compiler.jar")).unwrap();
            let mut command = Command::new("/usr/share/tomcat10/bin/catalina.sh");
            command
                .arg("run")
                .env("CATALINA_HOME", "/usr/share/tomcat10")
                .env("CATALINA_BASE", folder)
                .env("CATALINA_TMPDIR", folder.join("temp"))
                .env(
                    "CATALINA_OPTS",
                    "-Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.security.egd=file:/dev/urandom",
                );
            command
        })
    }

    /// True if request `number` came, as its log says. Asked once the request has been answered.
    pub fn numbers(&self) -> Vec<usize> {
        let log = self.instance.read("numbers.log");
        let numbers = log.lines().map(|line| line.split('|').next().unwrap());
        numbers.filter_map(|number| number.parse().ok()).collect()
    }

    fn start(names: &[&'static str], command: impl Fn(&Path, &[u16]) -> Command) -> Self {
        let more = RefCell::new(Vec::new());
        let instance = Instance::start(|folder, port| {
            let mut ports = vec![port];
            ports.extend(names[1..].iter().map(|_| free_port()));
            let command = command(folder, &ports);
            *more.borrow_mut() = ports;
            command
        });
        let addresses = more.into_inner().into_iter();
        let addresses = addresses.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let doors: Vec<_> = names.iter().copied().zip(addresses).collect();
        let own = Self { instance, doors };
        for (name, address) in &own.doors {
            let reply = ask::get(*address, b"/admin/", 0);
            let said = own.instance.read("said.log") + &own.instance.read("error.log");
            assert!(reply.has(SECRET), "{name}: {}\n{said}", reply.text());
            let reply = ask::get(*address, b"/public/", 0);
            assert!(
                !reply.has(SECRET) && reply.status() == 200,
                "{name}: {}",
                reply.text()
            );
        }
        own
    }
}

/// Files as they are.
fn pages(folder: &Path) {
    let guarded = format!("<p>{SECRET}</p>");
    for file in [
        "admin/index.html",
        "admin/users",
        "sign-in/index.html",
        "desk/index.html",
        "desk/1",
    ] {
        write(folder, &format!("root/{file}"), &guarded);
    }
    for file in [
        "index.html",
        "public/index.html",
        "static/app.css",
        "x/y/z/index.html",
        "x/index.html",
    ] {
        write(folder, &format!("root/{file}"), "<p>open</p>");
    }
}

/// Some of them as scripts, under several names.
fn php(folder: &Path) {
    let guarded = format!("<p>{SECRET} <?php echo strlen($_SERVER['PATH_INFO'] ?? ''); ?></p>");
    fs::remove_dir_all(folder.join("root/sign-in")).unwrap();
    fs::remove_dir_all(folder.join("root/desk")).unwrap();
    fs::remove_file(folder.join("root/admin/index.html")).unwrap();
    for file in [
        "admin/index.php",
        "admin/list.php",
        "sign-in.php",
        "desk.html.en",
        "desk.html.fr",
    ] {
        write(folder, &format!("root/{file}"), &guarded);
    }
    // One script for all pages: what is behind its name says which.
    let front = format!(
        "<?php echo preg_match('#^/+(admin|sign-in|desk)(/|$)#', $_SERVER['PATH_INFO'] ?? '') ? '{SECRET}' : 'open';"
    );
    fs::remove_file(folder.join("root/index.html")).unwrap();
    fs::remove_file(folder.join("root/x/index.html")).unwrap();
    for file in ["index.php", "x/index.php"] {
        write(folder, &format!("root/{file}"), &front);
    }
}
