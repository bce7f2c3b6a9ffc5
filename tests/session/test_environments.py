"""
Sessions in unusual surroundings: many descriptors, event loops, and every check switched on.

Each case is a program of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType

import apis
import children
import pytest

Source = Callable[[str], str]

#: A hub that a blocking call holds up stands still for as long as that call takes: 1 s and more.
LONGEST_GAP_S = 0.6

#: eventlet 0.41 is broken on Python 3.13: a thread's `join` raises when its time is over.
GREEN = ["gevent"] if sys.version_info >= (3, 13) else ["gevent", "eventlet"]


@pytest.mark.measured
def test_session_works_with_descriptors_above_1024(target: str, client_source: Source) -> None:
    """
    A program with many open files can connect, work, see a death, and close.

    Reproduces paramiko#1189.
    """
    source = client_source(
        """
        import io, resource, select
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (2048, hard))
        held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
        before = sorted(os.listdir("/proc/self/fd"))

        client = connect()
        transport = client.get_transport()
        assert transport.sock.process.stdout.fileno() > 1024
        stdin, stdout, _ = client.exec_command("cat; exit 3")
        poller = select.poll()
        poller.register(stdout.channel.fileno(), select.POLLIN)
        stdin.write(b"hello\\n")
        assert poller.poll(5000)
        assert stdout.readline() == "hello\\n"
        stdin.channel.shutdown_write()
        assert stdout.channel.recv_exit_status() == 3
        sftp = client.open_sftp()
        assert sftp.getfo("/etc/passwd", io.BytesIO()) > 0

        os.kill(transport.sock.process.pid, signal.SIGKILL)
        started = time.monotonic()
        try:
            for _ in range(2):
                sftp.stat(".")
            raise AssertionError("no failure")
        except paramiko.ProxyCommandFailure as error:
            assert error.returncode == -9, error
        assert time.monotonic() - started < 2
        client.close()

        client = connect()
        pid = client.get_transport().sock.process.pid
        client.close()
        wait_gone(pid)
        del stdin, stdout, sftp
        """
    )
    children.run_program(source, target)


TICKER = f"""
ticks = []
def tick():
    while True:
        ticks.append(time.monotonic())
        sleep(0.01)

def assert_never_blocked():
    gap_s = max(later - earlier for earlier, later in zip(ticks, ticks[1:]))
    assert gap_s < {LONGEST_GAP_S}, gap_s
"""

GREEN_SESSION = """
client = connect()
transport = client.get_transport()
sleep(0)
del ticks[:]  # the key exchange computes, and so holds up every loop
stdin, stdout, _ = client.exec_command("sleep 1; echo hello; exec cat")
assert stdout.readline() == "hello\\n"
sftp = client.open_sftp()
sftp.stat(".")
errors = []
def read():
    try:
        stdout.read()
    except paramiko.ProxyCommandFailure as error:
        errors.append(error)
reader = spawn(read)
sleep(0.2)
assert not errors
os.kill(transport.sock.process.pid, signal.SIGKILL)
started = time.monotonic()
while not errors:
    assert time.monotonic() - started < 2, "the death was not seen"
    sleep(0.01)
assert errors[0].returncode == -9, errors
assert not transport.is_active()
client.close()

client = connect()
pid = client.get_transport().sock.process.pid
os.kill(pid, signal.SIGSTOP)
sleep(0)
del ticks[:]
stalled = spawn(lambda: client.exec_command("true"))
sleep(1)
client.close()
while os.path.exists("/proc/%d" % pid):
    assert time.monotonic() - started < 15, "the proxy is still there"
    sleep(0.01)
sleep(0)
assert_never_blocked()
"""


#: What a program of green threads begins with.
PATCHES = {
    "gevent": "import gevent.monkey; gevent.monkey.patch_all()",
    "eventlet": "import eventlet; eventlet.monkey_patch()",
}


@pytest.mark.measured
@pytest.mark.parametrize("library", GREEN)
def test_session_in_green_threads_leaves_the_hub_running(
    target: str, client_source: Source, library: str
) -> None:
    """
    Green threads run while others wait on a session; a death is seen, a stalled proxy closed.
    """
    body = (
        f"""
from {library} import Timeout, sleep, spawn
"""
        + TICKER
        + """
ticker = spawn(tick)
limit = Timeout(25)
limit.pending or limit.start()  # eventlet's has started already
"""
        + GREEN_SESSION
        + """
limit.cancel()
"""
    )
    children.run_program(client_source(body), target, first=PATCHES[library])


@pytest.mark.parametrize("call", ["sendall(bytes(6_000_000))", "recv(1)", "recv_exit_status()"])
@pytest.mark.parametrize("library", GREEN)
def test_time_limit_of_a_green_thread_is_raised_and_the_session_goes_on(
    target: str, client_source: Source, library: str, call: str
) -> None:
    """
    The library's own time limits cut in wherever a call waits. Stock loses the rest of a packet.
    """
    body = f"""
    from {library} import Timeout
    client = connect()
    pid = client.get_transport().sock.process.pid
    channel = client.get_transport().open_session()
    channel.exec_command("cat >/dev/null; exit 3")
    os.kill(pid, signal.SIGSTOP)
    exceeded = False
    try:
        with Timeout(0.5):
            channel.{call}
    except Timeout:
        exceeded = True
    assert exceeded
    os.kill(pid, signal.SIGCONT)
    with Timeout(10):
        channel.sendall(b"the end")
        channel.shutdown_write()
        assert channel.recv_exit_status() == 3
        client.close()
    """
    children.run_program(client_source(body), target, first=PATCHES[library])


@pytest.mark.measured
def test_session_in_an_executor_leaves_asyncio_running(target: str, client_source: Source) -> None:
    """
    Calls in an executor do not hold the event loop up, and their failures come out of it.
    """
    source = client_source(
        f"""
        import asyncio

        async def main():
            loop = asyncio.get_running_loop()
            ticks = []
            async def tick():
                while True:
                    ticks.append(time.monotonic())
                    await asyncio.sleep(0.01)
            client = await loop.run_in_executor(None, connect)
            ticker = asyncio.ensure_future(tick())
            def run():
                _, stdout, _ = client.exec_command("sleep 1; echo hello; exit 3")
                return stdout.read(), stdout.channel.recv_exit_status()
            answers = await asyncio.gather(
                *(loop.run_in_executor(None, run) for _ in range(3))
            )
            assert answers == [(b"hello\\n", 3)] * 3, answers
            stdin, stdout, _ = await loop.run_in_executor(None, client.exec_command, "cat")
            read = loop.run_in_executor(None, stdout.read)
            await asyncio.sleep(0.2)
            assert not read.done()
            os.kill(client.get_transport().sock.process.pid, signal.SIGKILL)
            try:
                await asyncio.wait_for(read, 2)
                raise AssertionError("no failure")
            except paramiko.ProxyCommandFailure as error:
                assert error.returncode == -9, error
            await loop.run_in_executor(None, client.close)
            ticker.cancel()
            gap_s = max(later - earlier for earlier, later in zip(ticks, ticks[1:]))
            assert gap_s < {LONGEST_GAP_S}, gap_s

        asyncio.run(main())
        """
    )
    children.run_program(source, target)


@pytest.mark.parametrize(
    "options",
    [("-X", "dev"), ("-W", "error"), ("-X", "dev", "-W", "error")],
    ids=["development-mode", "warnings-are-errors", "both"],
)
def test_session_and_death_are_clean_with_every_check_on(
    paramiko: ModuleType,
    target: str,
    client_source: Source,
    options: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    Connect, run, kill, close: nothing at all on stderr, with all of the interpreter's checks on.
    """
    source = client_source(
        """
        import gc, logging
        # The one record of an unexpected death is not what is looked for here.
        logging.getLogger("paramiko").addHandler(logging.NullHandler())
        for dies in (False, True):
            client = connect()
            transport = client.get_transport()
            stdin, stdout, stderr = client.exec_command("echo hello; exec cat")
            assert stdout.readline() == "hello\\n"
            with client.open_sftp() as sftp:
                sftp.stat(".")
            pid = transport.sock.process.pid
            if dies:
                os.kill(pid, signal.SIGKILL)
                try:
                    stdout.read()
                    raise AssertionError("no failure")
                except paramiko.ProxyCommandFailure:
                    pass
            client.close()
            wait_gone(pid)
            del client, transport, stdin, stdout, stderr, sftp
            gc.collect()
        """
    )
    # Of two equal filters the interpreter keeps the place of the first, which is weaker there.
    monkeypatch.delenv("PYTHONWARNINGS", raising=False)
    for filters in apis.IMPORTS_WARN.get(apis.release(paramiko), ()):
        options += ("-W", filters)
    ended = children.end_program(source, target, *options)
    assert (ended.returncode, ended.stderr) == (0, ""), children.report(ended)
