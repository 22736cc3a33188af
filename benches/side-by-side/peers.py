"""The peers: one entry each. Fields (all but `cmd` optional):
  cmd     command line; @PORT@ @TLS@ @UP@ @AUTH@ @DIR@ @CONF@ are filled in. It must stay in the foreground.
  conf    file under conf/ rendered to @CONF@ (with `vars` filled in as well)
  vars    more @NAME@ values for that file
  auth    True: also start the trivial auth back end, whose CPU is reported in the column 'aux'
  cookie  name of the session cookie the load generator sends (minted in bench.py: cs, sl, lua, jwt); None: none
  user    whom to sign in as through the peer's own pages (signin.py), for a peer that takes no cookie minted elsewhere
  caps    what it can do: h1 tls h2 ws
  env     extra environment
Peers named by an argument NAME=COMMAND on the command line need no entry (see README.md)."""
import os, shutil
def tool(var, name): return os.environ.get(var) or shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin") or name
NGINX = tool("NGINX", "nginx") + " -p @DIR@ -c @CONF@"
HAPROXY = tool("HAPROXY", "haproxy") + " -db -f @CONF@"
CADDY = tool("CADDY", "caddy") + " run --adapter caddyfile --config @CONF@"
ENVOY = tool("ENVOY", "envoy") + " -c @CONF@ --concurrency 1 --disable-hot-restart -l off"
APACHE = tool("APACHE", "apache2") + " -DFOREGROUND -f @CONF@"
COUNTERSIGN = os.environ.get("COUNTERSIGN") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../target/release/countersign")
ALL = {"h1", "tls", "h2", "ws"}
SECRET = "bench-secret-0123456789abcdef"
NG = dict(MODULES="", HTTP="", CHECK="", EXTRA="")
LUA = """access_by_lua_block {
        local c = ngx.var.cookie_lua or ""
        local dot = string.find(c, ".", 1, true)
        if not dot or ngx.encode_base64(ngx.hmac_sha1("%s", string.sub(c, 1, dot - 1)), true) ~= string.sub(c, dot + 1) then return ngx.exit(403) end }""" % SECRET
EXT_AUTHZ = """          - name: extauthz
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
              http_service: {server_uri: {uri: "127.0.0.1:@AUTH@", cluster: auth, timeout: 5s}, authorization_request: {allowed_headers: {patterns: [{exact: cookie}]}}}"""
JWT = """          - name: jwt
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication
              providers: {p: {issuer: bench, local_jwks: {inline_string: '@JWKS@'}, from_cookies: [jwt], forward: true}}
              rules: [{match: {prefix: "/"}, requires: {provider_name: p}}]"""
PEERS = {
  "countersign": dict(cmd=COUNTERSIGN + " run --config @CONF@", conf="countersign.toml", user="alice", caps=ALL),
  "nginx": dict(cmd=NGINX, conf="nginx.conf", vars=NG, caps=ALL),
  "nginx+auth_request": dict(cmd=NGINX, conf="nginx.conf", auth=True, cookie="cs", caps=ALL, vars=dict(NG, CHECK="auth_request /_auth;",
    EXTRA="location = /_auth { internal; proxy_pass http://auth/; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_pass_request_body off; proxy_set_header Content-Length ''; proxy_set_header Upgrade ''; }")),
  "nginx+secure_link": dict(cmd=NGINX, conf="nginx.conf", cookie="sl", caps=ALL, vars=dict(NG,
    CHECK='secure_link $cookie_sl; secure_link_md5 "$cookie_slu %s"; if ($secure_link != "1") { return 403; }' % SECRET)),
  "nginx+lua": dict(cmd=NGINX, conf="nginx.conf", cookie="lua", caps=ALL, vars=dict(NG, CHECK=LUA,
    MODULES="load_module @NGMOD@/ndk_http_module.so; load_module @NGMOD@/ngx_http_lua_module.so;")),
  "haproxy": dict(cmd=HAPROXY, conf="haproxy.cfg", vars=dict(CHECK=""), caps=ALL),
  "haproxy+hmac": dict(cmd=HAPROXY, conf="haproxy.cfg", cookie="cs", caps=ALL, vars=dict(CHECK="""http-request set-var(txn.p) req.cook(cs),field(1,.)
  http-request set-var(txn.m) req.cook(cs),field(2,.)
  http-request set-var(txn.w) var(txn.p),hmac(sha256,@SECRET64@),ub64enc
  http-request deny unless { var(txn.m),secure_memcmp(txn.w) }""")),
  "caddy": dict(cmd=CADDY, conf="Caddyfile", vars=dict(CHECK=""), caps=ALL, env=dict(GOMAXPROCS="1")),
  "caddy+forward_auth": dict(cmd=CADDY, conf="Caddyfile", auth=True, cookie="cs", caps=ALL, env=dict(GOMAXPROCS="1"),
    vars=dict(CHECK="forward_auth 127.0.0.1:@AUTH@ {\n uri /\n }")),
  "envoy": dict(cmd=ENVOY, conf="envoy.yaml", vars=dict(CHECK=""), caps=ALL),
  "envoy+ext_authz": dict(cmd=ENVOY, conf="envoy.yaml", auth=True, cookie="cs", vars=dict(CHECK=EXT_AUTHZ), caps=ALL),
  "envoy+jwt": dict(cmd=ENVOY, conf="envoy.yaml", cookie="jwt", vars=dict(CHECK=JWT), caps=ALL),
  "apache": dict(cmd=APACHE, conf="apache.conf", vars={}, caps=ALL),
  # Placeholders: fill in `cmd` where the binary is at hand.
  "oauth2-proxy": dict(cmd=(os.environ.get("OAUTH2_PROXY") or ""), cookie="cs", caps={"h1"}),
  "authelia+nginx": dict(cmd=(os.environ.get("AUTHELIA") or ""), cookie="cs", caps={"h1"}),
}
