#!/bin/bash
# Radicale (Debian), a CalDAV server that speaks HTTP/1.0: HTTP Basic on every path but its web page. Users: alice, bob / Rad-pw-1,
# each with a calendar.
APP=radicale PORT=${PORT:-18135}
. "$(dirname "$0")/lib.sh"
READY=/.web/
setup() {
  need_debs radicale
  rm -rf "$STATE/coll"
  printf 'alice:Rad-pw-1\nbob:Rad-pw-1\n' > "$STATE/users"
  local user word folder
  for user in alice bob; do
    [ $user = alice ] && word=heron-4-violet || word=carp-7-orange
    folder=$STATE/coll/collection-root/$user/calendar.ics
    mkdir -p "$folder"
    echo '{"D:displayname": "Plans", "tag": "VCALENDAR"}' > "$folder/.Radicale.props"
    printf '%s\r\n' BEGIN:VCALENDAR VERSION:2.0 PRODID:-//test//EN BEGIN:VEVENT UID:plan DTSTAMP:20261101T090000Z \
      DTSTART:20261201T090000Z DTEND:20261201T100000Z "SUMMARY:$word" END:VEVENT END:VCALENDAR > "$folder/plan.ics"
  done
  cat > "$STATE/config" <<C
[server]
hosts = $APPS_HOST:$PORT
[auth]
type = htpasswd
htpasswd_filename = $STATE/users
htpasswd_encryption = plain
delay = 0
[storage]
filesystem_folder = $STATE/coll
[web]
type = internal
C
}
launch() { spawn /usr/bin/python3 /usr/bin/radicale -C "$STATE/config"; }
about() { cat <<T
url       $BASE/.web/    (its script sends Basic with PROPFIND)
login     HTTP Basic on every path but / and /.web/
user      alice, bob / Rad-pw-1
protected $BASE/alice/calendar.ics/plan.ics
T
}
main "$@"
