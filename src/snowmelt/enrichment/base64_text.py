"""Base64 as trackers write it: either alphabet, with or without padding."""

import re
from base64 import urlsafe_b64encode
from binascii import a2b_base64

_OTHER = re.compile(r"[^A-Za-z0-9+/]")
_STANDARD = str.maketrans("-_", "+/")


def decode_base64(text: str) -> str:
    """The text in a base64 text; never fails.

    Foreign characters are skipped, reading stops at the first ``=``, a lone last character is dropped, and
    bytes that are not UTF-8 become U+FFFD.

    >>> decode_base64("eyJhIjoiw5gifQ"), decode_base64("e yJhI*joiw5gifQ==rest")
    ('{"a":"Ø"}', '{"a":"Ø"}')
    """
    body = _OTHER.sub("", text.partition("=")[0].translate(_STANDARD))
    if len(body) % 4 == 1:
        body = body[:-1]
    return a2b_base64(body + "=" * (-len(body) % 4)).decode("utf-8", "replace")


def encode_base64(data: bytes) -> str:
    """The URL-safe base64 of some bytes, without padding.

    >>> encode_base64(b"?>")
    'Pz4'
    """
    return urlsafe_b64encode(data).rstrip(b"=").decode()
