#!/bin/bash
# A small Flask + Flask-Login application (PyPI): JSON login (fetch), form login, remember-me cookie, a bearer-token API,
# server-sent events, and an old login that elevates the session in place. Users: alice, bob / Fl-pw-1.
APP=flaskapp PORT=${PORT:-18112}
. "$(dirname "$0")/lib.sh"
setup() {
  need_venv 'flask>=3,<4' 'flask-login>=0.6,<0.7' waitress
  mkdir -p "$STATE/site"; cat > "$STATE/site/app.py" <<'P'
import sys, time, secrets
from flask import Flask, request, jsonify, redirect, session, Response
from flask_login import LoginManager, UserMixin, login_user, login_required, logout_user, current_user
app = Flask(__name__); app.secret_key = "fixed-for-tests"
lm = LoginManager(app); lm.login_view = "login"
USERS = {"alice": "Fl-pw-1", "bob": "Fl-pw-1"}; TOKENS = {}
class U(UserMixin):
    def __init__(s, i): s.id = i
@lm.user_loader
def load(i): return U(i) if i in USERS else None
@app.get("/")
def home(): return f"<h1>Public</h1>user={current_user.get_id()} <a href=/login>login</a> <a href=/private>private</a>"
@app.route("/login", methods=["GET", "POST"])
def login():
    if request.method == "POST":
        u, p = request.form.get("username", ""), request.form.get("password", "")
        if USERS.get(u) == p:
            login_user(U(u), remember=bool(request.form.get("remember"))); return redirect(request.args.get("next") or "/private")
        session["tries"] = session.get("tries", 0) + 1
        return "<p class=error>Wrong user or password</p><form method=post><input name=username><input type=password name=password></form>", 200
    return "<form method=post><input name=username><input type=password name=password><input type=checkbox name=remember><button>Go</button></form>"
@app.post("/api/login")
def jlogin():
    d = request.get_json(silent=True) or {}
    if USERS.get(d.get("username")) == d.get("password") is not None:
        login_user(U(d["username"])); t = secrets.token_hex(16); TOKENS[t] = d["username"]
        return jsonify(ok=True, user=d["username"], access_token=t, token_type="bearer", expires_in=3600)
    return jsonify(ok=False, error="invalid_credentials"), 401
@app.get("/api/me")
def me():
    a = request.headers.get("Authorization", "")
    u = TOKENS.get(a[7:]) if a.startswith("Bearer ") else current_user.get_id()
    return (jsonify(user=u), 200) if u else (jsonify(error="unauthorized"), 401)
@app.get("/private")
@login_required
def private(): return f"<h1>Private</h1>Hello {current_user.id} <a href=/logout>logout</a>"
@app.get("/admin/")
@login_required
def admin(): return f"<h1>Admin</h1>Hello {current_user.id}"
@app.get("/events")
@login_required
def events():
    def g():
        for i in range(60): yield f"data: tick {i}\n\n"; time.sleep(1)
    return Response(g(), mimetype="text/event-stream")
@app.get("/logout")
def logout(): logout_user(); return redirect("/")
@app.get("/spa")
def spa(): return """<!doctype html><title>spa</title><form id=f><input name=username><input type=password name=password><button>Go</button></form><pre id=o></pre>
<script>const me=async()=>{const m=await fetch('/api/me',{headers:{Authorization:'Bearer '+localStorage.t}});o.textContent=await m.text()};
f.onsubmit=async e=>{e.preventDefault();const d=Object.fromEntries(new FormData(f));const r=await fetch('/api/login',{method:'POST',headers:{'Content-Type':'application/json'},body:JSON.stringify(d)});
const j=await r.json();if(!j.access_token){o.textContent='failed '+j.error;return}
localStorage.t=j.access_token;const go=new URLSearchParams(location.search).get('go');if(go)location=go;else me()};
if(localStorage.t)me()</script>"""
# The oldest pattern: the session id handed out before login becomes a logged-in one, with no new cookie,
# and the answer to the form is the same redirect whether the password was right or wrong.
SESS = {}
@app.route("/legacy/login", methods=["GET", "POST"])
def legacy_login():
    sid = request.cookies.get("LEGACYSID")
    if request.method == "POST":
        d = request.form
        if sid in SESS and USERS.get(d.get("username")) == d.get("password") is not None: SESS[sid] = d["username"]
        return redirect("/legacy/home")
    r = Response("<form method=post><input name=username><input type=password name=password><button>Go</button></form>")
    if sid not in SESS:
        sid = secrets.token_hex(16); SESS[sid] = None; r.set_cookie("LEGACYSID", sid)
    return r
@app.get("/legacy/home")
def legacy_home():
    u = SESS.get(request.cookies.get("LEGACYSID"))
    return f"<h1>Legacy home</h1>Hello {u}" if u else redirect("/legacy/login")
if __name__ == "__main__":
    import waitress; waitress.serve(app, listen=sys.argv[1], threads=6)
P
}
launch() { spawn "$STATE/venv/bin/python" "$STATE/site/app.py" "$APPS_HOST:$PORT"; }
about() { cat <<T
url       $BASE/
login     $BASE/login          form: username, password, remember
          $BASE/api/login      JSON: {"username","password"} -> {"ok":true,"access_token":...} and a session cookie
          $BASE/legacy/login   form: username, password; same session id before and after, same redirect right or wrong
          $BASE/spa            page that logs in with fetch and keeps the token in localStorage; ?go=/private goes there then
user      alice / Fl-pw-1, bob / Fl-pw-1
private   $BASE/private  $BASE/legacy/home  $BASE/admin/  $BASE/api/me (cookie or bearer)  $BASE/events (SSE, 60 s)
T
}
main "$@"
