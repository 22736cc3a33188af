"""aiosmtpd as a mail server for the tests of the email adapter: smtp.py starttls|implicit|none CERT KEY

Prints its port, then a line of JSON for every greeting, every login and every mail. Who a mail is for says what happens
to it: nobody@ is unknown, later@ comes too early, silence@ is taken and never acknowledged.
"""

import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


def tell(**what):
    print(json.dumps(what), flush=True)


class Handler:
    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        tell(ehlo=hostname, private=is_private(session))
        return responses

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return f"550 5.1.1 {address} is not here"
        if address.startswith("later@"):
            return "451 4.3.0 not now"
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        tell(
            private=is_private(session),
            known=bool(session.authenticated),
            envelope=[envelope.mail_from, *envelope.rcpt_tos],
            head=[[name, str(value)] for name, value in mail.items()],
            defects=[repr(defect) for defect in mail.defects],
            text=mail.get_content(),
        )
        if envelope.rcpt_tos[0].startswith("silence@"):
            await asyncio.Event().wait()
        return "250 taken"


def is_private(session):
    return session.ssl is not None or sys.argv[1] == "implicit"


def authenticate(server, session, envelope, mechanism, data):
    right = (data.login, data.password) == (b"portal@example.com", "öffne dich".encode())
    tell(login=mechanism, private=is_private(session), right=right)
    # Without `handled` the server answers by itself: 235, or 535.
    return AuthResult(success=right, handled=False)


async def main():
    kind, certificate, key = sys.argv[1:]
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)

    def serve():
        return SMTP(
            Handler(),
            hostname="localhost",
            tls_context=tls if kind == "starttls" else None,
            require_starttls=kind == "starttls",
            authenticator=authenticate,
            auth_require_tls=kind == "starttls",
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        serve, "localhost", 0, ssl=tls if kind == "implicit" else None
    )
    tell(port=server.sockets[0].getsockname()[1])
    await server.serve_forever()


asyncio.run(main())
