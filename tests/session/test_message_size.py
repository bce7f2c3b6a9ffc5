"""
How large a message may be follows what the program has told the peer.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from waiting import PROMPT_S, Call

LARGE = 4 * 1024 * 1024

#: Relays between its own pipes and a port of this machine, until either side ends.
RELAY = """
import os, socket, sys, threading
peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
def upstream():
    while data := os.read(0, 65536):
        peer.sendall(data)
    peer.shutdown(socket.SHUT_WR)
threading.Thread(target=upstream, daemon=True).start()
while data := peer.recv(65536):
    while data:
        data = data[os.write(1, data):]
"""


@pytest.fixture
def session(paramiko: ModuleType) -> Iterator[Callable[[int], tuple[Any, Any]]]:
    """
    Return a function that connects over a proxy command with a max_packet_size.

    It returns the client's end and the server's of one channel.
    """

    class Server(paramiko.ServerInterface):  # type: ignore[misc,name-defined]
        def check_auth_none(self, username: str) -> Any:
            return paramiko.AUTH_SUCCESSFUL

        def check_channel_request(self, kind: str, chanid: int) -> Any:
            return paramiko.OPEN_SUCCEEDED

    with contextlib.ExitStack() as closing:
        listener = closing.enter_context(socket.create_server(("127.0.0.1", 0)))
        listener.settimeout(PROMPT_S)

        def connect(max_packet_size: int) -> tuple[Any, Any]:
            port = str(listener.getsockname()[1])
            proxy = paramiko.ProxyCommand([sys.executable, "-c", RELAY, port])
            client = paramiko.Transport(proxy, 2 * LARGE, max_packet_size)
            closing.callback(client.close)
            server = paramiko.Transport(listener.accept()[0])
            closing.callback(server.close)
            server.add_server_key(paramiko.RSAKey.generate(2048))
            server.start_server(threading.Event(), Server())
            client.start_client(timeout=PROMPT_S)
            client.auth_none("anybody")
            channel = Call(client.open_session).result(PROMPT_S)
            return channel, server.accept(PROMPT_S)

        yield connect


def test_message_of_the_size_that_the_peer_was_told_is_delivered(
    session: Callable[[int], tuple[Any, Any]],
) -> None:
    """
    Four megabytes in one message, where a program has set that.
    """
    channel, other = session(LARGE)
    sender = Call(other.sendall, bytes(LARGE - 64))
    got = 0
    while got < LARGE - 64:
        got += len(Call(channel.recv, LARGE).result(PROMPT_S))
    sender.result(PROMPT_S)
    assert channel.transport.is_active()


def test_message_beyond_that_size_is_garbage(
    paramiko: ModuleType, session: Callable[[int], tuple[Any, Any]]
) -> None:
    """
    A peer that was told of less may not send so much; nor one that was told of all.
    """
    for told in (32768, LARGE // 2):
        channel, other = session(told)
        other.out_max_packet_size = LARGE
        Call(other.send, bytes(LARGE - 64))
        with pytest.raises(paramiko.SSHException, match="garbage"):
            Call(channel.recv, 1).result(PROMPT_S)
