# adds after: Message
from paramiko._connection_end import end_amid_packet, read_last_words

# adds after: Message
from paramiko._output_queue import Ended, OutputQueue


class Packetizer:
    # wraps: 82b064ef10ab2467 as __waiting_init
    def __init__(self, socket):
        self.__waiting_init(socket)
        self.__output = OutputQueue()
        # a list: an empty deque takes ten times as much of an idle connection
        self.__unpacked = []
        # beside the lock of upstream's, which is taken inside of it
        self.__packing_lock = threading.RLock()
        self.__packing = False
        #: What the queue had accepted when the last packet was encrypted.
        self.__encrypted_after = None

    # replaces statement: 413e47762cae14a0
    def send_message(self):
        packet = self._build_packet(data)
        self.__encrypted_after = self.__output.accepted

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
        self.queue_message(data)
        self.flush()

    # adds after: send_message
    def queue_message(self, data):
        """
        Give a packet its place among those that are to be sent.

        Does not wait for the peer.
        """
        with self.__packing_lock:
            if self.__packing:
                # A destructor, while this thread packs another: that goes on
                # with this one when it is done.
                self.__unpacked.append(data)
                return
            try:
                self.__packing = True
                self.__pack_message(data)
                while self.__unpacked:
                    self.__pack_message(self.__unpacked.pop(0))
            except BaseException:
                if self.__encrypted_after == self.__output.accepted:
                    # It has no place in the queue, and never will have.
                    failure = end_amid_packet(self.__socket)
                    if failure is not None:
                        self.__output.end(failure)
                raise
            finally:
                self.__packing = False
        self.__keepalive_last = time.time()

    # adds after: send_message
    def flush(self, wait=True):
        """
        Write what is queued.

        :param bool wait:
            ``False`` to write only what is accepted at once, and to leave it
            to the transport thread to find out that nothing ever will be.
        """
        try:
            self.__output.flush(self.__write_part, self.__write_now, wait)
        except ProxyCommandFailure:
            reads_on = read_last_words(self.__socket)
            if wait or not reads_on:
                raise
        finally:
            self.hand_over_output()

    # adds after: send_message
    def hand_over_output(self):
        """
        Leave what nobody writes now to the transport thread.
        """
        if self.__output.left_behind():
            self.__wait.wake()

    # adds after: send_message
    def __write_part(self, packet, noted):
        refusals = 0
        while not noted:
            if self.__closed:
                raise Ended()
            if self.__wait.send(packet, noted) == 0:
                refusals += 1
                if refusals > 10:
                    raise Ended()

    # adds after: send_message
    def __write_now(self, packet, noted):
        if self.__closed:
            raise Ended()
        self.__wait.send_now(packet, noted)

    # replaces statement: 5a5a6edc92c8bf01
    def _await_input(self):
        if self.__output.left_behind():
            self.flush(wait=False)
        self._check_keepalive()

    # wraps: bfb5fb075c14e28d aa07c2d93c9a852f as __upstream_read_message
    def read_message(self):
        if self.__output.left_behind():
            self.flush(wait=False)
        return self.__upstream_read_message()

    # wraps: 9a6eae8c1a3428ce as __until_keepalive
    def _until_keepalive(self):
        due = self.__until_keepalive()
        if self.__output.left_behind():
            # Not worth a wait for the socket to accept more: this is rare.
            return 0.1 if due is None else min(due, 0.1)
        return due
