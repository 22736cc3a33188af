"""Bandwidth's SDK for Python, unmodified: one call a line of JSON on the standard input, what came of it on the standard output.

The generation is told by what is installed: 14 (bandwidth.bandwidth_client) or 23 (bandwidth.MFAApi).
"""

import json
import sys

url = sys.argv[1]


class Newer:
    """bandwidth-sdk 23."""

    def __init__(self, user, password, oauth):
        from bandwidth import ApiClient, Configuration, MFAApi

        login = (
            dict(client_id=user, client_secret=password, access_token_url=url + "/oauth2/token")
            if oauth
            else dict(username=user, password=password)
        )
        configuration = Configuration(host=url, ignore_operation_servers=True, **login)
        self.api = MFAApi(ApiClient(configuration))

    def call(self, name, account, body):
        from bandwidth.models import CodeRequest, VerifyCodeRequest

        if name == "verify":
            return {"valid": self.api.verify_code(account, VerifyCodeRequest.from_dict(body)).valid}
        order = CodeRequest.from_dict(body)
        if name == "voice":
            return {"callId": self.api.generate_voice_code(account, order).call_id}
        return {"messageId": self.api.generate_messaging_code(account, order).message_id}

    @staticmethod
    def failure(error):
        return {"status": error.status, "body": json.loads(error.body)}


class Older:
    """bandwidth-sdk 14."""

    def __init__(self, user, password, _oauth):
        from bandwidth.bandwidth_client import BandwidthClient
        from bandwidth.configuration import Environment

        client = BandwidthClient(
            environment=Environment.CUSTOM,
            base_url=url,
            multi_factor_auth_basic_auth_user_name=user,
            multi_factor_auth_basic_auth_password=password,
        )
        self.api = client.multi_factor_auth_client.mfa

    def call(self, name, account, body):
        from bandwidth.multifactorauth.models.two_factor_code_request_schema import TwoFactorCodeRequestSchema
        from bandwidth.multifactorauth.models.two_factor_verify_request_schema import TwoFactorVerifyRequestSchema

        if name == "verify":
            question = TwoFactorVerifyRequestSchema.from_dictionary({"applicationId": "66fd98ae", **body})
            return {"valid": self.api.create_verify_two_factor(account, question).body.valid}
        order = TwoFactorCodeRequestSchema.from_dictionary(body)
        if name == "voice":
            return {"callId": self.api.create_voice_two_factor(account, order).body.call_id}
        return {"messageId": self.api.create_messaging_two_factor(account, order).body.message_id}

    @staticmethod
    def failure(error):
        return {"status": error.response_code, "body": json.loads(error.response.text)}


try:
    from bandwidth import MFAApi as _  # noqa: F401

    Sdk = Newer
except ImportError:
    Sdk = Older

clients = {}
for line in sys.stdin:
    asked = json.loads(line)
    login = (asked["user"], asked["password"], asked["oauth"])
    if login not in clients:
        clients[login] = Sdk(*login)
    try:
        told = {"status": 200, "body": clients[login].call(asked["call"], asked["account"], asked["body"])}
    except Exception as error:
        if not hasattr(error, "status") and not hasattr(error, "response_code"):
            raise
        told = {"raised": type(error).__name__, **Sdk.failure(error)}
    print(json.dumps(told), flush=True)
