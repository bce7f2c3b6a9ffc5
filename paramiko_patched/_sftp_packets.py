# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
The requests of one SFTP session on their way out: one after the other, whole.

A request that is longer than a packet of the channel, or than its window,
goes out in pieces.  Between them nothing else may be sent, or the server takes
the one for the rest of the other.  So there is one sender at a time.  If the
sender before was cut short while it waited for room, the next one first sends
the rest.  What cuts in while a piece is being sent ends the session.
"""

from __future__ import annotations

import socket
import threading
from typing import Any

from paramiko._carrier import is_proxied
from paramiko._patched.wire.channel_data import send_some
from paramiko._whole_packets import PACKET_HEAD_SIZE
from paramiko.channel import Channel
from paramiko.sftp import SFTPError


class SFTPPackets:
    """
    What one channel sends for its SFTP session.

    Thread-safety: any thread may call any method, also from a destructor or
    from a signal handler that interrupts another call.  This has no reference
    to its channel, which is closed as soon as nobody uses it.
    """

    def __init__(self) -> None:
        # Reentrant, for those that interrupt.
        self._changed = threading.Condition(threading.RLock())
        # The threads that send, in their order: the first is at it.  With a
        # bare lock one that sends without a pause would always be the first.
        self._senders: list[int] = []
        # What is left of a request whose sender was cut short.
        self._rest = b""
        self._is_cut = False

    def send(self, channel: Any, packet: bytes) -> None:
        """
        Send a request behind those of others, and behind what they left.

        Blocks like `.Channel.sendall`.

        :raises socket.timeout:
            the channel's time limit is over.  If a part of the request was
            sent, the rest will be, in front of the next one.
        :raises SFTPError:
            nothing is sent: this interrupts a request of its own thread, or
            one was cut in the middle.
        """
        me = threading.get_ident()
        if me in self._senders:
            raise SFTPError("This call interrupts one that sends a request")
        try:
            with self._changed:
                self._senders.append(me)
                if not self._changed.wait_for(
                    lambda: self._senders[0] == me, channel.timeout
                ):
                    raise socket.timeout()
            if self._is_cut:
                raise SFTPError("A request was cut off; the session is over")
            if self._rest:
                self._send_pieces(channel, self._rest, is_begun=True)
            self._send_pieces(channel, packet, is_begun=False)
        finally:
            with self._changed:
                if me in self._senders:
                    self._senders.remove(me)
                self._changed.notify_all()

    def is_free(self, timeout: float) -> bool:
        """
        Return whether nobody sends; wait for that, but not for this thread.

        :param float timeout: how long to wait, in seconds.
        """
        with self._changed:
            return threading.get_ident() not in self._senders and (
                self._changed.wait_for(lambda: not self._senders, timeout)
            )

    def _send_pieces(
        self, channel: Any, packet: bytes, is_begun: bool
    ) -> None:
        """
        Send a request, or the rest of one that is begun.
        """
        room = channel.out_max_packet_size - PACKET_HEAD_SIZE
        window = channel.out_window_size
        rest = packet

        channel._is_handing_over = False
        try:
            while rest:
                rest = rest[send_some(channel, rest, "send") :]
            self._rest = b""
        except EOFError as e:
            raise OSError("Socket is closed") from e
        except BaseException:
            is_first = not is_begun and rest is packet
            if not channel._is_handing_over:
                # It came while there was no room for the next piece.
                self._rest = b"" if is_first else rest
            elif is_first and len(packet) <= min(room, window):
                pass  # in one piece, it is sent or it is not
            elif not channel.closed:
                # Whatever is sent now, the server might misread.
                self._is_cut = True
                channel.close()
            raise


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
