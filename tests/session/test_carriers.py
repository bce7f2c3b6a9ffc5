"""
Nested connections: what one hop knows of the end of another, and what it leaves alone.

The matrix has what blocked calls are told (`matrix.test_carriers`). Here is the rest of what a
gateway's user relies on: who closes what, what an idle hop costs, and that bytes get through.
"""

from __future__ import annotations

import gc
import hashlib
import importlib
import io
import itertools
import logging
import os
import shlex
import signal
import socket
import sys
import textwrap
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import children
import pytest
from session.conftest import login
from session.connection import PRINTS_AB, Connection, buffered, close, rescue
from session.test_idle import count_wake_ups
from session.valve import LOOPBACK, Valve
from waiting import PROMPT_S, Call, wait_until

if TYPE_CHECKING:
    from paramiko_gate.servers.endpoint import Bastion, Host

STEP_S = 15.0

#: How long `Transport.close` may wait for its thread, and some more.
CLOSE_LIMIT_S = 4.0

Nest = Callable[..., Any]


@pytest.fixture
def nest(
    paramiko: ModuleType, host: Host, leak_check: Callable[[Callable[[], None]], None]
) -> Iterator[Nest]:
    """
    Return a function that logs in to the host through another connection, and gives the client.
    """
    made: list[Any] = []

    def open_one(outer: Any, port: int = 0, **options: Any) -> Any:
        address = (host.address, port or host.port)
        channel = outer.open_channel("direct-tcpip", address, (LOOPBACK, 0), timeout=STEP_S)
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        made.append(client)
        client.connect(host.address, sock=channel, **{**login(host), **options})
        return client

    def rescue_all() -> None:
        for client in made:
            if client.leaked is not None:
                rescue(client.leaked)

    leak_check(rescue_all)
    yield open_one
    for client in made:
        client.leaked = client.get_transport()
        close(client)


@pytest.fixture
def gateway(open_connection: Callable[..., Connection]) -> Connection:
    """
    Return a connection over a real ``ssh -W``, to go through.
    """
    return open_connection()


def run(client: Any, command: str = PRINTS_AB) -> Any:
    """
    Run a command and return its channel; with no command given it has written "ab".
    """
    channel = client.get_transport().open_session(timeout=STEP_S)
    channel.exec_command(command)
    if command == PRINTS_AB:
        wait_until(lambda: buffered(channel) == 2, STEP_S, "the first words of the command")
    return channel


def assert_usable(transport: Any) -> None:
    """
    Check that a connection is in use as before, and has no channel but the one that this needs.
    """
    wait_until(lambda: not transport._channels.values(), STEP_S, "closed channels")
    channel = transport.open_session(timeout=STEP_S)
    channel.settimeout(STEP_S)
    channel.exec_command("printf fine")
    assert channel.makefile().read() == b"fine"
    channel.close()


def test_last_bytes_come_first_on_the_inner_hop(gateway: Connection, nest: Nest) -> None:
    """
    What arrived before the death is read, and then every call on either hop says why.
    """
    client = nest(gateway.transport)
    channel = run(client)
    gateway.strike_and_wait()
    assert channel.recv(100) == b"ab"
    for call in (
        lambda: channel.recv(100),
        channel.recv_exit_status,
        lambda: channel.sendall(b"x"),
        client.get_transport().open_session,
        gateway.transport.open_session,
    ):
        gateway.assert_reason(Call(call).error(PROMPT_S))
    assert not client.get_transport().is_active()


def test_connect_through_a_gateway_that_died_says_why(
    gateway: Connection, nest: Nest, host: Host, paramiko: ModuleType
) -> None:
    """
    Whether it died before the next hop was opened, or between that and the connect.
    """
    address = (host.address, host.port)
    channel = gateway.transport.open_channel("direct-tcpip", address, (LOOPBACK, 0))
    gateway.strike_and_wait()
    gateway.assert_reason(Call(lambda: nest(gateway.transport)).error(PROMPT_S))
    client = paramiko.SSHClient()
    gateway.assert_reason(Call(lambda: client.connect(host.address, sock=channel)).error(STEP_S))


def test_close_of_the_gateway_ends_the_inner_hop_as_a_closed_connection(
    gateway: Connection, nest: Nest, paramiko: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    """
    The program has closed it: nobody is told of a failure, at once, and nothing is logged.
    """
    client = nest(gateway.transport)
    inner = client.get_transport()
    channel = run(client)
    assert channel.recv(2) == b"ab"
    reading = Call(channel.recv, 100)
    assert reading.blocks(0.1)
    gateway.transport.close()
    assert reading.result(PROMPT_S) == b""
    wait_until(lambda: not inner.is_active(), PROMPT_S, "an inactive inner hop")
    error = Call(inner.open_session).error(PROMPT_S)
    assert isinstance(error, paramiko.SSHException)
    assert not isinstance(error, paramiko.ProxyCommandFailure)
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


def test_close_of_the_inner_hop_leaves_the_gateway_in_use(gateway: Connection, nest: Nest) -> None:
    """
    Also when the gateway carries two, of which one goes on.
    """
    first, second = nest(gateway.transport), nest(gateway.transport)
    channel = run(second, "cat")
    Call(first.close).result(PROMPT_S)
    channel.sendall(b"still there")
    channel.settimeout(STEP_S)
    assert channel.recv(100) == b"still there"
    Call(second.close).result(PROMPT_S)
    assert_usable(gateway.transport)


def test_server_that_leaves_behind_a_living_gateway_is_no_end_of_file(
    gateway: Connection, nest: Nest, valve: Valve, paramiko: ModuleType
) -> None:
    """
    The next host is gone, and the gateway says so by closing the channel: told, not cut short.
    """
    client = nest(gateway.transport, valve.port)
    channel = run(client)
    file = channel.makefile("rb")
    reading = Call(file.read)
    assert reading.blocks(0.1)
    valve.close()
    error = reading.error(STEP_S)
    assert type(error) is paramiko.ProxyCommandFailure, error
    assert "is alive, but the SSH server behind it closed the channel" in str(error)
    assert getattr(error, "returncode", "missing") is None
    assert getattr(error, "partial", b"") == b"ab"
    error = Call(client.get_transport().open_session).error(PROMPT_S)
    assert type(error) is paramiko.ProxyCommandFailure, error
    assert_usable(gateway.transport)


def test_nested_connection_over_a_plain_socket_gets_upstreams_answers(
    connect_plain: Callable[[int], Any], nest: Nest, valve: Valve, paramiko: ModuleType
) -> None:
    """
    Without a proxy command the end of a gateway is what it is on stock.
    """
    outer = connect_plain(valve.port)
    client = nest(outer.get_transport())
    channel = run(client)
    assert channel.recv(2) == b"ab"
    reading = Call(channel.recv, 100)
    assert reading.blocks(0.1)
    valve.close()
    assert reading.result(STEP_S) == b""
    assert Call(channel.recv_exit_status).result(PROMPT_S) == -1
    error = Call(client.get_transport().open_session).error(PROMPT_S)
    assert type(error) is paramiko.SSHException


@pytest.fixture
def connect_plain(
    make_client: Callable[[], Any], paramiko: ModuleType, host: Host
) -> Callable[[int], Any]:
    """
    Return a function that logs in over a plain socket.
    """

    def connect_one(port: int) -> Any:
        client = make_client()
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        client.connect(host.address, **{**login(host), "port": port})
        return client

    return connect_one


@pytest.mark.measured
@pytest.mark.slow
def test_idle_hops_cost_nothing(gateway: Connection, nest: Nest) -> None:
    """
    A channel wakes who waits for it; stock asks it ten times a second, on each hop.
    """
    middle = nest(gateway.transport)
    inner = nest(middle.get_transport())
    run(inner)
    for transport in (gateway.transport, middle.get_transport(), inner.get_transport()):
        assert count_wake_ups(transport) <= 1


@pytest.mark.slow
def test_silent_host_behind_a_gateway_is_told_by_keepalives(
    gateway: Connection, nest: Nest, valve: Valve
) -> None:
    """
    The inner hop's keepalives are its own: the gateway, which answers its own, stays in use.
    """
    client = nest(gateway.transport, valve.port)
    channel = run(client)
    assert channel.recv(2) == b"ab"
    gateway.transport.set_keepalive(1, count_max=3)
    client.get_transport().set_keepalive(1, count_max=2)
    valve.to_client.clear()
    error = Call(channel.recv, 100).error(STEP_S)
    assert "is alive, but there was no answer to 2 keepalives" in str(error), error
    assert_usable(gateway.transport)


def test_handshake_limit_of_the_inner_hop_closes_its_channel_alone(
    gateway: Connection, nest: Nest, paramiko: ModuleType
) -> None:
    """
    A host that says nothing ends the connect within its limit.
    """
    with socket.create_server((LOOPBACK, 0)) as silent:
        connecting = Call(
            lambda: nest(gateway.transport, silent.getsockname()[1], banner_timeout=0.5)
        )
        assert isinstance(connecting.error(STEP_S), paramiko.SSHException)
        assert_usable(gateway.transport)


def test_inner_hop_closes_in_time_while_the_proxy_takes_nothing(
    gateway: Connection, nest: Nest
) -> None:
    """
    Its sender is stuck in the gateway's connection, which goes on to be in use.
    """
    client = nest(gateway.transport)
    channel = run(client, "cat >/dev/null")
    gateway.stall()
    sending = Call(channel.sendall, bytes(8 << 20))
    assert sending.blocks(0.5)
    started = time.monotonic()
    Call(client.close).result(CLOSE_LIMIT_S)
    assert time.monotonic() - started < CLOSE_LIMIT_S
    assert sending.error(PROMPT_S) is not None
    gateway.resume()
    assert_usable(gateway.transport)


@pytest.mark.parametrize("rekeys", [False, True], ids=["", "with-new-keys"])
def test_files_get_through_two_hops_whole(
    gateway: Connection, nest: Nest, tmp_path: Path, rekeys: bool
) -> None:
    """
    Eight megabytes each way at once, also while all hops exchange keys again and again.
    """
    middle = nest(gateway.transport)
    inner = nest(middle.get_transport())
    if rekeys:
        for transport in (gateway.transport, middle.get_transport(), inner.get_transport()):
            transport.packetizer.REKEY_BYTES = 1 << 20
    content = os.urandom(1 << 16) * 128
    (tmp_path / "there").write_bytes(content)
    up, down = inner.open_sftp(), inner.open_sftp()
    received = io.BytesIO()
    putting = Call(up.putfo, io.BytesIO(content), str(tmp_path / "put"))
    getting = Call(down.getfo, str(tmp_path / "there"), received)
    putting.result(60)
    getting.result(60)
    wanted = hashlib.sha256(content).digest()
    assert hashlib.sha256(received.getvalue()).digest() == wanted
    assert hashlib.sha256((tmp_path / "put").read_bytes()).digest() == wanted


IN_CHILD = {
    "closes-all": "client.close(); outer.close(); os._exit(0)",
    "exits-with-hooks": "sys.exit(0)",
    "drops-all": "del client, outer, channel; gc.collect(); sys.exit(0)",
    "calls": """
        for call in (channel.recv_exit_status, client.open_sftp, outer.open_sftp):
            try:
                call()
            except paramiko.SSHException as e:
                assert "belongs to the parent" in str(e), e
                continue
            os._exit(1)
        os._exit(0)
    """,
}


@pytest.mark.parametrize("in_child", IN_CHILD.values(), ids=IN_CHILD)
def test_forked_child_disturbs_no_hop(
    target: str, client_source: Callable[[str], str], host: Host, in_child: str
) -> None:
    """
    A child has copies of all hops: it is told that they are its parent's, and sends nothing.
    """
    body = f"""
        import gc
        outer = connect()
        address = ({host.address!r}, {host.port})
        client = connect(
            outer.get_transport().open_channel("direct-tcpip", address, ("127.0.0.1", 0))
        )
        channel = client.get_transport().open_session()
        channel.exec_command("cat")
        child = os.fork()
        if child == 0:
            {textwrap.indent(textwrap.dedent(in_child), " " * 12).strip()}
        status = os.waitpid(child, 0)[1]
        assert status == 0, status
        channel.settimeout(10)
        channel.sendall(b"still there")
        assert channel.recv(100) == b"still there"
        client.close()
        channel = outer.get_transport().open_session()
        outer.close()
    """
    children.run_program(client_source(body), target)


def test_packet_that_a_handler_cut_ends_its_own_hop(gateway: Connection, nest: Nest) -> None:
    """
    The cipher has gone on without it, so the server cannot understand what would come next.
    """
    client = nest(gateway.transport)
    channel = run(client)
    assert channel.recv(2) == b"ab"
    packetizer = client.get_transport().packetizer
    reading = Call(channel.recv, 100)
    assert reading.blocks(0.1)
    packetizer._Packetizer__sealer.seal = Interrupting()
    with pytest.raises(KeyboardInterrupt):
        channel.send(b"x")
    error = reading.error(PROMPT_S)
    assert "was left in the middle of a packet" in str(error), error
    assert_usable(gateway.transport)


class Interrupting:
    """
    Raise what a signal handler raises, as soon as a packet's cipher has gone on.
    """

    def __call__(self, packet: bytes, number: int) -> tuple[bytes, ...]:
        raise KeyboardInterrupt


def test_dropped_inner_client_names_the_proxy(
    gateway: Connection, host: Host, paramiko: ModuleType
) -> None:
    """
    As one that goes over the proxy itself does; one that was closed says nothing.
    """
    address = (host.address, host.port)
    for closes in (False, True):
        channel = gateway.transport.open_channel("direct-tcpip", address, (LOOPBACK, 0))
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        client.connect(host.address, sock=channel, **login(host))
        transport = client.get_transport()
        if closes:
            client.close()
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            del client
            gc.collect()
        texts = [str(w.message) for w in seen if issubclass(w.category, ResourceWarning)]
        assert len(texts) == (0 if closes else 1), texts
        assert closes or f"pid {gateway.proxy.process.pid}" in texts[0]
        transport.close()
        del transport, channel


class Opaque:
    """
    Hide a proxy command where nobody can look: in functions.
    """

    def __init__(self, proxy: Any) -> None:
        self.send = lambda data: proxy.send(data)
        self.recv = lambda size: proxy.recv(size)
        self.close = lambda: proxy.close()
        self.settimeout = lambda seconds: proxy.settimeout(seconds)


def test_whoever_raises_the_failure_is_a_dead_proxy(
    paramiko: ModuleType,
    make_client: Callable[[], Any],
    proxy_command: str,
    host: Host,
) -> None:
    """
    A carrier that nobody can see through is known by what it raises.
    """
    client = make_client()
    proxy = paramiko.ProxyCommand(proxy_command)
    client.connect(host.address, sock=Opaque(proxy), **login(host))
    channel = run(client)
    proxy.process.kill()
    assert channel.recv(2) == b"ab"
    for call in (lambda: channel.recv(2), channel.recv_exit_status, lambda: channel.send(b"x")):
        error = Call(call).error(STEP_S)
        assert type(error) is paramiko.ProxyCommandFailure, error
        assert getattr(error, "returncode", "missing") == -9


@pytest.mark.parametrize(
    ("methods", "words"),
    [((), "object has no recv and no send"), (("recv", "settimeout"), "Half has no send")],
    ids=["neither", "half"],
)
def test_what_no_bytes_can_go_over_is_refused_at_once(
    paramiko: ModuleType, methods: tuple[str, ...], words: str
) -> None:
    """
    Nothing is started for it, and the error names what is missing.
    """
    half = type("Half", (), dict.fromkeys(methods, lambda *_: None)) if methods else object
    with pytest.raises(TypeError, match=words):
        paramiko.Transport(half())


#: Passes on what is sent at 256 KiB in a second, and what is received at once. On SIGUSR1 it says
#: what no SSH server says.
NARROW_RELAY = """
import os, signal, subprocess, sys, threading, time
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
signal.signal(signal.SIGUSR1, lambda *_: os.write(1, bytes(range(256)) * 64))
def give():
    while data := os.read(child.stdout.fileno(), 65536):
        os.write(1, data)
    os._exit(0)
threading.Thread(target=give, daemon=True).start()
begun, passed = time.monotonic(), 0
while data := os.read(0, 4096):
    child.stdin.write(data)
    passed += len(data)
    time.sleep(max(0, (passed - 65536) / 262144 - (time.monotonic() - begun)))
"""


@pytest.fixture
def narrow(connect: Callable[..., Any], bastion: Bastion, host: Host) -> Any:
    """
    Return the transport of a gateway that sends slowly.
    """
    words = [sys.executable, "-c", NARROW_RELAY]
    words += bastion.proxy_arguments(host.address, host.port)
    return connect(shlex.join(words)).get_transport()


def test_inner_hop_has_its_turn_while_others_fill_the_gateway(narrow: Any, nest: Nest) -> None:
    """
    The pipe to the proxy is full for seconds, and there is always somebody with more for it.
    """
    client = nest(narrow)
    echoing = run(client, "cat")
    reading = run(client, "exec head -c 6000000 /dev/zero")
    filling = [Call(narrow_channel.sendall, bytes(4 << 20)) for narrow_channel in sinks(narrow)]
    wait_until(narrow.packetizer.output_is_stuck, STEP_S, "a full pipe")
    echoing.settimeout(STEP_S)
    echoing.sendall(b"x")
    assert echoing.recv(1) == b"x"
    # This needs room announced, which nobody who waits for it sends.
    reading.settimeout(STEP_S)
    left = 6000000
    while left:
        left -= len(reading.recv(left))
    assert all(call.blocks(0) for call in filling)


def sinks(transport: Any, count: int = 3) -> list[Any]:
    """
    Return channels that take what is sent.
    """
    channels = [transport.open_session(timeout=STEP_S) for _ in range(count)]
    for channel in channels:
        channel.exec_command("cat >/dev/null")
    return channels


def test_inner_hop_waits_while_the_gateway_exchanges_keys(gateway: Connection, nest: Nest) -> None:
    """
    What is sent meanwhile is not heaped up where nobody counts it.
    """
    outer = gateway.transport
    client = nest(outer)
    channel = run(client, "head -c 4000000 | wc -c")
    gateway.stall()
    renewing = Call(outer.renegotiate_keys)
    wait_until(lambda: not outer.clear_to_send.is_set(), STEP_S, "a key exchange")
    sending = Call(channel.sendall, bytes(4000000))
    assert sending.blocks(1)
    posted = sum(len(m.asbytes()) for m in outer._posted)
    assert posted < 100000, posted
    gateway.resume()
    renewing.result(STEP_S)
    sending.result(STEP_S)
    channel.settimeout(STEP_S)
    assert channel.makefile().read() == b"4000000\n"


def test_nobody_waits_in_a_gateway_with_a_long_backlog(
    gateway: Connection, nest: Nest, paramiko: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Only the gateway's own thread may have to, which else would take orders and never deliver.
    """
    queue = importlib.import_module(paramiko.__name__ + "._patched.wire.outbound")
    monkeypatch.setattr(queue, "BACKLOG_LIMIT", 64 * 1024)
    outer = gateway.transport
    clients = [nest(outer) for _ in range(2)]
    channel = run(clients[0], "cat >/dev/null")
    filled = sinks(outer, 6)
    gateway.stall()
    filling = [Call(sink.sendall, bytes(1 << 20)) for sink in filled]
    output = outer.packetizer._Packetizer__output
    wait_until(
        lambda: output.accepted - output.written > queue.BACKLOG_LIMIT, STEP_S, "a long backlog"
    )
    sending = Call(channel.sendall, bytes(1 << 20))
    assert sending.blocks(0.3)
    for client in clients:
        Call(client.close).result(CLOSE_LIMIT_S)
    assert sending.error(PROMPT_S) is not None
    Call(filled[0].close).result(PROMPT_S)
    gateway.resume()
    for call in filling[1:]:
        call.result(STEP_S)


@pytest.fixture
def held(narrow: Any, nest: Nest, tmp_path: Path) -> Iterator[Any]:
    """
    Return a channel of an inner hop whose transport thread stands still, before other input.
    """
    client = nest(narrow)
    flag = tmp_path / "over"
    first = run(client, f"until test -e {flag}; do sleep 0.05; done")
    second = run(client, "read line; head -c 5000 /dev/zero")
    with first.lock:
        flag.touch()  # The end of the first needs the lock.
        thread = client.get_transport().ident
        wait_until(
            lambda: (
                sys._current_frames()[thread].f_code.co_name in ("_handle_eof", "_handle_close")
            ),
            STEP_S,
            "a thread that stands still",
        )
        second.sendall(b"\n")
        arrived = client.get_transport().sock.in_buffer
        wait_until(lambda: len(arrived) >= 5000, STEP_S, "the last words")
        yield second


def test_inner_hop_reads_to_the_end_though_it_can_answer_nothing(held: Any, narrow: Any) -> None:
    """
    Before the last words comes the end of another channel, which wants an answer.
    """
    narrow.sock.process.kill()
    wait_until(lambda: not narrow.is_active(), PROMPT_S, "an inactive gateway")
    first = held.transport._channels.values()[0]
    first.lock.release()
    try:
        words = b""
        while len(words) < 5000:
            words += Call(held.recv, 5000).result()
    finally:
        first.lock.acquire()


def test_sender_on_the_inner_hop_waits_for_the_reason(
    held: Any, narrow: Any, paramiko: ModuleType
) -> None:
    """
    The gateway was told rubbish. No end of file is shown to who is quicker than the inner thread.
    """
    os.kill(narrow.sock.process.pid, signal.SIGUSR1)
    wait_until(lambda: not narrow.is_active(), PROMPT_S, "an inactive gateway")
    sending = Call(held.send, b"x")
    sending.blocks(0.2)
    first = held.transport._channels.values()[0]
    first.lock.release()
    try:
        error = sending.error(STEP_S)
    finally:
        first.lock.acquire()
    assert isinstance(error, paramiko.SSHException), repr(error)
    assert str(error) == str(narrow._failure)


def test_destructor_may_send_while_its_thread_feeds_the_carrier(
    gateway: Connection, nest: Nest
) -> None:
    """
    The collector runs destructors in any thread, whatever it holds; this leaves a packet behind.
    """
    client = nest(gateway.transport)
    dropped, sink = run(client), run(client, "cat >/dev/null")
    gateway.stall()
    filling = Call(sink.sendall, bytes(4 << 20))
    wait_until(gateway.transport.packetizer.output_is_stuck, STEP_S, "a full pipe")

    def feed() -> None:
        with client.get_transport().sock.in_buffer._lock:
            dropped.close()
            client.get_transport().packetizer.set_keepalive(0, None)  # as all that wakes

    Call(feed).result(PROMPT_S)
    gateway.resume()
    filling.result(STEP_S)


def test_carrier_that_keeps_something_with_a_transport_is_no_channel(
    gateway: Connection, host: Host, paramiko: ModuleType, make_client: Callable[[], Any]
) -> None:
    """
    As Fabric's ``Connection`` has one: a socket that remembers its gateway is a plain one.
    """

    class Remembering(socket.socket):
        gateway: Any

    sock = Remembering()
    sock.gateway = gateway
    sock.connect((host.address, host.port))
    client = make_client()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(host.address, sock=sock, **login(host))
    channel = run(client)
    sock.shutdown(socket.SHUT_RDWR)
    assert Call(channel.recv, 2).result(STEP_S) == b"ab"
    assert Call(channel.recv_exit_status).result(STEP_S) == -1
    error = Call(client.get_transport().open_session).error(STEP_S)
    assert type(error) is paramiko.SSHException, error


@pytest.mark.race
@pytest.mark.parametrize("ends", ["killed", "closed"])
def test_many_hops_end_in_time_while_all_exchange_keys(
    gateway: Connection, nest: Nest, paramiko: ModuleType, ends: str
) -> None:
    """
    Each call gives the right answer until the end, and then says why; no thread stays.
    """
    outer = gateway.transport
    clients = [nest(outer) for _ in range(6)]
    clients += [nest(client.get_transport()) for client in clients[:2]]
    for client in clients:
        client.get_transport().packetizer.REKEY_BYTES = 1 << 18
    outer.packetizer.REKEY_BYTES = 1 << 19
    answered = threading.Barrier(len(clients) + 1)

    def work(client: Any) -> None:
        for count in itertools.count():
            channel = client.get_transport().open_session(timeout=STEP_S)
            channel.exec_command("head -c 100000 | wc -c; exit 7")
            channel.sendall(bytes(100000))
            words, status = channel.makefile().read(), channel.recv_exit_status()
            assert (words, status) == (b"100000\n", 7)
            if not count:
                answered.wait(60)

    calls = [Call(work, client) for client in clients]
    answered.wait(60)
    if ends == "killed":
        gateway.strike()
    else:
        Call(outer.close).result(CLOSE_LIMIT_S)
    for call, client in zip(calls, clients):
        error = call.error(STEP_S)
        if ends == "killed":
            gateway.assert_reason(error)
        else:
            assert not isinstance(error, paramiko.ProxyCommandFailure)
        client.get_transport().join(STEP_S)
        assert not client.get_transport().is_alive()
