"""Who cannot prove by a certificate who it is gets no credentials, and no option changes that."""

from __future__ import annotations

import ipaddress
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from werkzeug.serving import WSGIRequestHandler, make_server

from mi_sync.cli import invoke
from mi_sync.errors import ConfigError, Unavailable
from mi_sync.http import Http, Window, Wire

NOW = datetime.now(UTC)
TOKEN = "invented-token"


_NO_USE = dict.fromkeys(
    (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    ),
    False,
)  # fmt: skip


def certificate(
    path: Path,
    *,
    host: str = "127.0.0.1",
    begins: datetime = NOW - timedelta(days=1),
    lasts: timedelta = timedelta(days=2),
) -> Path:
    """A certificate that vouches for itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mi-sync test")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), begins, begins + lasts)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**{**_NO_USE, "digital_signature": True, "key_cert_sign": True}), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return path


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002  werkzeug's signature
        pass


@dataclass
class Listener:
    url: str
    seen: list[str] = field(default_factory=list)


@contextmanager
def listening(cert: Path) -> Iterator[Listener]:
    def app(environ: dict[str, Any], start_response: Any) -> Sequence[bytes]:
        listener.seen.append(environ.get("HTTP_AUTHORIZATION", ""))
        start_response("200 OK", [("Content-Type", "application/json")])
        return [b"[1]"]

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert)
    server = make_server("127.0.0.1", 0, app, request_handler=_Quiet, ssl_context=context)
    listener = Listener(f"https://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield listener
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def no_pause(seconds: float) -> None:
    raise AssertionError(f"what is not trusted now is not trusted after {seconds} s")


def session(url: str) -> Http:
    wire = Wire(sleep=no_pause)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return Http(url, headers=headers, secrets=[TOKEN], wire=wire, window=Window(100, 10), name="Board")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("verb", ["get", "post", "put"])
def test_a_server_that_vouches_for_itself_gets_no_credentials(tmp_path: Path, verb: str) -> None:
    with listening(certificate(tmp_path / "own.pem")) as listener:
        call = getattr(session(listener.url), verb)
        with pytest.raises(Unavailable, match=r"certificate is not trusted.*self-signed.*Nothing was sent.*CA_BUNDLE"):
            call("/cards", *([] if verb == "get" else [{}]))
    assert listener.seen == []


def test_the_authority_of_a_network_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cert = certificate(tmp_path / "own.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(cert))
    with listening(cert) as listener:
        assert session(listener.url).get("/cards") == [1]
    assert listener.seen == [f"Bearer {TOKEN}"]


@pytest.mark.parametrize(("content", "why"), [(None, "No such file"), ("no certificate", "no certificate or crl")])
@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_bundle_that_is_none_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: str | None, why: str
) -> None:
    if content is not None:
        (tmp_path / "bundle.pem").write_text(content, "utf-8")
    monkeypatch.setenv(name, str(tmp_path / "bundle.pem"))
    with (
        listening(certificate(tmp_path / "own.pem")) as listener,
        pytest.raises(ConfigError, match=rf"(?s){name}.*names no file of certificates: .*{why}.*unset it"),
    ):
        session(listener.url).get("/cards")


def test_a_bundle_is_read_once_and_not_for_this_computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str | None] = []
    whole = ssl.create_default_context

    def reading(**of: Any) -> ssl.SSLContext:
        read.append(of["cafile"])
        return whole(**of)

    monkeypatch.setattr(ssl, "create_default_context", reading)
    cert = certificate(tmp_path / "own.pem")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(cert))
    with pytest.raises(Unavailable, match="refused"):
        Http(
            "http://127.0.0.1:1",
            headers={},
            secrets=[],
            wire=Wire(sleep=lambda _: None),
            window=Window(100, 10),
            name="B",
        ).get("/")
    assert read == []
    with listening(cert) as listener:
        assert session(listener.url).get("/cards") == [1]
    assert read == [str(cert)]


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"host": "127.0.0.2"}, "IP address mismatch"),
        ({"begins": NOW - timedelta(days=9)}, "expired"),
        ({"begins": NOW + timedelta(days=9)}, "not yet valid"),
    ],
)
def test_a_trusted_authority_makes_no_wrong_certificate_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: dict[str, Any], why: str
) -> None:
    cert = certificate(tmp_path / "own.pem", **other)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(cert))
    with listening(cert) as listener, pytest.raises(Unavailable, match=why):
        session(listener.url).get("/cards")
    assert listener.seen == []


CONFIG = """
[programme]
id = "spring-2026-7f3k9q"
timezone = "UTC"
[[targets]]
name = "board"
connector = "trello"
board = "AbCd1234"
key = { env = "TRELLO_KEY" }
token = { env = "TRELLO_TOKEN" }
"""


def test_a_run_against_such_a_server_is_5_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRELLO_KEY", "0" * 32)
    monkeypatch.setenv("TRELLO_TOKEN", "f" * 64)
    with listening(certificate(tmp_path / "own.pem")) as listener:
        (tmp_path / "config.toml").write_text(f'{CONFIG}api_url = "{listener.url}/1"\n', "utf-8")
        assert invoke(["run", "--config", str(tmp_path / "config.toml")]) == 5
    told = capsys.readouterr().err
    assert "certificate is not trusted" in told
    assert "f" * 64 not in told
    assert listener.seen == []
