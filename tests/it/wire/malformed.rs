//! Requests that must not pass. `@H` stands for Host and cookies, `@T` for the row's own name.

/// What may come of a row when somebody with a grant sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Not a byte of it arrives.
    Refused,
    /// Its fault lies in its body: the head may have arrived, but never the end.
    BrokenOff,
    /// It may arrive, once, and nothing that hides in it.
    Alone,
}

type Table = &'static [(&'static str, &'static [u8])];

/// Refused for their heads.
pub const HEADS: Table = &[
    // Content-Length (R6).
    ("two lengths", b"POST /@T HTTP/1.1\r\n@HContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde"),
    ("two lengths in one field", b"POST /@T HTTP/1.1\r\n@HContent-Length: 4, 5\r\n\r\nabcde"),
    ("a length with a sign", b"POST /@T HTTP/1.1\r\n@HContent-Length: +5\r\n\r\nabcde"),
    ("a negative length", b"POST /@T HTTP/1.1\r\n@HContent-Length: -1\r\n\r\nabcde"),
    ("a length in hexadecimal", b"POST /@T HTTP/1.1\r\n@HContent-Length: 0x5\r\n\r\nabcde"),
    ("a length with letters", b"POST /@T HTTP/1.1\r\n@HContent-Length: 5a\r\n\r\nabcde"),
    ("a length with a blank in it", b"POST /@T HTTP/1.1\r\n@HContent-Length: 1 0\r\n\r\nabcdefghij"),
    ("a length with a point", b"POST /@T HTTP/1.1\r\n@HContent-Length: 5.0\r\n\r\nabcde"),
    ("a length with an exponent", b"POST /@T HTTP/1.1\r\n@HContent-Length: 1e1\r\n\r\nabcdefghij"),
    ("a length with a parameter", b"POST /@T HTTP/1.1\r\n@HContent-Length: 5;x\r\n\r\nabcde"),
    ("an empty length", b"POST /@T HTTP/1.1\r\n@HContent-Length:\r\n\r\n"),
    ("a length beyond 64 bits", b"POST /@T HTTP/1.1\r\n@HContent-Length: 18446744073709551621\r\n\r\nabcde"),
    ("a length of 63 bits", b"POST /@T HTTP/1.1\r\n@HContent-Length: 9223372036854775807\r\n\r\nabcde"),
    ("a length in other digits", b"POST /@T HTTP/1.1\r\n@HContent-Length: \xef\xbc\x95\r\n\r\nabcde"),
    ("a length in quotes", b"POST /@T HTTP/1.1\r\n@HContent-Length: \"5\"\r\n\r\nabcde"),
    ("a look-alike of a length", b"POST /@T HTTP/1.1\r\n@HContent_Length: 5\r\n\r\n"),
    // Transfer-Encoding (R6).
    ("identity", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"),
    ("gzip", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n"),
    ("gzip, then chunked", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    ("chunked, then gzip", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
    ("chunked, then identity", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    ("chunked twice", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    ("chunked in two fields", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("chunked and identity in two fields", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("chunked and a coding of nobody", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n\r\n0\r\n\r\n"),
    ("xchunked", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    ("chunked with a parameter", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"),
    ("chunked in quotes", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"),
    ("a comma before chunked", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n"),
    ("a comma behind chunked", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: chunked,\r\n\r\n0\r\n\r\n"),
    ("an empty coding", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding:\r\n\r\n0\r\n\r\n"),
    ("chunked behind a vertical tab", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    ("chunked behind a form feed", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: \x0cchunked\r\n\r\n0\r\n\r\n"),
    ("chunked behind a no-break space", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: \xa0chunked\r\n\r\n0\r\n\r\n"),
    ("chunked with a NUL", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: chunked\0\r\n\r\n0\r\n\r\n"),
    ("chunked on a line of its own", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
    ("a blank behind Transfer-Encoding", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
    ("a tab behind Transfer-Encoding", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n"),
    ("a blank before Transfer-Encoding", b"POST /@T HTTP/1.1\r\n@H Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("a carriage return before Transfer-Encoding", b"POST /@T HTTP/1.1\r\n@HX: a\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("a NUL in Transfer-Encoding", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding\0: chunked\r\n\r\n0\r\n\r\n"),
    ("a look-alike of Transfer-Encoding", b"POST /@T HTTP/1.1\r\n@HTransfer_Encoding: chunked\r\n\r\n"),
    ("chunked in HTTP/1.0", b"POST /@T HTTP/1.0\r\n@HTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("chunked in HTTP/1.0 with a length", b"POST /@T HTTP/1.0\r\n@HContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    // Field lines (R6).
    ("a folded value", b"GET /@T HTTP/1.1\r\n@HX-A: a\r\n b\r\n\r\n"),
    ("a value folded with a tab", b"GET /@T HTTP/1.1\r\n@HX-A: a\r\n\tb\r\n\r\n"),
    ("a fold before the first field", b"GET /@T HTTP/1.1\r\n X-A: a\r\n@H\r\n"),
    ("a blank behind Host", b"GET /@T HTTP/1.1\r\nHost : app.localhost\r\n\r\n"),
    ("a blank in a name", b"GET /@T HTTP/1.1\r\n@HX A: b\r\n\r\n"),
    ("a tab in a name", b"GET /@T HTTP/1.1\r\n@HX\tA: b\r\n\r\n"),
    ("no name", b"GET /@T HTTP/1.1\r\n@H: b\r\n\r\n"),
    ("no colon", b"GET /@T HTTP/1.1\r\n@HX-A\r\n\r\n"),
    ("brackets in a name", b"GET /@T HTTP/1.1\r\n@HX(A): b\r\n\r\n"),
    ("a name beyond ASCII", b"GET /@T HTTP/1.1\r\n@HX-\xc3\xa9: b\r\n\r\n"),
    ("a NUL in a name", b"GET /@T HTTP/1.1\r\n@HX\0A: b\r\n\r\n"),
    ("a NUL in a value", b"GET /@T HTTP/1.1\r\n@HX-A: a\0b\r\n\r\n"),
    ("a bell in a value", b"GET /@T HTTP/1.1\r\n@HX-A: a\x07b\r\n\r\n"),
    ("a DEL in a value", b"GET /@T HTTP/1.1\r\n@HX-A: a\x7fb\r\n\r\n"),
    ("a carriage return in a value", b"GET /@T HTTP/1.1\r\n@HX-A: a\rb\r\n\r\n"),
    ("two carriage returns", b"GET /@T HTTP/1.1\r\n@HX-A: a\r\r\n\r\n"),
    ("a carriage return and a field behind it", b"GET /@T HTTP/1.1\r\n@HX-A: a\rX-B: b\r\n\r\n"),
    // The request line (R3, R6).
    ("HTTP/1.2", b"GET /@T HTTP/1.2\r\n@H\r\n"),
    ("HTTP/2.0 in clear", b"GET /@T HTTP/2.0\r\n@H\r\n"),
    ("HTTP/0.9", b"GET /@T\r\n\r\n"),
    ("HTTP/0.9 by name", b"GET /@T HTTP/0.9\r\n@H\r\n"),
    ("http/1.1", b"GET /@T http/1.1\r\n@H\r\n"),
    ("HTTP/1.01", b"GET /@T HTTP/1.01\r\n@H\r\n"),
    ("HTTP/1,1", b"GET /@T HTTP/1,1\r\n@H\r\n"),
    ("HTTP/11", b"GET /@T HTTP/11\r\n@H\r\n"),
    ("something behind the version", b"GET /@T HTTP/1.1 x\r\n@H\r\n"),
    ("two versions", b"GET /@T HTTP/1.1 HTTP/1.1\r\n@H\r\n"),
    ("a blank in the target", b"GET /@T b HTTP/1.1\r\n@H\r\n"),
    ("a tab in the target", b"GET /@T\tb HTTP/1.1\r\n@H\r\n"),
    ("a NUL in the target", b"GET /@T\0 HTTP/1.1\r\n@H\r\n"),
    ("a carriage return in the target", b"GET /@T\rb HTTP/1.1\r\n@H\r\n"),
    ("a DEL in the target", b"GET /@T\x7f HTTP/1.1\r\n@H\r\n"),
    ("UTF-8 in the target", b"GET /@T\xc3\xa9 HTTP/1.1\r\n@H\r\n"),
    ("Latin-1 in the target", b"GET /@T\xe9 HTTP/1.1\r\n@H\r\n"),
    ("UTF-8 in the query", b"GET /@T?a=\xc3\xa9 HTTP/1.1\r\n@H\r\n"),
    ("tabs between the words", b"GET\t/@T\tHTTP/1.1\r\n@H\r\n"),
    ("a vertical tab between the words", b"GET\x0b/@T HTTP/1.1\r\n@H\r\n"),
    ("a carriage return between the words", b"GET\r/@T HTTP/1.1\r\n@H\r\n"),
    ("no method", b" /@T HTTP/1.1\r\n@H\r\n"),
    ("a method with brackets", b"G(T /@T HTTP/1.1\r\n@H\r\n"),
    ("a method with a NUL", b"GET\0 /@T HTTP/1.1\r\n@H\r\n"),
    ("a bad escape", b"GET /@T%zz HTTP/1.1\r\n@H\r\n"),
    ("half an escape", b"GET /@T%2 HTTP/1.1\r\n@H\r\n"),
    ("a bare percent sign", b"GET /@T% HTTP/1.1\r\n@H\r\n"),
    ("a bad escape in the query", b"GET /@T?a=%g0 HTTP/1.1\r\n@H\r\n"),
    ("a Microsoft escape", b"GET /@T%u0061 HTTP/1.1\r\n@H\r\n"),
    ("an escaped NUL", b"GET /@T%00 HTTP/1.1\r\n@H\r\n"),
    ("an escaped NUL in the query", b"GET /@T?a=%00 HTTP/1.1\r\n@H\r\n"),
    ("an escaped NUL, escaped", b"GET /@T%2500 HTTP/1.1\r\n@H\r\n"),
    ("no slash", b"GET @T HTTP/1.1\r\n@H\r\n"),
    ("a query alone", b"GET ?@T HTTP/1.1\r\n@H\r\n"),
    ("a fragment alone", b"GET #@T HTTP/1.1\r\n@H\r\n"),
    ("an authority alone", b"GET app.localhost:80 HTTP/1.1\r\n@HX: @T\r\n\r\n"),
    ("the star for GET", b"GET * HTTP/1.1\r\n@HX: @T\r\n\r\n"),
    ("the star with a tail", b"OPTIONS *@T HTTP/1.1\r\n@H\r\n"),
    ("another authority than the Host", b"GET http://evil.example/@T HTTP/1.1\r\n@H\r\n"),
    ("another port than the Host's", b"GET http://app.localhost:8080/@T HTTP/1.1\r\n@H\r\n"),
    ("user information", b"GET http://me@app.localhost/@T HTTP/1.1\r\n@H\r\n"),
    ("user information and password", b"GET http://me:pw@app.localhost/@T HTTP/1.1\r\n@H\r\n"),
    ("an authority without Host", b"GET http://app.localhost/@T HTTP/1.1\r\n\r\n"),
    ("another scheme", b"GET ftp://app.localhost/@T HTTP/1.1\r\n@H\r\n"),
    ("a scheme without authority", b"GET http:///@T HTTP/1.1\r\n@H\r\n"),
    ("a scheme of no hierarchy", b"GET mailto:@T HTTP/1.1\r\n@H\r\n"),
    // Methods that are not for applications (R3).
    ("CONNECT", b"CONNECT app.localhost:80 HTTP/1.1\r\n@HX: @T\r\n\r\n"),
    ("CONNECT with a path", b"CONNECT /@T HTTP/1.1\r\n@H\r\n"),
    ("CONNECT with a length", b"CONNECT app.localhost:80 HTTP/1.1\r\n@HX: @T\r\nContent-Length: 0\r\n\r\n"),
    ("TRACE", b"TRACE /@T HTTP/1.1\r\n@H\r\n"),
    ("TRACE *", b"TRACE * HTTP/1.1\r\n@HX: @T\r\n\r\n"),
    // Host (R3, R6).
    ("no Host", b"GET /@T HTTP/1.1\r\n\r\n"),
    ("no Host in HTTP/1.0", b"GET /@T HTTP/1.0\r\n\r\n"),
    ("an empty Host", b"GET /@T HTTP/1.1\r\nHost:\r\n\r\n"),
    ("two Hosts", b"GET /@T HTTP/1.1\r\n@HHost: evil.example\r\n\r\n"),
    ("the same Host twice", b"GET /@T HTTP/1.1\r\n@HHost: app.localhost\r\n\r\n"),
    ("two Hosts in HTTP/1.0", b"GET /@T HTTP/1.0\r\n@HHost: app.localhost\r\n\r\n"),
    ("two Hosts in one field", b"GET /@T HTTP/1.1\r\nHost: app.localhost, app.localhost\r\n\r\n"),
    ("a look-alike of Host", b"GET /@T HTTP/1.1\r\n@HHo_st: x\r\nhos_t: x\r\nConnection: host\r\n\r\n"),
    ("a Host of nobody", b"GET /@T HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
    ("a Host with user information", b"GET /@T HTTP/1.1\r\nHost: me@app.localhost\r\n\r\n"),
    ("a Host with a path", b"GET /@T HTTP/1.1\r\nHost: app.localhost/x\r\n\r\n"),
    ("a Host with a port too long", b"GET /@T HTTP/1.1\r\nHost: app.localhost:80:80\r\n\r\n"),
    // Hop by hop (R8, R9).
    ("Connection names Host", b"GET /@T HTTP/1.1\r\n@HConnection: close, Host\r\n\r\n"),
    ("Connection names Cookie", b"GET /@T HTTP/1.1\r\n@HConnection: Cookie\r\n\r\n"),
    ("Connection names Content-Length", b"POST /@T HTTP/1.1\r\n@HConnection: Content-Length\r\nContent-Length: 5\r\n\r\nabcde"),
    ("Connection names what this gateway sets", b"GET /@T HTTP/1.1\r\n@HConnection: X-Forwarded-For\r\n\r\n"),
    ("Connection names the origin", b"POST /@T HTTP/1.1\r\n@HConnection: Origin\r\nOrigin: http://evil.example\r\n\r\n"),
    ("another expectation", b"POST /@T HTTP/1.1\r\n@HExpect: 200-ok\r\nContent-Length: 5\r\n\r\nabcde"),
    ("a WebSocket by POST", b"POST /@T HTTP/1.1\r\n@HConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"),
    ("a WebSocket without a key", b"GET /@T HTTP/1.1\r\n@HConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n"),
    ("a WebSocket with a bad key", b"GET /@T HTTP/1.1\r\n@HConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n\r\n"),
    ("a WebSocket with two keys", b"GET /@T HTTP/1.1\r\n@HConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"),
    ("a WebSocket of another version", b"GET /@T HTTP/1.1\r\n@HConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 777\r\n\r\n"),
    ("a WebSocket with a body", b"GET /@T HTTP/1.1\r\n@HConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nContent-Length: 5\r\n\r\nabcde"),
    ("a WebSocket in HTTP/1.0", b"GET /@T HTTP/1.0\r\n@HConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"),
    // No HTTP/1 at all.
    ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"),
    ("a TLS hello", b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03"),
    ("nonsense", b"\x00\x01\x02\x03\r\n\r\n"),
    ("a PROXY line", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"),
];

/// Their heads are fine; what comes behind is not.
pub const BODIES: Table = &[
    ("a chunk size of letters", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n0\r\n\r\n"),
    ("a chunk size with a minus", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n"),
    ("a chunk size with a plus", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n"),
    ("a chunk size with 0x", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n"),
    ("a chunk size beyond 64 bits", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: chunked\r\n\r\n10000000000000003\r\nabc\r\n0\r\n\r\n"),
    ("a chunk size with an underscore", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: chunked\r\n\r\n0_3\r\nabc\r\n0\r\n\r\n"),
    ("no chunk size", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: chunked\r\n\r\n\r\nabc\r\n0\r\n\r\n"),
    ("no CRLF behind a chunk", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: chunked\r\n\r\n3\r\nabc0\r\n\r\n"),
    ("a chunk longer than it says", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n"),
    ("a bare LF behind a chunk size", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n"),
    ("a bare LF behind a chunk", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: chunked\r\n\r\n3\r\nabc\n0\r\n\r\n"),
    ("a bare CR behind a chunk size", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: chunked\r\n\r\n3\rabc\r\n0\r\n\r\n"),
    ("a bare LF in a chunk extension", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: chunked\r\n\r\n3;a\nabc\r\n0\r\n\r\n"),
    (
        "a bare LF in the last chunk's extension",
        b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: chunked\r\n\r\n0;a\n\r\n\r\nGET /smuggled-@T HTTP/1.1\r\n@H\r\n",
    ),
    ("a bare CR in a chunk extension", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: chunked\r\n\r\n3;a\rb\r\nabc\r\n0\r\n\r\n"),
    ("two sizes", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: chunked\r\n\r\n3 3\r\nabc\r\n0\r\n\r\n"),
    ("a bad trailer", b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: chunked\r\n\r\n0\r\nno colon\r\n\r\n"),
];

/// What every reader takes in one way, or in the one way that is left after writing it anew.
pub const ODD: Table = &[
    (
        "a length, then chunked, and a request in its shadow",
        b"POST /@T HTTP/1.1\r\n@HContent-Length: 60\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled-@T HTTP/1.1\r\n@H\r\n",
    ),
    (
        "chunked, then a length, and a request in its shadow",
        b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nGET /smuggled-@T HTTP/1.1\r\n@H\r\n",
    ),
    (
        "a length that ends before the chunks do",
        b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n28\r\nGET /smuggled-@T HTTP/1.1\r\nX: 123456789\r\n0\r\n\r\n",
    ),
    (
        "a second request behind the last chunk",
        b"POST /@T HTTP/1.1\r\n@HTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled-@T HTTP/1.1\r\n@H\r\n",
    ),
    ("an upgrade to h2c", b"GET /@T HTTP/1.1\r\n@HConnection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n"),
    ("an upgrade to TLS", b"GET /@T HTTP/1.1\r\n@HConnection: close, Upgrade\r\nUpgrade: TLS/1.0\r\n\r\n"),
    ("an upgrade to two things", b"GET /@T HTTP/1.1\r\n@HConnection: close, Upgrade\r\nUpgrade: websocket, h2c\r\n\r\n"),
    ("lone line feeds", b"GET /@T HTTP/1.1\nHost: app.localhost\nConnection: close\n\n"),
    ("a body for GET that looks like a request", b"GET /@T HTTP/1.1\r\n@HConnection: close\r\nContent-Length: 29\r\n\r\nGET /smuggled-@T HTTP/1.1\r\n\r\n"),
];

/// Too long to be written out (A1).
pub fn long() -> Vec<(&'static str, Vec<u8>)> {
    let filled = |begin: &str, fill: &str, end: &str, times: usize| {
        [
            begin.as_bytes(),
            fill.repeat(times).as_bytes(),
            end.as_bytes(),
        ]
        .concat()
    };
    vec![
        (
            "a target over 8 KiB",
            filled("GET /@T", "a", " HTTP/1.1\r\n@H\r\n", 8 * 1024 + 1),
        ),
        (
            "a target over 64 KiB",
            filled("GET /@T", "a", " HTTP/1.1\r\n@H\r\n", 64 * 1024 + 1),
        ),
        (
            "a field over 32 KiB",
            filled("GET /@T HTTP/1.1\r\n@HX: ", "a", "\r\n\r\n", 33 * 1024),
        ),
        (
            "fields over 32 KiB",
            filled(
                "GET /@T HTTP/1.1\r\n@H",
                &format!("X: {}\r\n", "a".repeat(1_000)),
                "\r\n",
                34,
            ),
        ),
        (
            "101 fields",
            filled("GET /@T HTTP/1.1\r\n@H", "X: a\r\n", "\r\n", 100),
        ),
        (
            "1,000 fields",
            filled("GET /@T HTTP/1.1\r\n@H", "X: a\r\n", "\r\n", 1_000),
        ),
        (
            "an endless method",
            filled("", "A", " /@T HTTP/1.1\r\n@H\r\n", 40_000),
        ),
        // More than five times over (R2).
        (
            "a target encoded too often",
            filled("GET /@T%", "25", "61 HTTP/1.1\r\n@H\r\n", 8),
        ),
        (
            "an endless chunk extension",
            filled(
                "POST /@T HTTP/1.1\r\nHost: evil.example\r\nTransfer-Encoding: chunked\r\n\r\n3;",
                "a",
                "\r\nabc\r\n0\r\n\r\n",
                40_000,
            ),
        ),
    ]
}
