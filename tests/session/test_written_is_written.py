"""
A sender is told of its own bytes: what went out was sent, whatever ends the connection next.

A network device says good-bye to ``exit`` and hangs up before the sender's thread runs again.
"""

from __future__ import annotations

import io
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import pytest
from session.connection import raised
from session.valve import Valve
from waiting import Call, wait_until

#: The modules that give bytes to a socket or to the pipe of a proxy, and do nothing else with what
#: is called as that is.
WRITERS = ("packet.py", "proxy.py", "_socket_wait.py", "_proxy_pipes.py")

#: How long a sender is held up at the most.
HELD_S = 2.0

#: Answers a line, and says nothing else.
SAYS_BYE = "read line; echo bye; exec cat >/dev/null"

#: The same, and ends.
ENDS_WITH_BYE = "read line; echo bye"

#: So much that reading it makes room of which the server is told.
MUCH_BYTES = 500_000

#: Fills every buffer on the way: pipes, sockets, and the windows of two ssh connections.
ENDLESS = b"x" * 32768


def is_write(function: Any) -> bool:
    """
    Tell whether a built-in function gives bytes to the system.
    """
    if function.__name__ == "write":
        return function is os.write or isinstance(function.__self__, io.RawIOBase)
    return bool(function.__name__ == "send")


class HeldSender:
    """
    Holds a thread up as soon as it has given its carrier bytes, until the connection has ended.

    :param transport: of the connection
    :param hang_up: ends the connection
    """

    def __init__(self, paramiko: ModuleType, transport: Any, hang_up: Callable[[], None]) -> None:
        self._writers = [Path(paramiko.__file__ or "").parent / name for name in WRITERS]
        self._transport = transport
        self._hang_up = hang_up
        #: Whether it has come to that.
        self.held = False

    def run(self, work: Callable[[], Any], answered: Callable[[], bool]) -> Any:
        """
        Return what the work returns whose first write is held up.

        :param answered: tells whether the peer has said its last; then it hangs up
        """

        def hold(frame: FrameType, event: str, function: Any) -> None:
            if event != "c_return" or self.held:
                return
            if is_write(function) and Path(frame.f_code.co_filename) in self._writers:
                self.held = True
                wait_until(answered, 10, "the answer")
                self._hang_up()
                # Stock's thread waits for this one all that time, if it has to answer.
                self._transport.join(HELD_S)

        sys.setprofile(hold)
        try:
            return work()
        finally:
            sys.setprofile(None)
            assert self.held, "nothing was written"


@pytest.fixture
def client(connect_through_valve: Callable[..., Any]) -> Any:
    return connect_through_valve()


@pytest.fixture
def transport(client: Any) -> Any:
    return client.get_transport()


@pytest.fixture
def channel(transport: Any) -> Any:
    opened = transport.open_session(timeout=10)
    opened.settimeout(10)
    return opened


@pytest.fixture
def sender(paramiko: ModuleType, transport: Any, valve: Valve) -> HeldSender:
    return HeldSender(paramiko, transport, valve.close)


def assert_end(channel: Any) -> None:
    """
    Check that the next call that needs the connection tells of its end.
    """
    raised(Call(channel.send, b"x"), 10)


@pytest.mark.fault
@pytest.mark.parametrize("name", ["send", "sendall", "sendall_stderr"])
def test_bytes_that_went_out_are_sent_and_the_answer_is_read(
    channel: Any, sender: HeldSender, name: str
) -> None:
    """
    ``exit`` is answered by ``bye`` and the end of the connection, and then the sender goes on.
    """
    channel.exec_command(SAYS_BYE)
    if name == "sendall_stderr":
        # A server does not read that; it answers what came before.
        channel.send(b"exit\n")
    sender.run(lambda: getattr(channel, name)(b"exit\n"), channel.recv_ready)
    assert channel.recv(100) == b"bye\n"
    assert_end(channel)


@pytest.mark.race
@pytest.mark.fault
def test_bytes_are_sent_though_the_channel_has_to_be_closed_behind_them(
    channel: Any, sender: HeldSender
) -> None:
    """
    The server closes the channel as well, and what answers that has nobody who takes it.
    """
    channel.exec_command(ENDS_WITH_BYE)
    sender.run(lambda: channel.sendall(b"exit\n"), lambda: channel.closed)
    assert channel.recv(100) == b"bye\n"
    assert channel.recv_exit_status() == 0
    assert_end(channel)


@pytest.mark.race
@pytest.mark.fault
def test_packets_of_others_behind_it_are_not_its_senders_business(
    transport: Any, channel: Any, sender: HeldSender
) -> None:
    """
    Another thread closes its channel while the sender is the one that writes.
    """
    channel.exec_command(SAYS_BYE)
    other = transport.open_session(timeout=10)
    closing: list[Call] = []

    def answered() -> bool:
        if channel.recv_ready() and not closing:
            closing.append(Call(other.close))
            closing[0].blocks()  # as stock's does; the fork's has queued its packet
        return bool(closing)

    sender.run(lambda: channel.sendall(b"exit\n"), answered)
    assert channel.recv(100) == b"bye\n"
    assert_end(channel)
    closing[0].result(10)


@pytest.mark.fault
def test_flushed_file_is_written(channel: Any, sender: HeldSender) -> None:
    """
    A file hands over what it has buffered.
    """
    channel.exec_command(SAYS_BYE)
    file = channel.makefile("wb", 100)
    file.write(b"exit\n")
    sender.run(file.flush, channel.recv_ready)
    assert channel.recv(100) == b"bye\n"
    assert_end(channel)


@pytest.mark.fault
def test_request_that_was_granted_succeeds(channel: Any, sender: HeldSender) -> None:
    """
    The server runs the command, sends what that prints, and hangs up.
    """
    sender.run(lambda: channel.exec_command(SAYS_BYE.partition("; ")[2]), channel.recv_ready)
    assert channel.recv(100) == b"bye\n"
    assert_end(channel)


@pytest.mark.fault
def test_shell_that_was_granted_succeeds(channel: Any, sender: HeldSender) -> None:
    """
    The same for a shell, which has nothing to say.
    """
    sender.run(channel.invoke_shell, lambda: bool(channel.event_ready))
    assert_end(channel)


@pytest.mark.fault
@pytest.mark.parametrize("wait", [False, True], ids=["sent", "refused"])
def test_global_request_that_went_out_succeeds(
    transport: Any, channel: Any, sender: HeldSender, wait: bool
) -> None:
    """
    Whether its sender asks for an answer, which is a refusal, or not.
    """
    transport.global_response = "none yet"
    answered = (lambda: transport.global_response is None) if wait else (lambda: True)
    result = sender.run(
        lambda: transport.global_request("nothing@example.org", wait=wait), answered
    )
    assert result is None
    assert_end(channel)


@pytest.fixture
def stuck(paramiko: ModuleType, transport: Any, valve: Valve) -> Iterator[Callable[[Any], Call]]:
    """
    Return a function that gets a sender stuck in the midst of a packet, on a channel of its own.
    """
    sent = threading.Event()

    def start(channel: Any) -> Call:
        channel.exec_command("cat >/dev/null")
        # The server's window would stop the sender before the socket does.
        window = paramiko.Message()
        window.add_int(1 << 30)
        window.rewind()
        channel._window_adjust(window)
        valve.to_server.clear()

        def send_for_ever() -> None:
            while True:
                channel.send(ENDLESS)
                sent.set()

        call = Call(send_for_ever)

        def is_stuck() -> bool:
            sent.clear()
            return not sent.wait(0.5)

        wait_until(is_stuck, 20, "a sender that is stuck")
        return call

    yield start


@pytest.mark.fault
def test_packet_that_went_out_in_part_raises(
    channel: Any, stuck: Callable[[Any], Call], valve: Valve
) -> None:
    """
    The connection ends while the peer has half of it.
    """
    call = stuck(channel)
    valve.close()
    raised(call, 10)


@pytest.mark.fault
def test_packet_behind_a_stuck_one_raises_as_well(
    transport: Any, channel: Any, stuck: Callable[[Any], Call], valve: Valve
) -> None:
    """
    Another sender's packet has its place in the queue, and no byte of it is out.
    """
    other = transport.open_session(timeout=10)
    other.exec_command("cat >/dev/null")
    first = stuck(channel)
    second = Call(other.sendall, b"x")
    assert second.blocks()
    valve.close()
    raised(first, 10)
    raised(second, 10)


@pytest.mark.fault
def test_data_is_returned_though_the_server_cannot_be_told_of_room(
    transport: Any, channel: Any, valve: Valve
) -> None:
    """
    A read that makes much room sends a message, which nobody takes any more.
    """
    channel.exec_command(f"head -c {MUCH_BYTES} /dev/zero; exec cat >/dev/null")
    wait_until(lambda: len(channel.in_buffer) == MUCH_BYTES, 10, "all of the output")
    # The end of the connection does not get through to the reader.
    valve.to_client.clear()
    transport.sock.shutdown(socket.SHUT_WR)
    assert Call(channel.recv, MUCH_BYTES).result(10) == bytes(MUCH_BYTES)
