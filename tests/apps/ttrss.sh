#!/bin/bash
# Tiny Tiny RSS (Debian) on Apache + mod_php and a MariaDB of its own. Users: alice / rss-pw-1 (administrator), bob / rss-pw-1.
# It takes whatever Host it is asked by for its own name.
APP=ttrss PORT=${PORT:-18107}
. "$(dirname "$0")/lib.sh"
SITE=$STATE/site
setup() {
  no_dbconfig tt-rss
  need_debs $PHP_DEBS php-mysql php-intl php-mbstring php-xml mariadb-server dbconfig-no-thanks tt-rss
  db_up
}
seed() {
  # The package's files as they are, but for the configuration, which is a link into /etc, and the folders that it names.
  rm -rf "$SITE" "$STATE/cache" "$STATE/lock" "$STATE/icons"
  cp -rL /usr/share/tt-rss/www "$SITE" 2>/dev/null || true
  mkdir -p "$STATE/cache/images" "$STATE/cache/upload" "$STATE/cache/export" "$STATE/lock" "$SITE/feed-icons"
  sed -e "s|include_once.*database.php.*|\$dbtype = 'mysql'; \$dbserver = ''; \$dbport = ''; \$dbuser = 'root'; \$dbname = 'ttrss'; \$dbpass = '';|" \
    -e "s|'%SELF_URL_PATH'|((\$_SERVER['HTTP_X_FORWARDED_PROTO'] ?? '') === 'https' ? 'https://' : 'http://') . (\$_SERVER['HTTP_HOST'] ?? 'localhost') . '/'|" \
    -e "s|/var/lib/tt-rss|$STATE/lock|; s|/var/cache/tt-rss|$STATE/cache|; s|'CHECK_FOR_UPDATES', true|'CHECK_FOR_UPDATES', false|; s|'LOG_DESTINATION', 'syslog'|'LOG_DESTINATION', ''|" \
    /etc/tt-rss/config.php > "$STATE/config.php"
  rm -f "$SITE/config.php"; cp "$STATE/config.php" "$SITE/config.php"
  db_new ttrss utf8
  db_sql ttrss < /usr/share/tt-rss/schema/ttrss_schema_mysql.sql
  db_sql ttrss <<'Q'
UPDATE ttrss_users SET pwd_hash = 'nobody';
INSERT INTO ttrss_users (login, pwd_hash, access_level, email) VALUES
  ('alice', CONCAT('SHA1:', SHA1('rss-pw-1')), 10, 'alice@example.test'), ('bob', CONCAT('SHA1:', SHA1('rss-pw-1')), 0, 'bob@example.test');
Q
}
READY=/index.php
launch() { apache_php "$SITE"; }
about() { cat <<T
url       $BASE/
login     $BASE/public.php   fields login, password (hidden: op=login, return)
user      alice / rss-pw-1 (administrator), bob / rss-pw-1
private   $BASE/prefs.php
other in  $BASE/api/ (where a user has switched it on)
T
}
main "$@"
