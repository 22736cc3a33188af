#!/bin/bash
# DokuWiki (Debian) on Apache + mod_php, flat files. Users: alice / wiki-pw-1 (admin), bob / wiki-pw-1. Reading is open but
# for the namespace `vault`, which needs a login; so does editing. Debian's own wiki under /etc and /var/lib is left alone.
APP=dokuwiki PORT=${PORT:-18101}
. "$(dirname "$0")/lib.sh"
setup() {
  need_debs $PHP_DEBS dokuwiki
  local conf=$STATE/conf data=$STATE/data hash part
  rm -rf "$conf" "$data"
  mkdir -p "$conf" "$data"; cp /etc/dokuwiki/*.{php,conf,css} "$conf" 2>/dev/null || true
  for part in attic cache index locks log media media_attic media_meta meta pages/vault tmp; do mkdir -p "$data/$part"; done
  hash=$(php -r 'echo password_hash("wiki-pw-1", PASSWORD_BCRYPT);')
  cat > "$conf/local.php" <<C
<?php
\$conf['title'] = 'Test wiki';
\$conf['savedir'] = '$data';
\$conf['useacl'] = 1;
\$conf['superuser'] = '@admin';
\$conf['disableactions'] = 'register';
\$conf['remote'] = 1;
\$conf['remoteuser'] = '@user';
C
  rm -f "$conf/users.auth.php" "$conf/acl.auth.php"       # the package links them to its own wiki's
  printf 'alice:%s:Alice A:alice@example.test:admin,user\nbob:%s:Bob B:bob@example.test:user\n' "$hash" "$hash" > "$conf/users.auth.php"
  printf '* @ALL 1\n* @user 8\n* @admin 16\nvault:* @ALL 0\nvault:* @user 8\n' > "$conf/acl.auth.php"
  printf '====== Start ======\n\nEverybody may read this.\n' > "$data/pages/start.txt"
  printf '====== Plan ======\n\nThe combination is heron-4-violet.\n' > "$data/pages/vault/plan.txt"
  # Read by PHP before any script: Debian's preload.php takes this folder for its own, and stays as it is.
  echo "<?php define('DOKU_CONF', '$conf/');" > "$STATE/prepend.php"
}
READY=/doku.php
launch() { apache_php /usr/share/dokuwiki "php_admin_value auto_prepend_file $STATE/prepend.php"; }
about() { cat <<T
url       $BASE/doku.php
login     $BASE/doku.php?do=login   fields u, p (hidden: sectok, id, do=login)
user      alice / wiki-pw-1 (admin), bob / wiki-pw-1
private   $BASE/doku.php?id=vault:plan
admin     $BASE/doku.php?do=admin
other in  u and p, or HTTP Basic, on any page; $BASE/lib/exe/xmlrpc.php and jsonrpc.php
T
}
main "$@"
