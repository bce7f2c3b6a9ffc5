"""
A TCP relay with a valve in each direction, to stand between a bastion and a host.

Closing a valve stalls that direction and nothing else: the connection lives, everybody on the way
is healthy, and nothing gets through. Real networks do this when a firewall forgets a connection.
Used by the tests of this folder through the fixture ``valve``; imports no paramiko of any name.
"""

from __future__ import annotations

import contextlib
import socket
import threading

LOOPBACK = "127.0.0.1"

#: The longest that opening and closing may take.
LIMIT_S = 10.0


class Valve:
    """
    Relay one connection at a time to a server, until `close`.

    :param str address: of the server
    :param int port: of the server

    Thread-safety: any thread may turn the valves.
    """

    def __init__(self, address: str, port: int) -> None:
        self.to_server, self.to_client = threading.Event(), threading.Event()
        self.to_server.set()
        self.to_client.set()
        #: Something has come to a closed valve.
        self.held = threading.Event()
        self._server = (address, port)
        self._listener = socket.create_server((LOOPBACK, 0))
        self._sockets = [self._listener]
        self._threads: list[threading.Thread] = []
        self._closed = False
        self._start(self._accept)

    @property
    def port(self) -> int:
        """
        Return the port on loopback that leads to the server.
        """
        port: int = self._listener.getsockname()[1]
        return port

    def close(self) -> None:
        """
        End everything, in `LIMIT_S` at most.
        """
        self._closed = True
        # First: what a closed valve holds back must not get through at the end.
        for end in self._sockets:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self.to_server.set()
        self.to_client.set()
        for thread in self._threads:
            thread.join(LIMIT_S)
        for end in self._sockets:
            end.close()

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while not self._closed:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server, LIMIT_S)
                self._sockets += [client, server]
                self._start(self._pass_on, client, server, self.to_server)
                self._start(self._pass_on, server, client, self.to_client)

    def _pass_on(self, source: socket.socket, sink: socket.socket, valve: threading.Event) -> None:
        source.settimeout(None)
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not valve.is_set():
                    self.held.set()
                valve.wait()
                sink.sendall(data)
        # Nor does the end get through.
        valve.wait()
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
