#!/bin/bash
# phpMyAdmin (Debian) on Apache + mod_php and a MariaDB of its own. Users: alice / pma-pw-1 (may do everything), bob / pma-pw-1
# (his own database `pond`). Nothing is open but scripts and styles.
APP=phpmyadmin PORT=${PORT:-18103}
. "$(dirname "$0")/lib.sh"
SITE=$STATE/site
setup() {
  no_dbconfig phpmyadmin
  need_debs $PHP_DEBS php-mysql php-mbstring php-xml mariadb-server phpmyadmin
  db_up
}
seed() {
  # The package's files as they are, but for the folders that vendor_config.php names.
  rm -rf "$SITE"; cp -rL /usr/share/phpmyadmin "$SITE"; mkdir -p "$STATE/pma"
  sed -i "s|/etc/phpmyadmin/config.inc.php|$STATE/config.inc.php|; s|/var/lib/phpmyadmin/tmp/|$STATE/pma/|" "$SITE/libraries/vendor_config.php"
  cat > "$STATE/config.inc.php" <<C
<?php
\$cfg['blowfish_secret'] = 'a-secret-of-a-test-of-32-letters';
\$cfg['Servers'][1] = ['auth_type' => 'cookie', 'host' => 'localhost', 'socket' => '$DB_SOCK'];
\$cfg['ShowPhpInfo'] = true;
C
  db_gardens pma-pw-1 'ALL ON *.* TO alice@localhost WITH GRANT OPTION'
}
READY=/index.php
launch() { apache_php "$SITE"; }
about() { cat <<T
url       $BASE/
login     $BASE/index.php?route=/   fields pma_username, pma_password (hidden: set_session, token, server, lang, route)
user      alice / pma-pw-1 (everything), bob / pma-pw-1 (database pond)
private   $BASE/index.php?route=/sql&db=garden&table=plan
admin     $BASE/index.php?route=/server/privileges
other in  none; the same fields on any page
T
}
main "$@"
