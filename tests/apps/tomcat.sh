#!/bin/bash
# Tomcat 10 (Debian) with its manager and host manager, in a CATALINA_BASE of its own. Users, all with to-pw-1:
# alice (manager-gui, admin-gui), bob (manager-gui), robot (manager-script), guest (no role).
APP=tomcat PORT=${PORT:-18134}
. "$(dirname "$0")/lib.sh"
READY=/manager/html
setup() {
  need_debs tomcat10 tomcat10-admin python3
  local base=$STATE/base app
  rm -rf "$base"
  mkdir -p "$base"/{conf/Catalina/localhost,logs,temp,work,webapps/ROOT}
  cp /usr/share/tomcat10/etc/web.xml "$base/conf/"
  for app in manager host-manager; do
    # Debian's own say who may come: here the gateway does, and loopback is all that it listens to.
    echo "<Context docBase=\"/usr/share/tomcat10-admin/$app\" privileged=\"true\" antiResourceLocking=\"false\"/>" \
      > "$base/conf/Catalina/localhost/$app.xml"
  done
  echo '<p>Everybody may read this.</p>' > "$base/webapps/ROOT/index.html"
  # An application to be uploaded: a page, and as much as no buffer holds.
  rm -rf "$STATE/hello"; mkdir -p "$STATE/hello"
  echo '<p>tulip-9-white</p>' > "$STATE/hello/index.html"
  head -c 3000000 /dev/urandom > "$STATE/hello/bulbs.bin"
  (cd "$STATE/hello" && python3 -m zipfile -c ../hello.war index.html bulbs.bin)
  cat > "$base/conf/tomcat-users.xml" <<'C'
<tomcat-users>
  <user username="alice" password="to-pw-1" roles="manager-gui,admin-gui"/>
  <user username="bob" password="to-pw-1" roles="manager-gui"/>
  <user username="robot" password="to-pw-1" roles="manager-script"/>
  <user username="guest" password="to-pw-1" roles="none"/>
</tomcat-users>
C
  cat > "$base/conf/server.xml" <<C
<Server port="-1">
  <GlobalNamingResources>
    <Resource name="UserDatabase" type="org.apache.catalina.UserDatabase" auth="Container"
      factory="org.apache.catalina.users.MemoryUserDatabaseFactory" pathname="conf/tomcat-users.xml"/>
  </GlobalNamingResources>
  <Service name="Catalina">
    <Connector port="$PORT" address="$APPS_HOST" protocol="HTTP/1.1"/>
    <Engine name="Catalina" defaultHost="localhost">
      <Realm className="org.apache.catalina.realm.UserDatabaseRealm" resourceName="UserDatabase"/>
      <Host name="localhost" appBase="webapps" autoDeploy="false"/>
    </Engine>
  </Service>
</Server>
C
}
launch() {
  spawn env CATALINA_BASE="$STATE/base" CATALINA_HOME=/usr/share/tomcat10 CATALINA_TMPDIR="$STATE/base/temp" \
    CATALINA_OPTS="-Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.security.egd=file:/dev/urandom" \
    /usr/share/tomcat10/bin/catalina.sh run
}
about() { cat <<T
url       $BASE/manager/html, $BASE/host-manager/html
login     HTTP Basic on both; programs at /manager/text, /manager/jmxproxy, /host-manager/text
user      alice, bob, robot, guest / to-pw-1
T
}
main "$@"
