"""
A client and a server that are both of the library under test, one of which means no good.

The hostile one is tame until a test has it send something that no honest peer sends: raw messages,
or what an honest message says with a lie in it. Used by `test_hostile_peers`; imports no paramiko
of any name.
"""

from __future__ import annotations

import shlex
import socket
import threading
from typing import Any

from session.valve import LOOPBACK
from waiting import Call, wait_until

#: Numbers of messages; RFC 4250, section 4.1.
DISCONNECT, IGNORE, DEBUG, EXT_INFO = 1, 2, 4, 7
GLOBAL_REQUEST, CHANNEL_OPEN, CHANNEL_OPEN_FAILURE = 80, 90, 92
CHANNEL_DATA, CHANNEL_REQUEST = 94, 98

#: As many as no message has room for; upstream makes them all up, within seconds.
MANY = 2_000_000

#: A step of a peer that is tame yet.
STEP_S = 15.0


class Many(list):  # type: ignore[type-arg]
    """
    An empty list that says it is long.
    """

    def __len__(self) -> int:
        return MANY


class Pair:
    """
    The two ends of one connection.

    :param paramiko: the library under test
    :param proxy_arguments: of a `Bastion`, if the client goes over a proxy command
    """

    def __init__(self, paramiko: Any, proxy_arguments: Any = None) -> None:
        self._paramiko = paramiko
        with socket.create_server((LOOPBACK, 0)) as listener:
            listener.settimeout(STEP_S)
            port = listener.getsockname()[1]
            if proxy_arguments is None:
                carrier: Any = socket.create_connection((LOOPBACK, port))
            else:
                carrier = paramiko.ProxyCommand(shlex.join(proxy_arguments(LOOPBACK, port)))
            accepted, _ = listener.accept()
        for sock in (carrier, accepted):
            if isinstance(sock, socket.socket):
                # Or a close and what follows it would wait for each other's acknowledgement.
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.client = paramiko.Transport(carrier)
        self.server = paramiko.Transport(accepted)
        self.server.add_server_key(paramiko.ECDSAKey.generate())

    def serve(self) -> None:
        """
        Let the server begin, and the client when it likes.
        """
        self.server.start_server(threading.Event(), server_class(self._paramiko)())

    def start(self) -> None:
        """
        Exchange keys; nobody has logged in yet.
        """
        self.serve()
        Call(self.client.start_client).result(STEP_S)
        wait_until(lambda: self.server.initial_kex_done, STEP_S, "the server's keys")

    def log_in(self) -> None:
        """
        Exchange keys, and log in.
        """
        self.start()
        Call(self.client.auth_password, "user", "password").result(STEP_S)

    def open_channel(self, **options: Any) -> tuple[Any, Any]:
        """
        Return the client's end of a new session, and the server's.
        """
        near = Call(lambda: self.client.open_session(**options)).result(STEP_S)
        far = self.server.accept(STEP_S)
        assert far is not None
        return near, far

    def message(self, kind: int, *fields: int | bool | bytes) -> Any:
        """
        Return a message of such a kind: integers, truths, and strings with their length.
        """
        message = self._paramiko.Message()
        message.add_byte(bytes([kind]))
        for field in fields:
            if isinstance(field, bool):
                message.add_boolean(field)
            elif isinstance(field, int):
                message.add_int(field)
            else:
                message.add_string(field)
        return message

    def close(self) -> None:
        """
        Close both, in bounded time.
        """
        for transport in (self.client, self.server):
            Call(transport.close).result(STEP_S)
            transport.join(STEP_S)


def server_class(paramiko: Any) -> Any:
    """
    Return the `ServerInterface` that lets in everybody and allows everything.
    """

    class Server(paramiko.ServerInterface):  # type: ignore[misc]
        def check_auth_password(self, username: str, password: str) -> Any:
            return paramiko.AUTH_SUCCESSFUL

        def get_allowed_auths(self, username: str) -> str:
            return "password,keyboard-interactive"

        def check_auth_interactive(self, username: str, submethods: str) -> Any:
            query = paramiko.InteractiveQuery("name", "instructions")
            if username == "lied-to":
                query.prompts = Many()
            return query

        def check_auth_interactive_response(self, responses: list[str]) -> Any:
            return paramiko.AUTH_SUCCESSFUL

        def check_channel_request(self, kind: str, chanid: int) -> Any:
            return paramiko.OPEN_SUCCEEDED

        def check_port_forward_request(self, address: str, port: int) -> Any:
            return 4711

    return Server
