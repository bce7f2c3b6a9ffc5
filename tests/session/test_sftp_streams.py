"""
Whole files over SFTP as streams of requests: few and large, whatever the server is like.
"""

from __future__ import annotations

import hashlib
import io
import random
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from session.connection import Connection
from waiting import Call, wait_until

Open = Callable[..., Connection]

SERVER = Path(__file__).parent / "odd_sftp_server.py"

CONTENT = random.Random(7).randbytes(3_000_001)

#: What is read or written at a time where the server does not say that it may be more.
USUAL_BYTES = 32_000
LARGEST_BYTES = 261_120

#: What upstream tells a callback of at a time.
STEP_BYTES = 32_768

CMD_WRITE = 6


def open_odd(paramiko: ModuleType, connection: Connection, *oddities: str) -> Any:
    """
    Return an SFTP client of a server with such oddities.
    """
    words = [sys.executable, str(SERVER), *oddities]
    # Python buffers nothing of what it says to standard error.
    sftp = paramiko.SFTPClient(connection.run(shlex.join(words)))
    sftp.get_channel().settimeout(20)
    return sftp


def asked(sftp: Any) -> list[tuple[int, int]]:
    """
    Return what an odd server was asked for so far: kinds, and lengths in bytes.
    """
    channel = sftp.get_channel()
    lines = b""
    while channel.recv_stderr_ready():
        lines += channel.recv_stderr(1 << 20)
    numbers = [int(word) for word in lines.split()]
    return list(zip(numbers[::2], numbers[1::2]))


def digest(content: bytes) -> str:
    """
    Return a short name of a content, for what a failed test prints.
    """
    return hashlib.sha256(content).hexdigest()


ODDITIES = [
    "",
    "short",
    "late",
    "limits",
    "short late",
    "late limits",
    "short sizeless",
    "sizeless",
]

odd_servers = pytest.mark.parametrize("oddities", ODDITIES, ids=[o or "none" for o in ODDITIES])


@odd_servers
def test_file_is_fetched_whole(
    paramiko: ModuleType, open_connection: Open, tmp_path: Path, oddities: str
) -> None:
    """
    From a server that answers short, in any order, or tells no size.
    """
    content = CONTENT[:200_000] if "sizeless" in oddities else CONTENT
    (tmp_path / "file").write_bytes(content)
    sftp = open_odd(paramiko, open_connection(), *oddities.split())
    told: list[int] = []

    getting = Call(
        sftp.get, str(tmp_path / "file"), str(tmp_path / "got"), lambda done, _: told.append(done)
    )

    assert getting.result(30) is None
    assert digest((tmp_path / "got").read_bytes()) == digest(content)
    steps = [*range(STEP_BYTES, len(content), STEP_BYTES), len(content)]
    assert told == steps
    assert len(sftp._expecting) <= 1, "but for the close"


@odd_servers
@pytest.mark.parametrize("how", ["prefetch", "readv", "no-prefetch"])
def test_file_is_read_whole(
    paramiko: ModuleType, open_connection: Open, tmp_path: Path, oddities: str, how: str
) -> None:
    """
    The same for a file that is open.
    """
    content = CONTENT[:500_000]
    (tmp_path / "file").write_bytes(content)
    sftp = open_odd(paramiko, open_connection(), *oddities.split())

    def read() -> bytes:
        with sftp.open(str(tmp_path / "file"), "rb") as file:
            if how == "prefetch":
                file.prefetch(len(content))
            elif how == "readv":
                starts = range(0, len(content), 50_000)
                return b"".join(file.readv([(start, 50_000) for start in starts]))
            return bytes(file.read())

    assert digest(Call(read).result(30)) == digest(content)


@pytest.mark.parametrize("oddities", ["", "late", "limits", "late limits"])
def test_file_is_stored_whole(
    paramiko: ModuleType, open_connection: Open, tmp_path: Path, oddities: str
) -> None:
    """
    By a server that answers in any order.
    """
    sftp = open_odd(paramiko, open_connection(), *oddities.split())
    told: list[int] = []

    storing = Call(
        sftp.putfo,
        io.BytesIO(CONTENT),
        str(tmp_path / "stored"),
        len(CONTENT),
        lambda done, _: told.append(done),
    )

    assert storing.result(30).st_size == len(CONTENT)
    assert digest((tmp_path / "stored").read_bytes()) == digest(CONTENT)
    assert told == [*range(STEP_BYTES, len(CONTENT), STEP_BYTES), len(CONTENT)]


@pytest.mark.parametrize("oddities", ["refuse", "refuse late", "refuse limits"])
def test_refusal_in_the_middle_is_told_and_leaves_the_session(
    paramiko: ModuleType, open_connection: Open, tmp_path: Path, oddities: str
) -> None:
    """
    Both ways, in the server's words; what was under way disturbs nobody.
    """
    (tmp_path / "file").write_bytes(CONTENT)
    sftp = open_odd(paramiko, open_connection(), *oddities.split())
    for call in (
        lambda: sftp.get(str(tmp_path / "file"), str(tmp_path / "got")),
        lambda: sftp.putfo(io.BytesIO(CONTENT), str(tmp_path / "stored"), confirm=False),
        lambda: sftp.put(str(tmp_path / "file"), str(tmp_path / "stored")),
    ):
        error = Call(call).error(30)
        assert isinstance(error, OSError)
        assert str(error) == "odd"
        assert Call(sftp.stat, str(tmp_path / "file")).result(10).st_size == len(CONTENT)


@pytest.mark.parametrize("way", ["get", "put"])
def test_requests_are_as_large_as_the_server_says(
    paramiko: ModuleType, open_connection: Open, tmp_path: Path, way: str
) -> None:
    """
    And no larger than all servers take, if it says nothing.
    """
    (tmp_path / "file").write_bytes(CONTENT)
    connection = open_connection()
    counts = []
    for oddities in ([], ["limits"]):
        sftp = open_odd(paramiko, connection, *oddities)
        first = sftp.request_number
        Call(getattr(sftp, way), str(tmp_path / "file"), str(tmp_path / "copy")).result(30)
        counts.append(sftp.request_number - first)
        if way == "put":
            largest = max(size for kind, size in asked(sftp) if kind == CMD_WRITE)
            assert largest <= (LARGEST_BYTES if oddities else USUAL_BYTES) + 100
    least = len(CONTENT) // USUAL_BYTES + 1
    assert least <= counts[0] <= least + 5
    if way == "put":
        assert counts[1] <= least // 4
    else:
        # What is asked for first, before it has said so, is as usual.
        assert counts[1] < counts[0]


def test_server_is_asked_once_how_much_it_takes(
    paramiko: ModuleType, open_connection: Open, tmp_path: Path
) -> None:
    """
    Not at all before a large file, nor where it does not announce that it can tell.
    """
    (tmp_path / "file").write_bytes(CONTENT)
    connection = open_connection()
    for oddities, times in ((["limits"], 1), ([], 0)):
        sftp = open_odd(paramiko, connection, *oddities)
        sftp.putfo(io.BytesIO(b"small"), str(tmp_path / "small"))
        assert sum(kind == 200 for kind, _ in asked(sftp)) == 0
        for _ in range(2):
            sftp.put(str(tmp_path / "file"), str(tmp_path / "copy"))
            sftp.get(str(tmp_path / "file"), str(tmp_path / "copy"))
        assert sum(kind == 200 for kind, _ in asked(sftp)) == times


@pytest.mark.parametrize(("way", "packets"), [("put", 2), ("get", 3)])
def test_small_file_takes_few_packets(
    open_connection: Open, tmp_path: Path, way: str, packets: int
) -> None:
    """
    Each is a round trip, but for the close of a file that was fetched. Stock's are four and five.
    """
    (tmp_path / "file").write_bytes(CONTENT[:6000])
    sftp = open_connection().client.open_sftp()
    channel = sftp.get_channel()
    send, sent = channel.send, []

    def count(data: bytes) -> Any:
        sent.append(len(data))
        return send(data)

    channel.send = count
    Call(getattr(sftp, way), str(tmp_path / "file"), str(tmp_path / "copy")).result(10)

    assert (tmp_path / "copy").read_bytes() == CONTENT[:6000]
    assert len(sent) == packets, sent


def test_get_asks_once_when_answers_are_faster_than_the_sender(
    open_connection: Open, tmp_path: Path
) -> None:
    """
    Stock's takes the file for prefetched when all requests so far are answered, and asks again.
    """
    content = CONTENT[:640_000]
    (tmp_path / "file").write_bytes(content)
    sftp = open_connection().client.open_sftp()
    channel = sftp.get_channel()
    send = channel.send

    def send_and_wait(data: bytes) -> Any:
        count = send(data)
        wait_until(channel.recv_ready, 10, "the answer")
        return count

    first = sftp.request_number
    channel.send = send_and_wait
    target = io.BytesIO()
    assert Call(sftp.getfo, str(tmp_path / "file"), target).result(30) == len(content)
    assert target.getvalue() == content
    assert sftp.request_number - first <= len(content) // USUAL_BYTES + 6


@pytest.mark.parametrize("chosen", [None, 1 << 20], ids=["default", "chosen"])
def test_window_grows_with_the_files_that_are_fetched(
    paramiko: ModuleType, open_connection: Open, tmp_path: Path, chosen: int | None
) -> None:
    """
    Unless the program has chosen one: on a long way, the window is what limits the speed.
    """
    content = CONTENT * 3
    (tmp_path / "small").write_bytes(CONTENT)
    (tmp_path / "large").write_bytes(content)
    transport = open_connection().transport
    sftp = paramiko.SFTPClient.from_transport(transport, window_size=chosen)
    channel = sftp.get_channel()
    at_first = channel.in_window_size
    target = io.BytesIO()
    Call(sftp.getfo, str(tmp_path / "small"), target).result(30)
    assert channel.in_window_size == at_first
    for _ in range(2):
        target = io.BytesIO()
        Call(sftp.getfo, str(tmp_path / "large"), target).result(30)
        assert digest(target.getvalue()) == digest(content)
        assert channel.in_window_size == (chosen or 4 * at_first)


class Breaks(io.BytesIO):
    """
    A local file that cannot be read or written further.
    """

    def __init__(self) -> None:
        super().__init__(CONTENT)
        self.done_bytes = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self._go_on(len(data))
        return data

    def write(self, data: Any) -> int:
        self._go_on(len(data))
        return len(data)

    def _go_on(self, size: int) -> None:
        self.done_bytes += size
        if self.done_bytes > len(CONTENT) // 2:
            raise OSError("disk full")


@pytest.mark.parametrize("way", ["get", "put", "get-callback", "put-callback"])
def test_error_of_the_caller_leaves_the_session(
    open_connection: Open, tmp_path: Path, way: str
) -> None:
    """
    What was under way is dropped, and the file on the server is closed.
    """
    (tmp_path / "file").write_bytes(CONTENT)
    sftp = open_connection().client.open_sftp()

    def tell(done: int, _: int) -> None:
        if done > len(CONTENT) // 2:
            raise KeyError("callback")

    local: Any = io.BytesIO(CONTENT) if "callback" in way else Breaks()
    callback = tell if "callback" in way else None
    for _ in range(3):
        local.seek(0)
        if way.startswith("get"):
            call = Call(sftp.getfo, str(tmp_path / "file"), local, callback)
        else:
            call = Call(sftp.putfo, local, str(tmp_path / "stored"), 0, callback)
        assert isinstance(call.error(30), KeyError if callback else OSError)
    assert Call(sftp.stat, str(tmp_path / "file")).result(10).st_size == len(CONTENT)
    target = io.BytesIO()
    Call(sftp.getfo, str(tmp_path / "file"), target).result(30)
    assert digest(target.getvalue()) == digest(CONTENT)


def test_file_that_grows_or_has_no_size_is_fetched_to_its_end(
    open_connection: Open, tmp_path: Path
) -> None:
    """
    What must not change: what the kernel makes up, and what is appended meanwhile, is read.
    """
    sftp = open_connection().client.open_sftp()
    target = io.BytesIO()
    Call(sftp.getfo, "/proc/self/status", target).result(10)
    assert target.getvalue().startswith(b"Name:")

    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    added: list[int] = []

    def add(done: int, _: int) -> None:
        if not added:
            with path.open("ab") as growing:
                added.append(growing.write(CONTENT))

    target = io.BytesIO()
    Call(sftp.getfo, str(path), target, add).result(30)
    assert digest(target.getvalue()) == digest(CONTENT + CONTENT)


def test_errors_are_those_of_the_server(open_connection: Open, tmp_path: Path) -> None:
    """
    What must not change: of what is asked together, the one that was asked first is told.
    """
    sftp = open_connection().client.open_sftp()
    for call in (
        lambda: sftp.get(str(tmp_path / "none"), str(tmp_path / "got")),
        lambda: sftp.putfo(io.BytesIO(b"x"), str(tmp_path / "none" / "file")),
    ):
        assert isinstance(Call(call).error(10), FileNotFoundError)
    assert Call(sftp.getfo, str(tmp_path), io.BytesIO()).error(10) is not None
    assert Call(sftp.stat, str(tmp_path)).result(10).st_mode


@pytest.mark.parametrize("way", ["get", "put"])
def test_file_is_whole_when_keys_are_renewed_on_the_way(
    open_connection: Open, tmp_path: Path, way: str
) -> None:
    """
    Every megabyte.
    """
    content = CONTENT * 4
    (tmp_path / "file").write_bytes(content)
    connection = open_connection()
    connection.transport.packetizer.REKEY_BYTES = 1 << 20
    sftp = connection.client.open_sftp()
    Call(getattr(sftp, way), str(tmp_path / "file"), str(tmp_path / "copy")).result(60)
    assert digest((tmp_path / "copy").read_bytes()) == digest(content)


def test_client_of_a_programs_own_class_is_asked_to_do_it(
    paramiko: ModuleType, open_connection: Open, tmp_path: Path
) -> None:
    """
    What must not change: a program sees and changes what upstream's transfers go through.
    """
    (tmp_path / "file").write_bytes(CONTENT)
    seen: list[str] = []

    class Mine(paramiko.SFTPClient):  # type: ignore[name-defined, misc]
        def stat(self, path: Any) -> Any:
            seen.append("stat")
            return super().stat(path)

        def open(self, *args: Any) -> Any:
            seen.append("open")
            return super().open(*args)

        def _transfer_with_callback(self, **kwds: Any) -> Any:
            seen.append("transfer")
            return super()._transfer_with_callback(**kwds)

    sftp = Mine.from_transport(open_connection().transport)
    Call(sftp.get, str(tmp_path / "file"), str(tmp_path / "got")).result(30)
    Call(sftp.put, str(tmp_path / "file"), str(tmp_path / "stored")).result(30)
    assert seen == ["stat", "open", "transfer", "transfer", "stat"]
    for name in ("got", "stored"):
        assert digest((tmp_path / name).read_bytes()) == digest(CONTENT)


@pytest.mark.needs_api("limited-prefetch")
@pytest.mark.parametrize("limit", [1, 3])
def test_limit_of_requests_holds(open_connection: Open, tmp_path: Path, limit: int) -> None:
    """
    What must not change: no more than so many reads are under way.
    """
    (tmp_path / "file").write_bytes(CONTENT)
    sftp = open_connection().client.open_sftp()
    most = 0

    def look(done: int, _: int) -> None:
        nonlocal most
        most = max(most, len(sftp._expecting))

    target = io.BytesIO()
    Call(sftp.getfo, str(tmp_path / "file"), target, look, True, limit).result(30)
    assert digest(target.getvalue()) == digest(CONTENT)
    assert most <= limit + 1, "and the question for the server's own"
