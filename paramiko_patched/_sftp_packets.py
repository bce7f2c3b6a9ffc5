# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
The requests of one SFTP session on their way out: one after the other, whole.

A request that is longer than a packet of the channel, or than its window,
goes out in pieces.  Between them nothing else may be sent, neither by another
thread nor by a signal handler, or the server takes the one for the rest of the
other.  So there is one sender at a time, and what an interrupted one leaves is
sent by the next, before its own.
"""

from __future__ import annotations

import functools
import socket
import threading
import time
import weakref
from typing import Any

from paramiko._connection_state import is_proxied
from paramiko._joined_packets import send_whole
from paramiko._output_queue import LOST_TURN_S, Turn
from paramiko._whole_packets import PACKET_HEAD_SIZE
from paramiko.channel import Channel
from paramiko.sftp import SFTPError


class SFTPPackets:
    """
    What one channel sends for its SFTP session.

    Thread-safety: any thread may call any method, also from a destructor or
    from a signal handler that interrupts another call.  This has no reference
    to its channel, which is closed as soon as nobody uses it.

    :ivar int in_hand:
        how much of the window was taken for the piece that is being sent.
        Set by the channel, before anything of it is queued.
    :ivar is_queued:
        whether that piece is on its way; `None` while that is not certain.
        Set by the transport.
    """

    def __init__(self) -> None:
        # Reentrant, for those that interrupt.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._turn: weakref.ref[Turn] | None = None
        self._waiting: list[weakref.ref[Turn]] = []
        self._watchers = 0  # or more, if an exception cut in
        # Of the packet that was begun last: its size, and what has not been
        # accepted by the channel.
        self._size = 0
        self._rest = b""
        self._is_cut = False
        self.in_hand = 0
        self.is_queued: bool | None = False

    def send(self, channel: Any, packet: bytes) -> None:
        """
        Send a packet behind those of others, and behind what they left.

        Blocks like `.Channel.sendall`.

        :raises socket.timeout:
            the channel's time limit is over.  If a part of the packet was
            sent, the rest will be, in front of the next.
        :raises SFTPError:
            nothing is sent: this interrupts a packet of its own thread, or one
            was interrupted so that its rest is not known.
        """
        turn = Turn()
        turn.thread = threading.get_ident()
        reference = weakref.ref(turn)
        try:
            with self._lock:
                # Nearly always nobody else sends.
                if self._turn is None:
                    self._turn = reference
                else:
                    self._take_turn(reference, channel.timeout)
            if self._turn is not reference:
                self._send_between(channel, packet)
                return
            if self._rest or self._is_cut:
                self._settle(channel)
                write = functools.partial(self._write, channel)
                send_whole(channel, write, self._rest)
            self._size = len(packet)
            self._rest = packet
            if self._size <= channel.out_max_packet_size - PACKET_HEAD_SIZE:
                # Nearly always this is all that there is to send.
                self._write(channel, packet)
            else:
                write = functools.partial(self._write, channel)
                send_whole(channel, write, packet)
        finally:
            if self._turn is reference:
                with self._lock:
                    # In turn: one that sends without a pause would otherwise
                    # be first again and again.
                    waiting = self._waiting
                    self._turn = waiting.pop(0) if waiting else None
                    if self._watchers:
                        self._changed.notify_all()

    def is_free(self, timeout: float) -> bool:
        """
        Tell whether nobody sends, and wait for that, but not for this thread.
        """
        deadline = time.monotonic() + timeout
        with self._lock:
            while True:
                sender = self._sender()
                if sender is None:
                    return True
                left = deadline - time.monotonic()
                if sender.thread == threading.get_ident() or left <= 0:
                    return False
                del sender
                self._watch(left)

    def _watch(self, timeout: float) -> None:
        self._watchers += 1
        try:
            self._changed.wait(timeout)
        finally:
            self._watchers -= 1

    def _sender(self) -> Turn | None:
        turn = self._turn
        return None if turn is None else turn()

    def _take_turn(
        self, reference: weakref.ref[Turn], timeout: float | None
    ) -> None:
        """
        Become the sender, unless this interrupts the one there is.

        The lock is held.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        self._waiting.append(reference)
        try:
            while self._turn is not reference:
                sender = self._sender()
                if sender is None:
                    self._turn = reference
                    return
                if sender.thread == threading.get_ident():
                    return
                del sender
                # A limit for the case that it ends without a word.
                left = LOST_TURN_S
                if deadline is not None:
                    left = min(left, deadline - time.monotonic())
                    if left <= 0:
                        raise socket.timeout()
                self._watch(left)
        finally:
            if reference in self._waiting:
                self._waiting.remove(reference)

    def _write(self, channel: Any, rest: bytes) -> None:
        """
        Send what is left of the packet.

        What the fields say is true at any moment: a signal handler may raise
        in any of them.
        """
        while rest:
            self.is_queued = False
            try:
                count = channel.send(rest)
            except EOFError as e:
                raise OSError("Socket is closed") from e
            if count <= 0:
                raise OSError("Socket is closed")
            # No call from here on, for the same reason.
            self._rest, self.in_hand = rest[count:], 0
            rest = self._rest

    def _settle(self, channel: Any) -> None:
        """
        Find out how much of the packet that was begun last is to be sent.

        :raises SFTPError: that is not known.
        """
        if self.in_hand == self._size:
            # All or nothing of it was sent; its caller knows of neither.
            self._rest, self.in_hand = b"", 0
        if self.in_hand and self.is_queued is None:
            self._is_cut = True
        if self._is_cut:
            # Whatever was sent now, the server might misread.
            channel.close()
            raise SFTPError("A request was cut off; the session is over")
        if self.is_queued:
            self._rest, self.in_hand = self._rest[self.in_hand :], 0
        self.in_hand = 0
        if len(self._rest) == self._size:
            # Nothing of it was sent, and its caller knows.
            self._rest = b""

    def _send_between(self, channel: Any, packet: bytes) -> None:
        """
        Send a packet while a call of this thread that sends is interrupted.
        """
        # A piece that is the whole packet comes before or after this one.
        if self._rest and (
            len(self._rest) < self._size or 0 < self.in_hand < self._size
        ):
            raise SFTPError("This call interrupts one that sends a request")
        kept = self._size, self._rest, self.in_hand, self.is_queued
        self.in_hand = 0
        self._size = len(packet)
        self._rest = packet
        try:
            self._write(channel, packet)
        finally:
            try:
                if self._rest:
                    self._settle(channel)
                if self._rest:
                    # The one that is interrupted cannot send it first.
                    self._is_cut = True
                    channel.close()
            finally:
                self._size, self._rest, self.in_hand, self.is_queued = kept


def packets_of(end: Any) -> SFTPPackets | None:
    """
    Return what a channel sends for its SFTP session, the same every time.

    :param end: a `.Channel` or what stands in for one, such as a socket.
    :returns: `None` where there is no channel over a proxy command.
    """
    packets: SFTPPackets | None = getattr(end, "_sftp_packets", None)
    if packets is None and isinstance(end, Channel) and is_proxied(end):
        # Two threads at once get the same.
        packets = end.__dict__.setdefault("_sftp_packets", SFTPPackets())
    return packets


def is_free_to_send(end: Any, timeout: float) -> bool:
    """
    Tell whether a destructor can send a packet that others do not hold up.

    Where there is no proxy command, this is not known, and taken to be so.

    :param end: a `.Channel` or what stands in for one, such as a socket.
    :param float timeout: how long to wait for another sender, in seconds.
    """
    if not is_proxied(end):
        return True
    if threading.current_thread() is end.transport:
        return False  # which makes the room that a sender waits for
    packets: SFTPPackets | None = getattr(end, "_sftp_packets", None)
    return packets is None or packets.is_free(timeout)
