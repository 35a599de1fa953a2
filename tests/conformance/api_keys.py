"""Reading with an API key in every way a client has; prints what each way gave, once more after each line it is told.

The vendor's client has the address of its token endpoint built in. There its request is led to this server, the
way that users do who cannot change the name service; Snowmelt's client asks the server at its address by itself.
"""

import json
import os
import sys
from typing import Any

import httpx

from snowplow_signals import Service, Signals, SignalsAPIError, SignalsSandbox

URL, TOKEN = os.environ["SIGNALS_URL"], os.environ["READER_TOKEN"]
KEY = {
    "api_key": os.environ["READER_KEY"],
    "api_key_id": os.environ["READER_KEY_ID"],
    "org_id": os.environ["READER_ORGANIZATION"],
}


def led_here(signals: Any) -> Any:
    if hasattr(signals, "api_client"):
        import snowplow_signals.api_client as module

        asked = module.httpx.get

        def get(url: str, **options: Any) -> Any:
            return asked(f"{URL}/{url.split('/', 3)[3]}", **options)

        module.httpx.get = get
    return signals


def with_a_token_set(signals: Any) -> Any:
    if hasattr(signals, "api_client"):
        signals.api_client.token = TOKEN
    return signals


clients = {
    "token as sandbox token": SignalsSandbox(api_url=URL, sandbox_token=TOKEN),
    "key as sandbox token": SignalsSandbox(api_url=URL, sandbox_token=KEY["api_key"]),
    "token set": with_a_token_set(Signals(api_url=URL, **KEY)),
    "token fetched": led_here(Signals(api_url=URL, **KEY)),
}


def tried(call: Any) -> Any:
    try:
        return call()
    except SignalsAPIError as error:
        return {"status": error.status_code}
    except httpx.HTTPStatusError as error:  # how the vendor's client tells that no token was given
        return {"status": error.response.status_code}


def read(signals: Any) -> Any:
    return signals.get_service_attributes(name="ecom_attributes", attribute_key="domain_userid", identifier="nobody")


def write(signals: Any) -> Any:
    links: Any = [{"name": "ecom_attributes", "version": 1}]
    return signals.publish([Service(name="mine", attribute_groups=links, owner="user@company.com")])


print(json.dumps({name: [tried(lambda s=s: read(s)), tried(lambda s=s: write(s))] for name, s in clients.items()}))
for _ in sys.stdin:
    print(json.dumps({name: tried(lambda s=s: read(s)) for name, s in clients.items()}))
