#!/bin/bash
# WordPress (Debian) on Apache + mod_php and a MariaDB of its own. Users: alice / wp-pw-1 (administrator, alice@example.test),
# bob / wp-pw-1 (editor). The public site is open; `wp-admin` is not. It takes whatever Host it is asked by for its own name.
APP=wordpress PORT=${PORT:-18102}
. "$(dirname "$0")/lib.sh"
SITE=$STATE/site
setup() {
  need_debs $PHP_DEBS php-mysql php-gd mariadb-server wordpress wordpress-theme-twentytwentythree
  db_up
}
seed() {
  # The package's files as they are, but for its wp-config.php, which looks into /etc alone.
  rm -rf "$SITE"; cp -rL /usr/share/wordpress "$SITE"
  cp -rL /usr/share/wordpress/wp-content/themes /var/lib/wordpress/wp-content/themes "$SITE/wp-content/" 2>/dev/null || true
  mkdir -p "$SITE/wp-content/uploads"
  cat > "$SITE/wp-config.php" <<C
<?php
if ((\$_SERVER['HTTP_X_FORWARDED_PROTO'] ?? '') === 'https') \$_SERVER['HTTPS'] = 'on';
define('WP_HOME', (empty(\$_SERVER['HTTPS']) ? 'http://' : 'https://') . (\$_SERVER['HTTP_HOST'] ?? 'localhost'));
define('WP_SITEURL', WP_HOME);
define('COOKIEHASH', md5('wordpress'));
define('DB_NAME', 'wordpress'); define('DB_USER', 'root'); define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:$DB_SOCK');
foreach (['AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE'] as \$use) {
    define(\$use . '_KEY', \$use . '-key-of-a-test'); define(\$use . '_SALT', \$use . '-salt-of-a-test');
}
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('WP_AUTO_UPDATE_CORE', false);
// Else WordPress allows application passwords under https alone, and a door that never opens proves nothing.
define('WP_ENVIRONMENT_TYPE', 'local');
\$table_prefix = 'wp_';
if (!defined('ABSPATH')) define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
C
  cat > "$SITE/.htaccess" <<'C'
RewriteEngine On
RewriteCond %{REQUEST_FILENAME} !-f
RewriteCond %{REQUEST_FILENAME} !-d
RewriteRule . /index.php [L]
C
  db_new wordpress utf8mb4
  cat > "$STATE/seed.php" <<'C'
<?php
define('WP_INSTALLING', true);
require $argv[1] . '/wp-load.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';
wp_install('Test site', 'alice', 'alice@example.test', true, '', 'wp-pw-1');
update_option('permalink_structure', '/%postname%/');
wp_insert_user(['user_login' => 'bob', 'user_pass' => 'wp-pw-1', 'user_email' => 'bob@example.test', 'role' => 'editor']);
wp_insert_post(['post_title' => 'Plan', 'post_name' => 'plan', 'post_status' => 'private', 'post_author' => 1,
    'post_content' => 'The combination is heron-4-violet.']);
// The one application password: its owner, its name and the twenty-four letters.
WP_Application_Passwords::create_new_application_password(1, ['name' => 'script']);
$all = WP_Application_Passwords::get_user_application_passwords(1);
$all[0]['password'] = wp_hash_password('abcdefghijklmnopqrstuvwx');
update_user_meta(1, '_application_passwords', $all);
C
  php -d sendmail_path=/bin/true "$STATE/seed.php" "$SITE" >>"$STATE/install.log" 2>&1
}
READY=/wp-login.php
launch() { apache_php "$SITE"; }
about() { cat <<T
url       $BASE/
login     $BASE/wp-login.php   fields log, pwd (hidden: redirect_to, testcookie)
user      alice / wp-pw-1 (administrator), bob / wp-pw-1 (editor); names or mail addresses
private   $BASE/wp-admin/profile.php, $BASE/plan/
admin     $BASE/wp-admin/{plugins,users,options-general}.php
other in  $BASE/xmlrpc.php; $BASE/wp-json/wp/v2/users/me by Basic with alice's application password "abcd efgh ijkl mnop qrst uvwx"
T
}
main "$@"
