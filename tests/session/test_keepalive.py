"""
A server that stops to answer is noticed by keepalives, and answers reach who asked.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from session.valve import LOOPBACK, Valve
from waiting import Call, wait_until

INTERVAL_S = 0.4
COUNT_MAX = 3

#: The longest from the last word of the server until a caller is told.
TOLD_S = INTERVAL_S * COUNT_MAX + 2

#: How many requests each thread makes in the test of the answers.
REQUESTS = 12


@pytest.mark.fault
@pytest.mark.parametrize("direction", ["to_server", "to_client"])
def test_blocked_reader_is_told_when_the_server_stops_to_answer(
    connect_through_valve: Callable[..., Any], valve: Valve, direction: str
) -> None:
    """
    The proxy lives and nothing is wrong with it; only nothing gets through any more.
    """
    transport = connect_through_valve().get_transport()
    channel = transport.open_session()
    channel.exec_command("cat")
    transport.set_keepalive(INTERVAL_S, count_max=COUNT_MAX)
    reader = Call(channel.recv, 1)
    getattr(valve, direction).clear()
    started = time.monotonic()

    error = reader.error(TOLD_S)

    assert time.monotonic() - started > INTERVAL_S * (COUNT_MAX - 1)
    assert f"no answer to {COUNT_MAX} keepalives" in str(error)
    assert not transport.is_active()
    again = Call(transport.open_session).error()
    assert f"no answer to {COUNT_MAX} keepalives" in str(again)
    assert type(again) is type(error)


@pytest.mark.fault
def test_stalled_proxy_ends_the_connection_with_its_command_in_the_error(
    open_connection: Callable[..., Any], failure: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """
    A stopped ``ssh -W`` is killed in the end: it takes no other signal.
    """
    connection = open_connection()
    channel = connection.run()
    connection.transport.set_keepalive(INTERVAL_S, count_max=COUNT_MAX)
    connection.stall()

    with caplog.at_level(logging.WARNING):
        channel.recv(2)
        error = Call(channel.recv, 1).error(TOLD_S)

    assert isinstance(error, failure)
    command = " ".join(connection.proxy.cmd)
    assert str(error) == (
        f'ProxyCommand("{command}") is alive, but there was no answer to {COUNT_MAX} keepalives'
    )
    assert error.returncode is None
    assert len(caplog.records) == 1
    assert caplog.records[0].levelno == logging.ERROR
    assert "no answer to" in caplog.records[0].getMessage()


@pytest.mark.fault
def test_sender_is_told_when_the_server_takes_no_more(
    connect_through_valve: Callable[..., Any], valve: Valve, paramiko: ModuleType
) -> None:
    """
    Keepalives cannot even be sent then; that the server is silent is seen all the same.
    """
    transport = connect_through_valve().get_transport()
    channel = transport.open_session()
    channel.exec_command("cat >/dev/null")
    window = paramiko.Message()
    window.add_int(1 << 30)
    window.rewind()
    channel._window_adjust(window)
    transport.set_keepalive(INTERVAL_S, count_max=COUNT_MAX)
    valve.to_server.clear()

    def send_for_ever() -> None:
        while True:
            channel.send(b"x" * 32768)

    error = Call(send_for_ever).error(TOLD_S + 8)  # until all buffers are full

    assert f"no answer to {COUNT_MAX} keepalives" in str(error)


@pytest.mark.slow
@pytest.mark.parametrize("limit", [{}, {"count_max": 20}], ids=["plainly", "answered"])
def test_each_request_gets_its_own_answer_among_keepalives_and_new_keys(
    connect_through_valve: Callable[..., Any], limit: dict[str, int]
) -> None:
    """
    Three threads ask for ports, one for what no server grants, and keys change all the while.
    """
    transport = connect_through_valve().get_transport()
    transport.set_keepalive(0.05, **limit)
    over = threading.Event()

    def change_keys() -> int:
        changes = 0
        while not over.is_set():
            transport.renegotiate_keys()
            changes += 1
        return changes

    def ask_for_ports() -> list[int]:
        ports = []
        for _ in range(REQUESTS):
            ports.append(transport.request_port_forward(LOOPBACK, 0))
            transport.cancel_port_forward(LOOPBACK, ports[-1])
        return ports

    def ask_in_vain() -> list[Any]:
        return [transport.global_request("nonsense@example.org") for _ in range(REQUESTS)]

    keys = Call(change_keys)
    asking = [Call(ask_for_ports) for _ in range(3)]
    refused = Call(ask_in_vain)
    ports = [port for call in asking for port in call.result(40)]
    over.set()

    assert refused.result(40) == [None] * REQUESTS
    assert len(ports) == 3 * REQUESTS
    assert all(1024 <= port < 65536 for port in ports)
    assert keys.result(20) > 0
    assert transport.is_active()


def test_idle_connection_stays_when_the_server_answers(
    connect_through_valve: Callable[..., Any],
) -> None:
    """
    The server refuses each keepalive, as OpenSSH does, and that is an answer.
    """
    transport = connect_through_valve().get_transport()
    # A busy machine may keep an answer for some tenths of a second; if none counted, it would be
    # over after 1.1 s.
    transport.set_keepalive(0.1, count_max=10)
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        assert transport.is_active()
        transport.join(0.1)
    channel = transport.open_session()
    channel.exec_command("exit 3")
    assert Call(channel.recv_exit_status).result(10) == 3


@pytest.mark.slow
def test_connection_stays_while_anything_comes_from_the_server(
    connect_through_valve: Callable[..., Any], valve: Valve
) -> None:
    """
    No keepalive gets through, and the output of a command says that the server lives.

    It says so after each keepalive, and often enough before the last of so many.
    """
    transport = connect_through_valve().get_transport()
    channel = transport.open_session()
    channel.exec_command("for tick in $(seq 100); do echo; sleep 0.8; done")
    assert channel.recv(1) == b"\n"
    valve.to_server.clear()
    transport.set_keepalive(0.5, count_max=5)
    transport.join(5)
    assert transport.is_active()
    assert valve.held.is_set()


def test_keepalive_without_limit_asks_for_no_answer(
    connect_through_valve: Callable[..., Any], valve: Valve, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Must not change: a silent server is waited for, and is asked for nothing.
    """
    transport = connect_through_valve().get_transport()
    # After this the server has said all that it says unasked.
    channel = transport.open_session()
    channel.exec_command("true")
    wait_until(lambda: channel.closed, 10, "the end of a command")
    valve.to_client.clear()
    with caplog.at_level(logging.DEBUG):
        transport.set_keepalive(0.2)
        sent = 'Sending global request "keepalive@lag.net"'
        wait_until(lambda: caplog.text.count(sent) >= 3, 5, "three keepalives")
        transport.set_keepalive(0)
    assert transport.is_active()
    assert not valve.held.is_set()


def test_limit_below_one_is_refused(connect_through_valve: Callable[..., Any]) -> None:
    """
    No unanswered keepalive at all would end a connection that is in good health.
    """
    transport = connect_through_valve().get_transport()
    with pytest.raises(ValueError, match="count_max"):
        transport.set_keepalive(1, count_max=0)
