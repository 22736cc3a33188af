#!/bin/bash
# Adminer (Debian) on Apache + mod_php and a MariaDB of its own. Users: alice / adm-pw-1 (her own database `garden`), bob /
# adm-pw-1 (`pond`). Nothing is open but its own scripts and styles.
APP=adminer PORT=${PORT:-18105}
. "$(dirname "$0")/lib.sh"
SITE=$STATE/site
setup() {
  need_debs $PHP_DEBS php-mysql mariadb-server adminer
  db_up
}
seed() {
  rm -rf "$SITE"; mkdir -p "$SITE"; cp /usr/share/adminer/adminer.php "$SITE/"
  db_gardens adm-pw-1 'ALL ON garden.* TO alice@localhost'
}
READY=/adminer.php
launch() {
  # After thirty wrong passwords from one address, here the same for everybody, it takes none for half an hour.
  rm -f "$STATE/tmp/adminer.invalid"
  apache_php "$SITE"
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
