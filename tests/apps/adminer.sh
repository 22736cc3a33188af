#!/bin/bash
# Adminer (Debian) on Apache + mod_php and a MariaDB of its own. Users: alice / adm-pw-1 (her own database `garden`), bob /
# adm-pw-1 (`pond`). Nothing is open but its own scripts and styles.
APP=adminer PORT=${PORT:-18105}
. "$(dirname "$0")/lib.sh"
SITE=$STATE/site
setup() {
  need_debs $PHP_DEBS php-mysql mariadb-server adminer
  db_up
  [ ! -f "$STATE/seeded" ] || return 0
  rm -rf "$SITE"; mkdir -p "$SITE"; cp /usr/share/adminer/adminer.php "$SITE/"
  db_sql <<'Q'
DROP DATABASE IF EXISTS garden; DROP DATABASE IF EXISTS pond;
CREATE DATABASE garden; CREATE DATABASE pond;
CREATE TABLE garden.plan (id INT PRIMARY KEY, text VARCHAR(99)); INSERT INTO garden.plan VALUES (1, 'heron-4-violet');
CREATE TABLE pond.depth (id INT PRIMARY KEY, text VARCHAR(99)); INSERT INTO pond.depth VALUES (1, 'carp-7-orange');
CREATE OR REPLACE USER alice@localhost IDENTIFIED BY 'adm-pw-1'; GRANT ALL ON garden.* TO alice@localhost;
CREATE OR REPLACE USER bob@localhost IDENTIFIED BY 'adm-pw-1'; GRANT ALL ON pond.* TO bob@localhost;
Q
  touch "$STATE/seeded"
}
READY=/adminer.php
launch() {
  # After thirty wrong passwords from one address, here the same for everybody, it takes none for half an hour.
  rm -f "$STATE/tmp/adminer.invalid"
  printf "php_admin_value mysqli.default_socket %s\n" "$DB_SOCK" | apache_php "$SITE"
}
about() { cat <<T
url       $BASE/adminer.php
login     the same, POST: auth[driver]=server, auth[server], auth[username], auth[password], auth[db]
user      alice / adm-pw-1 (database garden), bob / adm-pw-1 (pond)
private   $BASE/adminer.php?username=alice&db=garden&select=plan
other in  the cookie adminer_permanent; any database server that the application reaches
T
}
main "$@"
