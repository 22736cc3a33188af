#!/usr/bin/env python3
"""Side-by-side benchmark of authenticating reverse proxies on a small shared machine. See README.md.

Each peer's processes are pinned to one core, the load generator, the application and the auth back end to the other. The peers
run interleaved (A B C A B C ...); the table shows medians over the rounds and the ratio to the first peer in the same run.
The figure of merit is the proxy's CPU (user+sys of its processes) per request: it hardly moves when neighbours take CPU time."""
import argparse, base64, contextlib, hashlib, hmac, json, os, re, resource, signal, socket, ssl, statistics, subprocess, sys, tempfile, threading, time
from peers import PEERS, SECRET, tool
from signin import sign_in
sys.stdout.reconfigure(line_buffering=True)
HERE = os.path.dirname(os.path.abspath(__file__))
HZ = os.sysconf("SC_CLK_TCK")
LOADCPU, PROXYCPU = 0, 1
UP, AUTH, WS, BASE = 9000, 9001, 9002, 21000  # ports

def b64(b): return base64.urlsafe_b64encode(b).rstrip(b"=").decode()
def cookies():
    k = SECRET.encode(); p = b64(b"alice:login:4102444800")
    hd = b64(b'{"alg":"HS256","typ":"JWT"}') + "." + b64(b'{"iss":"bench","sub":"alice","scope":"login","exp":4102444800}')
    return {"cs": "cs=%s.%s" % (p, b64(hmac.new(k, p.encode(), hashlib.sha256).digest())),
            "sl": "sl=%s; slu=%s" % (b64(hashlib.md5((p + " " + SECRET).encode()).digest()), p),
            "lua": "lua=%s.%s" % (p, base64.b64encode(hmac.new(k, p.encode(), hashlib.sha1).digest()).decode().rstrip("=")),
            "jwt": "jwt=%s.%s" % (hd, b64(hmac.new(k, hd.encode(), hashlib.sha256).digest()))}
COOKIES = cookies()
JWKS = json.dumps({"keys": [{"kty": "oct", "alg": "HS256", "k": b64(SECRET.encode())}]})

def render(text, v):
    for _ in range(3): text = re.sub(r"@([A-Z0-9]+)@", lambda m: str(v.get(m[1], m[0])), text)
    return text
def pin(cpu):
    def f():
        os.setsid(); os.sched_setaffinity(0, {cpu}); n = os.nice(0)
        if n:  # the scheduler groups processes by session: without this the niceness would only count within our own group
            for _ in range(20):
                try: fd = os.open("/proc/self/autogroup", os.O_WRONLY); os.write(fd, str(n).encode()); os.close(fd); break
                except OSError: time.sleep(0.05)
    return f
def wait_port(port, proc, t=15):
    end = time.time() + t
    while time.time() < end:
        if proc.poll() is not None: raise RuntimeError("exited with %s" % proc.returncode)
        try: socket.create_connection(("127.0.0.1", port), 0.5).close(); return
        except OSError: time.sleep(0.002)
    raise RuntimeError("no listener on port %d" % port)
def tree(pid):
    kids, out, todo = {}, [], [pid]
    for d in os.listdir("/proc"):
        if d.isdigit():
            try: kids.setdefault(int(open("/proc/%s/stat" % d).read().rsplit(")", 1)[1].split()[1]), []).append(int(d))
            except OSError: pass
    while todo: p = todo.pop(); out.append(p); todo += kids.get(p, [])
    return out
def cpu(pids):
    u = s = 0
    for p in pids:
        try: f = open("/proc/%d/stat" % p).read().rsplit(")", 1)[1].split(); u += int(f[11]); s += int(f[12])
        except OSError: pass
    return u / HZ, s / HZ
def rss(pids, field="Rss"):
    t = 0
    for p in pids:
        try: t += int(re.search(r"^%s:\s+(\d+)" % ("Pss" if field == "Pss" else field), open("/proc/%d/smaps_rollup" % p).read(), re.M)[1])
        except (OSError, TypeError): pass
    return t  # KB

class Peer:
    def __init__(self, name, work, i, extra):
        self.name = name
        e = self.e = extra.get(name) or PEERS[name]
        self.http, self.tls, self.caps = BASE + 10 * i, BASE + 1 + 10 * i, e.get("caps", {"h1"})
        self.dir = os.path.join(work, re.sub(r"\W", "_", name)); os.makedirs(self.dir, exist_ok=True); os.chmod(self.dir, 0o777)
        v = dict(PORT=self.http, TLS=self.tls, UP=UP, AUTH=AUTH, DIR=self.dir, HERE=HERE, CONF=os.path.join(self.dir, e.get("conf") or "conf"), CERT=work + "/cert.pem", KEY=work + "/key.pem",
                 AMOD=os.environ.get("APACHE_MODULES", "/usr/lib/apache2/modules"), NGMOD=os.environ.get("NGINX_MODULES", "/usr/lib/nginx/modules"),
                 JWKS=JWKS, SECRET64=base64.b64encode(SECRET.encode()).decode())
        v.update(e.get("vars", {}))
        if e.get("user"):  # Countersign refuses a key that others can read
            with open(os.open(self.dir + "/key.pem", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as f: f.write(open(v["KEY"], "rb").read())
        if e.get("conf"): open(v["CONF"], "w").write(render(open(os.path.join(HERE, "conf", e["conf"])).read(), v))
        self.cmd = render(e["cmd"], v)
        self.cookie = self.tls_cookie = COOKIES.get(e.get("cookie"), "")
        self.env = dict(os.environ, HOME=self.dir, **{k: render(x, v) for k, x in e.get("env", {}).items()})
        self.log = open(os.path.join(self.dir, "log"), "ab")
    def start(self):
        t = time.perf_counter()
        words, env = self.cmd.split(), dict(self.env)
        while "=" in words[0]: k, _, v = words.pop(0).partition("="); env[k] = v
        self.proc = subprocess.Popen(words, preexec_fn=pin(PROXYCPU), env=env, stdout=self.log, stderr=self.log)
        wait_port(self.http, self.proc)
        if self.e.get("user") and not self.cookie: self.sign_in()
        self.get()
        self.startup = time.perf_counter() - t
    def sign_in(self):
        """A peer that takes no cookie minted elsewhere is signed in at, in cleartext and over TLS; a restart does not end its grants."""
        self.cookie = sign_in("http", self.http, self.log.name, self.e["user"])
        self.tls_cookie = sign_in("https", self.tls, self.log.name, self.e["user"])
    def get(self, want=(b" 200",)):
        s = socket.create_connection(("127.0.0.1", self.http), 5)
        s.sendall(("GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\nCookie: %s\r\n\r\n" % (self.http, self.cookie)).encode())
        b = b""
        while chunk := s.recv(65536): b += chunk
        if not any(w in b.split(b"\r\n")[0] for w in want): raise RuntimeError("answered %r" % b[:80])
    def pids(self): return tree(self.proc.pid)
    def stop(self):
        if getattr(self, "proc", None) and self.proc.poll() is None:
            self.proc.terminate()
            try: self.proc.wait(5)
            except subprocess.TimeoutExpired: os.killpg(self.proc.pid, signal.SIGKILL)

def hdrs(p, url="http:"):
    cookie = p.tls_cookie if url.startswith("https:") else p.cookie
    h = ["Cookie: JSESSIONID=5F2A9C0D4E7B1A3860C2D9E4F7A1B583" + ("; " + cookie if cookie else ""), "Accept: text/html,*/*;q=0.8", "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"]
    return [x for y in h for x in ("-H", y)]
def unit(s): m = re.match(r"([\d.]+)(us|ms|s|m)", s); return float(m[1]) * {"us": 1, "ms": 1e3, "s": 1e6, "m": 6e7}[m[2]]
def run_wrk(p, a, url, conns, extra=()):
    o = subprocess.run(["wrk", "-t1", "-c%d" % conns, "-d%ds" % max(1, round(a.secs)), "--latency", *hdrs(p, url), *extra, url], preexec_fn=pin(LOADCPU), capture_output=True, text=True).stdout
    if not re.search(r"^ +99%\s+\d", o, re.M): raise RuntimeError("wrk: " + o[-400:])
    n = int(re.search(r"(\d+) requests in", o)[1]); bad = re.search(r"Non-2xx or 3xx responses: (\d+)", o); se = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", o)
    return dict(n=n, rps=float(re.search(r"Requests/sec:\s+([\d.]+)", o)[1]), p50=unit(re.search(r"^ +50%\s+(\S+)", o, re.M)[1]), p99=unit(re.search(r"^ +99%\s+(\S+)", o, re.M)[1]),
                bad=(int(bad[1]) if bad else 0) + (sum(map(int, se.groups())) if se else 0))
def run_h2load(p, a, url, conns, streams, extra=()):
    log = p.dir + "/h2log"
    if os.path.exists(log): os.remove(log)
    o = subprocess.run(["h2load", "-t1", "-c%d" % conns, "-m%d" % streams, "-D%g" % a.secs, *hdrs(p, url), *extra, url] + (["--log-file=" + log] if "--rps" in " ".join(extra) else []), preexec_fn=pin(LOADCPU), capture_output=True, text=True).stdout
    m = re.search(r"requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored", o); r = re.search(r"finished in [\d.]+\w+, ([\d.]+) req/s", o)
    d = dict(n=int(m[2]), rps=float(r[1]), bad=int(m[3]))
    if os.path.exists(log):
        l = sorted(int(x.split()[2]) for x in open(log) if x.strip()); l and d.update(p50=l[len(l) // 2], p99=l[int(len(l) * .99)], n=len(l))
    return d
def timed(p, aux, f):
    pids = p.pids(); ax = tree(aux.pid) if aux and p.e.get("auth") else []
    c0, x0, t0 = cpu(pids), cpu(ax), time.perf_counter(); d = f(); c1, x1, t1 = cpu(pids), cpu(ax), time.perf_counter()
    new = [q for q in p.pids() if q not in pids]; c1 = tuple(map(sum, zip(c1, cpu(new))))
    u, s = c1[0] - c0[0], c1[1] - c0[1]; n = max(d["n"], 1)
    d.update(us=(u + s) / n * 1e6, user=u / n * 1e6, sys=s / n * 1e6, aux=(sum(x1) - sum(x0)) / n * 1e6, util=(u + s) / (t1 - t0) * 100)
    return d

# ---- workloads: name -> (what, needed capability, function(peer, args) -> dict)
def wl(scheme, path, conns, extra=()): return lambda p, a: run_wrk(p, a, "%s://127.0.0.1:%d%s" % (scheme, p.tls if scheme == "https" else p.http, path), conns, extra)
def idle(n, tls):
    def f(p, a):
        pids = p.pids(); r0 = rss(pids, "Pss"); cs = []; ctx = ssl._create_unverified_context()
        req = ("GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nCookie: %s\r\n\r\n" % ((p.tls, p.tls_cookie) if tls else (p.http, p.cookie))).encode(); bad = 0
        for i in range(n):
            try:
                s = socket.create_connection(("127.0.0.1", p.tls if tls else p.http), 10)
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if tls: s = ctx.wrap_socket(s)
                s.sendall(req); b = s.recv(4096); bad += b" 200" not in b[:16]; cs.append(s)
            except OSError: bad += 1
        time.sleep(1.5); r1 = rss(p.pids(), "Pss")
        for s in cs: s.close()
        time.sleep(1.0); r2 = rss(p.pids(), "Pss")
        return dict(n=n, rps=0, bad=bad, kb=(r1 - r0) / n, before=r0, full=r1, after=r2)
    return f
def stream(up):
    def f(p, a):
        peak, stop = [rss(p.pids())], threading.Event(); base = peak[0]
        def watch():
            while not stop.wait(0.05): peak[0] = max(peak[0], rss(p.pids()))
        th = threading.Thread(target=watch, daemon=True); th.start(); t = time.perf_counter()
        h = [x for x in hdrs(p)]
        cmd = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{size_download} %{size_upload}", *h]
        cmd += ["-T", a.work + "/www/1g.bin", "-H", "Expect:", "http://127.0.0.1:%d/sink" % p.http] if up else ["http://127.0.0.1:%d/1g.bin" % p.http]
        o = subprocess.run(cmd, preexec_fn=pin(LOADCPU), capture_output=True, text=True, timeout=120).stdout.split()
        dt = time.perf_counter() - t; stop.set(); th.join()
        ok = o and o[0] == "200" and int(o[2 if up else 1]) == 1 << 30
        return dict(n=1024, rps=1024 / dt, bad=0 if ok else 1, rssup=peak[0] - base)
    return f
def handshakes(reuse):
    def f(p, a):
        t = max(2, int(a.secs))
        o = subprocess.run(["openssl", "s_time", "-connect", "127.0.0.1:%d" % p.tls, "-reuse" if reuse else "-new", "-time", str(t)] + ["-www", "/"], preexec_fn=pin(LOADCPU), capture_output=True, text=True).stdout
        n = int(re.findall(r"(\d+) connections in \d+ real seconds", o)[-1])
        return dict(n=n, rps=n / t, bad=0)
    return f
def websocket(p, a):
    o = subprocess.run([sys.executable, os.path.join(HERE, "ws.py"), "client", str(p.http), "16", str(a.secs), p.cookie], preexec_fn=pin(LOADCPU), capture_output=True, text=True, timeout=a.secs * 4 + 10)
    n = int(o.stdout.split()[0]) if o.stdout else 0
    return dict(n=n, rps=n / a.secs, bad=0 if n else 1)
def rate(p, a): return run_h2load(p, a, "http://127.0.0.1:%d/" % p.http, 20, 1, ("--h1", "--rps=%g" % (a.rate / 20)))
POST = None
WORK = {
  "W1": ("small GET, 150 B answer, keep-alive, HTTP/1.1 cleartext, 64 connections", "h1", wl("http", "/", 64)),
  "W2": ("as W1 over TLS 1.3", "tls", wl("https", "/", 64)),
  "W3": ("as W1 over HTTP/2 + TLS, 32 connections x 8 streams", "h2", lambda p, a: run_h2load(p, a, "https://127.0.0.1:%d/" % p.tls, 32, 8)),
  "W4": ("64 KB answers, HTTP/1.1 cleartext", "h1", wl("http", "/64k.bin", 64)),
  "W5d": ("1 GB download (per 'request' = per MB)", "h1", stream(False)),
  "W5u": ("1 GB upload (per MB)", "h1", stream(True)),
  "W6": ("new connection per request, HTTP/1.1 cleartext", "h1", wl("http", "/", 32, ("-H", "Connection: close"))),
  "W7": ("POST 10 KB, HTTP/1.1 cleartext", "h1", lambda p, a: run_wrk(p, a, "http://127.0.0.1:%d/p" % p.http, 64, ("-s", a.work + "/post.lua"))),
  "LAT": ("latency at a fixed rate (--rate), HTTP/1.1 cleartext", "h1", rate),
  "HSF": ("full TLS 1.3 handshake and one GET, new connection each", "tls", handshakes(False)),
  "HSR": ("resumed TLS handshake (ticket) and one GET, new connection each", "tls", handshakes(True)),
  "WS": ("WebSocket echo, 16 connections, 128 B messages", "ws", websocket),
  "IDLE": ("memory per idle keep-alive connection, cleartext", "h1", lambda p, a: idle(a.idle, False)(p, a)),
  "IDLET": ("memory per idle keep-alive connection, TLS", "tls", lambda p, a: idle(a.idle, True)(p, a)),
}
@contextlib.contextmanager
def backend(work):
    """The application, the auth back end and the WebSocket echo, with a certificate and the files they need, in the folder `work`."""
    os.chmod(work, 0o755)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", work + "/key.pem", "-out", work + "/cert.pem"], check=True, capture_output=True)
    open(work + "/both.pem", "w").write(open(work + "/cert.pem").read() + open(work + "/key.pem").read())
    os.chmod(work + "/key.pem", 0o644)
    os.makedirs(work + "/www"); open(work + "/www/64k.bin", "wb").write(os.urandom(65536))
    with open(work + "/www/1g.bin", "wb") as f: f.truncate(1 << 30)
    open(work + "/post.lua", "w").write('wrk.method="POST"; wrk.body=string.rep("x",10240); wrk.headers["Content-Type"]="application/octet-stream"')
    procs, out = {}, subprocess.DEVNULL
    try:
        for name, conf, port in (("app", "upstream.conf", UP), ("auth", "auth.conf", AUTH)):
            c = os.path.join(work, conf); open(c, "w").write(render(open(os.path.join(HERE, "conf", conf)).read(), dict(DIR=work, UP=UP, AUTH=AUTH, WS=WS)))
            procs[name] = subprocess.Popen([tool("NGINX", "nginx"), "-p", work, "-c", c], preexec_fn=pin(LOADCPU), stderr=out); wait_port(port, procs[name])
        procs["ws"] = subprocess.Popen([sys.executable, os.path.join(HERE, "ws.py"), "server", str(WS)], preexec_fn=pin(LOADCPU), stdout=out, stderr=out)
        yield procs
    finally:
        for p in procs.values(): p.terminate()
        for p in procs.values(): p.wait()
def med(rs, k): v = [r[k] for r in rs if k in r]; return statistics.median(v) if v else None
def fmt(v, d=1): return "-" if v is None else ("%.*f" % (d, v))
def table(w, names, res):
    out = ["", "**%s**: %s" % (w, WORK[w][0]), ""]
    cols = [("CPU us/req", "us", 1), ("user", "user", 1), ("sys", "sys", 1), ("aux us/req", "aux", 1), ("req/s", "rps", 0), ("core %", "util", 0)]
    if w == "LAT" or w in ("W1", "W2", "W4", "W6", "W7"): cols += [("p50 us", "p50", 0), ("p99 us", "p99", 0)]
    if w.startswith("IDLE"): cols = [("KB/conn", "kb", 2), ("before KB", "before", 0), ("open KB", "full", 0), ("after KB", "after", 0)]
    if w.startswith("W5"): cols += [("peak RSS growth KB", "rssup", 0)]
    key = "kb" if w.startswith("IDLE") else "us"
    out.append("| peer | ratio (min-max) | " + " | ".join(c[0] for c in cols) + " | errors |"); out.append("|" + "---|" * (len(cols) + 3))
    base = res.get(names[0], [])
    for n in names:
        rs = res.get(n)
        if not rs: continue
        # the ratio is taken within each round, then its median: slow drift of the machine cancels
        q = sorted(r[key] / b[key] for r, b in zip(rs, base) if b and b.get(key)) if base else []
        out.append("| %s | %s | " % (n, "%.2f (%.2f-%.2f)" % (statistics.median(q), q[0], q[-1]) if q else "-") + " | ".join(fmt(med(rs, k), d) for _, k, d in cols) + " | %d |" % sum(r["bad"] for r in rs))
    return "\n".join(out)
def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("peers", nargs="*", default=["nginx", "nginx+auth_request", "haproxy"], help="names from peers.py, or NAME=COMMAND (cookie cs is sent; caps h1,tls,h2,ws)")
    ap.add_argument("-w", default="W1", help="workloads, comma separated, or 'all'"); ap.add_argument("-n", type=int, default=3, help="rounds"); ap.add_argument("-s", dest="secs", type=float, default=3, help="seconds per run")
    ap.add_argument("--rate", type=float, default=3000); ap.add_argument("--idle", type=int, default=5000); ap.add_argument("--json"); ap.add_argument("--nice", type=int, default=0)
    ap.add_argument("--direct", action="store_true", help="add the application itself, without a proxy")
    a = ap.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    if a.nice: os.nice(a.nice)
    for sig in (signal.SIGTERM, signal.SIGHUP): signal.signal(sig, lambda *_: sys.exit(143))
    extra, names, peers = {}, [], {}
    with tempfile.TemporaryDirectory(prefix="bench.") as a.work, backend(a.work) as back, contextlib.ExitStack() as stack:
        for x in a.peers:
            n, _, c = x.partition("=")
            if c: extra[n] = dict(cmd=c, cookie="cs", caps={"h1", "tls", "h2", "ws"})
            names.append(n)
        if a.direct: names.append("direct")
        for i, n in enumerate(list(names)):
            if n == "direct": continue
            try:
                if not (extra.get(n) or PEERS[n])["cmd"]: raise RuntimeError("no command (placeholder)")
                peers[n] = Peer(n, a.work, i, extra); stack.callback(peers[n].stop); peers[n].start()
                print("# %-22s up in %4.0f ms, RSS %d KB (Pss %d KB)" % (n, peers[n].startup * 1e3, rss(peers[n].pids()), rss(peers[n].pids(), "Pss")), flush=True)
                if peers[n].cookie:
                    c, peers[n].cookie = peers[n].cookie, ""
                    try: peers[n].get((b" 401", b" 403", b" 302", b" 303"))
                    except RuntimeError as e: print("#   without the cookie: %s" % e)
                    peers[n].cookie = c
            except Exception as e:
                names.remove(n); p = peers.pop(n, None); print("# %s left out: %s" % (n, e), flush=True)
                if p:
                    p.stop()
                    for l in ("log", "nginx.err", "apache.err"):
                        try: sys.stderr.write("".join(open(os.path.join(p.dir, l), errors="replace").readlines()[-4:]))
                        except OSError: pass
        if a.direct:
            d = peers["direct"] = Peer("direct", a.work, 0, {"direct": dict(cmd="", caps={"h1"})}); d.http, d.proc = UP, back["app"]
        allres = {}
        for w in (list(WORK) if a.w == "all" else a.w.split(",")):
            what, cap, f = WORK[w]; res = {}
            for r in range(1 if w.startswith("IDLE") else a.n):
                for n in names:
                    p = peers[n]
                    if cap not in p.caps: continue
                    if w.startswith("IDLE") and n != "direct": p.stop(); p.start()  # memory that an earlier workload left behind would be used again unseen
                    try: res.setdefault(n, []).append(timed(p, back["auth"], lambda: f(p, a)))
                    except Exception as e: print("# %s %s: %r" % (w, n, e), file=sys.stderr)
            allres[w] = res; print(table(w, names, res), flush=True)
        if a.json: json.dump(allres, open(a.json, "w"), indent=1)
if __name__ == "__main__": main()
