# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
Packets of a connection: what a `.Transport` sends and reads (RFC 4253).

Stands in the place of upstream's module of this name, for all lines.  What is
received and sent waits in one buffer each:

- *Inbound* belongs to the transport thread.  It reads as much as there is, and
  takes the packets out one by one, since each may change how the next one is
  protected.  Data of channels goes to them by the `Packetizer.short_way`.
- *Outbound* is in `paramiko._patched.wire.outbound`: a packet is sealed and
  gets its place under one lock, which nobody holds while a carrier accepts
  nothing.
"""

from __future__ import annotations

import errno
import hmac
import math
import socket
import time
from typing import Any, Callable

from paramiko import util
from paramiko._connection_end import (
    end_amid_packet,
    raise_handshake_limit,
    read_last_words,
)
from paramiko._patched.wire.outbound import Ended, Outbound
from paramiko._patched.wire.protection import (
    Aead,
    Clear,
    EncryptAndMac,
    EncryptThenMac,
    make_mac,
)
from paramiko._peer_limits import (
    LINE_LIMIT_SIZE,
    MESSAGE_LIMIT_SIZE,
    check_line,
)
from paramiko._socket_wait import for_socket
from paramiko.common import (
    DEBUG,
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EXTENDED_DATA,
    MSG_CHANNEL_WINDOW_ADJUST,
    MSG_KEXINIT,
    MSG_NAMES,
    MSG_NEWKEYS,
)
from paramiko.message import Message
from paramiko.ssh_exception import ProxyCommandFailure, SSHException

#: How much is read at once, in bytes.
READ_SIZE = 256 * 1024

#: How often a carrier may accept nothing without a word before it is given up.
REFUSALS = 10

#: Packets are numbered by 32 bits (RFC 4253, section 6.4).
_NUMBERS = 1 << 32

_FOR_CHANNELS = (
    MSG_CHANNEL_WINDOW_ADJUST,
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EXTENDED_DATA,
)

#: What may wait for the next packet, if a client sends it in clear.
_HELD = (MSG_KEXINIT, MSG_NEWKEYS)


def compute_hmac(key: bytes, message: bytes, digest_class: Any) -> bytes:
    """
    Return the code of a message (RFC 2104).
    """
    return hmac.new(key, message, digest_class).digest()


class NeedRekeyException(Exception):
    """
    New keys have to be negotiated before more is read.
    """


def first_arg(e: BaseException) -> Any:
    """
    Return what an exception was made with first, or `None`.
    """
    return e.args[0] if e.args else None


class Packetizer:
    """
    Sends and reads the packets of one connection.

    Thread-safety: any thread sends; one at a time reads, that of the
    `.Transport`.

    :ivar short_way:
        takes the messages of channels that are nothing but data or room:
        ``take(payload)`` says whether it has, ``deliver()`` is called when
        another message comes next, or nothing is there yet.  `None` to have
        all returned by `read_message`.
    :ivar bool may_hold:
        whether what starts and ends the first key exchange may wait up to
        50 ms for a packet that it can go out with.
    :ivar lines_read: what `readline` has returned so far.
    """

    #: How much one key may protect (RFC 4344, section 3.1, allows more).
    REKEY_PACKETS = REKEY_BYTES = 1 << 29
    #: How much more may come before a peer that negotiates no keys is left.
    REKEY_PACKETS_OVERFLOW_MAX = REKEY_BYTES_OVERFLOW_MAX = 1 << 29

    #: The longest message, in bytes, that the peer may send.
    message_limit = MESSAGE_LIMIT_SIZE

    def __init__(self, socket: Any) -> None:
        self.__socket = socket
        self.__wait = for_socket(socket)
        self.__logger: Any = None
        self.__dump_packets = False
        self.__closed = False
        self._initial_kex_done = False
        self.short_way: Any = None
        self.may_hold = False
        self.lines_read: tuple[str, ...] = ()

        # Inbound: of the thread that reads.
        self.__received = bytearray()
        self.__opener = Clear()
        self.__inflate: Callable[[bytes], bytes] | None = None
        self.__sequence_number_in = 0
        self.__received_bytes = self.__received_packets = 0
        self.__excess_bytes = self.__excess_packets = 0
        self.__mac_size_in = 0

        # Outbound: under the lock of the queue.
        self.__output = Outbound()
        self.__sealer = Clear()
        self.__deflate: Callable[[bytes], bytes] | None = None
        self.__sequence_number_out = 0
        self.__sent_bytes = self.__sent_packets = 0
        self.__mac_size_out = 0
        self.__is_packing = False
        self.__unpacked: list[Any] = []

        # New keys: which directions have them, and whether they are due.
        self.__keyed: set[str] = set()
        self.__need_rekey = self.__rekey_told = False

        # Time limits and keepalives.
        self.__keepalive_interval = 0.0
        self.__keepalive_last = time.monotonic()
        self.__keepalive_callback: Callable[[], Any] | None = None
        self.__silence: Any = None
        self.__handshake_timeout: float | None = None
        self.__handshake_end = math.inf
        self.__lines_end = math.inf

    @property
    def closed(self) -> bool:
        """
        Whether `close` was called.
        """
        return self.__closed

    # keys

    def reset_seqno_out(self) -> None:
        """
        Number packets anew, as strict key exchange asks for.
        """
        self.__sequence_number_out = 0

    def reset_seqno_in(self) -> None:
        """
        Take the next packet for the first one.
        """
        self.__sequence_number_in = 0

    def set_outbound_cipher(
        self,
        block_engine: Any,
        block_size: int,
        mac_engine: Any,
        mac_size: int,
        mac_key: bytes | None,
        sdctr: bool = False,
        etm: bool = False,
        aead: bool = False,
        iv_out: bytes | None = None,
    ) -> None:
        """
        Protect packets so from now on that are sent.

        :param block_engine: a cipher context, or an AEAD cipher.
        :param int block_size: of the cipher, in bytes.
        :param mac_engine: the hash of the MAC; `None` for AEAD.
        :param int mac_size: of the code in a packet, in bytes.
        :param bytes mac_key: of the MAC.
        :param bool sdctr: whether the cipher makes a key stream.
        :param bool etm: whether the code is that of what was encrypted.
        :param bool aead: whether the cipher authenticates by itself.
        :param bytes iv_out: the first nonce of an AEAD cipher.
        """
        with self.__output.lock:
            self.__sealer = _protection(
                block_engine,
                block_size,
                mac_engine,
                mac_size,
                mac_key,
                sdctr,
                etm,
                iv_out if aead else None,
            )
            self.__mac_size_out = mac_size
            self.__sent_bytes = self.__sent_packets = 0
            self.__take_keys("out")

    def set_inbound_cipher(
        self,
        block_engine: Any,
        block_size: int,
        mac_engine: Any,
        mac_size: int,
        mac_key: bytes | None,
        etm: bool = False,
        aead: bool = False,
        iv_in: bytes | None = None,
    ) -> None:
        """
        Take packets to be protected so from now on that are read.

        The parameters are those of `set_outbound_cipher`.
        """
        self.__opener = _protection(
            block_engine,
            block_size,
            mac_engine,
            mac_size,
            mac_key,
            False,
            etm,
            iv_in if aead else None,
        )
        self.__mac_size_in = mac_size
        self.__received_bytes = self.__received_packets = 0
        self.__excess_bytes = self.__excess_packets = 0
        with self.__output.lock:
            self.__take_keys("in")

    def __take_keys(self, direction: str) -> None:
        """
        Note that a direction has new keys.  The lock is held.
        """
        self.__keyed.add(direction)
        if len(self.__keyed) == 2:
            self.__keyed.clear()
            self.__need_rekey = self.__rekey_told = False

    def set_outbound_compressor(
        self, compressor: Callable[[bytes], bytes]
    ) -> None:
        """
        Compress what is sent from now on.
        """
        self.__deflate = compressor

    def set_inbound_compressor(
        self, compressor: Callable[[bytes], bytes]
    ) -> None:
        """
        Take what is read from now on to be compressed.
        """
        self.__inflate = compressor

    def get_mac_size_in(self) -> int:
        """
        Return how long the code of a packet is that is read, in bytes.
        """
        return self.__mac_size_in

    def get_mac_size_out(self) -> int:
        """
        Return how long the code of a packet is that is sent, in bytes.
        """
        return self.__mac_size_out

    def need_rekey(self) -> bool:
        """
        Return whether so much was sent or read that new keys are due.
        """
        return self.__need_rekey

    def _trigger_rekey(self) -> None:
        self.__need_rekey = True
        self.__excess_bytes = self.__excess_packets = 0
        self.__wait.wake()

    # logging

    def set_log(self, log: Any) -> None:
        """
        Take a logger for what there is to tell; `None` for silence.
        """
        self.__logger = log

    def set_hexdump(self, hexdump: bool) -> None:
        """
        Log each packet in clear from now on, or not.
        """
        self.__dump_packets = hexdump

    def get_hexdump(self) -> bool:
        """
        Return whether each packet is logged.
        """
        return self.__dump_packets

    def _log(self, level: int, msg: Any) -> None:
        if self.__logger is not None:
            for line in msg if isinstance(msg, list) else [msg]:
                self.__logger.log(level, line)

    def __dump(self, verb: str, kind: int, size: int) -> None:
        name = MSG_NAMES.get(kind, "${:x}".format(kind))
        self._log(DEBUG, "{} packet <{}>, length {}".format(verb, name, size))

    # the end

    def close(self) -> None:
        """
        Close the carrier, and have everybody return who reads or sends.

        Does not block.  May be called by any thread, and more than once.
        """
        self.__closed = True
        self.__handshake_end = math.inf
        self.__wait.close()
        self.__socket.close()

    # time limits

    def set_keepalive(
        self, interval: float, callback: Callable[[], Any] | None
    ) -> None:
        """
        Call back when nothing was sent for so many seconds; 0 for never.
        """
        self.__keepalive_interval = interval
        self.__keepalive_callback = callback
        self.__keepalive_last = time.monotonic()
        self.__wait.wake()

    def limit_silence(self, timer: Any) -> None:
        """
        Have a timer decide about keepalives, instead of what was sent last.

        :param timer: a `.SilenceTimer`, or `None`.
        """
        self.__silence = timer
        self.__wait.wake()

    def _check_keepalive(self) -> None:
        if self.__is_clear():
            return
        if self.__silence is not None:
            self.__silence.check(self.__taken_output)
            return
        callback, interval = (
            self.__keepalive_callback,
            self.__keepalive_interval,
        )
        if not interval or callback is None or self.__need_rekey:
            return
        now = time.monotonic()
        if now >= self.__keepalive_last + interval:
            callback()
            self.__keepalive_last = now

    def _until_keepalive(self) -> float | None:
        """
        Return for how many seconds nothing is due, or `None` if for ever.
        """
        due = self.__handshake_end - time.monotonic()
        if self.__silence is not None and not self.__is_clear():
            due = min(due, self.__silence.remaining())
        elif self.__keepalive_interval and not (
            self.__is_clear() or self.__need_rekey
        ):
            last = self.__keepalive_last - time.monotonic()
            due = min(due, last + self.__keepalive_interval)
        if self.__output.is_left_behind():
            # Not worth a wait for the carrier to accept more: this is rare.
            due = min(due, self.__output.held_for() or 0.1)
        # A moment more: looking again before it is due would be in vain.
        return None if due == math.inf else max(0.0, due) + 0.001

    def __is_clear(self) -> bool:
        """
        Return whether nothing that is sent is encrypted yet.
        """
        return type(self.__sealer) is Clear

    def __taken_output(self) -> int | None:
        """
        Return how many bytes the peer has taken; `None` if that is all.
        """
        untaken = self.__wait.untaken()
        if not untaken and self.__output.is_empty():
            return None
        return self.__output.written - untaken

    def start_handshake(self, timeout: float) -> None:
        """
        Let the first key exchange end within so many seconds.
        """
        if self.__handshake_timeout is None:
            self.__handshake_timeout = timeout
            self.__handshake_end = time.monotonic() + timeout

    def read_timer(self) -> None:
        """
        Take the time for the key exchange to be over.
        """
        self.__handshake_end = 0.0
        self.__wait.wake()

    def handshake_timed_out(self) -> bool:
        """
        Return whether the key exchange has not ended in time.
        """
        return time.monotonic() >= self.__handshake_end

    def complete_handshake(self) -> None:
        """
        Forget the limit, since the key exchange has ended.
        """
        self.__handshake_end = math.inf

    def limit_lines(self, seconds: float) -> None:
        """
        Have all calls of `readline` end in so many seconds from now.
        """
        self.__lines_end = time.monotonic() + seconds

    # sending

    def write_all(self, out: bytes) -> None:
        """
        Send bytes that are no packet.  Blocks until they are written.
        """
        with self.__output.lock:
            self.__keepalive_last = time.monotonic()
            position = self.__output.put(out)
        self.flush(position)

    def send_message(self, data: Any) -> None:
        """
        Send a `.Message`.  Blocks until it is written.

        :raises EOFError, ProxyCommandFailure: it never will be.
        """
        self.flush(self.queue_message(data))

    def queue_message(self, data: Any) -> int | None:
        """
        Give a message its place among those that are to be sent.

        Does not wait for the peer.

        :param data: a `.Message`, or the bytes of one.
        :returns:
            the position up to which `flush` has to write; `None` if this
            thread, which a destructor has interrupted, goes on with it.
        """
        with self.__output.lock:
            if self.__is_packing:
                self.__unpacked.append(data)
                return None
            self.__is_packing = True
            try:
                position = self.__pack(data)
                while self.__unpacked:
                    self.__pack(self.__unpacked.pop(0))
            except BaseException:
                # The cipher may have gone on without it.
                failure = end_amid_packet(self.__socket)
                if failure is not None:
                    self.__output.end(failure)
                raise
            finally:
                self.__is_packing = False
        return position

    def __pack(self, data: Any) -> int:
        """
        Seal a message, and queue it.  The lock is held.
        """
        payload = data if type(data) is bytes else data.asbytes()
        kind, size = payload[0], len(payload)
        if self.__deflate is not None:
            payload = self.__deflate(payload)
        packet = self._build_packet(payload)
        if self.__dump_packets:
            self.__dump("Write", kind, size)
            self._log(DEBUG, util.format_binary(packet, "OUT: "))
        number = self.__sequence_number_out
        sealed = self.__sealer.seal(packet, number)
        self.__sequence_number_out = (number + 1) % _NUMBERS
        if not self.__sequence_number_out:
            _check_rollover(self.__sealer)
        self.__sent_packets += 1
        self.__sent_bytes += sum(map(len, sealed))
        if not self.__need_rekey and (
            self.__sent_packets >= self.REKEY_PACKETS
            or self.__sent_bytes >= self.REKEY_BYTES
        ):
            text = "Rekeying (hit {} packets, {} bytes sent)"
            text = text.format(self.__sent_packets, self.__sent_bytes)
            self._log(DEBUG, text)
            self._trigger_rekey()
        self.__keepalive_last = time.monotonic()
        is_held = self.may_hold and kind in _HELD and self.__is_clear()
        return self.__output.put(*sealed, is_held=is_held)

    def _build_packet(self, payload: bytes) -> bytes:
        return self.__sealer.frame(payload)

    def flush(
        self, position: int | None = None, deadline: float = math.inf
    ) -> None:
        """
        Write what is queued.

        :param int position:
            return when all is written that was queued down to here; `None` to
            write only what is accepted at once, and to leave it to the
            transport thread to find out that nothing ever will be.
        :param float deadline:
            return when the monotonic clock says so, also where very much is
            queued.
        :raises EOFError, ProxyCommandFailure: it will never be written.
        """
        if position is None and self.__output.held_for():
            return
        try:
            self.__output.flush(
                self.__write_part, self.__write_now, position, deadline
            )
        except ProxyCommandFailure:
            if position is not None or not read_last_words(self.__socket):
                raise
        finally:
            self.__hand_over_output()

    def flush_within(self, seconds: float, position: int) -> bool:
        """
        Write what is queued, for so many seconds at most.

        :returns:
            whether all is written down to the position; if the connection has
            ended, nothing is left to write.
        """
        deadline = time.monotonic() + seconds

        def write(packet: bytes) -> int:
            left = max(0.0, deadline - time.monotonic())
            return self.__write(self.__wait.send, packet, left) or 0

        try:
            self.__output.flush(write, self.__write_now, position, deadline)
        except (ProxyCommandFailure, EOFError):
            pass  # whoever reads is told
        finally:
            self.__hand_over_output()
        return self.__output.is_over(position)

    def queued(self) -> int:
        """
        Return the position of what was queued last.
        """
        return self.__output.accepted

    def output_is_stuck(self) -> bool:
        """
        Return whether the carrier has not accepted yet all that was queued.
        """
        return not self.__output.is_empty()

    def __hand_over_output(self) -> None:
        """
        Leave what nobody writes now to the transport thread.
        """
        if self.__output.is_left_behind():
            self.__wait.wake()

    def __write_part(self, packet: bytes) -> int:
        refusals = 0
        while refusals <= REFUSALS:
            sent = self.__write(self.__wait.send, packet)
            if sent:
                return sent
            if sent == 0:
                refusals += 1
        raise Ended()

    def __write_now(self, packet: bytes) -> int:
        return self.__write(self.__wait.send_now, packet) or 0

    def __write(
        self, send: Callable[..., int | None], packet: bytes, *limit: float
    ) -> int | None:
        if self.__closed:
            raise Ended()
        try:
            return send(packet, *limit)
        except ProxyCommandFailure:
            read_last_words(self.__socket)
            raise

    # reading

    def read_message(self) -> tuple[int, Message]:
        """
        Return the type of the next message, and what follows that.

        Blocks until there is one.

        :raises NeedRekeyException: new keys are due; said once.
        :raises SSHException: what was read is no packet of the peer's.
        :raises EOFError: nothing more will come.
        :raises ProxyCommandFailure: the same, and why.
        """
        while True:
            number = self.__sequence_number_in
            payload = self.__next_payload()
            if payload is None:
                self.__end_batch()
                self.__tell_rekey()
                self.__fill()
            elif not self.__takes_short_way(payload):
                self.__end_batch()
                break
            elif self.__need_rekey and not self.__rekey_told:
                self.__end_batch()
                self.__tell_rekey()
        message: Any = Message(bytes(payload[1:]))
        message.seqno = number
        return payload[0], message

    def __takes_short_way(self, payload: memoryview) -> bool:
        return (
            payload[0] in _FOR_CHANNELS
            and self.short_way is not None
            and not self.__dump_packets
            and self.short_way.take(payload)
        )

    def __next_payload(self) -> memoryview | None:
        """
        Return the next message, or `None` if not all of it is here.
        """
        number = self.__sequence_number_in
        opened = self.__opener.open(
            self.__received, number, self.message_limit
        )
        if opened is None:
            return None
        payload, size = opened
        if self.__dump_packets:
            self._log(DEBUG, util.format_binary(bytes(payload), "IN: "))
            length = size - self.__mac_size_in - 4
            text = "Got payload ({} bytes, {} padding)"
            self._log(DEBUG, text.format(length, length - 1 - len(payload)))
        if self.__inflate is not None:
            # Of a compressor that knows no limit, this is one field more.
            self.__inflate.limit = self.message_limit  # type: ignore[attr-defined]
            payload = memoryview(self.__inflate(bytes(payload)))
        if self.__dump_packets:
            self.__dump("Read", payload[0], len(payload))
        self.__sequence_number_in = (number + 1) % _NUMBERS
        if not self.__sequence_number_in:
            _check_rollover(self.__opener)
        self.__count_received(size)
        if self.__silence is not None:
            self.__silence.heard()
        return payload

    def __end_batch(self) -> None:
        if self.short_way is not None:
            self.short_way.deliver()

    def __tell_rekey(self) -> None:
        if self.__need_rekey and not self.__rekey_told:
            self.__rekey_told = True
            raise NeedRekeyException()

    def __count_received(self, size: int) -> None:
        self.__received_packets += 1
        self.__received_bytes += size
        if self.__need_rekey:
            # A peer may have sent much before it has read that we want keys.
            self.__excess_packets += 1
            self.__excess_bytes += size
            if (
                self.__excess_packets >= self.REKEY_PACKETS_OVERFLOW_MAX
                or self.__excess_bytes >= self.REKEY_BYTES_OVERFLOW_MAX
            ):
                raise SSHException(
                    "Remote transport is ignoring rekey requests"
                )
        elif (
            self.__received_packets >= self.REKEY_PACKETS
            or self.__received_bytes >= self.REKEY_BYTES
        ):
            text = "Rekeying (hit {} packets, {} bytes received)"
            text = text.format(self.__received_packets, self.__received_bytes)
            self._log(DEBUG, text)
            self._trigger_rekey()

    def __fill(self, deadline: float = math.inf) -> None:
        """
        Read what has come; if nothing has, wait for it, or what else is due.

        :raises socket.timeout: nothing came until the monotonic clock says so.
        """
        if self.__output.is_left_behind():
            self.flush()
        self._check_keepalive()
        if self.handshake_timed_out():
            raise_handshake_limit(
                self.__socket, self.__handshake_timeout or 0.0
            )
            raise EOFError()
        if self.__closed:
            raise EOFError()
        seconds = self._until_keepalive()
        if deadline < math.inf:
            left = deadline - time.monotonic()
            if left <= 0:
                raise socket.timeout("timed out")
            seconds = left if seconds is None else min(seconds, left)
        if self.__wait.wait_readable(seconds):
            self.__received += self.__receive()

    def __receive(self) -> bytes:
        """
        Return what the carrier has; nothing if that is not there after all.
        """
        try:
            data: bytes = self.__socket.recv(READ_SIZE)
        except socket.timeout:
            return b""
        except ProxyCommandFailure:
            raise
        except Exception as e:
            if first_arg(e) == errno.EAGAIN:
                return b""
            if self.__closed:
                raise EOFError() from e
            raise
        if not data:
            raise EOFError()
        return data

    def read_all(self, n: int, check_rekey: bool = False) -> bytes:
        """
        Return ``n`` bytes as they were received.  Blocks until they are there.

        :param bool check_rekey: new keys may be negotiated before the first.
        :raises NeedRekeyException: they are due, and nothing is there.
        :raises EOFError: nothing more will come.
        """
        while len(self.__received) < n:
            if check_rekey and self.__need_rekey and not self.__received:
                raise NeedRekeyException()
            self.__fill()
        return self.__take(n)

    def __take(self, n: int) -> bytes:
        data = bytes(self.__received[:n])
        del self.__received[:n]
        return data

    def readline(self, timeout: float) -> str:
        """
        Return a line, without its end, that comes before the first packet.

        :param float timeout: for how many seconds nothing may come.
        :raises socket.timeout: nothing came, or `limit_lines` is over.
        :raises SSHException: it is too long for a line.
        :raises EOFError: nothing more will come.
        """
        while b"\n" not in self.__received:
            limit = time.monotonic() + timeout
            self._read_timeout(min(limit, self.__lines_end))
        line = self.__take(self.__received.index(b"\n") + 1)
        text = line.rstrip(b"\n").rstrip(b"\r").decode("utf8")
        self.lines_read += (text,)
        return text

    def _read_timeout(self, deadline: float) -> None:
        """
        Read some more of a line, until the monotonic clock says so.
        """
        size = len(self.__received)
        while len(self.__received) == size:
            self.__fill(deadline)
        check_line(bytes(self.__received[: LINE_LIMIT_SIZE + 1]))


def _check_rollover(protection: Clear) -> None:
    """
    Refuse to count from 0 again before there are keys.
    """
    if type(protection) is Clear:
        # Whoever sends so much in clear wants something.
        raise SSHException("Sequence number rolled over during initial kex!")


def _protection(
    engine: Any,
    block_size: int,
    mac_engine: Any,
    mac_size: int,
    mac_key: bytes | None,
    is_stream: bool,
    etm: bool,
    nonce: bytes | None,
) -> Clear:
    """
    Return what protects one direction; see `Packetizer.set_outbound_cipher`.
    """
    if nonce is not None:
        return Aead(engine, block_size, nonce, mac_size)
    mac = make_mac(mac_key or b"", mac_engine, mac_size)
    kind = EncryptThenMac if etm else EncryptAndMac
    return kind(engine, block_size, mac, mac_size, is_stream)
