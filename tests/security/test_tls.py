"""HTTPS by the server itself, with a certificate that is made for the test."""

import ipaddress
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from attacks import counted, dial
from conftest import Server

pytestmark = pytest.mark.process


def make_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for this machine that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / f"{name}.pem", folder / f"{name}.key"
    certificate_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_file, key_file


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("certificates"), "snowmelt")


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory, certificate: tuple[Path, Path]) -> Iterator[Server]:
    """A server that speaks HTTPS."""
    folder = tmp_path_factory.mktemp("tls") / "data"
    server = Server(folder, "--tls-cert", str(certificate[0]), "--tls-key", str(certificate[1]))
    yield server
    server.close()


def test_the_server_speaks_https_with_the_certificate(encrypted: Server, certificate: tuple[Path, Path]) -> None:
    assert encrypted.url.startswith("https://127.0.0.1:")
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    with httpx.Client(base_url=encrypted.url, verify=trusting, trust_env=False) as client:
        assert client.get("/health").text == "ok"
        assert client.get("/i?e=pv&p=web").status_code == 200
        authorized = {"Authorization": f"Bearer {encrypted.token}"}
        assert client.get("/api/v1/registry/services", headers=authorized).json() == []
        with client.stream("GET", "/api/v1/interventions?domain_userid=00000000-0000-4000-8000-000000000001") as stream:
            assert next(stream.iter_bytes()).startswith(b": connected")


def test_who_does_not_trust_the_certificate_does_not_connect(encrypted: Server) -> None:
    with httpx.Client(trust_env=False) as client, pytest.raises(httpx.ConnectError, match="certificate verify failed"):
        client.get(f"{encrypted.url}/health")


def test_plain_http_and_old_versions_are_refused(encrypted: Server, certificate: tuple[Path, Path]) -> None:
    with dial(encrypted.url) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        with suppress(ConnectionError):
            assert b"200" not in connection.recv(1024)
    counted(0, "plain HTTP to HTTPS")
    context = ssl.create_default_context(cafile=str(certificate[0]))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with dial(encrypted.url) as connection, context.wrap_socket(connection, server_hostname="127.0.0.1") as secure:
        assert secure.version() in ("TLSv1.2", "TLSv1.3")
    # Ask for 1.1 in a hello of one's own: the library here would not.
    hello = (
        bytes.fromhex("16030200 31 0100002d 0302".replace(" ", ""))
        + b"\x01" * 32
        + bytes.fromhex("000006002f0035000a0100")
    )
    with dial(encrypted.url) as connection:
        connection.sendall(hello)
        try:
            answer = connection.recv(1024)
        except ConnectionError:
            answer = b""
    assert not answer or answer[0] == 0x15, "an alert, and no handshake"


def test_commands_find_the_server(encrypted: Server, certificate: tuple[Path, Path]) -> None:
    """With the certificate's authority known to them; doctor needs no trust, since it sends nothing."""

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SNOWMELT_")}
        return subprocess.run(
            [sys.executable, "-m", "snowmelt", *arguments, "--data-dir", str(encrypted.data_dir)],
            capture_output=True, text=True, env=environment | more, timeout=60,
        )  # fmt: skip

    assert f"the server at {encrypted.url} answers 200" in run("doctor").stdout
    refused = run("get", "nothing", "user_id", "x")
    assert refused.returncode and "certificate verify failed" in refused.stderr
    trusted = run("get", "nothing", "user_id", "x", SSL_CERT_FILE=str(certificate[0]))
    assert "certificate" not in trusted.stderr and "nothing" in trusted.stderr


@pytest.mark.parametrize("what", ["no key", "no certificate", "absent", "foreign key", "no PEM"])
def test_what_cannot_be_used_is_told_before_anything_starts(
    tmp_path: Path, certificate: tuple[Path, Path], what: str
) -> None:
    file, key = certificate
    foreign = make_certificate(tmp_path, "foreign")[1]
    (tmp_path / "text").write_text("this is no certificate")
    arguments, said = {
        "no key": (["--tls-cert", str(file)], "give both --tls-cert and --tls-key"),
        "no certificate": (["--tls-key", str(key)], "give both --tls-cert and --tls-key"),
        "absent": (["--tls-cert", "absent.pem", "--tls-key", str(key)], "absent.pem cannot be read"),
        "foreign key": (["--tls-cert", str(file), "--tls-key", str(foreign)], "of that certificate"),
        "no PEM": (["--tls-cert", str(tmp_path / "text"), "--tls-key", str(key)], "must be PEM files"),
    }[what]
    done = subprocess.run(
        [sys.executable, "-m", "snowmelt", "serve", "--port", "0", "--data-dir", str(tmp_path / "data"), *arguments],
        capture_output=True, text=True, cwd=tmp_path, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert said in " ".join(done.stderr.split())
    assert not (tmp_path / "data" / "sandbox.token").exists()
