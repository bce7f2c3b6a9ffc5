"""
What a hostile peer says costs what its message is long, or what was negotiated, and no more.

Each holds over a plain socket and over a proxy command, for a client, and for a server where it
can be told the same.
"""

from __future__ import annotations

import random
import shlex
import socket
import struct
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import children
import pytest
from session import hostile
from session.conftest import login
from session.connection import RAISES_S, raised
from session.hostile import MANY, STEP_S, Many, Pair
from session.valve import LOOPBACK
from waiting import PROMPT_S, Call, wait_until

if TYPE_CHECKING:
    from paramiko_gate.servers.endpoint import Bastion, Host

#: A window that is full soon, in bytes: the least that the library lets a program ask for.
WINDOW = 32768

#: How many channels may wait to be accepted, as the documentation says.
UNACCEPTED = 1024


@pytest.fixture(params=["plain", "proxied"])
def pair(request: pytest.FixtureRequest, paramiko: ModuleType, bastion: Bastion) -> Iterator[Pair]:
    """
    Yield a client and a server, not started yet.
    """
    made = Pair(paramiko, bastion.proxy_arguments if request.param == "proxied" else None)
    yield made
    made.close()


def assert_ended(transport: Any, reason: str) -> None:
    """
    Check that a connection ends at once, that it says why, and that close finds nobody at work.
    """
    wait_until(lambda: not transport.is_active(), RAISES_S, "the end of the connection")
    assert reason in str(transport.saved_exception)
    assert type(transport.saved_exception).__name__ == "SSHException"
    Call(transport.close).result(PROMPT_S)
    assert not transport.is_alive()


# --- counts -----------------------------------------------------------------------------------


@pytest.mark.fault
def test_count_of_extensions_ends_connection(pair: Pair) -> None:
    """
    Before any host key is checked: stock counts up to it.
    """
    pair.start()
    pair.server._send_message(pair.message(hostile.EXT_INFO, MANY))
    assert_ended(pair.client, "EXT_INFO")


@pytest.mark.fault
def test_count_of_prompts_ends_connection(pair: Pair) -> None:
    """
    Stock makes up each of them, and asks the program.
    """
    pair.start()
    asked: list[int] = []

    def ask(title: str, instructions: str, prompts: list[Any]) -> list[str]:
        asked.append(len(prompts))
        return []

    call = Call(pair.client.auth_interactive, "lied-to", ask)
    assert "USERAUTH_INFO_REQUEST" in str(raised(call, STEP_S))
    assert not pair.client.is_active()
    assert not asked


@pytest.mark.fault
def test_count_of_responses_ends_connection(pair: Pair) -> None:
    """
    The same for a server, before its client has logged in.
    """
    pair.start()
    call = Call(pair.client.auth_interactive, "user", lambda *_: Many())
    assert_ended(pair.server, "USERAUTH_INFO_RESPONSE")
    call.error(STEP_S)


@pytest.mark.parametrize("responses", [[], ["one", "two"]], ids=["none", "two"])
def test_prompts_are_answered_as_ever(pair: Pair, responses: list[str]) -> None:
    """
    What must not change: counts that are true.
    """
    pair.start()
    assert Call(pair.client.auth_interactive, "user", lambda *_: responses).result(STEP_S) == []
    assert pair.client.is_authenticated()


def answer_sftp(far: Any, *answers: tuple[int, bytes]) -> None:
    """
    Answer the requests of an SFTP client in turn: kinds, and what follows the request's number.
    """
    requests = far.makefile("rb")
    for kind, content in ((2, b""), *answers):
        size = struct.unpack(">I", requests.read(4))[0]
        number = requests.read(size)[1:5]
        far.sendall(struct.pack(">IB", len(number + content) + 1, kind) + number + content)


HANDLE = (102, struct.pack(">I", 6) + b"handle")


@pytest.mark.fault
@pytest.mark.parametrize(
    ("call", "answers"),
    [
        (lambda sftp: sftp.listdir(), [HANDLE, (104, struct.pack(">I", MANY))]),
        (lambda sftp: list(sftp.listdir_iter()), [HANDLE, (104, struct.pack(">I", MANY))]),
        (lambda sftp: sftp.stat("."), [(105, struct.pack(">II", 1 << 31, MANY))]),
    ],
    ids=["names", "names-iterated", "attributes"],
)
def test_count_in_sftp_answer_is_an_sftp_error(
    paramiko: ModuleType, pair: Pair, call: Callable[[Any], Any], answers: Any
) -> None:
    """
    Also without a proxy command, where stock makes up what there is not.
    """
    pair.log_in()
    near, far = pair.open_channel()
    answering = Call(answer_sftp, far, *answers)
    sftp = Call(paramiko.SFTPClient, near).result(STEP_S)
    error = raised(Call(call, sftp), STEP_S)
    assert isinstance(error, paramiko.SFTPError), repr(error)
    assert str(MANY) in str(error)
    answering.result(STEP_S)


# --- windows ----------------------------------------------------------------------------------


@pytest.mark.fault
@pytest.mark.parametrize("stream", ["stdout", "stderr", "combined"])
def test_peer_that_sends_more_than_its_window_ends_connection(pair: Pair, stream: str) -> None:
    """
    Both streams share one window. Stock keeps all that comes.
    """
    pair.log_in()
    near, far = pair.open_channel(window_size=WINDOW)
    near.set_combine_stderr(stream == "combined")
    far.out_window_size = 1 << 30
    send = far.sendall if stream == "stdout" else far.sendall_stderr
    flood = Call(send, bytes(8 * WINDOW))
    assert_ended(pair.client, "window")
    assert len(near.in_buffer) + len(near.in_stderr_buffer) <= WINDOW + WINDOW // 10
    flood.error(STEP_S)


@pytest.mark.parametrize("piece", [1000, WINDOW])
def test_peer_that_fills_its_window_again_and_again_goes_on(pair: Pair, piece: int) -> None:
    """
    What must not change: a reader who is slow, on two streams, one of which becomes the other.
    """
    pair.log_in()
    near, far = pair.open_channel(window_size=WINDOW)
    near.settimeout(STEP_S)
    total = 20 * WINDOW
    senders = [Call(send, bytes(total)) for send in (far.sendall, far.sendall_stderr)]

    def read(left: int) -> None:
        while left:
            wait_until(lambda: near.recv_ready() or near.recv_stderr_ready(), STEP_S, "data")
            for ready, receive in (
                (near.recv_ready, near.recv),
                (near.recv_stderr_ready, near.recv_stderr),
            ):
                if left and ready():
                    left -= len(receive(min(piece, left)))

    Call(read, total).result(STEP_S)
    near.set_combine_stderr(True)
    Call(read, total).result(STEP_S)
    for sender in senders:
        sender.result(STEP_S)
    assert pair.client.is_active()


@pytest.mark.parametrize("window", [WINDOW, 1 << 21])
def test_openssh_keeps_to_its_window(
    make_client: Callable[[], Any], host: Host, window: int
) -> None:
    """
    What must not change: bulk data of a real server on both streams.
    """
    client = make_client()
    client.connect(host.address, **login(host))
    channel = client.get_transport().open_session(window_size=window, timeout=STEP_S)
    channel.settimeout(STEP_S)
    size = 8_000_000
    channel.exec_command(f"head -c {size} /dev/zero & head -c {size} /dev/zero >&2; wait")

    def drain(receive: Callable[[int], bytes]) -> int:
        return sum(map(len, iter(lambda: receive(1 << 16), b"")))

    streams = [Call(drain, receive) for receive in (channel.recv, channel.recv_stderr)]
    assert [stream.result(40) for stream in streams] == [size, size]
    assert Call(channel.recv_exit_status).result(STEP_S) == 0


# --- sizes ------------------------------------------------------------------------------------


@pytest.mark.fault
def test_message_of_many_megabytes_ends_connection(pair: Pair) -> None:
    """
    Nobody has told the peer that it may. Stock takes four gigabytes.
    """
    pair.log_in()
    Call(pair.server._send_message, pair.message(hostile.IGNORE, bytes(3 << 20))).error(STEP_S)
    assert_ended(pair.client, "garbage")


@pytest.mark.parametrize("told", ["by the transport", "by the channel"])
def test_message_is_as_large_as_peer_was_told(pair: Pair, told: str) -> None:
    """
    What must not change: a program may want packets of four megabytes.
    """
    size = 4 << 20
    pair.log_in()
    if told == "by the transport":
        pair.client.default_max_packet_size = size
        near, far = pair.open_channel(window_size=2 * size)
    else:
        near, far = pair.open_channel(window_size=2 * size, max_packet_size=size)
    sending = Call(far.send, bytes(size))
    near.settimeout(STEP_S)
    received = 0
    while received < size - 64:
        received += len(near.recv(size))
    assert sending.result(STEP_S) == received == size - 64


@pytest.mark.fault
@pytest.mark.parametrize("pair", ["plain"], indirect=True)
@pytest.mark.parametrize("ended", ["client", "server"])
def test_message_that_inflates_to_many_megabytes_ends_connection(pair: Pair, ended: str) -> None:
    """
    Sixteen kilobytes of it. Stock inflates whatever fits into a packet.
    """
    for transport in (pair.client, pair.server):
        transport.use_compression(True)
    pair.log_in()
    liar = pair.server if ended == "client" else pair.client
    Call(liar._send_message, pair.message(hostile.IGNORE, bytes(16 << 20))).error(STEP_S)
    assert_ended(getattr(pair, ended), "inflates")


@pytest.mark.parametrize("pair", ["plain"], indirect=True)
def test_compressed_messages_of_all_sizes_arrive(pair: Pair) -> None:
    """
    What must not change: what compresses well and what does not, up to the largest packet.
    """
    for transport in (pair.client, pair.server):
        transport.use_compression(True)
    pair.log_in()
    near, far = pair.open_channel()
    near.settimeout(STEP_S)
    content = random.Random(4).randbytes(300_000) + bytes(700_000)
    sending = Call(far.sendall, content)
    received = b""
    while len(received) < len(content):
        received += near.recv(1 << 16)
    assert received == content
    sending.result(STEP_S)


@pytest.mark.fault
@pytest.mark.parametrize("carrier", ["plain", "proxied"])
def test_line_without_end_in_place_of_banner_is_refused(
    paramiko: ModuleType, bastion: Bastion, carrier: str
) -> None:
    """
    Stock keeps it for as long as it comes.
    """
    with socket.create_server((LOOPBACK, 0)) as listener:
        port = listener.getsockname()[1]
        if carrier == "plain":
            sock: Any = socket.create_connection((LOOPBACK, port))
        else:
            sock = paramiko.ProxyCommand(shlex.join(bastion.proxy_arguments(LOOPBACK, port)))
        peer, _ = listener.accept()
    transport = paramiko.Transport(sock)
    with peer:
        flood = Call(peer.sendall, b"x" * 4_000_000)
        error = raised(Call(transport.start_client), RAISES_S)
        assert "no end of line" in str(error)
        Call(transport.close).result(PROMPT_S)
        flood.error(STEP_S)


# --- long numbers and texts -------------------------------------------------------------------


@pytest.mark.fault
@pytest.mark.parametrize("size", [1 << 17])
def test_long_texts_and_numbers_do_not_keep_the_thread_busy(pair: Pair, size: int) -> None:
    """
    Stock copies a text of 128 KiB a byte at a time, and is busy after close.
    """
    pair.start()
    pair.server._send_message(pair.message(hostile.DEBUG, False, b"\n" * size, b""))
    pair.server._send_message(pair.message(hostile.IGNORE, b""))
    wait_until(
        lambda: pair.client.packetizer._Packetizer__sequence_number_in >= 2, RAISES_S, "the message"
    )
    Call(pair.client.close).result(PROMPT_S)
    assert not pair.client.is_alive()


def test_number_of_a_megabyte_is_read_and_written_at_once(paramiko: ModuleType) -> None:
    """
    Stock takes minutes for it, in a key exchange or for a host key.
    """
    digits = b"\x7f" * (1 << 18)
    number = Call(paramiko.util.inflate_long, digits).result(RAISES_S)
    assert number == int.from_bytes(digits, "big")
    assert Call(paramiko.util.deflate_long, number).result(RAISES_S) == digits


def test_numbers_are_what_they_always_were(paramiko: ModuleType) -> None:
    """
    What must not change: signs, and the fewest bytes, with and without one for the sign.
    """
    inflate, deflate = paramiko.util.inflate_long, paramiko.util.deflate_long
    edges = [
        side * (1 << bits) + step
        for bits in range(0, 130)
        for side in (1, -1)
        for step in (-1, 0, 1)
    ]
    for number in edges:
        size = (number if number >= 0 else ~number).bit_length() // 8 + 1
        signed = number.to_bytes(size, "big", signed=True)
        assert deflate(number) == signed
        assert inflate(signed) == number
        assert inflate(signed, always_positive=True) == int.from_bytes(signed, "big")
        fill = b"\0" if number >= 0 else b"\xff"
        assert deflate(number, False) == (signed.lstrip(fill) or fill)
    assert inflate(b"") == 0
    assert paramiko.util.safe_string(b"a \x7f\x80\n%") == b"a \x7f%80%0A%"


# --- channels ---------------------------------------------------------------------------------


def forward(pair: Pair) -> tuple[Any, Any, Callable[..., Any]]:
    """
    Have the client ask for a port, whose connections it has no handler for.
    """
    assert Call(pair.client.request_port_forward, LOOPBACK, 0).result(STEP_S) == 4711
    address = (LOOPBACK, 1)
    return (
        pair.server,
        pair.client,
        lambda **_: pair.server.open_channel("forwarded-tcpip", address, address, timeout=STEP_S),
    )


def serve(pair: Pair) -> tuple[Any, Any, Callable[..., Any]]:
    """
    Have the client open sessions that the server's program does not accept.
    """
    return pair.client, pair.server, lambda: pair.client.open_session(timeout=STEP_S)


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.parametrize("pair", ["plain"], indirect=True)
@pytest.mark.parametrize("side", [forward, serve])
def test_channels_that_nobody_accepts_are_refused_at_some_point(
    paramiko: ModuleType, pair: Pair, side: Callable[[Pair], Any]
) -> None:
    """
    For want of resources, says the answer; those that wait are accepted, and then others are.
    """
    pair.log_in()
    opener, acceptor, open_one = side(pair)
    opened = [Call(open_one).result(STEP_S) for _ in range(UNACCEPTED)]
    error = raised(Call(open_one), STEP_S)
    assert isinstance(error, paramiko.ChannelException), repr(error)
    assert error.code == 4
    assert acceptor.accept(STEP_S) is not None
    opened.append(Call(open_one).result(STEP_S))
    # The opener is told before the acceptor's queue has the channel.
    wait_until(lambda: len(acceptor.server_accepts) == UNACCEPTED, STEP_S, "the last channel")
    assert opener.is_active()


@pytest.mark.slow
@pytest.mark.parametrize("pair", ["plain"], indirect=True)
def test_channels_that_are_closed_again_do_not_count(pair: Pair) -> None:
    """
    What must not change: a server that never accepts may serve by what it is asked for.
    """
    pair.log_in()
    for _ in range(UNACCEPTED + 10):
        channel = pair.client.open_session(timeout=STEP_S)
        channel.close()
    wait_until(lambda: len(pair.server._channels) <= UNACCEPTED, STEP_S, "the closed channels")
    assert pair.client.open_session(timeout=STEP_S).get_id() > UNACCEPTED


# --- the log ----------------------------------------------------------------------------------

#: Would forge a line of the log, and clear the screen of whoever looks at it.
WORDS = b"bye\n2026-12-01 root logged in\x1b[2J"

SAID: dict[str, Callable[[Pair], Any]] = {
    "disconnect": lambda pair: pair.message(hostile.DISCONNECT, 11, WORDS, b""),
    "debug": lambda pair: pair.message(hostile.DEBUG, True, WORDS, b""),
    "global": lambda pair: pair.message(hostile.GLOBAL_REQUEST, WORDS, False),
    "channel": lambda pair: pair.message(hostile.CHANNEL_OPEN, WORDS, 1, 1, 1),
    "refusal": lambda pair: pair.message(hostile.CHANNEL_OPEN_FAILURE, 77, 1, WORDS, b""),
    "request": lambda pair: pair.message(hostile.CHANNEL_REQUEST, 0, WORDS, False),
}


@pytest.mark.fault
@pytest.mark.parametrize("pair", ["plain"], indirect=True)
@pytest.mark.parametrize("said", list(SAID))
def test_words_of_peer_are_printable_lines_of_the_log(
    pair: Pair, caplog: pytest.LogCaptureFixture, said: str
) -> None:
    """
    All that is logged, at any level: what is said is there, on one line.
    """
    with caplog.at_level("DEBUG", "paramiko"):
        pair.log_in()
        ends = pair.open_channel()
        pair.server._send_message(SAID[said](pair))
        wait_until(
            lambda: any("bye" in message for message in list(caplog.messages)), STEP_S, "the words"
        )
        pair.close()
        del ends
    assert [message for message in caplog.messages if not message.isprintable()] == []


@pytest.mark.fault
def test_words_in_place_of_banner_are_printable_lines_of_the_log(
    paramiko: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    """
    And so is the version that a server says it is.
    """
    with socket.create_server((LOOPBACK, 0)) as listener:
        sock = socket.create_connection(listener.getsockname())
        peer, _ = listener.accept()
    transport = paramiko.Transport(sock)
    with peer, caplog.at_level("DEBUG", "paramiko"):
        peer.sendall(b"bye\x1b[2J\r\nSSH-2.0-bye\x1b[2J\r\n")
        peer.shutdown(socket.SHUT_WR)
        assert raised(Call(transport.start_client), STEP_S)
        Call(transport.close).result(PROMPT_S)
    assert sum("bye" in message for message in caplog.messages) >= 2
    assert [message for message in caplog.messages if not message.isprintable()] == []


# --- descriptors ------------------------------------------------------------------------------


@pytest.mark.fault
@pytest.mark.parametrize("carrier", ["plain", "proxied"])
def test_connect_without_descriptors_says_so(target: str, carrier: str) -> None:
    """
    The transport thread needs one to wait with. Before, the banner was to blame.
    """
    source = f"""
        import os, resource, socket
        with socket.create_server(("127.0.0.1", 0)) as listener:
            if {carrier == "plain"}:
                sock = socket.create_connection(listener.getsockname())
                peer, _ = listener.accept()
                peer.sendall(b"SSH-2.0-silent\\r\\n")
            else:
                sock = paramiko.ProxyCommand("sleep 60")
        transport = paramiko.Transport(sock)
        spare = os.open("/dev/null", os.O_RDONLY)
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (spare, limits[1]))
        try:
            transport.start_client(timeout=5)
        except Exception as e:
            print(e)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        transport.close()
    """
    said = children.run_program(source, target)
    if carrier == "proxied" or said.strip():
        assert "no file descriptor was left" in said
    assert "Error reading SSH protocol banner" not in said
