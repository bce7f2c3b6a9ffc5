# This module is part of paramiko-patched, which adds it to paramiko.  It is
# distributed under the same licence, the GNU Lesser General Public License,
# version 2.1 or (at your option) any later one.

"""
What is asked of an SFTP file in advance.

There is no thread: as much is asked for at once as the server can send without
anybody reading, and the rest when a read has made room.  What a read comes to
that was not asked for yet is asked for first.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from paramiko._forked_child import raise_in_child
from paramiko._patched.sftp.requests import Stream
from paramiko.sftp import CMD_DATA, CMD_STATUS

#: How many bytes may be asked for and not be there, as for a transfer.
MOST_ASKED = 7 * 256 * 1024

#: What a request counts at least, so that they are not too many.
LEAST_COUNT = 1024

#: What upstream calls an extent: offset and length.
Extent = tuple[int, int]


class Prefetch(Stream):
    """
    All that is asked of one file in advance.

    This has no reference to its file, which is collected as soon as nobody
    uses it.

    :param file: the `.SFTPFile`.
    """

    def __init__(self, file: Any) -> None:
        super().__init__(file.sftp, file.handle)
        # Programs look at these.
        self._asked: dict[int, Extent] = file._prefetch_extents
        self._arrived: dict[int, bytes] = file._prefetch_data
        self._lock = file._prefetch_lock
        self._to_ask: deque[Extent] = deque()
        self._most_requests: int | None = None
        self._answers = 0

    def add(self, chunks: list[Extent], most_requests: int | None) -> None:
        """
        Ask for some more, now or later.

        :param int most_requests: how many may be unanswered.
        """
        self._most_requests = most_requests
        self._to_ask.extend(chunks)
        self._ask()

    def is_over(self) -> bool:
        """
        Return whether nothing is there or will come.
        """
        return not (self._asked or self._to_ask or self._arrived)

    def await_data(self, position: int) -> bool:
        """
        Wait for an answer, if one will come with what is at a position.

        :returns: ``False`` if none will.
        """
        if self._is_asked(position):
            self._ask()
        elif not self._ask_first(position):
            return False
        before = self._answers
        if self._asked:
            self.wait(lambda: self._answers != before)
        return True

    def _async_response(self, t: int, msg: Any, num: int) -> None:
        with self._lock:
            offset, length = self._answered(num)
        self._answers += 1
        if t == CMD_DATA:
            data = msg.get_string()[:length]
            if data:
                with self._lock:
                    self._arrived[offset] = data
                if len(data) < length:
                    rest = offset + len(data), length - len(data)
                    self._to_ask.appendleft(rest)
        elif t == CMD_STATUS:
            # Whoever reads there asks for himself, and is told; this may be
            # the end of the file.
            pass

    def _answered(self, num: int) -> Extent:
        offset, length = self._asked.pop(num)
        self.unanswered -= max(length, LEAST_COUNT)
        return offset, length

    def _enter(self, offset: int, length: int) -> int:
        with self._lock:
            num = super()._enter(offset, length)
        self.unanswered += max(length, LEAST_COUNT) - length
        return num

    def _is_asked(self, position: int) -> bool:
        with self._lock:
            return any(
                start <= position < start + length
                for start, length in self._asked.values()
            )

    def _ask_first(self, position: int) -> bool:
        """
        Ask for a chunk before all others, as soon as there may be one more.

        :returns: whether there is one with such a position.
        """
        for extent in list(self._to_ask):
            start, length = extent
            if start <= position < start + length:
                self._to_ask.remove(extent)
                if self._most_requests and not self._has_room():
                    self._to_ask.appendleft(extent)
                else:
                    self.ask_to_read(*extent)
                    self.send()
                return True
        return False

    def _ask(self) -> None:
        to_ask = self._to_ask
        if self.unanswered > MOST_ASKED // 2 and not self._most_requests:
            return  # some together, later
        while to_ask and self._has_room():
            try:
                self.ask_to_read(*to_ask.popleft())
            except BaseException:
                to_ask.clear()  # what nobody can ask for
                raise
        self.send()

    def _has_room(self) -> bool:
        most = self._most_requests
        if most is not None:
            return len(self._asked) < max(most, 1)
        return self.unanswered < MOST_ASKED


def start(file: Any, chunks: list[Extent], limit: int | None = None) -> None:
    """
    Ask for parts of a file in advance.

    Blocks as long as it takes to send so many requests.

    :param int limit: how many may be unanswered.
    """
    prefetch: Prefetch | None = file._prefetch
    if prefetch is None:
        prefetch = file._prefetch = Prefetch(file)
    file._prefetching = True
    # No answer is waited for but here.
    file._prefetch_done = True
    prefetch.add(list(chunks), limit)


def await_data(file: Any) -> None:
    """
    Return when that part of a file is there which is to be read next, or it
    is known that no answer will bring it.

    Blocks and raises like a read.
    """
    raise_in_child(file.sftp.sock)
    prefetch: Prefetch | None = file._prefetch
    if prefetch is None:
        return
    while not file._closed:
        position = file._realpos
        if file._data_in_prefetch_buffers(position) is not None:
            break
        if not prefetch.await_data(position):
            break


def go_on(file: Any) -> None:
    """
    Take note that a read has not found what it wanted.
    """
    prefetch: Prefetch | None = file._prefetch
    if prefetch is not None and not file._prefetching:
        file._prefetching = not prefetch.is_over()


def is_replaced(file: Any, own: Any) -> bool:
    """
    Tell whether a program prefetches by a thread of its own making.

    :param own: the method that is there if it does not.
    """
    return bool(file._prefetch_thread != own)
