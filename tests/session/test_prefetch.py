"""
Files that are prefetched over SFTP: neither order nor failure of requests and answers stops them.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from session.connection import RAISES_S, Connection, raised
from waiting import Call

Open = Callable[..., Connection]

#: What one request of a prefetch asks for.
REQUEST_BYTES = 32768

#: How many of them the file takes.
REQUESTS = 20

#: What an answer has besides the data: length, type, number, and the length of the data.
ANSWER_HEADER_BYTES = 13

CONTENT = b"".join(b"%015d\n" % number for number in range(REQUESTS * 2048))

CMD_READ = 5


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


def requests_of(sftp: Any, call: Callable[[], Any]) -> int:
    """
    Return how many requests a call makes.
    """
    before: int = sftp.request_number
    call()
    return int(sftp.request_number) - before


def test_prefetch_asks_once_for_each_part(sftp: Any, file: Any) -> None:
    """
    And then for the end, however its answers come.
    """

    def read() -> None:
        file.prefetch(len(CONTENT))
        assert Call(file.read).result(10) == CONTENT

    assert requests_of(sftp, read) == REQUESTS + 1


@pytest.mark.needs_api("limited-prefetch")
@pytest.mark.parametrize("limit", [1, 3])
def test_limited_prefetch_goes_on_with_each_answer(sftp: Any, file: Any, limit: int) -> None:
    """
    It waits for an answer, and not for a time; upstream's gives up after the first ones.
    """

    def read() -> None:
        file.prefetch(len(CONTENT), limit)
        assert len(file._prefetch_extents) == limit
        got = b""
        while len(got) < len(CONTENT):
            got += Call(file.read, REQUEST_BYTES).result(10)
            assert len(file._prefetch_extents) <= limit
        assert got == CONTENT

    assert requests_of(sftp, read) == REQUESTS


def test_prefetch_of_a_large_file_asks_for_a_part_of_it(sftp: Any, file: Any) -> None:
    """
    No more than the channel has room for, so that the server can always get rid of its answers.
    """

    def start() -> None:
        file.prefetch(1 << 28)

    assert requests_of(sftp, start) * REQUEST_BYTES <= sftp.get_channel().in_window_size


def test_seek_beside_a_prefetch_is_answered_first(sftp: Any, file: Any, tmp_path: Path) -> None:
    """
    What was not asked for yet is asked for now, and nothing twice.
    """
    large = CONTENT * 10
    (tmp_path / "large").write_bytes(large)
    parts = 10 * REQUESTS

    def read() -> None:
        with sftp.open(str(tmp_path / "large"), "rb") as file:
            file.prefetch(len(large))
            for part in (parts - 1, 0, parts // 2, parts // 2 + 1):
                file.seek(part * REQUEST_BYTES)
                piece = Call(file.read, REQUEST_BYTES).result(10)
                assert piece == large[part * REQUEST_BYTES :][:REQUEST_BYTES]
            file.seek(REQUEST_BYTES)
            rest = Call(file.read, REQUEST_BYTES * (parts // 2 - 1)).result(10)
            assert rest == large[REQUEST_BYTES : REQUEST_BYTES * (parts // 2)]

    # To open, to close, and no part more than once.
    assert requests_of(sftp, read) <= parts + 2


@pytest.mark.race
def test_two_prefetches_at_once_are_read_to_their_end(file: Any) -> None:
    """
    In whatever order the parts come, nobody waits for more.
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


def test_reads_past_the_end_do_not_block(file: Any) -> None:
    """
    A file that is shorter than was said: each request past its end is answered by a status.
    """
    file.prefetch(2 * len(CONTENT))

    assert Call(file.read).result(10) == CONTENT
    for _ in range(REQUESTS + 2):
        assert Call(file.read).result(RAISES_S) == b""


def test_file_is_usable_after_a_part_that_cannot_be_asked_for(file: Any) -> None:
    """
    An offset that no request can hold: the caller is told, and nobody waits for its answer.
    """
    blocks = file.readv([(2**64, 5), (0, 5)])
    assert isinstance(raised(Call(next, blocks), RAISES_S), struct.error)

    file.seek(0)
    assert Call(file.read).result(10) == CONTENT


def test_file_is_usable_after_requests_that_could_not_be_sent(sftp: Any, file: Any) -> None:
    """
    The caller is told, and their answers are not waited for.
    """
    channel = sftp.get_channel()

    def refuse(data: bytes) -> int:
        raise OSError("not now")

    channel.send = refuse
    assert str(Call(file.prefetch, len(CONTENT)).error(RAISES_S)) == "not now"
    del channel.send

    assert Call(file.read).result(10) == CONTENT


def test_readv_that_has_nothing_to_ask_for_leaves_the_file_usable(file: Any) -> None:
    """
    The block is there already, and so no answer will come to what is read next.
    """
    file.prefetch(REQUEST_BYTES)
    assert Call(file.read, 1).result(10) == CONTENT[:1]
    assert Call(list, file.readv([(10, 5)])).result(10) == [CONTENT[10:15]]

    file.seek(3 * REQUEST_BYTES)
    assert Call(file.read, 5).result(RAISES_S) == CONTENT[3 * REQUEST_BYTES :][:5]


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
