"""Signs in at a Countersign gateway as a person would: follows redirects, fills in its forms, reads the code where the console
carrier prints it. Returns what a browser would send as its Cookie header afterwards.
usage by hand: signin.py http|https PORT LOGFILE USER"""
import html.parser, http.client, os, re, ssl, sys, time, urllib.parse

class Form(html.parser.HTMLParser):
    """The first form of a page: where it is posted, its fields, the one to fill in, its first button."""
    def __init__(self, page):
        super().__init__(); self.action, self.fields, self.empty, self.inside, self.button = None, {}, None, False, False
        self.feed(page)
    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag == "form" and self.action is None: self.action, self.inside = a.get("action") or "", True
        if not self.inside: return
        if tag == "input" and a.get("name"):
            if a.get("type") == "hidden": self.fields[a["name"]] = a.get("value") or ""
            else: self.empty = a["name"]
        if tag == "button" and not self.button:
            self.button = True
            if a.get("name"): self.fields[a["name"]] = a.get("value") or ""
    def handle_endtag(self, tag): self.inside = self.inside and tag != "form"

class Browser:
    def __init__(self, scheme, port):
        self.origin, self.port, self.cookies = "%s://127.0.0.1:%d" % (scheme, port), port, {}
        self.connect = http.client.HTTPConnection if scheme == "http" else lambda *a, **k: http.client.HTTPSConnection(*a, context=ssl._create_unverified_context(), **k)
    def ask(self, method, path, body=None):
        c = self.connect("127.0.0.1", self.port, timeout=10)
        h = {"Accept": "text/html", "Cookie": self.cookie()}
        if body is not None: h.update({"Content-Type": "application/x-www-form-urlencoded", "Origin": self.origin})
        c.request(method, path, body, h); r = c.getresponse(); page = r.read().decode("utf-8", "replace"); c.close()
        for s in r.headers.get_all("Set-Cookie") or []:
            name, _, value = s.split(";")[0].strip().partition("=")
            if re.search(r";\s*max-age=0\b", s, re.I) or not value: self.cookies.pop(name, None)
            else: self.cookies[name] = value
        return r.status, r.headers.get("Location"), page
    def follow(self, method, path, body=None):
        """Goes where it is sent, until there is a page or the way leads out of the gateway's own pages."""
        for _ in range(10):
            status, to, page = self.ask(method, path, body)
            if status not in (302, 303, 307): return path, status, page
            path, method, body = urllib.parse.urljoin(path, to.removeprefix(self.origin)), "GET", None
        raise RuntimeError("sent in circles, last to %s" % path)
    def submit(self, path, page, typed):
        f = Form(page)
        if f.action is None or f.empty is None: raise RuntimeError("there is nothing to fill in at %s: %r" % (path, page[-600:]))
        return self.follow("POST", urllib.parse.urljoin(path, f.action), urllib.parse.urlencode({**f.fields, f.empty: typed}))
    def cookie(self): return "; ".join("%s=%s" % c for c in self.cookies.items())

def ours(path): return path.startswith("/.countersign/")
def code_in(log, start, patience=10):
    """The code of the message printed after `start`: it stands in the message's last line, `@host #code`."""
    end = time.time() + patience
    while time.time() < end:
        with open(log, "rb") as f:
            f.seek(start); m = re.search(rb"@\S+ #(\d{4,8})\b", f.read())
        if m: return m[1].decode()
        time.sleep(0.02)
    raise RuntimeError("no code was printed to %s" % log)
def sign_in(scheme, port, log, user):
    b = Browser(scheme, port)
    path, status, page = b.follow("GET", "/")
    if not ours(path): raise RuntimeError("a stranger was let in: %s at %s" % (status, path))
    start = os.path.getsize(log)
    path, status, page = b.submit(path, page, user)
    path, status, page = b.submit(path, page, code_in(log, start))
    if ours(path): raise RuntimeError("the code did not open: %s at %s: %r" % (status, path, page[-600:]))
    return b.cookie()
if __name__ == "__main__": print(sign_in(sys.argv[1], int(sys.argv[2]), *sys.argv[3:5]))
