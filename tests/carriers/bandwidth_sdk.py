"""Sends by Bandwidth's own SDK what our adapter sent: argv is the operation and the host, standard input our body."""

import json
import sys

from bandwidth import ApiClient, CallsApi, Configuration, MessagesApi, MFAApi
from bandwidth.models import CodeRequest, CreateCall, MessageRequest, VerifyCodeRequest

operation, host, *client = sys.argv[1:]
ours = json.load(sys.stdin)

# Without the last switch the SDK goes to the production host of each operation.
if client:
    login = {"client_id": "client", "client_secret": "s:ecret", "access_token_url": client[0]}
else:
    login = {"username": "api-user", "password": "password"}
api = ApiClient(Configuration(host=host, ignore_operation_servers=True, **login))

model, send = {
    "message": (MessageRequest, MessagesApi(api).create_message),
    "call": (CreateCall, CallsApi(api).create_call),
    "code_by_text": (CodeRequest, MFAApi(api).generate_messaging_code),
    "code_by_call": (CodeRequest, MFAApi(api).generate_voice_code),
    "verify": (VerifyCodeRequest, MFAApi(api).verify_code),
}[operation]

# A name that the SDK does not know would be dropped here, and be missing in what it sends.
names = {field.alias or name: name for name, field in model.model_fields.items()}
send("9900000", model(**{names[key]: value for key, value in ours.items() if key in names}))
