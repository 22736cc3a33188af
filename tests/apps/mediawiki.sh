#!/bin/bash
# MediaWiki (Debian) on Apache + mod_php with SQLite. Users: Alice / wiki-pw-1-long (administrator), Bob / wiki-pw-1-long. Reading
# needs a login. It takes whatever Host it is asked by for its own name.
APP=mediawiki PORT=${PORT:-18104}
. "$(dirname "$0")/lib.sh"
setup() {
  need_debs $PHP_DEBS php-sqlite3 php-intl php-mbstring php-xml mediawiki
}
seed() {
  rm -rf "$STATE/data" "$STATE/LocalSettings.php"; mkdir -p "$STATE/data" "$STATE/images"
  local M=/usr/share/mediawiki/maintenance
  { php $M/install.php --confpath "$STATE" --dbtype sqlite --dbpath "$STATE/data" --scriptpath "" --server http://localhost \
      --skins Vector --pass wiki-pw-1-long "Test wiki" Alice
    cat >> "$STATE/LocalSettings.php" <<'C'
$wgServer = (($_SERVER['HTTP_X_FORWARDED_PROTO'] ?? '') === 'https' ? 'https://' : 'http://') . ($_SERVER['HTTP_HOST'] ?? 'localhost');
$wgGroupPermissions['*']['read'] = false;
$wgGroupPermissions['*']['edit'] = false;
$wgUploadDirectory = __DIR__ . '/images';
C
    export MW_CONFIG_FILE=$STATE/LocalSettings.php
    php $M/createAndPromote.php Bob wiki-pw-1-long
    echo 'The combination is heron-4-violet.' | php $M/edit.php --user Alice Plan
  } >>"$STATE/install.log" 2>&1
}
READY=/index.php
launch() { apache_php /usr/share/mediawiki "SetEnv MW_CONFIG_FILE $STATE/LocalSettings.php"; }
about() { cat <<T
url       $BASE/
login     $BASE/index.php?title=Special:UserLogin   fields wpName, wpPassword (hidden: wpLoginToken, ...)
user      Alice / wiki-pw-1-long (administrator), Bob / wiki-pw-1-long
private   $BASE/index.php/Plan
admin     $BASE/index.php?title=Special:UserRights
other in  $BASE/api.php action=clientlogin
T
}
main "$@"
