"""HTTPS by the server itself."""

import ssl
from pathlib import Path

from snowmelt.settings import Settings
from snowmelt.stores.errors import StoreError


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """What encrypts connections, None if the settings name no certificate. TLS 1.2 at least.

    Args:
        settings: name the certificate, with those that lead to its authority, and its key, both in PEM.

    Raises:
        StoreError: one of them is missing, cannot be read, or does not fit the other.
    """
    certificate, key = settings.tls_cert, settings.tls_key
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise StoreError("TLS needs a certificate and its key: give both --tls-cert and --tls-key")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    for path in (certificate, key):
        _readable(path)
    try:
        # Asked for a password nobody could type it: the web processes have no terminal.
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except (ssl.SSLError, OSError) as error:
        raise StoreError(
            f"the certificate {certificate} and the key {key} cannot be used ({error}): both must be PEM files, the "
            "key without a password and of that certificate"
        ) from error
    return context


def _readable(path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
