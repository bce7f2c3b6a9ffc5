"""
A peer that takes no more input: only who sends to it waits, and a close ends that.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from session.valve import Valve
from waiting import PROMPT_S, Call, wait_until

#: Enough for a reader to enlarge the window, and no more than the server may send without that.
OUTPUT_SIZE_BYTES = 1_000_000

#: Prints that much, and then a line ten times a second for as long as a test may take.
PRINTS = (
    f"read line; head -c {OUTPUT_SIZE_BYTES} /dev/zero; "
    "for tick in $(seq 600); do echo; sleep 0.1; done"
)

#: Fills every buffer on the way: pipes, sockets, and the windows of two ssh connections.
ENDLESS = b"x" * 32768


def read_exactly(channel: Any, size: int) -> None:
    received = 0
    while received < size:
        data = channel.recv(min(65536, size - received))
        assert data, f"end of stream after {received} of {size} bytes"
        received += len(data)


class StuckSender:
    """
    A client with a channel whose sender is stuck, and another that has output to read.
    """

    def __init__(self, paramiko: ModuleType, client: Any, valve: Valve) -> None:
        self.transport = client.get_transport()
        self.reading, sending = self.transport.open_session(), self.transport.open_session()
        self.sending = sending
        for channel in (self.reading, sending):
            channel.settimeout(20)
        sending.exec_command("cat >/dev/null")
        # The server's window would stop the sender before the socket does.
        window = paramiko.Message()
        window.add_int(1 << 30)
        window.rewind()
        sending._window_adjust(window)
        self.reading.exec_command(PRINTS)
        self.reading.send(b"\n")
        wait_until(self.reading.recv_ready, 10, "the first output")
        valve.to_server.clear()
        self.last_sent_s = time.monotonic()
        self.call = Call(self._send_for_ever)
        wait_until(lambda: time.monotonic() - self.last_sent_s > 1, 20, "a sender that is stuck")

    def _send_for_ever(self) -> None:
        while True:
            self.sending.send(ENDLESS)
            self.last_sent_s = time.monotonic()


@pytest.fixture
def stuck(
    paramiko: ModuleType, connect_through_valve: Callable[..., Any], valve: Valve
) -> StuckSender:
    """
    Return a client with a stuck sender, over a proxy command and over a plain socket.
    """
    return StuckSender(paramiko, connect_through_valve(), valve)


@pytest.mark.slow
@pytest.mark.fault
def test_other_channel_can_be_read_while_a_sender_is_stuck(stuck: StuckSender) -> None:
    """
    The reader has to enlarge its window on the way, and nobody takes that either.
    """

    Call(read_exactly, stuck.reading, OUTPUT_SIZE_BYTES).result(10)
    assert stuck.call.blocks(0)


@pytest.mark.slow
@pytest.mark.fault
def test_channels_and_transport_close_at_once_while_a_sender_is_stuck(stuck: StuckSender) -> None:
    """
    Nobody waits for the end of what will never be sent; the sender is told of the close.
    """
    for channel in (stuck.reading, stuck.sending):
        started = time.monotonic()
        Call(channel.close).result(PROMPT_S)
        assert time.monotonic() - started < PROMPT_S
    Call(stuck.transport.close).result(PROMPT_S)
    assert isinstance(stuck.call.error(PROMPT_S), (OSError, EOFError))
    assert not stuck.transport.is_alive()


@pytest.mark.slow
@pytest.mark.fault
def test_keepalive_that_cannot_be_sent_does_not_hold_up_the_reader(stuck: StuckSender) -> None:
    """
    The transport thread sends keepalives itself. Were it to wait for that, nobody would read.
    """
    Call(read_exactly, stuck.reading, OUTPUT_SIZE_BYTES).result(10)
    stuck.transport.set_keepalive(0.5)
    Call(read_exactly, stuck.reading, 20).result(10)  # for two seconds
    assert stuck.call.blocks(0)


@pytest.mark.slow
@pytest.mark.fault
def test_everything_arrives_once_the_peer_takes_input_again(
    stuck: StuckSender, valve: Valve
) -> None:
    """
    What was left behind meanwhile is sent, in order: the connection goes on.
    """
    Call(stuck.reading.close).result(PROMPT_S)
    valve.to_server.set()
    wait_until(lambda: time.monotonic() - stuck.last_sent_s < 0.5, 10, "a sender that goes on")
    channel = stuck.transport.open_session()
    channel.exec_command("exit 4")
    assert Call(channel.recv_exit_status).result(10) == 4


@pytest.mark.fault
def test_message_due_during_a_key_exchange_does_not_stop_the_transport_thread(
    connect_through_valve: Callable[..., Any], valve: Valve
) -> None:
    """
    A server closes a channel while our offer of new keys is on its way: the answer to the close
    has to wait for the keys, which only the thread that answers can negotiate.
    """
    transport = connect_through_valve().get_transport()
    channel = transport.open_session()
    channel.exec_command("read line; exit 5")
    valve.to_client.clear()
    channel.send(b"\n")
    assert valve.held.wait(10)  # the close, before any new key
    renegotiation = Call(transport.renegotiate_keys)
    wait_until(lambda: not transport.clear_to_send.is_set(), 5, "the start of a key exchange")
    valve.to_client.set()
    renegotiation.result(10)
    assert Call(channel.recv_exit_status).result(10) == 5
    again = transport.open_session(timeout=10)
    again.exec_command("exit 6")
    assert Call(again.recv_exit_status).result(10) == 6


@pytest.mark.fault
def test_destructor_that_sends_in_the_midst_of_packing_does_not_mix_packets(
    paramiko: ModuleType, connect_through_valve: Callable[..., Any]
) -> None:
    """
    The collector may close a dropped channel while its thread packs another packet.

    The moment cannot be hit by chance, so the step of packing is made to close a channel.
    """
    transport = connect_through_valve().get_transport()
    dropped = [transport.open_session(), transport.open_session()]
    build = transport.packetizer._build_packet

    def build_while_collected(payload: bytes) -> bytes:
        if dropped and threading.current_thread() is not transport:
            dropped.pop().close()
        packet: bytes = build(payload)
        return packet

    transport.packetizer._build_packet = build_while_collected

    def run(status: int) -> int:
        channel = transport.open_session(timeout=10)
        channel.exec_command(f"exit {status}")
        result: int = channel.recv_exit_status()
        return result

    assert Call(run, 7).result(10) == 7
    assert not dropped
