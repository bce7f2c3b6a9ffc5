"""
SFTP calls that the server has to answer: blocked in them, or called after the proxy's end.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from session.connection import RAISES_S, Connection, raised
from waiting import PROMPT_S, Call

from paramiko_gate.faults import Fault

Open = Callable[..., Connection]


def list_all(sftp: Any, path: Path) -> list[Any]:
    return list(sftp.listdir_iter(str(path)))


#: Calls of a client, each with a file or directory that exists.
CALLS: dict[str, Callable[[Any, Path], Any]] = {
    "open": lambda sftp, path: sftp.open(str(path / "file")),
    "open-to-append": lambda sftp, path: sftp.open(str(path / "file"), "a"),
    "stat": lambda sftp, path: sftp.stat(str(path)),
    "lstat": lambda sftp, path: sftp.lstat(str(path)),
    "listdir": lambda sftp, path: sftp.listdir(str(path)),
    "listdir_attr": lambda sftp, path: sftp.listdir_attr(str(path)),
    "listdir_iter": list_all,
    "mkdir": lambda sftp, path: sftp.mkdir(str(path / "new")),
    "rmdir": lambda sftp, path: sftp.rmdir(str(path / "new")),
    "remove": lambda sftp, path: sftp.remove(str(path / "none")),
    "rename": lambda sftp, path: sftp.rename(str(path / "file"), str(path / "none")),
    "posix_rename": lambda sftp, path: sftp.posix_rename(str(path / "a"), str(path / "b")),
    "symlink": lambda sftp, path: sftp.symlink("file", str(path / "link")),
    "readlink": lambda sftp, path: sftp.readlink(str(path / "link")),
    "chmod": lambda sftp, path: sftp.chmod(str(path / "file"), 0o600),
    "utime": lambda sftp, path: sftp.utime(str(path / "file"), None),
    "truncate": lambda sftp, path: sftp.truncate(str(path / "file"), 1),
    "normalize": lambda sftp, path: sftp.normalize("."),
    "chdir": lambda sftp, path: sftp.chdir(str(path)),
    "get": lambda sftp, path: sftp.get(str(path / "file"), str(path / "copy")),
    "getfo": lambda sftp, path: sftp.getfo(str(path / "file"), io.BytesIO(), prefetch=False),
    "put": lambda sftp, path: sftp.put(str(path / "file"), str(path / "copy")),
    "putfo": lambda sftp, path: sftp.putfo(io.BytesIO(b"x"), str(path / "copy"), confirm=False),
}

#: Calls of a file that is open for reading and writing, each of which waits for an answer.
FILE_CALLS: dict[str, Callable[[Any], Any]] = {
    "read": lambda file: file.read(),
    "read-so-much": lambda file: file.read(3),
    "readinto": lambda file: file.readinto(bytearray(3)),
    "readline": lambda file: file.readline(),
    "readlines": lambda file: file.readlines(),
    "iteration": lambda file: list(file),
    "readv": lambda file: list(file.readv([(0, 3), (3, 3)])),
    "prefetch": lambda file: file.prefetch(),
    "write": lambda file: file.write(b"x"),
    "stat": lambda file: file.stat(),
    "chmod": lambda file: file.chmod(0o600),
    "utime": lambda file: file.utime(None),
    "truncate": lambda file: file.truncate(1),
    "check": lambda file: file.check("md5"),
    "seek-to-the-end": lambda file: file.seek(0, 2),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """
    Return a directory with a file of eight bytes in it.
    """
    (tmp_path / "file").write_bytes(b"one\ntwo\n")
    return tmp_path


@pytest.fixture
def stalled_calls(
    open_connection: Open, folder: Path
) -> Iterator[Callable[[Fault], tuple[Connection, dict[str, Callable[[], Any]]]]]:
    """
    Return a function that stalls a connection and gives every call, each on a client of its own.
    """

    def stall(fault: Fault) -> tuple[Connection, dict[str, Callable[[], Any]]]:
        connection = open_connection(fault)
        calls: dict[str, Callable[[], Any]] = {}
        # sshd allows ten sessions a connection: the clients share it in turn, one call each.
        for name in ("open", "stat", "listdir_iter", "get", "put"):
            sftp = connection.client.open_sftp()
            calls[name] = lambda call=CALLS[name], sftp=sftp: call(sftp, folder)  # type: ignore[misc]
        for name in ("read", "readv", "write"):
            file = connection.client.open_sftp().open(str(folder / "file"), "r+")
            calls[name] = lambda call=FILE_CALLS[name], file=file: call(file)  # type: ignore[misc]
        connection.stall()
        return connection, calls

    yield stall


@pytest.mark.fault
def test_blocked_sftp_calls_raise_when_proxy_ends(
    stalled_calls: Callable[[Fault], tuple[Connection, dict[str, Callable[[], Any]]]],
    fault: Fault,
    printed: list[str],
) -> None:
    """
    Eight callers on eight clients of one connection are all told why, each by its own instance.
    """
    connection, calls = stalled_calls(fault)

    errors = connection.strike_during(*calls.values())

    for error in errors:
        connection.assert_reason(error)
    assert len({id(error) for error in errors}) == len(errors)
    connection.assert_ended()
    assert printed == []


@pytest.mark.fault
@pytest.mark.parametrize("name", CALLS)
def test_blocked_call_of_client_raises_when_killed(
    open_connection: Open, folder: Path, name: str
) -> None:
    """
    A call that waits for the server's answer gets the failure instead.
    """
    connection = open_connection()
    sftp = connection.client.open_sftp()
    connection.stall()

    (error,) = connection.strike_during(lambda: CALLS[name](sftp, folder))

    connection.assert_reason(error)


@pytest.mark.fault
@pytest.mark.parametrize("name", [name for name in FILE_CALLS if name != "seek-to-the-end"])
def test_blocked_call_of_file_raises_when_killed(
    open_connection: Open, folder: Path, printed: list[str], name: str
) -> None:
    """
    A call of a file that waits for the server's answer gets the failure instead.
    """
    connection = open_connection()
    file = connection.client.open_sftp().open(str(folder / "file"), "r+")
    connection.stall()

    (error,) = connection.strike_during(lambda: FILE_CALLS[name](file))

    connection.assert_reason(error)
    assert printed == []


@pytest.mark.fault
@pytest.mark.parametrize("close_client", [False, True], ids=["open", "closed"])
def test_every_later_sftp_call_raises_when_proxy_has_ended(
    open_connection: Open, folder: Path, fault: Fault, close_client: bool
) -> None:
    """
    The failure stays the answer, also when the client is closed after it.
    """
    connection = open_connection(fault)
    sftp = connection.client.open_sftp()
    file = sftp.open(str(folder / "file"), "r+")
    connection.strike_and_wait()
    if close_client:
        sftp.close()

    answers = {name: Call(call, sftp, folder).error(RAISES_S) for name, call in CALLS.items()} | {
        f"file-{name}": Call(call, file).error(RAISES_S) for name, call in FILE_CALLS.items()
    }
    for name, error in answers.items():
        assert type(error).__name__ == "ProxyCommandFailure", f"{name}: {error!r}"
        connection.assert_reason(error)


@pytest.mark.fault
@pytest.mark.parametrize("close_client", [False, True], ids=["open", "closed"])
def test_open_sftp_raises_when_proxy_has_ended(
    open_connection: Open, fault: Fault, close_client: bool
) -> None:
    """
    No new client is made on a dead connection.
    """
    connection = open_connection(fault)
    sftp = connection.client.open_sftp()
    connection.strike_and_wait()
    if close_client:
        sftp.close()

    connection.assert_reason(raised(Call(connection.client.open_sftp), PROMPT_S))


@pytest.mark.fault
def test_open_sftp_raises_when_killed_during_it(open_connection: Open) -> None:
    """
    Neither the subsystem nor the version that the server has not answered is waited for.
    """
    connection = open_connection()
    connection.stall()

    (error,) = connection.strike_during(connection.client.open_sftp)

    connection.assert_reason(error)


@pytest.mark.fault
def test_listdir_iter_yields_what_had_arrived_before_failure_when_killed(
    open_connection: Open, tmp_path: Path
) -> None:
    """
    The entries that the server had sent are yielded first; the list does not just end.
    """
    for number in range(1000):
        (tmp_path / f"{number:04}").touch()
    connection = open_connection()
    sftp = connection.client.open_sftp()
    entries = sftp.listdir_iter(str(tmp_path), read_aheads=2)
    names = [next(entries).filename]
    connection.strike_and_wait()

    def list_rest() -> None:
        for entry in entries:
            names.append(entry.filename)

    connection.assert_reason(raised(Call(list_rest), PROMPT_S))
    assert 1 < len(names) < 1000
    assert len(set(names)) == len(names)


def test_calls_after_close_see_closed_channel_when_proxy_is_killed_later(
    open_connection: Open, folder: Path
) -> None:
    """
    What must not change: after the program's own close there is no failure, not even later.
    """
    connection = open_connection()
    sftp = connection.client.open_sftp()
    sftp.close()

    before = Call(sftp.stat, str(folder)).error(RAISES_S)
    connection.strike_and_wait()
    after = Call(sftp.stat, str(folder)).error(RAISES_S)

    for error in (before, after):
        assert isinstance(error, OSError), repr(error)
        assert str(error) == "Socket is closed"


@pytest.mark.race
@pytest.mark.fault
def test_all_readers_of_one_session_raise_when_killed(open_connection: Open) -> None:
    """
    Threads that share an SFTP session are each told why it ended, whoever notices first.
    """
    connection = open_connection()
    sftp = connection.client.open_sftp()
    connection.stall()

    for error in connection.strike_during(*[lambda: sftp.stat(".")] * 10):
        connection.assert_reason(error)
