"""
Files that are prefetched over SFTP: neither order nor failure of requests and answers stops them.

A request that nobody has prefetched is told from the others by its file: it has none.
"""

from __future__ import annotations

import struct
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from session.connection import RAISES_S, Connection, raised
from waiting import PROMPT_S, Call, wait_until

Open = Callable[..., Connection]

#: What one request of a prefetch asks for.
REQUEST_BYTES = 32768

#: How many of them the file takes.
REQUESTS = 20

#: What an answer has besides the data: length, type, number, and the length of the data.
ANSWER_HEADER_BYTES = 13

CONTENT = b"".join(b"%015d\n" % number for number in range(REQUESTS * 2048))

CMD_READ = 5


class Requests:
    """
    Watches the requests that one client makes, and holds them up.

    :ivar int plain_reads: how many reads were asked for without a prefetch
    :ivar set held: which requests of a prefetch wait for `go_on`, counted from 0
    """

    def __init__(self, sftp: Any) -> None:
        self._request = sftp._async_request
        self._prefetched = 0
        self.plain_reads = 0
        self.held: set[int] = set()
        self.hold_after_sending = False
        self.go_on = threading.Event()
        sftp._async_request = self._watch

    def _watch(self, file: Any, kind: int, *arguments: Any) -> Any:
        if file is type(None):
            self.plain_reads += kind == CMD_READ
            return self._request(file, kind, *arguments)
        held = self._prefetched in self.held
        self._prefetched += 1
        if held and not self.hold_after_sending:
            self.go_on.wait(20)
        number = self._request(file, kind, *arguments)
        if held and self.hold_after_sending:
            self.go_on.wait(20)
        return number


@pytest.fixture
def connection(open_connection: Open) -> Connection:
    """
    Return a connection.
    """
    return open_connection()


@pytest.fixture
def sftp(connection: Connection) -> Any:
    """
    Return a client of the connection.
    """
    return connection.client.open_sftp()


@pytest.fixture
def file(sftp: Any, tmp_path: Path) -> Any:
    """
    Return an open file that holds `CONTENT`.
    """
    assert len(CONTENT) == REQUESTS * REQUEST_BYTES
    (tmp_path / "file").write_bytes(CONTENT)
    return sftp.open(str(tmp_path / "file"), "rb")


@pytest.fixture
def requests(sftp: Any, file: Any) -> Iterator[Requests]:
    """
    Return what watches the requests, and let all go on in the end.
    """
    watching = Requests(sftp)
    yield watching
    watching.go_on.set()


def test_answer_is_taken_while_its_sender_has_not_returned(file: Any, requests: Requests) -> None:
    """
    Upstream's reader spins until then, and keeps the sender from returning.
    """
    requests.held, requests.hold_after_sending = {0}, True
    file.prefetch(len(CONTENT))

    assert Call(file.read, 5).result(10) == CONTENT[:5]
    requests.go_on.set()
    assert Call(file.read).result(10) == CONTENT[5:]


def test_prefetch_goes_on_after_all_requests_so_far_are_answered(
    file: Any, requests: Requests
) -> None:
    """
    Upstream's is done with that, and reads the rest one request at a time.
    """
    requests.held = {1, 5}
    file.prefetch(len(CONTENT))

    reading = Call(file.read, 3 * REQUEST_BYTES)
    assert reading.blocks()
    requests.go_on.set()

    assert reading.result(10) == CONTENT[: 3 * REQUEST_BYTES]
    assert Call(file.read).result(10) == CONTENT[3 * REQUEST_BYTES :]
    assert requests.plain_reads == 1, "only the one that finds the end"


@pytest.mark.needs_api("limited-prefetch")
@pytest.mark.parametrize("limit", [1, 3])
def test_limited_prefetch_goes_on_with_each_answer(
    paramiko: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    file: Any,
    requests: Requests,
    limit: int,
) -> None:
    """
    It waits for an answer, and not for a time; upstream's gives up after the first ones.
    """
    monkeypatch.setattr(paramiko.sftp_file, "io_sleep", 3.0)
    file.prefetch(len(CONTENT), limit)

    assert Call(file.read).result(10) == CONTENT
    assert requests.plain_reads == 1


@pytest.mark.race
def test_two_prefetches_at_once_are_read_to_their_end(file: Any, requests: Requests) -> None:
    """
    Whatever thread is the quicker, all is prefetched and nobody waits for more.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        file.seek(len(CONTENT) // 2)
        file.prefetch(len(CONTENT))
        file.seek(0)
        file.prefetch(len(CONTENT) // 2)
        assert Call(file.read).result(10) == CONTENT
    finally:
        sys.setswitchinterval(before)
    assert requests.plain_reads == 1


def test_reads_past_the_end_do_not_block(file: Any) -> None:
    """
    A file that is shorter than was said: each request past its end is answered by a status.
    """
    file.prefetch(2 * len(CONTENT))

    assert Call(file.read).result(10) == CONTENT
    for _ in range(REQUESTS + 2):
        assert Call(file.read).result(RAISES_S) == b""


def test_file_is_read_when_no_thread_can_be_started(
    monkeypatch: pytest.MonkeyPatch, file: Any
) -> None:
    """
    The caller of the prefetch is told; nobody waits for what was never asked for.
    """

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="start new thread"):
            file.prefetch(len(CONTENT))

    assert Call(file.read).result(10) == CONTENT


def test_reader_is_told_when_its_thread_fails(file: Any, printed: list[str]) -> None:
    """
    An offset that no request can hold: the thread prints it, and its caller meets it.
    """
    blocks = file.readv([(2**64, 5), (0, 5)])
    assert isinstance(raised(Call(next, blocks), RAISES_S), struct.error)
    assert len(printed) == 1

    file.seek(0)
    assert Call(file.read).result(10) == CONTENT


def test_rest_is_read_when_a_request_cannot_be_sent(
    sftp: Any, file: Any, printed: list[str]
) -> None:
    """
    What must not change: its answer is not waited for, and what was sent before is used.
    """
    send = sftp._send_packet
    sent = 0

    def send_two(kind: int, packet: Any) -> None:
        nonlocal sent
        sent += 1
        if sent == 3:
            raise OSError("not now")
        send(kind, packet)

    sftp._send_packet = send_two
    file.prefetch(len(CONTENT))

    assert Call(file.read).result(10) == CONTENT
    assert len(printed) == 1


def test_readv_that_has_nothing_to_ask_for_leaves_the_file_usable(file: Any) -> None:
    """
    The block is there already, and so no answer will come to what is read next.
    """
    file.prefetch(REQUEST_BYTES)
    assert Call(file.read, 1).result(10) == CONTENT[:1]
    assert Call(list, file.readv([(10, 5)])).result(10) == [CONTENT[10:15]]

    file.seek(3 * REQUEST_BYTES)
    assert Call(file.read, 5).result(RAISES_S) == CONTENT[3 * REQUEST_BYTES :][:5]


@pytest.mark.fault
def test_reader_that_waits_for_a_request_is_told_of_the_end(
    connection: Connection, sftp: Any, file: Any, requests: Requests, printed: list[str]
) -> None:
    """
    Whoever would make the request is held up, and so the reader looks for itself.
    """
    requests.held = {1}
    file.prefetch(len(CONTENT))
    first_answer = REQUEST_BYTES + ANSWER_HEADER_BYTES
    wait_until(
        lambda: len(sftp.get_channel().in_buffer) == first_answer, PROMPT_S, "the first answer"
    )

    (error,) = connection.strike_during(lambda: file.read(2 * REQUEST_BYTES))

    connection.assert_reason(error)
    assert getattr(error, "partial", None) == CONTENT[:REQUEST_BYTES]
    requests.go_on.set()
    assert printed == []


def test_thread_of_a_program_that_enters_its_requests_itself_is_left_alone(
    paramiko: ModuleType, monkeypatch: pytest.MonkeyPatch, file: Any
) -> None:
    """
    What must not change: programs replace the thread's work, and do what upstream's does.
    """

    def ask(self: Any, chunks: Any, limit: Any = None) -> None:
        for offset, length in chunks:
            # An int is 32 bits of a request, and the offset is 64.
            number = self.sftp._async_request(self, CMD_READ, self.handle, 0, offset, length)
            with self._prefetch_lock:
                self._prefetch_extents[number] = (offset, length)

    monkeypatch.setattr(paramiko.SFTPFile, "_prefetch_thread", ask)
    file.prefetch(len(CONTENT))
    assert Call(file.read).result(10) == CONTENT
