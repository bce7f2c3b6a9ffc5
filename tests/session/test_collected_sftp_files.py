"""
SFTP files that are dropped at the worst moment: while a lock is held that closing them needs.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from session.connection import RAISES_S, Connection
from waiting import PROMPT_S, Call, wait_until

Open = Callable[..., Connection]

#: The locks that a request takes, by the thread that sends it.
LOCKS: dict[str, Callable[[Any], Any]] = {
    "client": lambda sftp: sftp._lock,
    "channel": lambda sftp: sftp.sock.lock,
    "transport": lambda sftp: sftp.sock.transport.clear_to_send_lock,
}


class Forgetful(weakref.WeakValueDictionary):  # type: ignore[type-arg]
    """
    Loses its file between two looks, as if another thread had dropped it in this moment.
    """

    files: list[Any]

    def __contains__(self, key: object) -> bool:
        found = super().__contains__(key)
        self.files.clear()
        return found


def drop_under_lock(sftp: Any, path: Path, lock: Any) -> None:
    """
    Collect a file in a thread that is inside a request, as the collector may.
    """
    file = sftp.open(str(path), "wb", 8192)
    file.write(b"buffered")
    with lock:
        del file


@pytest.mark.parametrize("lock", LOCKS)
def test_file_that_is_dropped_under_a_lock_is_closed_by_the_next_request_at_the_latest(
    open_connection: Open, tmp_path: Path, printed: list[str], lock: str
) -> None:
    """
    The thread goes on, and what dropping a file does at any other moment is done then.
    """
    path = tmp_path / "file"
    sftp = open_connection().client.open_sftp()

    Call(drop_under_lock, sftp, path, LOCKS[lock](sftp)).result(RAISES_S)

    assert Call(sftp.stat, str(path)).result(PROMPT_S).st_size == len(b"buffered")
    assert path.read_bytes() == b"buffered"
    assert printed == []


def test_dropped_file_is_closed_at_once_when_no_lock_is_held(
    open_connection: Open, tmp_path: Path
) -> None:
    """
    What must not change: the destructor writes and closes.
    """
    path = tmp_path / "file"
    sftp = open_connection().client.open_sftp()
    file = sftp.open(str(path), "wb", 8192)
    file.write(b"buffered")
    del file

    assert path.read_bytes() == b"buffered"


@pytest.mark.fault
@pytest.mark.parametrize("lock", LOCKS)
def test_file_that_is_dropped_under_a_lock_is_forgotten_when_proxy_has_ended(
    open_connection: Open, tmp_path: Path, printed: list[str], lock: str
) -> None:
    """
    Nothing is left to be closed, and no call but the next one's own failure is heard of.
    """
    connection = open_connection()
    sftp = connection.client.open_sftp()
    Call(drop_under_lock, sftp, tmp_path / "file", LOCKS[lock](sftp)).result(RAISES_S)
    connection.strike_and_wait()

    connection.assert_reason(Call(sftp.stat, str(tmp_path)).error(RAISES_S))
    assert printed == []


def test_answer_to_a_file_that_is_dropped_now_disturbs_no_other_call(
    open_connection: Open, tmp_path: Path, printed: list[str]
) -> None:
    """
    The answer is nobody's, and the call that has met it gets its own.
    """
    (tmp_path / "file").write_bytes(b"abc")
    sftp = open_connection().client.open_sftp()
    expecting = Forgetful()
    expecting.files = [sftp.open(str(tmp_path / "file"))]
    sftp._expecting = expecting
    expecting.files[0].prefetch(3)
    wait_until(sftp.sock.recv_ready, 10, "the answer to the prefetch")

    assert Call(sftp.stat, str(tmp_path / "file")).result(RAISES_S).st_size == 3
    assert expecting.files == []
    assert printed == []
