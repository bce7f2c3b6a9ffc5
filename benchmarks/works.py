"""
What is done with each subject, and in which units that is told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

MEGABYTE = 1_000_000
Answer = dict[str, float]
Figures = dict[str, float]


@dataclass(frozen=True)
class Extent:
    """
    Say how much is done; each number of at least 1.

    :param int size: megabytes of a transfer
    :param int far: megabytes of a transfer over the long way
    :param int files: small files
    :param int lines: lines of the long output
    :param int echoes: round trips of one byte
    :param int logins: one after the other
    :param int visits: connections of the crowd
    """

    size: int = 200
    far: int = 50
    files: int = 400
    lines: int = 500_000
    echoes: int = 5000
    logins: int = 10
    visits: int = 100


QUICK = Extent(size=30, far=5, files=100, lines=100_000, echoes=1000, logins=5, visits=40)


def moved(answer: Answer) -> Figures:
    """
    Return what moving bytes costs.
    """
    megabytes = answer["amount"] / MEGABYTE
    return {
        "MB/s": megabytes / answer["seconds"],
        "CPU s/GB": answer["cpu_s"] / megabytes * 1000,
        "switches/MB": answer["switches"] / megabytes,
    }


def counted(what: str, unit: str = "ms", scale: float = 1e3) -> Callable[[Answer], Figures]:
    """
    Return what tells how many a second there were, and what each cost.
    """
    return lambda answer: {
        f"{what}/s": answer["amount"] / answer["seconds"],
        f"CPU {unit} each": answer["cpu_s"] / answer["amount"] * scale,
        "switches each": answer["switches"] / answer["amount"],
    }


def timed(answer: Answer) -> Figures:
    """
    Return what each took.
    """
    return {
        "ms each": answer["seconds"] / answer["amount"] * 1000,
        "CPU ms each": answer["cpu_s"] / answer["amount"] * 1000,
        "switches each": answer["switches"] / answer["amount"],
    }


@dataclass(frozen=True)
class Work:
    """
    Describe one thing to do, which the client programs know by its name.

    :param str what: for readers
    :param figures: makes figures of a client's answer; the first is the speed
    :param amount: how much a client has to answer that it did
    :param int share: of how many channels each reads its part; the file is as much smaller
    :param int at_a_time: how many threads do it
    :param str client_name: of the work in the client programs, if it is another
    :param bool delayed: over a way that takes `DELAY_S` in each direction
    """

    name: str
    what: str
    figures: Callable[[Answer], Figures]
    amount: Callable[[Extent], int]
    share: int = 1
    at_a_time: int = 1
    client_name: str = ""
    delayed: bool = False

    @property
    def moves_bytes(self) -> bool:
        """Tell whether its amount is one of bytes."""
        return self.figures is moved

    @property
    def moves_files(self) -> bool:
        """Tell whether there is a file afterwards that has to be as another."""
        return self.name.startswith(("get", "put"))

    def times(self, extent: Extent) -> int:
        """Return how often it is done, and not how many bytes it moves."""
        return self.share if self.moves_bytes else self.amount(extent)


def _size(extent: Extent) -> int:
    return extent.size * MEGABYTE


def _far_size(extent: Extent) -> int:
    return extent.far * MEGABYTE


_round_trips = counted("round trips", "µs", 1e6)
_lines = counted("lines", "µs", 1e6)
_files = counted("files")

#: Seconds that each direction of the long way takes.
DELAY_S = 0.05
WORKS = [
    Work("cat", "a command's output, read", moved, _size),
    Work("write", "a command's input, written", moved, _size),
    Work("get", "SFTP get", moved, _size),
    Work("put", "SFTP put", moved, _size),
    Work("get-small", "SFTP get, files of up to 6 KB", _files, lambda e: e.files),
    Work("put-small", "SFTP put, files of up to 6 KB", _files, lambda e: e.files),
    Work("echo", "one byte, there and back", _round_trips, lambda e: e.echoes),
    Work("lines", "a command's output, line by line", _lines, lambda e: e.lines),
    Work("connect", "logins, one after the other", timed, lambda e: e.logins),
    Work(
        "crowd",
        "logins for one command, 20 at a time",
        counted("logins"),
        lambda e: e.visits,
        1,
        20,
    ),
    Work("channels", "output of 10 commands at once", moved, _size, 10),
    Work("connections", "output over 20 connections in 20 threads", moved, _size, 20),
    Work("get-far", "SFTP get, 50 ms each way", moved, _far_size, client_name="get", delayed=True),
    Work("put-far", "SFTP put, 50 ms each way", moved, _far_size, client_name="put", delayed=True),
]
