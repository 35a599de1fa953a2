"""The headers that prove who sent a message, as the Standard Webhooks specify them."""

import base64
import hashlib
import hmac

from snowmelt.stores.webhooks import key_of


def signed_headers(secret: str, message_id: str, seconds: int, body: bytes) -> dict[str, str]:
    """The three headers of a message.

    Args:
        secret: the endpoint's.
        message_id: the same for every attempt, so that receivers can tell a repetition.
        seconds: when this attempt is made, since the epoch; receivers refuse what is old.
        body: as it is sent, to the byte.

    >>> secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    >>> signed_headers(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)["webhook-signature"]
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    signed = b".".join((message_id.encode(), str(seconds).encode(), body))
    digest = hmac.digest(key_of(secret), signed, hashlib.sha256)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
