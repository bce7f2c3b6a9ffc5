"""
Fork: whatever a forked child does with a session, the parent's goes on.

Each case but the last is a program of its own, whose parent uses a connection and a channel before
and after.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import children
import pytest
from interrupts import Intrusion
from session.calls import CALLS, Scene, set_scene
from session.connection import Connection
from waiting import Call, wait_until

Source = Callable[[str], str]

PARENT = """
import gc, select
client = connect()
transport = client.get_transport()
proxy = transport.sock
channel = transport.open_session()
channel.exec_command("cat; exit 3")
stdin, stdout, stderr = client.exec_command("cat")
sftp = client.open_sftp()
descriptor = channel.fileno()

def echo(text):
    channel.sendall(text)
    received = b""
    while len(received) < len(text):
        piece = channel.recv(len(text) - len(received))
        assert piece, "the channel has ended"
        received += piece
    assert received == text, received

def wait_for(child):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            assert status == 0, status
            return
        time.sleep(0.01)
    os.kill(child, signal.SIGUSR2)
    time.sleep(0.5)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise AssertionError("the forked child hangs")

echo(b"before")
for _ in range({times}):
    child = os.fork()
    if child == 0:
        {in_child}
    wait_for(child)
    # What the child has sent was sent before it ended, so that the server has it before this.
    echo(b"after")
assert select.select([descriptor], [], [], 0)[0] == [], "readable without data"
stdin.write(b"line\\n")
assert stdout.readline() == "line\\n"
sftp.stat(".")
channel.shutdown_write()
assert channel.recv_exit_status() == 3
assert transport.is_active()
client.close()
wait_gone(proxy.process.pid)
"""

IN_CHILD = {
    "exits-with-hooks": "sys.exit(0)",
    "exits-at-once": "os._exit(0)",
    "closes-client": "client.close(); os._exit(0)",
    "closes-client-and-exits-with-hooks": "client.close(); client.close(); sys.exit(0)",
    "closes-transport": "transport.close(); os._exit(0)",
    "closes-channel": "channel.close(); os._exit(0)",
    "closes-files": "stdin.close(); stdout.close(); os._exit(0)",
    "closes-sftp": "sftp.close(); os._exit(0)",
    "drops-client": "del client, transport, proxy; gc.collect(); os._exit(0)",
    "drops-channels": "del channel, stdin, stdout, stderr, sftp; gc.collect(); os._exit(0)",
    "drops-all-and-exits-with-hooks": (
        "del client, transport, proxy, channel, stdin, stdout, stderr, sftp; "
        "gc.collect(); sys.exit(0)"
    ),
    "calls-atfork": "transport.atfork(); os._exit(0)",
    "calls-atfork-and-exits-with-hooks": "transport.atfork(); sys.exit(0)",
}


@pytest.mark.parametrize("in_child", IN_CHILD.values(), ids=IN_CHILD)
def test_session_goes_on_when_forked_child(
    target: str, client_source: Source, in_child: str
) -> None:
    """
    The parent's channels lose nothing, whatever its child does on its way out.

    The ``exits-at-once`` case is about what must not change.
    """
    children.run_program(client_source(PARENT.format(times=1, in_child=in_child)), target)


def test_calls_of_forked_child_raise_and_send_nothing(target: str, client_source: Source) -> None:
    """
    A forked child has no thread that could read an answer; it is told so and does not wait.
    """
    in_child = """
        for call in (transport.open_session, sftp.listdir, lambda: client.exec_command("true")):
            try:
                call()
            except (paramiko.SSHException, OSError):
                continue
            os._exit(1)
        os._exit(1 if transport.is_active() else 0)
    """
    children.run_program(client_source(PARENT.format(times=1, in_child=in_child)), target)


def test_forked_child_warns_of_nothing(target: str, client_source: Source) -> None:
    """
    What a child has inherited is not its own to close, so it is not told of it.
    """
    body = PARENT.format(times=1, in_child=IN_CHILD["drops-all-and-exits-with-hooks"])
    ended = children.end_program(client_source(body), target, "-W", "always::ResourceWarning")
    assert ended.returncode == 0, children.report(ended)
    assert ended.stderr == "", children.report(ended)


@pytest.mark.race
def test_session_goes_on_when_threads_were_busy_at_the_fork(
    target: str, client_source: Source
) -> None:
    """
    A child that is forked in the midst of other threads' sends can close, and harms nobody.
    """
    body = """
        client = connect()
        transport = client.get_transport()
        busy = True
        def echo():
            channel = transport.open_session()
            channels.append(channel)
            channel.exec_command("cat")
            while busy:
                channel.sendall(b"x" * 1000)
                left = 1000
                while left:
                    piece = channel.recv(left)
                    assert piece == b"x" * len(piece) and piece
                    left -= len(piece)
            done.append(channel)
        channels, done = [], []
        threads = [threading.Thread(target=echo, daemon=True) for _ in range(3)]
        for thread in threads:
            thread.start()
        for number in range(12):
            time.sleep(0.01)
            child = os.fork()
            if child == 0:
                signal.alarm(8)
                if number % 3 == 0:
                    client.close()
                elif number % 3 == 1:
                    for channel in channels:
                        channel.close()
                else:
                    transport.atfork()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0, number
        busy = False
        for thread in threads:
            thread.join(10)
        assert len(done) == 3
        client.close()
    """
    children.run_program(client_source(body), target)


MULTIPROCESSING = """
import multiprocessing


def main():
    client = connect()
    channel = client.get_transport().open_session()
    channel.exec_command("cat")
    context = multiprocessing.get_context({method!r})
    with context.Pool(2) as pool:
        assert pool.map(abs, [1, -2, 3]) == [1, 2, 3]
    worker = context.Process(target={in_worker})
    worker.start()
    worker.join(15)
    assert worker.exitcode == 0, worker.exitcode
    channel.sendall(b"abc")
    assert channel.recv(3) == b"abc"
    client.close()

if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize(
    ("method", "in_worker"),
    [("fork", "client.close"), ("fork", "channel.close"), ("fork", "int"), ("spawn", "int")],
)
def test_session_goes_on_when_multiprocessing_starts_workers(
    target: str, client_source: Source, method: str, in_worker: str
) -> None:
    """
    Pools and workers come and go beside a connection; the ``int`` cases must not change.
    """
    body = MULTIPROCESSING.format(method=method, in_worker=in_worker)
    children.run_program(client_source(body), target)


#: What a forked child may try on what it has inherited; each raises, or is of no effect.
TRIED: list[Callable[[Scene], object]] = [
    lambda s: s.channel.recv(1),
    lambda s: s.channel.sendall(b"x"),
    lambda s: s.channel.exec_command("true"),
    lambda s: s.channel.resize_pty(),
    lambda s: s.channel.recv_exit_status(),
    lambda s: s.channel.shutdown(2),
    lambda s: s.sftp.stat("."),
    lambda s: s.sftp.open(s.other, "wb"),
    lambda s: s.file.read(),
    lambda s: s.file.prefetch(),
    lambda s: s.file.close(),
    lambda s: s.connection.transport.open_session(),
    lambda s: s.connection.transport.accept(0.1),
    lambda s: s.connection.transport.renegotiate_keys(),
    lambda s: s.connection.transport.send_ignore(),
    lambda s: s.connection.transport.global_request("any", wait=True),
    lambda s: s.connection.transport.request_port_forward("127.0.0.1", 0),
    lambda s: s.connection.transport.auth_none("any"),
    lambda s: s.connection.client.exec_command("true"),
    lambda s: gc.collect(),
    lambda s: s.sftp.close(),
    lambda s: s.channel.close(),
    lambda s: s.connection.client.close(),
    lambda s: s.connection.proxy.close(),
]

#: How long a child may take for one of these. Nothing of it waits for anybody, but a collection of
#: all garbage, in a copy of a process, takes two seconds on a busy machine.
TRIED_S = 5.0


def try_all(scene: Scene, expected: tuple[type[Exception], ...]) -> str:
    """
    Try all that a forked child may try, and return what went wrong.
    """
    for number, attempt in enumerate(TRIED):
        started = time.monotonic()
        try:
            attempt(scene)
        except expected:
            pass
        except BaseException as error:
            return f"TRIED[{number}] raised {error!r}"
        if time.monotonic() - started > TRIED_S:
            return f"TRIED[{number}] took {time.monotonic() - started:.1f} s"
    return ""


@pytest.mark.race
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("name", ["exec", "read-ahead", "open-sftp", "put"])
def test_session_goes_on_when_forked_between_any_two_lines(
    paramiko: ModuleType, open_connection: Callable[..., Connection], tmp_path: Path, name: str
) -> None:
    """
    Whatever thread holds which lock: the child waits for none, and the parent's call goes on.

    The line is drawn by lot, as in `test_end_between_lines`.
    """
    expected = (paramiko.SSHException, OSError, EOFError)
    statuses: list[int] = []
    said = tmp_path / "said"

    def fork() -> None:
        pid = os.fork()
        if pid == 0:
            faulthandler.dump_traceback_later(20, exit=True)
            wrong = try_all(scene, expected)
            said.write_text(wrong)
            os._exit(1 if wrong else 0)
        statuses.append(os.waitpid(pid, 0)[1])

    prefix = f"{paramiko.__name__}."
    modules = [module for key, module in sys.modules.items() if key.startswith(prefix)]
    intrusion = Intrusion(modules, lambda: Call(fork).wait(25))
    threading.settrace(intrusion.trace)
    try:
        scene = set_scene(open_connection(), tmp_path)
    finally:
        threading.settrace(None)
    work, value = CALLS[name]

    def call() -> Any:
        thread = random.choice([threading.current_thread(), scene.connection.transport])
        sys.settrace(intrusion.trace)
        try:
            intrusion.plan(thread)
            work(scene)
            intrusion.plan(thread, random.randint(1, max(1, intrusion.lines)))
            return work(scene)
        finally:
            sys.settrace(None)

    returned = Call(call).result(30)
    if intrusion.came_at:
        wait_until(lambda: statuses, 25, "the end of the child")
        wrong = said.read_text() if said.exists() else "it hung"
        assert statuses == [0], f"forked at {intrusion.came_at}: {wrong}"
    assert value in (None, returned), intrusion.came_at
    assert CALLS["exec"][0](scene) == 3
