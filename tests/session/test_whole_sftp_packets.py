"""
SFTP requests that are sent in pieces: nothing comes between, and a rest is sent before the next.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import children
import pytest
from session.conftest import login
from session.connection import RAISES_S, Connection, raised
from waiting import PROMPT_S, Call, wait_until

from paramiko_gate.servers.endpoint import Host

Open = Callable[..., Connection]
Source = Callable[[str], str]

#: The most that one request writes, which is longer than a packet of the channel.
REQUEST = b"01234567" * 4096

#: Several of these.
LARGE = REQUEST * 3

LIMIT_S = 0.1

#: What is left of the window, where that is not enough for any request.
ROOM_BYTES = 10

#: A part of such a request, of which the pipe to a stalled proxy holds several.
PART_BYTES = 10_000


class Window:
    """
    The window of a channel without the room that a test has taken out of it.

    :param channel: a `Channel` on which nothing is being sent
    :param int room_bytes: how much is left
    """

    def __init__(self, channel: Any, room_bytes: int) -> None:
        self._channel = channel
        with channel.lock:
            self._taken_bytes = channel.out_window_size - room_bytes
            channel.out_window_size = room_bytes

    def open(self) -> None:
        """
        Give it back, as the server does.
        """
        with self._channel.lock:
            self._channel.out_window_size += self._taken_bytes
            self._channel.out_buffer_cv.notify_all()


def act_before(channel: Any, piece_number: int, action: Callable[[], Any]) -> None:
    """
    Have something done before a piece is sent; the next piece has the number 0.
    """
    send, pieces = channel.send, 0

    def act_and_send(data: bytes) -> Any:
        nonlocal pieces
        pieces += 1
        if pieces == piece_number + 1:
            action()
        return send(data)

    channel.send = act_and_send


def test_request_of_another_thread_waits_until_one_is_sent(
    open_connection: Open, tmp_path: Path
) -> None:
    """
    Stock sends it in the midst of the other, and the server ends the session.
    """
    sftp = open_connection().client.open_sftp()
    file = sftp.open(str(tmp_path / "file"), "wb")
    calls: list[Call] = []

    def call_meanwhile() -> None:
        calls.append(Call(sftp.stat, str(tmp_path)))
        assert calls[0].blocks()

    act_before(sftp.sock, 1, call_meanwhile)
    Call(file.write, LARGE).result(10)

    assert calls[0].result(10).st_mode is not None
    assert Call(file.close).result(10) is None
    assert (tmp_path / "file").read_bytes() == LARGE


def test_many_threads_send_large_requests(open_connection: Open, tmp_path: Path) -> None:
    """
    Each gets its turn, and each request arrives as it is.
    """
    sftp = open_connection().client.open_sftp()
    files = [sftp.open(str(tmp_path / str(number)), "wb") for number in range(4)]

    def write(file: Any) -> None:
        for _ in range(20):
            file.write(LARGE)

    for file in files:
        file.set_pipelined(True)
    for call in [Call(write, file) for file in files]:
        assert call.result(20) is None
    for number, file in enumerate(files):
        assert Call(file.close).result(20) is None
        assert (tmp_path / str(number)).read_bytes() == LARGE * 20


def test_prefetch_and_writes_at_once(open_connection: Open, tmp_path: Path) -> None:
    """
    The thread of a prefetch asks for one file while the program writes another.
    """
    # No more than the windows hold: while the program writes, nobody reads.
    content = LARGE * 15
    (tmp_path / "source").write_bytes(content)
    sftp = open_connection().client.open_sftp()

    def copy() -> bytes:
        with sftp.open(str(tmp_path / "source")) as source:
            source.prefetch(len(content))
            with sftp.open(str(tmp_path / "target"), "wb") as target:
                target.set_pipelined(True)
                for start in range(0, len(content), len(LARGE)):
                    target.write(content[start : start + len(LARGE)])
                return bytes(source.read())

    assert Call(copy).result(30) == content
    assert (tmp_path / "target").read_bytes() == content


def test_time_limit_of_a_request_that_waits_for_another(
    open_connection: Open, tmp_path: Path
) -> None:
    """
    It is the caller's own, and the request is not sent at all.
    """
    sftp = open_connection().client.open_sftp()
    window = Window(sftp.sock, ROOM_BYTES)
    blocked = Call(sftp.stat, str(tmp_path))
    wait_until(lambda: sftp.sock.out_window_size == 0, RAISES_S, "the first piece")
    assert blocked.blocks()
    sftp.sock.settimeout(LIMIT_S)

    assert isinstance(raised(Call(sftp.mkdir, str(tmp_path / "new")), RAISES_S), socket.timeout)

    sftp.sock.settimeout(10)
    window.open()
    assert blocked.result(10).st_mode is not None
    assert Call(sftp.listdir, str(tmp_path)).result(10) == []


def test_rest_of_a_request_is_sent_after_a_time_limit(
    open_connection: Open, tmp_path: Path
) -> None:
    """
    Stock never sends it: the server waits for it, and each call for the server.
    """
    sftp = open_connection().client.open_sftp()
    window = Window(sftp.sock, ROOM_BYTES)
    sftp.sock.settimeout(LIMIT_S)
    for _ in range(2):
        # The second finds that the rest cannot be sent yet.
        assert isinstance(raised(Call(sftp.stat, str(tmp_path)), RAISES_S), socket.timeout)
    window.open()
    sftp.sock.settimeout(10)

    assert Call(sftp.stat, str(tmp_path)).result(10).st_mode is not None
    assert Call(sftp.listdir, str(tmp_path)).result(10) == []


def test_write_that_is_cut_off_twice_arrives_whole(open_connection: Open, tmp_path: Path) -> None:
    """
    What the next calls send is the rest, and no more than that.
    """
    connection = open_connection()
    sftp = connection.client.open_sftp()
    file = sftp.open(str(tmp_path / "file"), "wb")
    file.set_pipelined(True)
    # Otherwise the server makes room for more.
    connection.stall()
    window = Window(sftp.sock, PART_BYTES)
    sftp.sock.settimeout(LIMIT_S)
    assert isinstance(raised(Call(file.write, REQUEST), RAISES_S), socket.timeout)
    more = Window(sftp.sock, PART_BYTES)
    assert isinstance(raised(Call(sftp.stat, str(tmp_path)), RAISES_S), socket.timeout)
    connection.resume()
    more.open()
    window.open()
    sftp.sock.settimeout(10)

    assert Call(sftp.stat, str(tmp_path / "file")).result(10).st_size == len(REQUEST)
    assert (tmp_path / "file").read_bytes() == REQUEST
    assert Call(file.close).result(10) is None


def test_request_of_which_nothing_was_sent_is_forgotten(
    open_connection: Open, tmp_path: Path
) -> None:
    """
    What must not change: who was told that it timed out finds it undone.
    """
    sftp = open_connection().client.open_sftp()
    window = Window(sftp.sock, 0)
    sftp.sock.settimeout(LIMIT_S)
    assert isinstance(raised(Call(sftp.mkdir, str(tmp_path / "new")), RAISES_S), socket.timeout)
    window.open()
    sftp.sock.settimeout(10)

    assert Call(sftp.listdir, str(tmp_path)).result(10) == []


@pytest.mark.parametrize("room_bytes", [ROOM_BYTES, 0])
def test_session_goes_on_when_a_handler_raises_in_a_request(
    target: str, client_source: Source, room_bytes: int
) -> None:
    """
    While it waits for room: for its next piece, or before it was begun.
    """
    source = client_source(
        f"""
        class Limit(Exception): pass
        def exceed(*_):
            raise Limit("time is up")
        signal.signal(signal.SIGALRM, exceed)
        client = connect()
        sftp = client.open_sftp()
        channel = sftp.get_channel()
        with channel.lock:
            taken = channel.out_window_size - {room_bytes}
            channel.out_window_size = {room_bytes}
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        exceeded = False
        try:
            sftp.stat(".")
        except Limit:
            exceeded = True
        assert exceeded
        with channel.lock:
            channel.out_window_size += taken
        channel.settimeout(10)
        assert sftp.stat(".").st_size
        assert sftp.listdir("/")
        client.close()
        """
    )
    children.run_program(source, target)


@pytest.mark.parametrize("error", ["TimeoutError", "KeyboardInterrupt"])
def test_session_goes_on_or_says_why_not_when_a_handler_cuts_a_request(
    target: str, client_source: Source, tmp_path: Path, error: str
) -> None:
    """
    A piece may be on its way, also if the error looks like the channel's own time limit.

    No part of the request is sent twice, which the server would take for another one.
    """
    source = client_source(
        f"""
        def exceed(*_):
            raise {error}("time is up")
        signal.signal(signal.SIGALRM, exceed)
        client = connect()
        proxy = client.get_transport().sock
        sftp = client.open_sftp()
        file = sftp.open({str(tmp_path / "file")!r}, "wb")
        file.set_pipelined(True)
        os.kill(proxy.process.pid, signal.SIGSTOP)
        signal.setitimer(signal.ITIMER_REAL, 1)
        try:
            while True:
                file.write(bytes({len(LARGE)}))
        except {error} as error:
            assert str(error) == "time is up", error
        os.kill(proxy.process.pid, signal.SIGCONT)
        sftp.get_channel().settimeout(10)
        try:
            assert sftp.stat(".").st_size
        except paramiko.SFTPError as error:
            assert "A request was cut off; the session is over" in str(error)
        except OSError as error:
            assert "Socket is closed" in str(error), error
        assert client.open_sftp().stat(".").st_size
        client.close()
        """
    )
    children.run_program(source, target)


def test_call_of_a_handler_in_the_midst_of_a_request_raises(
    open_connection: Open, paramiko: ModuleType, tmp_path: Path
) -> None:
    """
    Neither does it come between nor wait for its own thread; the request goes on.
    """
    sftp = open_connection().client.open_sftp()
    file = sftp.open(str(tmp_path / "file"), "wb")
    errors: list[BaseException] = []

    def handle() -> None:
        with pytest.raises(paramiko.SFTPError) as error:
            sftp.stat(str(tmp_path))
        errors.append(error.value)

    act_before(sftp.sock, 1, handle)
    Call(file.write, LARGE).result(10)

    assert len(errors) == 1
    assert Call(sftp.stat, str(tmp_path / "file")).result(10).st_size == len(LARGE)
    assert (tmp_path / "file").read_bytes() == LARGE
    assert Call(file.close).result(10) is None


def test_session_ends_when_nobody_knows_what_was_sent(
    open_connection: Open, paramiko: ModuleType, tmp_path: Path
) -> None:
    """
    A handler raised while a piece was being packed: no call waits, or gets a wrong answer.
    """
    connection = open_connection()
    sftp = connection.client.open_sftp()
    file = sftp.open(str(tmp_path / "file"), "wb")
    packetizer = connection.transport.packetizer
    queue_message = packetizer.queue_message

    def raise_once(message: Any) -> None:
        del packetizer.queue_message
        raise KeyboardInterrupt

    def arm() -> None:
        packetizer.queue_message = raise_once

    act_before(sftp.sock, 1, arm)
    assert isinstance(raised(Call(file.write, LARGE), RAISES_S), KeyboardInterrupt)
    assert packetizer.queue_message == queue_message

    for call in (sftp.stat, sftp.listdir):
        error = raised(Call(call, str(tmp_path)), RAISES_S)
        assert isinstance(error, paramiko.SFTPError), repr(error)
    assert connection.transport.is_active()


def test_file_that_is_dropped_in_the_midst_of_a_request_is_closed_by_the_next(
    open_connection: Open, tmp_path: Path, printed: list[str]
) -> None:
    """
    Its destructor runs in the thread that sends, and must not wait for that.
    """
    sftp = open_connection().client.open_sftp()
    file = sftp.open(str(tmp_path / "file"), "wb")
    dropped = [sftp.open(str(tmp_path / "dropped"), "wb", 8192)]
    dropped[0].write(b"buffered")
    act_before(sftp.sock, 1, dropped.clear)

    Call(file.write, LARGE).result(10)

    assert dropped == []
    assert Call(sftp.stat, str(tmp_path / "dropped")).result(PROMPT_S).st_size == len(b"buffered")
    assert (tmp_path / "file").read_bytes() == LARGE
    assert Call(file.close).result(10) is None
    assert printed == []


def test_plain_connection_sends_the_rest_as_well(
    make_client: Callable[[], Any], host: Host, tmp_path: Path
) -> None:
    """
    This holds for every connection: stock's loses the rest, and waits for ever.
    """
    client = make_client()
    client.connect(host.address, **login(host))
    sftp = client.open_sftp()
    window = Window(sftp.sock, ROOM_BYTES)
    sftp.sock.settimeout(LIMIT_S)
    assert isinstance(raised(Call(sftp.stat, str(tmp_path)), RAISES_S), socket.timeout)
    window.open()
    sftp.sock.settimeout(10)

    assert Call(sftp.mkdir, str(tmp_path / "new")).result(10) is None
    assert Call(sftp.listdir, str(tmp_path)).result(10) == ["new"]


def test_forked_child_does_not_wait_for_a_sender_of_its_parent(
    target: str, client_source: Source
) -> None:
    """
    The child has no such thread, which at the fork held whatever it held.
    """
    source = client_source(
        """
        client = connect()
        sftp = client.open_sftp()
        router = sftp._router
        held, over = threading.Event(), threading.Event()

        def hold():
            with router._sending, router._lock:
                held.set()
                over.wait(20)

        threading.Thread(target=hold, daemon=True).start()
        assert held.wait(10)
        child = os.fork()
        if not child:
            signal.alarm(5)
            try:
                sftp.stat(".")
            except (paramiko.SSHException, OSError):
                os._exit(0)
            os._exit(1)
        _, status = os.waitpid(child, 0)
        assert status == 0, status
        over.set()
        assert sftp.stat(".").st_size
        client.close()
        """
    )
    children.run_program(source, target)
