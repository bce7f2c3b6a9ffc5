"""
A carrier that takes no output, while input goes on, ends a connection that counts its keepalives.
"""

from __future__ import annotations

import logging
import os
import shlex
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from session.test_stuck_sender import StuckSender
from session.valve import LOOPBACK, Valve
from waiting import Call, wait_until

if TYPE_CHECKING:
    from paramiko_gate.servers.endpoint import Bastion, Host

INTERVAL_S = 0.5
COUNT_MAX = 3

#: The longest from the last byte that was taken until a caller is told, on a busy machine.
TOLD_S = INTERVAL_S * (COUNT_MAX + 2) + 6

#: How often the server says something: much more often than the interval is long.
TICK_S = 0.1

#: Says something that often, for as long as a test may take, whether it gets input or not.
TICKS = f"for tick in $(seq 600); do echo; sleep {TICK_S}; done"


class DeafProxy:
    """
    A proxy command that stops to listen, or nearly so, on order.
    """

    def __init__(self, mark: Path, relay: list[str]) -> None:
        self._mark = mark
        script = Path(__file__).with_name("deaf_proxy.py")
        self.command = shlex.join([sys.executable, "-I", "-S", str(script), str(mark), *relay])

    def order(self, transport: Any, number: int) -> None:
        """Give the order by a signal, and wait until it is carried out."""
        os.kill(transport.sock.process.pid, number)
        wait_until(self._mark.exists, 10, "a proxy that has got the signal")


@pytest.fixture
def deaf_proxy(bastion: Bastion, host: Host, tmp_path: Path) -> DeafProxy:
    """
    Return a proxy to the host that a signal makes deaf, or slow.
    """
    return DeafProxy(tmp_path / "mark", bastion.proxy_arguments(host.address, host.port))


def ticking(client: Any) -> Any:
    """
    Return a channel on which the server says something again and again.
    """
    channel = client.get_transport().open_session(timeout=10)
    channel.exec_command(TICKS)
    assert channel.recv(1) == b"\n"
    return channel


@pytest.mark.fault
def test_caller_is_told_when_the_proxy_reads_no_more_and_the_server_goes_on(
    connect: Callable[..., Any],
    deaf_proxy: DeafProxy,
    failure: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """
    What is sent fits into the pipe, so that nothing of ours waits for room; and nobody reads it.
    """
    client = connect(deaf_proxy.command)
    transport = client.get_transport()
    ticks = ticking(client)
    transport.set_keepalive(INTERVAL_S, count_max=COUNT_MAX)
    deaf_proxy.order(transport, signal.SIGUSR1)
    started = time.monotonic()

    with caplog.at_level(logging.WARNING):
        error = Call(transport.open_session).error(TOLD_S)

    assert time.monotonic() - started > INTERVAL_S * COUNT_MAX
    assert isinstance(error, failure)
    command = " ".join(transport.sock.cmd)
    assert str(error) == f'ProxyCommand("{command}") is alive, but took nothing for 1.5 s'
    assert error.returncode is None
    assert not transport.is_active()
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    with pytest.raises(failure, match="took nothing"):
        while ticks.recv(65536):
            pass


@pytest.mark.fault
def test_transport_ends_when_nobody_waits_for_it(
    connect: Callable[..., Any], deaf_proxy: DeafProxy
) -> None:
    """
    The last thing that was sent is stuck, and all callers have left.
    """
    client = connect(deaf_proxy.command)
    transport = client.get_transport()
    ticks = ticking(client)
    transport.set_keepalive(INTERVAL_S, count_max=COUNT_MAX)
    deaf_proxy.order(transport, signal.SIGUSR1)
    ticks.send(b"x")

    transport.join(TOLD_S)

    assert not transport.is_alive()
    assert not transport.is_active()


@pytest.mark.fault
def test_connection_stays_while_the_proxy_takes_a_little(
    paramiko: ModuleType, connect: Callable[..., Any], deaf_proxy: DeafProxy
) -> None:
    """
    Must not change: it takes so little that the full pipe has room for nothing new all the while.
    """
    client = connect(deaf_proxy.command)
    transport = client.get_transport()
    ticks = ticking(client)
    sending = transport.open_session(timeout=10)
    sending.exec_command("cat >/dev/null")
    window = paramiko.Message()
    window.add_int(1 << 30)
    window.rewind()
    sending._window_adjust(window)
    deaf_proxy.order(transport, signal.SIGUSR2)
    sender = Call(lambda: [sending.send(b"x" * 32768) for _ in range(100)])
    wait_until(transport.packetizer.output_is_stuck, 10, "a full pipe")
    transport.set_keepalive(INTERVAL_S, count_max=COUNT_MAX)

    transport.join(INTERVAL_S * (COUNT_MAX + 5))

    assert transport.is_active()
    assert ticks.recv_ready()
    assert sender.blocks(0)
    client.close()
    assert sender.error(10) is not None


@pytest.mark.fault
def test_sender_is_told_when_the_peer_takes_no_more_and_goes_on_talking(
    paramiko: ModuleType, connect_through_valve: Callable[..., Any], valve: Valve
) -> None:
    """
    Over a proxy command and over a plain socket, whose buffers have to be full first.
    """
    stuck = StuckSender(paramiko, connect_through_valve(), valve)
    stuck.transport.set_keepalive(INTERVAL_S, count_max=COUNT_MAX)

    error = stuck.call.error(TOLD_S)

    assert "took nothing for 1.5 s" in str(error)
    assert not stuck.transport.is_active()


@pytest.mark.slow
def test_stuck_output_is_waited_for_when_keepalives_are_not_counted(
    paramiko: ModuleType, connect_through_valve: Callable[..., Any], valve: Valve
) -> None:
    """
    Must not change: without ``count_max`` nothing is ever ended, as on stock.
    """
    stuck = StuckSender(paramiko, connect_through_valve(), valve)
    stuck.transport.set_keepalive(0.1)
    stuck.transport.join(2)
    assert stuck.transport.is_active()
    assert stuck.call.blocks(0)


@pytest.fixture
def chatty_server(paramiko: ModuleType) -> Iterator[int]:
    """
    Run a server that sends ``keepalive@openssh.com`` twice a second, and return its port.
    """
    over = threading.Event()

    class Server(paramiko.ServerInterface):  # type: ignore[misc, name-defined]
        def check_auth_none(self, username: str) -> int:
            return int(paramiko.AUTH_SUCCESSFUL)

        def check_channel_request(self, kind: str, chanid: int) -> int:
            return int(paramiko.OPEN_SUCCEEDED)

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        transport = paramiko.Transport(connection)
        transport.add_server_key(paramiko.RSAKey.generate(2048))
        transport.start_server(threading.Event(), Server())
        while not over.wait(0.5) and transport.is_alive():
            if transport.is_authenticated():
                # As sshd does: it wants an answer, and goes on without one.
                request = paramiko.Message()
                request.add_byte(bytes([80]))
                request.add_string("keepalive@openssh.com")
                request.add_boolean(True)
                transport._send_message(request)
        transport.close()

    with socket.create_server((LOOPBACK, 0)) as listener:
        serving = Call(serve, listener)
        yield listener.getsockname()[1]
        over.set()
        serving.result(10)


def test_keepalives_of_the_server_do_not_excuse_a_proxy_that_reads_no_more(
    paramiko: ModuleType, chatty_server: int, failure: Any, tmp_path: Path
) -> None:
    """
    A server that wants to know whether we live is no sign that it hears us.
    """
    relay = [sys.executable, "-I", "-S", "-c", RELAYS, str(chatty_server)]
    deaf_proxy = DeafProxy(tmp_path / "mark", relay)
    transport = paramiko.Transport(paramiko.ProxyCommand(deaf_proxy.command))
    try:
        transport.start_client(timeout=20)
        transport.auth_none("anybody")
        transport.set_keepalive(1, count_max=3)
        deaf_proxy.order(transport, signal.SIGUSR1)
        error = Call(transport.open_session).error(15)
        assert isinstance(error, failure)
        assert "is alive, but took nothing for 3 s" in str(error)
    finally:
        transport.close()


#: A TCP client between the standard streams and a port.
RELAYS = """
import os, socket, sys, threading
peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
def pump_in():
    while data := os.read(0, 65536):
        peer.sendall(data)
    peer.shutdown(socket.SHUT_WR)
threading.Thread(target=pump_in, daemon=True).start()
while data := peer.recv(65536):
    os.write(1, data)
"""
