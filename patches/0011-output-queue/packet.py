# adds after: Message
import math

# adds after: Message
from collections import deque

# adds after: Message
from paramiko._connection_end import end_amid_packet, read_last_words

# adds after: Message
from paramiko._output_queue import Ended, OutputQueue


class Packetizer:
    # wraps: 82b064ef10ab2467 as __waiting_init
    def __init__(self, socket):
        self.__waiting_init(socket)
        self.__output = OutputQueue()
        self.__unpacked = deque()
        # beside the lock of upstream's, which is taken inside of it
        self.__packing_lock = threading.RLock()
        self.__packing = False

    # replaces statement: b937666932860036
    def send_message(self):
        self.__output.put(out)

    # adds after: send_message
    __pack_message = send_message

    # adds after: send_message
    def send_message(self, data):
        """
        Queue a packet, and return when it has been written.
        """
        self.flush(self.queue_message(data))

    # adds after: send_message
    def queue_message(self, data):
        """
        Give a packet its place among those that are to be sent.

        Does not wait for the peer.

        :returns: the position up to which it has to be written
        """
        with self.__packing_lock:
            if self.__packing:
                # A destructor, while this thread packs another: that goes on
                # with this one when it is done.
                self.__unpacked.append(data)
                return None
            self.__packing = True
            try:
                self.__pack_message(data)
                position = self.__output.accepted
                while self.__unpacked:
                    self.__pack_message(self.__unpacked.popleft())
            except BaseException:
                # The cipher may have gone on without it.
                failure = end_amid_packet(self.__socket)
                if failure is not None:
                    self.__output.end(failure)
                raise
            finally:
                self.__packing = False
        self.__keepalive_last = time.time()
        return position

    # adds after: send_message
    def flush(self, position=None, deadline=math.inf):
        """
        Write what is queued.

        :param int position:
            return when all is written that was queued down to here; `None` to
            write only what is accepted at once, and to leave it to the
            transport thread to find out that nothing ever will be
        :param float deadline:
            return when the clock says so, also where very much is queued
        """
        try:
            self.__output.flush(
                self.__write_part, self.__write_now, position, deadline
            )
        except ProxyCommandFailure:
            if position is not None or not read_last_words(self.__socket):
                raise
        finally:
            self.hand_over_output()

    # adds after: send_message
    def queued(self):
        """
        Return the position of what was queued last.
        """
        return self.__output.accepted

    # adds after: send_message
    def flush_within(self, seconds, position):
        """
        Write what is queued, for so many seconds at most.

        :returns: whether all is written down to the position; if the
            connection has ended, nothing is left to write
        """
        deadline = time.time() + seconds

        def write(packet):
            left = max(0.0, deadline - time.time())
            return self.__write(self.__wait.send, packet, left) or 0

        try:
            self.__output.flush(write, self.__write_now, position, deadline)
        except (ProxyCommandFailure, EOFError):
            pass  # whoever reads is told
        finally:
            self.hand_over_output()
        return self.__output.is_over(position)

    # adds after: send_message
    def hand_over_output(self):
        """
        Leave what nobody writes now to the transport thread.
        """
        if self.__output.left_behind():
            self.__wait.wake()

    # adds after: send_message
    def __write_part(self, packet):
        refusals = 0
        while refusals <= 10:
            sent = self.__write(self.__wait.send, packet)
            if sent:
                return sent
            if sent == 0:
                refusals += 1
        raise Ended()

    # adds after: send_message
    def __write_now(self, packet):
        return self.__write(self.__wait.send_now, packet) or 0

    # adds after: send_message
    def __write(self, send, packet, *limit):
        if self.__closed:
            raise Ended()
        try:
            return send(packet, *limit)
        except ProxyCommandFailure:
            read_last_words(self.__socket)
            raise

    # replaces statement: 5a5a6edc92c8bf01
    def _await_input(self):
        if self.__output.left_behind():
            self.flush()
        self._check_keepalive()

    # wraps: bfb5fb075c14e28d aa07c2d93c9a852f as __upstream_read_message
    def read_message(self):
        if self.__output.left_behind():
            self.flush()
        return self.__upstream_read_message()

    # wraps: 9a6eae8c1a3428ce as __until_keepalive
    def _until_keepalive(self):
        due = self.__until_keepalive()
        if self.__output.left_behind():
            # Not worth a wait for the socket to accept more: this is rare.
            return 0.1 if due is None else min(due, 0.1)
        return due
