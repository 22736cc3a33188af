#!/bin/bash
# JupyterLab (PyPI) with a password, a token beside it, kernels and terminals. One person, no names: Ju-pw-1.
APP=jupyter PORT=${PORT:-18114}
. "$(dirname "$0")/lib.sh"
READY=/login
setup() {
  need_venv 'jupyterlab==4.6.6' 'jupyter_server==2.21.1' 'ipykernel==7.4.0'
  mkdir -p "$STATE/config" "$STATE/home"
  # What it opens by itself is old work of no run: each starts in an empty folder.
  rm -rf "$STATE/files"; mkdir -p "$STATE/files"
  echo "the ledger of the herons" > "$STATE/files/ledger.txt"
  "$STATE/venv/bin/python" - > "$STATE/config/jupyter_server_config.json" <<'P'
import json
from jupyter_server.auth import passwd
print(json.dumps({
    "PasswordIdentityProvider": {"hashed_password": passwd("Ju-pw-1")},
    # A second way in that a gateway must know of. Who has set no token has this door shut anyway.
    "IdentityProvider": {"token": "Ju-token-1"},
    "ServerApp": {"ip": "127.0.0.1", "port_retries": 0, "open_browser": False, "terminals_enabled": True},
    "LabApp": {"news_url": None, "check_for_updates_class": "jupyterlab.NeverCheckForUpdate"},
}))
P
}
launch() {
  cd "$STATE/files"
  # A server that was told its public name; without it, it answers to local ones alone.
  local known='["localhost"]'
  [ -z "${BEHIND_PROXY:-}" ] || known='["localhost", "app.example.test"]'
  # Nothing of whoever runs this: neither their settings nor their kernels.
  spawn env HOME="$STATE/home" JUPYTER_CONFIG_DIR="$STATE/config" JUPYTER_DATA_DIR="$STATE/home/data" \
    JUPYTER_RUNTIME_DIR="$STATE/home/run" IPYTHONDIR="$STATE/home/ipython" SHELL=/bin/sh \
    "$STATE/venv/bin/jupyter-lab" --allow-root --ServerApp.port="$PORT" --ServerApp.root_dir="$STATE/files" \
    --ServerApp.local_hostnames="$known"
}
about() { cat <<T
url       $BASE/lab
login     $BASE/login?next=/lab   field password (hidden: _xsrf); no user name
password  Ju-pw-1; a token opens, too: Ju-token-1 (?token= and Authorization: token)
sockets   /api/kernels/ID/channels, /terminals/websocket/NAME, /api/events/subscribe
admin     /terminals, /api/terminals: a shell
T
}
main "$@"
