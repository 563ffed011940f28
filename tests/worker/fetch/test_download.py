"""Downloads from servers that misbehave, through the real dialer and real sockets."""

import asyncio
import datetime
import gzip
import hashlib
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from jobs.settings import Settings
from tests.worker.fetch.server import Answer, Server, answer, jpeg, redirect, serving
from worker.errors import ImageRefused
from worker.fetch.dialer import Dialer
from worker.fetch.download import Downloader
from worker.fetch.fetched import Fetched
from worker.fetch.places import Places

LOOPBACK = (ipaddress.ip_network("127.0.0.1/32"),)
PICTURE = jpeg()
LIMITS = {
    "connect_seconds": 2,
    "read_seconds": 0.3,
    "fetch_seconds": 1,
    "max_picture_bytes": 100_000,
    "max_redirects": 3,
}


class Names(AbstractResolver):
    """A resolver that says what a test wants, answer after answer, the last one again and again."""

    def __init__(self, **addresses: Sequence[Sequence[str]]) -> None:
        self._addresses = {name: list(answers) for name, answers in addresses.items()}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        answers = self._addresses[host.removesuffix(".example")]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            ResolveResult(
                hostname=host, host=one, port=port, family=socket.AF_INET, proto=0, flags=0
            )
            for one in found
        ]

    async def close(self) -> None:
        """Nothing is open."""


async def fetch(
    url: str,
    *,
    dialer: Dialer | None = None,
    headers: Mapping[str, str] | None = None,
) -> Fetched:
    downloader = Downloader(Settings(**LIMITS), dialer or Dialer(LOOPBACK), Places(4, 2))
    try:
        async with downloader.open(url, headers or {}) as fetched:
            return fetched
    finally:
        await downloader.close()


async def refusal(url: str, dialer: Dialer | None = None) -> ImageRefused:
    with pytest.raises(ImageRefused) as refused:
        await fetch(url, dialer=dialer)
    assert refused.value.message
    return refused.value


def with_server(
    answers: Mapping[str, Answer],
    story: Callable[[Server], Awaitable[None]],
    tls: ssl.SSLContext | None = None,
) -> None:
    async def run() -> None:
        async with serving(answers, tls) as server:
            await story(server)

    asyncio.run(run())


def test_a_picture_is_fetched_with_its_hash() -> None:
    async def story(server: Server) -> None:
        fetched = await fetch(server.url("/a.jpg"))
        assert fetched.data == PICTURE
        assert fetched.sha256 == hashlib.sha256(PICTURE).hexdigest()

    with_server({"/a.jpg": answer(PICTURE)}, story)


def test_we_say_who_we_are_and_ask_for_plain_bytes() -> None:
    async def story(server: Server) -> None:
        await fetch(server.url("/a.jpg"))
        head = server.seen[0].lower()
        assert "user-agent: captions/" in head
        assert "accept-encoding: identity" in head
        assert f"host: 127.0.0.1:{server.port}" in head
        assert "cookie" not in head

    with_server({"/a.jpg": answer(PICTURE, Set_Cookie="a=b")}, story)


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (answer(status=404), "http_404"),
        (answer(status=410), "http_410"),
        (answer(status=503), "http_5xx"),
        (answer(b""), "empty"),
        (answer(b"<!doctype html>" + b" " * 200), "not_a_picture"),
        (answer(PICTURE, length=10**12), "too_large"),
        (answer(bytes(10), length=-5), "connection_failed"),
        (answer(gzip.compress(bytes(10**6)), Content_Encoding="gzip"), "unsupported_format"),
        (b"this is not HTTP\r\n\r\n", "connection_failed"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"x" * 100_000 + b"\r\n\r\n", "connection_failed"),
    ],
)
def test_a_bad_answer_has_its_code(found: bytes, code: str) -> None:
    async def story(server: Server) -> None:
        assert (await refusal(server.url("/a.jpg"))).code == code

    with_server({"/a.jpg": found}, story)


def test_a_pause_that_the_server_asks_for_is_handed_on() -> None:
    async def story(server: Server) -> None:
        error = await refusal(server.url("/a.jpg"))
        assert (error.code, error.delay) == ("http_429", 17.0)

    with_server({"/a.jpg": answer(status=429, Retry_After="17")}, story)


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1000\r\n" + PICTURE[:3] + bytes(0x1000 - 3) + b"\r\n")
        await writer.drain()


async def silent(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def dripping(writer: asyncio.StreamWriter) -> None:
    writer.write(answer(b"", length=len(PICTURE)))
    for byte in PICTURE:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)


async def breaking_off(writer: asyncio.StreamWriter) -> None:
    writer.write(answer(PICTURE[:100], length=len(PICTURE)))
    await writer.drain()
    writer.close()


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (endless, "too_large"),
        (silent, "timeout"),
        (dripping, "timeout"),
        (breaking_off, "connection_failed"),
    ],
)
def test_a_server_that_wastes_our_time_is_left(behaviour: Answer, code: str) -> None:
    async def story(server: Server) -> None:
        assert (await refusal(server.url("/a.jpg"))).code == code

    with_server({"/a.jpg": behaviour}, story)


def test_nobody_listening_is_a_failed_connection() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = asyncio.run(refusal(f"http://127.0.0.1:{port}/"))
    assert error.code == "connection_failed"


def test_a_name_that_nobody_knows() -> None:
    assert asyncio.run(refusal("http://nobody.invalid/")).code == "dns_failed"


# Addresses: nothing reaches the server


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::1]"])
def test_an_inner_address_is_refused_before_anything_is_sent(host: str) -> None:
    async def story(server: Server) -> None:
        error = await refusal(server.url("/a.jpg", host), Dialer(()))
        assert error.code == "address_not_allowed"
        assert "public" in error.message
        assert server.seen == []

    with_server({"/a.jpg": answer(PICTURE)}, story)


def test_a_name_with_one_inner_address_among_its_answers_is_a_trap() -> None:
    async def story(server: Server) -> None:
        names = Names(trap=[["127.0.0.1", "169.254.169.254"]])
        error = await refusal(server.url("/a.jpg", "trap.example"), Dialer(LOOPBACK, names))
        assert error.code == "address_not_allowed"
        # Whoever asks does not learn what our side's DNS knows
        assert "169.254" not in error.message
        assert server.seen == []

    with_server({"/a.jpg": answer(PICTURE)}, story)


def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    # Given a name that is harmless when first asked, and points inside when asked again
    async def story(server: Server) -> None:
        names = Names(rebinding=[["127.0.0.1"], ["169.254.169.254"]])
        # When its picture is fetched
        url = server.url("/a.jpg", "rebinding.example")
        fetched = await fetch(url, dialer=Dialer(LOOPBACK, names))
        # Then it was asked once, and the name stayed in Host
        assert fetched.data == PICTURE
        assert names.asked == ["rebinding.example"]
        assert f"Host: rebinding.example:{server.port}" in server.seen[0]

    with_server({"/a.jpg": answer(PICTURE)}, story)


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ("http://169.254.169.254/latest/meta-data/", "address_not_allowed"),
        ("http://127.0.0.2/", "address_not_allowed"),
        ("http://[::ffff:169.254.169.254]/", "address_not_allowed"),
        ("http://2852039166/", "address_not_allowed"),
        ("http://inner.example/", "address_not_allowed"),
        ("file:///etc/passwd", "scheme_not_allowed"),
        ("http://user@127.0.0.1/", "url_not_valid"),
        ("http://[", "url_not_valid"),
    ],
)
def test_every_hop_of_a_redirect_keeps_the_rules(to: str, code: str) -> None:
    async def story(server: Server) -> None:
        names = Names(inner=[["10.0.0.1"]])
        assert (await refusal(server.url("/a"), Dialer(LOOPBACK, names))).code == code

    with_server({"/a": redirect(to)}, story)


def test_redirects_are_followed_up_to_a_limit() -> None:
    chain = {f"/{number}": redirect(f"/{number + 1}", 307) for number in range(4)}

    async def story(server: Server) -> None:
        assert (await fetch(server.url("/1"))).data == PICTURE
        assert (await refusal(server.url("/0"))).code == "too_many_redirects"
        assert (await refusal(server.url("/loop"))).code == "too_many_redirects"

    with_server({**chain, "/4": answer(PICTURE), "/loop": redirect("/loop")}, story)


def test_headers_of_a_job_go_to_the_host_of_its_url_and_to_nobody_else() -> None:
    async def story(server: Server) -> None:
        names = Names(one=[["127.0.0.1"]], other=[["127.0.0.1"]])
        answers["/a"] = redirect("/b")
        answers["/b"] = redirect(server.url("/c", "other.example"))
        await fetch(
            server.url("/a", "one.example"),
            dialer=Dialer(LOOPBACK, names),
            headers={"Authorization": "Bearer secret", "Accept-Encoding": "gzip", "Host": "x"},
        )
        first, same_host, other_host = server.seen
        assert "Bearer secret" in first
        assert "Bearer secret" in same_host
        assert "Bearer secret" not in other_host
        assert "gzip" not in first
        assert "Host: one.example" in first

    answers: dict[str, Answer] = {"/c": answer(PICTURE)}
    with_server(answers, story)


def test_a_proxy_in_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    async def story(server: Server) -> None:
        assert (await fetch(server.url("/a.jpg"))).data == PICTURE

    with_server({"/a.jpg": answer(PICTURE)}, story)


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(tmp_path: Path) -> None:
    async def story(server: Server) -> None:
        assert (await refusal(server.url("/a.jpg"))).code == "tls_failed"
        assert server.seen == []

    with_server({"/a.jpg": answer(PICTURE)}, story, certificate(tmp_path, "127.0.0.1"))


def test_a_trusted_certificate_for_another_name_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(server: Server) -> None:
        names = Names(right=[["127.0.0.1"]], wrong=[["127.0.0.1"]])
        dialer = Dialer(LOOPBACK, names)
        assert (await refusal(server.url("/a.jpg", "wrong.example"), dialer)).code == "tls_failed"
        fetched = await fetch(server.url("/a.jpg", "right.example"), dialer=dialer)
        assert fetched.data == PICTURE

    context = certificate(tmp_path, "right.example")
    trusting = ssl.create_default_context(cafile=str(tmp_path / "certificate.pem"))
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", trusting)
    with_server({"/a.jpg": answer(PICTURE)}, story, context)


def certificate(folder: Path, name: str) -> ssl.SSLContext:
    """A server's context with a self-signed certificate for `name`."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context
