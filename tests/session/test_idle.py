"""
What an idle connection costs, counted in the times that the kernel ran one of its threads.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from session.connection import Connection
from session.tls_front import NAME, TlsFront, write_certificate
from session.valve import LOOPBACK, Valve
from waiting import PROMPT_S, Call, wait_until

from paramiko_gate.servers.endpoint import Host

WATCHED_S = 3.0

#: After an answer the thread waits a tenth of a second once more before it sleeps for good.
SETTLED_S = 0.5


def wake_ups(thread_id: int) -> int:
    """
    Return how often the kernel has put a thread of this process to sleep, or taken its core.
    """
    status = Path(f"/proc/self/task/{thread_id}/status").read_text()
    lines = [line for line in status.splitlines() if "ctxt_switches" in line]
    return sum(int(line.split()[1]) for line in lines)


def count_wake_ups(transport: Any) -> int:
    """
    Return how often the transport thread wakes while nothing happens for `WATCHED_S`.
    """
    transport.join(SETTLED_S)
    before = wake_ups(transport.native_id)
    transport.join(WATCHED_S)
    assert transport.is_alive()
    return wake_ups(transport.native_id) - before


@pytest.mark.measured
@pytest.mark.slow
def test_transport_thread_sleeps_while_nothing_happens(
    open_connection: Callable[..., Connection],
) -> None:
    """
    Upstream wakes 30 times in this time.
    """
    connection = open_connection()
    channel = connection.run()
    assert channel.recv(2) == b"ab"
    assert count_wake_ups(connection.transport) <= 1


@pytest.mark.measured
@pytest.mark.slow
def test_transport_thread_looks_at_a_plain_socket_once_a_second(
    connect_through_valve: Callable[..., Any],
) -> None:
    """
    That is for the program that closes the socket behind the library's back.
    """
    assert count_wake_ups(connect_through_valve().get_transport()) <= WATCHED_S + 1


@pytest.mark.measured
@pytest.mark.slow
def test_transport_thread_wakes_only_for_keepalives(
    open_connection: Callable[..., Connection],
) -> None:
    """
    Each keepalive is sent, and answered: some wake-ups each, and none beside them.
    """
    connection = open_connection()
    connection.transport.set_keepalive(1, count_max=3)
    assert 1 <= count_wake_ups(connection.transport) <= 8 * WATCHED_S
    assert connection.transport.is_active()


@pytest.mark.measured
def test_close_wakes_the_transport_thread(connect_through_valve: Callable[..., Any]) -> None:
    """
    A thread that sleeps for good has to be told.
    """
    transport = connect_through_valve().get_transport()
    transport.join(SETTLED_S)
    started = time.monotonic()
    Call(transport.close).result(PROMPT_S)
    assert time.monotonic() - started < 0.5
    assert not transport.is_alive()


def test_new_keys_that_a_sender_finds_due_are_negotiated(
    connect_through_valve: Callable[..., Any],
) -> None:
    """
    The sender only says so; the transport thread has to do it, at its next look at a plain socket.
    """
    transport = connect_through_valve().get_transport()
    channel = transport.open_session()
    channel.exec_command("cat >/dev/null")
    transport.join(SETTLED_S)
    session_keys = transport.packetizer._Packetizer__sealer
    transport.packetizer.REKEY_BYTES = 1
    channel.send(b"x")
    transport.packetizer.REKEY_BYTES = 1 << 40
    wait_until(
        lambda: transport.packetizer._Packetizer__sealer is not session_keys,
        PROMPT_S + WATCHED_S,
        "new keys",
    )


@pytest.mark.measured
def test_keepalive_that_is_ordered_from_a_sleeping_thread_is_sent(
    connect_through_valve: Callable[..., Any],
) -> None:
    """
    The thread has gone to sleep without a limit, and now there is one.
    """
    transport = connect_through_valve().get_transport()
    sent: list[float] = []
    send = transport.global_request

    def note_and_send(*given: Any, **named: Any) -> Any:
        sent.append(time.monotonic())
        return send(*given, **named)

    transport.global_request = note_and_send
    transport.join(SETTLED_S)
    transport.set_keepalive(0.2)
    wait_until(lambda: len(sent) >= 2, 2, "two keepalives")


@pytest.mark.measured
def test_socket_that_the_program_closes_itself_ends_the_connection(
    paramiko: ModuleType, make_client: Callable[[], Any], host: Host, valve: Valve
) -> None:
    """
    Must not change, but for the second it may take.
    """
    sock = socket.create_connection((LOOPBACK, valve.port))
    transport = paramiko.Transport(sock)
    try:
        transport.start_client(timeout=10)
        transport.join(SETTLED_S)
        sock.close()
        transport.join(2)
        assert not transport.is_active()
        assert not transport.is_alive()
    finally:
        transport.close()


def test_tls_socket_delivers_what_its_own_buffer_holds(
    paramiko: ModuleType, host: Host, tmp_path: Path
) -> None:
    """
    Must not change: ``poll`` knows nothing of what a TLS socket has read already.
    """
    certificate = tmp_path / "certificate.pem"
    write_certificate(certificate)
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(certificate)
    client_side = ssl.create_default_context(cafile=str(certificate))
    with TlsFront(server_side, (host.address, host.port)) as front:
        raw = socket.create_connection((LOOPBACK, front.port))
        transport = paramiko.Transport(client_side.wrap_socket(raw, server_hostname=NAME))
        try:
            transport.start_client(timeout=10)
            key = paramiko.Ed25519Key.from_private_key_file(str(host.client_key))
            transport.auth_publickey(host.user, key)
            transport.join(SETTLED_S)
            channel = transport.open_session(timeout=10)
            channel.exec_command("head -c 300000 /dev/zero")
            assert len(Call(channel.makefile().read).result(10)) == 300000
        finally:
            Call(transport.close).result(10)
