"""
Connecting waits for no acknowledgement: what can go together goes together, the rest at once.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from session.conftest import login
from session.hostile import STEP_S, Pair
from session.valve import LOOPBACK
from waiting import PROMPT_S, Call

if TYPE_CHECKING:
    from paramiko_gate.servers.endpoint import Host

HOST_KEYS = "hostkeys-00@openssh.com"


class Recorded:
    """
    A socket whose writes are counted: one number for each, how many bytes.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self.writes: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def send(self, data: Any) -> int:
        sent = self._socket.send(data)
        self.writes.append(sent)
        return sent


@pytest.fixture
def pair(paramiko: ModuleType) -> Iterator[Pair]:
    """
    Yield a client and a server over a plain socket, not started yet.
    """
    made = Pair(paramiko)
    yield made
    made.close()


def recorded(pair: Pair, paramiko: ModuleType) -> list[int]:
    """
    Put a socket that counts into a pair, and return where it does.
    """
    carrier = Recorded(pair.client.sock)
    pair.client = paramiko.Transport(carrier)
    return carrier.writes


def test_key_exchange_and_login_make_few_writes(pair: Pair, paramiko: ModuleType) -> None:
    """
    The version, the two packets that start the exchange, its end with the service, the login.
    """
    writes = recorded(pair, paramiko)
    pair.serve()
    Call(pair.client.connect, None, "user", "password").result(STEP_S)
    assert len(writes) == 4, writes


def test_server_that_waits_for_the_client_is_not_waited_for(paramiko: ModuleType) -> None:
    """
    What must not change: such a server gets KEXINIT, if a moment later.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        client = paramiko.Transport(ours)
        starting = Call(client.start_client)
        theirs.settimeout(PROMPT_S)
        theirs.sendall(b"SSH-2.0-Waiting\r\n")
        received = b""
        try:
            while b"diffie-hellman" not in received:
                received += theirs.recv(65536)
        finally:
            client.close()
        assert starting.error(PROMPT_S) is not None


def test_end_of_the_exchange_is_sent_though_nothing_follows(pair: Pair) -> None:
    """
    What must not change: a client that logs in later has its keys in use before.
    """
    pair.start()
    assert pair.server.is_active()
    assert pair.server.packetizer.need_rekey() is False


@pytest.mark.parametrize("kind", [HOST_KEYS, "other@example.com"])
def test_host_keys_are_acknowledged_with_a_message(pair: Pair, kind: str) -> None:
    """
    And nothing else is that wants no answer.
    """
    pair.log_in()
    received = pair.server.packetizer
    before = received._Packetizer__sequence_number_in
    pair.server.global_request(kind, wait=False)
    # Answered behind it.
    Call(pair.server.global_request, "asked@example.com").result(STEP_S)
    more = 2 if kind == HOST_KEYS else 1
    assert received._Packetizer__sequence_number_in == before + more


def is_sent_at_once(sock: Any) -> bool:
    """
    Whether a socket waits for no acknowledgement.
    """
    return bool(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))


def test_socket_of_the_client_s_own_sends_at_once(
    make_client: Callable[[], Any], host: Host
) -> None:
    client = make_client()
    client.connect(LOOPBACK, **login(host))
    assert is_sent_at_once(client.get_transport().sock)


def test_socket_of_the_transport_s_own_sends_at_once(paramiko: ModuleType) -> None:
    with socket.create_server((LOOPBACK, 0)) as listener:
        transport = paramiko.Transport(listener.getsockname()[:2])
        with transport.sock:
            assert is_sent_at_once(transport.sock)


def test_socket_of_the_program_s_stays_as_it_is(paramiko: ModuleType) -> None:
    """
    What must not change.
    """
    with (
        socket.create_server((LOOPBACK, 0)) as listener,
        socket.create_connection(listener.getsockname()) as sock,
    ):
        paramiko.Transport(sock)
        assert not is_sent_at_once(sock)
