"""
A TCP relay that garbles what a server says, at a byte and in a way that chance has chosen.

It stands between the proxy and a real server. Imports no paramiko of any name.
"""

from __future__ import annotations

import contextlib
import random
import select
import socket
import threading

from soak import mutations

LOOPBACK = "127.0.0.1"
LIMIT_S = 10.0

#: Said before the server's first byte, or in place of all it says.
BANNERS = (
    b"",
    b"SSH-2.0-",
    b"SSH-1.5-old\r\n",
    b"SSH-2.0-OpenSSH_9.9\r\n",
    b"SSH-2.0-" + b"x" * 300 + b"\r\n",
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"\r\n" * 50,
    b"x" * 70_000,
    b"\xff\xfe\r\n",
)


class Garbler:
    """
    Relay one connection, and garble what comes back.

    :param tuple server: address and port
    :param random.Random chance: what is drawn from
    :param int length: bytes that the server says in a whole session, roughly
    """

    def __init__(self, server: tuple[str, int], chance: random.Random, length: int) -> None:
        self._server = server
        self._chance = chance
        kinds = ("mutate", "mutate", "mutate", "random", "cut", "hang", "preface", "instead")
        self.kind = chance.choice(kinds)
        # As many in clear, which is the first third or so, as in what is encrypted.
        self._left = chance.randrange(chance.choice((length // 3, length)))
        self._listener = socket.create_server((LOOPBACK, 0))
        self._listener.settimeout(LIMIT_S)
        self._wake, self._waker = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Return the port on loopback that leads to the server."""
        port: int = self._listener.getsockname()[1]
        return port

    def close(self) -> None:
        """End it, in `LIMIT_S` at the most."""
        self._waker.close()
        self._listener.close()
        self._thread.join(LIMIT_S)
        self._wake.close()

    def _run(self) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as ends:
            if self._wake in select.select([self._listener, self._wake], [], [], LIMIT_S)[0]:
                return
            client = ends.enter_context(self._listener.accept()[0])
            server = ends.enter_context(socket.create_connection(self._server, LIMIT_S))
            if self.kind in ("preface", "instead"):
                client.sendall(self._chance.choice(BANNERS))
            if self.kind == "instead":
                client.sendall(self._chance.randbytes(self._chance.randrange(4096)))
            self._relay(client, server)

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        while True:
            ready = select.select([client, server, self._wake], [], [], LIMIT_S)[0]
            if self._wake in ready or not ready:
                return
            if client in ready:
                data = client.recv(65536)
                if not data:
                    return
                server.sendall(data)
            if server in ready:
                data = server.recv(65536)
                if not data:
                    return
                if self.kind != "instead":
                    client.sendall(self._garble(data))
                if self.kind == "cut" and not self._left:
                    return

    def _garble(self, data: bytes) -> bytes:
        """Return what is passed on."""
        before, at = data[: self._left], data[self._left :]
        self._left -= len(before)
        if not at or self.kind == "preface":
            return data
        if self.kind in ("cut", "hang"):
            return before
        if self.kind == "random":
            return before + self._chance.randbytes(len(at))
        self._left = self._chance.randrange(1, 4000)
        return before + mutations.mutate(self._chance, at[:64]) + at[64:]
