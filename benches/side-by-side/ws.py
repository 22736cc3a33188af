#!/usr/bin/env python3
"""A minimal echo after an Upgrade, and its client: enough to measure a proxy's tunnel; PUT /sink swallows an upload before it answers.
ws.py server PORT | client PORT CONNS SECS COOKIE"""
import asyncio, re, sys
class Echo(asyncio.Protocol):
    def connection_made(self, t): self.t, self.up, self.left = t, False, 0
    def data_received(self, d):
        if self.up: self.t.write(d)
        elif self.left or b"/sink" in d[:64]:
            if not self.left:
                head, _, d = d.partition(b"\r\n\r\n")
                self.left = int(re.search(rb"content-length: *(\d+)", head, re.I)[1])
            self.left -= len(d)
            if self.left <= 0: self.t.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"); self.t.close()
        elif d.endswith(b"\r\n\r\n"): self.up = True; self.t.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
MSG = b"\x82\xfe\x00\x7e\x00\x00\x00\x00" + b"x" * 120
class Client(asyncio.Protocol):
    n = 0
    def __init__(self, port, cookie): self.host, self.cookie, self.up, self.got = "127.0.0.1:%d" % port, cookie, False, 0
    def connection_made(self, t):
        self.t = t; t.write(("GET /ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nCookie: %s\r\n\r\n" % (self.host, self.cookie)).encode())
    def data_received(self, d):
        if not self.up:
            if d.startswith(b"HTTP/1.1 101"): self.up = True; self.t.write(MSG)
            return
        self.got += len(d)
        if self.got >= len(MSG): self.got -= len(MSG); Client.n += 1; self.t.write(MSG)
async def server(port): await (await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", port)).serve_forever()
async def client(port, conns, secs, cookie):
    for _ in range(conns): await asyncio.get_running_loop().create_connection(lambda: Client(port, cookie), "127.0.0.1", port)
    await asyncio.sleep(secs); print(Client.n)
if sys.argv[1] == "server": 
    try: asyncio.run(server(int(sys.argv[2])))
    except KeyboardInterrupt: pass
else: asyncio.run(client(int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), sys.argv[5]))
