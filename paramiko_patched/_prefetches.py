# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
What is asked of an SFTP file in advance: how much is to come, what is not
answered.

A request is entered before it is sent, so that no answer comes to a file that
does not know of it, and a chunk counts as unsent until then: at any moment, a
reader is told either that an answer will come, or that none will.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

#: What upstream calls an extent: offset and length.
Extent = tuple[int, int]

#: How long, in seconds, a reader waits for the next request before it reads
#: whatever comes.  The thread that makes it can be held up by answers to
#: others, which nobody reads meanwhile.
PATIENCE = 1.0


class Prefetch(list[Extent]):
    """
    The chunks of one prefetch, and how far the thread that asks has come.

    :ivar int unsent: for how many of them no request was made yet.
    :ivar bool ended: no more of them shall be asked for.
    :ivar tuple current: what the thread is at.
    :ivar sending: the number of the request that is being sent, or `None`.
    """

    def __init__(self, chunks: list[Extent]) -> None:
        super().__init__(chunks)
        self.unsent = len(self)
        self.ended = False
        self.current: Extent = (0, 0)
        self.sending: int | None = None

    def __iter__(self) -> Iterator[Extent]:
        for chunk in super().__iter__():
            if self.ended:
                return
            self.current = chunk
            yield chunk


class Prefetches:
    """
    All prefetches of one file.

    Any thread may call the methods.  This has no reference to its file, which
    is collected as soon as nobody uses it.

    :param lock: the one under which the file's extents are changed.
    :param dict extents: what was asked for and is not answered, by number.
    """

    def __init__(
        self, lock: threading.Lock, extents: dict[int, Extent]
    ) -> None:
        self._changed = threading.Condition(lock)
        self._extents = extents
        self._unsent = 0
        self._senders: dict[int, Prefetch] = {}

    def announce(self, chunks: list[Extent]) -> Prefetch:
        """
        Return a prefetch whose thread is going to be started.
        """
        prefetch = Prefetch(chunks)
        with self._changed:
            self._unsent += prefetch.unsent
        return prefetch

    def begin(self, prefetch: Prefetch) -> None:
        """
        Take what this thread asks for as the prefetch's.
        """
        self._senders[threading.get_ident()] = prefetch

    def end(self, prefetch: Prefetch) -> None:
        """
        Expect no more requests of a prefetch, however far it has come.

        Its thread, should it run, ends after the one that it is at.
        """
        with self._changed:
            self._unsent -= prefetch.unsent
            prefetch.unsent = 0
            prefetch.ended = True
            if self._senders.get(threading.get_ident()) is prefetch:
                del self._senders[threading.get_ident()]
            self._changed.notify_all()

    def ask(self, num: int) -> None:
        """
        Enter what this thread will send next, if it asks for a prefetch.
        """
        prefetch = self._senders.get(threading.get_ident())
        if prefetch is not None:
            with self._changed:
                self._extents[num] = prefetch.current
                prefetch.sending = num
                if prefetch.unsent:
                    prefetch.unsent -= 1
                    self._unsent -= 1
                self._changed.notify_all()

    def sent(self, num: int, offset: int, length: int) -> None:
        """
        Take note that a request was sent, and enter it if `ask` has not.
        """
        prefetch = self._senders.get(threading.get_ident())
        if prefetch is not None:
            prefetch.sending = None
            return
        with self._changed:
            self._extents[num] = (offset, length)
            self._changed.notify_all()

    def forget(self, num: int) -> None:
        """
        Expect no answer to a request: it has come, or never will.
        """
        with self._changed:
            self._extents.pop(num, None)
            self._changed.notify_all()

    def wait_for_room(self, limit: int, timeout: float) -> None:
        """
        Wait until fewer requests than that are unanswered, or for so long.
        """
        with self._changed:
            self._changed.wait_for(lambda: len(self._extents) < limit, timeout)

    def wait_for_request(self) -> bool:
        """
        Tell whether an answer will come; if there may be none, wait for it.

        Blocks until a thread has made its next request or ends.
        """
        with self._changed:
            while self._unsent and not self._extents:
                if not self._changed.wait(PATIENCE):
                    return True
            return bool(self._extents)
