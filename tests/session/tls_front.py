"""
A TLS server that passes what it decrypts to an SSH server, as some gateways do.

Used by the test of sockets that have a buffer of their own; imports no paramiko of any name.
"""

from __future__ import annotations

import asyncio
import datetime
import ssl
import threading
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOOPBACK = "127.0.0.1"
NAME = "localhost"

#: The longest that starting and ending may take.
LIMIT_S = 10.0


def write_certificate(path: Path) -> None:
    """
    Write a private key and a certificate of its own for `NAME` into one file.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    today = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - day)
        .not_valid_after(today + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )


class TlsFront:
    """
    Serve TLS on a free port of loopback while the ``with`` block lasts.

    :param ssl.SSLContext context: of the server's side
    :param tuple server: address and port of what stands behind
    """

    def __init__(self, context: ssl.SSLContext, server: tuple[str, int]) -> None:
        self._context, self._server = context, server
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.port = 0

    def __enter__(self) -> TlsFront:
        self._thread.start()
        assert self._ready.wait(LIMIT_S)
        return self

    def __exit__(self, *unused: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(LIMIT_S)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._over = asyncio.Event()  # here: Python 3.9 binds it to the loop that runs
        served = await asyncio.start_server(
            self._relay, LOOPBACK, 0, ssl=self._context, limit=2**20
        )
        self.port = served.sockets[0].getsockname()[1]
        self._ready.set()
        await self._over.wait()
        served.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _relay(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        reader, writer = await asyncio.open_connection(*self._server)

        async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
            sink.close()

        try:
            await asyncio.gather(
                pass_on(client, writer), pass_on(reader, answer), return_exceptions=True
            )
        finally:
            writer.close()
            answer.close()
