# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
Noticing that a server has stopped to answer, or that nothing gets to it.

A connection whose peer is gone for good may stay open for ever: nothing
arrives, and nothing says that nothing ever will.  `SilenceTimer` counts the
keepalives that the transport thread sends meanwhile.  As long as something
arrives it looks at the other direction as well, which can be stuck alone.
`Answer` is what a global request, such as a keepalive, waits for: by RFC 4254,
section 4, answers come in the order of the requests, and nothing else tells
which is whose.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Callable

from paramiko.ssh_exception import SSHException

#: How long, in seconds, the answer to the last keepalive may take, if the
#: interval is not even shorter: the others had a whole interval.
LAST_ANSWER_S = 1.0


#: How often in each interval `SilenceTimer` looks at the output.
LOOKS = 4


class NoAnswer(SSHException):
    """
    A server has not answered so many keepalives in a row.
    """

    #: What is said of a proxy that has not ended; takes the argument.
    of_proxy = "is alive, but there was {}"


class NothingTaken(NoAnswer):
    """
    What carries the connection takes no output, though input goes on.
    """

    of_proxy = "is alive, but {}"

    def __str__(self) -> str:
        return "the peer {}".format(*self.args)


class Answer:
    """
    What the server says to one global request.

    Thread-safety: the transport thread gives it, one thread waits for it.

    :ivar bool is_given: whether the server has said something.
    :ivar completed:
        an event for programs that look at `Transport.completion_event`, which
        is set with the answer, and by the end of a key exchange as well.
    """

    def __init__(self) -> None:
        self._over = threading.Event()
        self.completed = threading.Event()
        self._message: Any = None
        self.is_given = False

    def give(self, message: Any) -> None:
        """
        Give the answer: a `.Message`, or `None` for a refusal.
        """
        self._message = message
        self.is_given = True
        self.end()

    def end(self) -> None:
        """
        Wake whoever waits, since the connection has ended.
        """
        self._over.set()
        self.completed.set()

    def wait(self, transport: Any) -> Any:
        """
        Block until the answer is there, or the connection has ended.

        :returns: what `give` was given; `None` if nothing was.
        """
        while not self._over.wait(0.1):
            if not transport.active:
                break
        return self._message


class SilenceTimer:
    """
    Tells when a keepalive is due, and when there have been enough of them.

    Thread-safety: the transport thread alone uses it.
    """

    def __init__(
        self, interval: float, count_max: int, send: Callable[[], None]
    ) -> None:
        """
        :param float interval: seconds of silence before each keepalive.
        :param int count_max: so many unanswered ones end the connection.
        :param send: sends one; may leave that out, but does not block.
        """
        self._interval = interval
        self._count_max = count_max
        self._send = send
        self._look_due = 0.0
        #: How much output was taken when last looked at, if not all of it.
        self._taken: int | None = None
        self._taken_at = 0.0
        self.heard()

    def heard(self) -> None:
        """
        Start anew, since the server has said something.
        """
        self._unanswered = 0
        self._due = time.monotonic() + self._interval

    def remaining(self) -> float:
        """
        Return in how many seconds `check` has to be called.
        """
        return max(0.0, self._due - time.monotonic())

    def check(self, taken: Callable[[], int | None]) -> None:
        """
        Send a keepalive if one is due, and look at the output now and then.

        :param taken:
            returns how many bytes of output were taken, ever; `None` if that
            is all there is.  Does not block.

        :raises NoAnswer: enough have been sent.
        :raises NothingTaken: none were taken for as long as these would last.
        """
        now = time.monotonic()
        if now >= self._due:
            self._ask(now)
        # Of a server that is silent as well, `NoAnswer` tells; so this needs
        # no timer, and is looked at when something has arrived.
        if now >= self._look_due and not self._unanswered:
            self._look_due = now + self._interval / LOOKS
            self._look(now, taken())

    def _look(self, now: float, taken: int | None) -> None:
        if taken is None or taken != self._taken:
            self._taken, self._taken_at = taken, now
        elif now - self._taken_at >= self._interval * self._count_max:
            raise NothingTaken(
                "took nothing for {:g} s".format(
                    self._interval * self._count_max
                )
            )

    def _ask(self, now: float) -> None:
        if self._unanswered == self._count_max:
            raise NoAnswer(
                "no answer to {} keepalive{}".format(
                    self._count_max, "" if self._count_max == 1 else "s"
                )
            )
        # One that cannot be sent counts: the server has not taken what was
        # sent before, or has not answered the start of a key exchange.
        self._send()
        self._unanswered += 1
        last = self._unanswered == self._count_max
        self._due = now + (
            min(self._interval, LAST_ANSWER_S) if last else self._interval
        )
