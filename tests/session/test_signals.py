"""
Signals in a program with a session: not a byte is lost, and Ctrl-C leaves a closable connection.

Handlers run in the main thread only, therefore each case is a program of its own.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable

import children
import pytest

Source = Callable[[str], str]

TICKING = """
import atexit, hashlib
# The interpreter's last act gives each signal its default back, and this one's is to kill.
atexit.register(signal.setitimer, signal.ITIMER_REAL, 0)
ticks = []
signal.signal(signal.SIGALRM, lambda *_: ticks.append(1))
client = connect()
transport = client.get_transport()
DATA = os.urandom(6_000_000)
DIGEST = hashlib.sha256(DATA).hexdigest()
signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
"""

TRANSFERS = {
    "recv": """
        sftp = client.open_sftp()
        path = {folder!r} + "/data"
        with open(path, "wb") as file:
            file.write(DATA)
        _, stdout, _ = client.exec_command("cat " + path)
        received = bytearray()
        while True:
            piece = stdout.channel.recv(65536)
            if not piece:
                break
            received += piece
        assert hashlib.sha256(received).hexdigest() == DIGEST, len(received)
        assert stdout.channel.recv_exit_status() == 0
    """,
    "send": """
        channel = transport.open_session()
        channel.exec_command("sha256sum")
        left = memoryview(DATA)
        while left:
            left = left[channel.send(left[:50_000]):]
        channel.shutdown_write()
        assert channel.makefile().read().split()[0].decode() == DIGEST
    """,
    "sftp-put": """
        import io
        sftp = client.open_sftp()
        path = {folder!r} + "/data"
        assert sftp.putfo(io.BytesIO(DATA), path).st_size == len(DATA)
        with open(path, "rb") as file:
            assert hashlib.sha256(file.read()).hexdigest() == DIGEST
    """,
    "sftp-get": """
        import io
        sftp = client.open_sftp()
        path = {folder!r} + "/data"
        with open(path, "wb") as file:
            file.write(DATA)
        taken = io.BytesIO()
        assert sftp.getfo(path, taken) == len(DATA)
        assert hashlib.sha256(taken.getvalue()).hexdigest() == DIGEST
    """,
}

AFTERWARDS = """
assert len(ticks) > 10, len(ticks)
assert transport.is_active()
signal.setitimer(signal.ITIMER_REAL, 0)
client.close()
"""


@pytest.mark.parametrize("transfer", TRANSFERS.values(), ids=TRANSFERS)
def test_no_byte_is_lost_or_doubled_when_handlers_run(
    target: str, client_source: Source, tmp_path: object, transfer: str
) -> None:
    """
    Six million bytes arrive as they were sent, with a handler every 2 ms in the sending thread.

    Stock corrupts the upload by SFTP. What it sends on a channel survives by chance, if it does;
    the cases that receive are about what must not change.
    """
    body = textwrap.dedent(transfer.format(folder=str(tmp_path)))
    children.run_program(client_source(TICKING + body + AFTERWARDS), target)


BLOCKED_READS = {
    "channel-recv": "channel.recv(1)",
    "file-read": "stdout.read()",
    "exit-status": "channel.recv_exit_status()",
    "sftp-stat": "sftp.stat('.')",
    "global-request": "transport.global_request('nonsense@example.org')",
}


#: What the handlers of time limits raise: Celery's soft one, those of plain alarms, what looks
#: like the end of a pipe or of a connection, and one that no ``except Exception`` catches.
LIMITS = {
    "exception": "class Limit(Exception): pass",
    "timeout-error": "Limit = TimeoutError",
    "os-error": "Limit = OSError",
    "broken-pipe": """
import errno
class Limit(OSError):
    def __init__(self, text):
        super().__init__(errno.EPIPE, text)
    def __str__(self):
        return self.strerror
""",
    "blocking-io-error": "Limit = BlockingIOError",
    "eof-error": "Limit = EOFError",
    "value-error": "Limit = ValueError",
    "base-exception": "class Limit(BaseException): pass",
}

EXCEEDED = """
def exceed(*_):
    raise Limit("time is up")
signal.signal(signal.SIGALRM, exceed)
"""


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
def test_time_limit_of_a_blocked_sender_is_raised_and_the_session_goes_on(
    target: str, client_source: Source, limit: str
) -> None:
    """
    Stock makes an `EOFError` of it, and of those that are an `OSError` a failure of the proxy.

    After any of them it has sent a part of a packet, and never sends the rest.
    """
    source = client_source(
        """
        client = connect()
        proxy = client.get_transport().sock
        stdin, stdout, _ = client.exec_command("cat")
        channel = stdout.channel
        data = os.urandom(6_000_000)
        # Stuck because the pipe is full, long before the server's window is.
        os.kill(proxy.process.pid, signal.SIGSTOP)
        signal.setitimer(signal.ITIMER_REAL, 1)
        exceeded = False
        try:
            channel.sendall(data)
        except Limit as limit:
            exceeded = str(limit) == "time is up"
        assert exceeded
        os.kill(proxy.process.pid, signal.SIGCONT)
        channel.settimeout(10)
        channel.sendall(b"the end")
        channel.shutdown_write()
        echo = stdout.read()
        sent = len(echo) - len(b"the end")
        assert 0 < sent < len(data), sent
        assert echo == data[:sent] + b"the end"
        assert channel.recv_exit_status() == 0
        client.close()
        wait_gone(proxy.process.pid)
        """
    )
    children.run_program(f"{limit}\nimport signal\n{EXCEEDED}\n{source}", target)


def test_time_limit_of_a_sender_on_a_plain_socket_is_what_it_was(target: str) -> None:
    """
    What must not change without a proxy command: upstream's `EOFError`.
    """
    source = """
import signal, socket
near, far = socket.socketpair()
packetizer = paramiko.Transport(near).packetizer
signal.setitimer(signal.ITIMER_REAL, 1)
try:
    while True:
        packetizer.send_message(paramiko.Message(bytes([paramiko.common.MSG_IGNORE]) * 30_000))
except EOFError:
    ended = True
assert ended
"""
    limit = LIMITS["exception"]
    children.run_program(f"{limit}\nimport signal\n{EXCEEDED}\n{source}", target)


BLOCKED_CALLS = {
    **BLOCKED_READS,
    "open-session": "transport.open_session()",
    "exec-command": "client.exec_command('true')",
    "sftp-listdir": "sftp.listdir('.')",
    "open-sftp": "client.open_sftp()",
    "renegotiate-keys": "transport.renegotiate_keys()",
}


@pytest.mark.parametrize("call", BLOCKED_READS.values(), ids=BLOCKED_READS)
@pytest.mark.parametrize("own_session", [False, True], ids=["shared-group", "own-session"])
def test_interrupted_read_raises_and_close_works(
    target: str, client_source: Source, proxy_command: str, call: str, own_session: bool
) -> None:
    """
    Ctrl-C in a blocked call is `KeyboardInterrupt`, also when it reaches the proxy as well.

    What follows in ``finally`` closes in bounded time and leaves no process.
    """
    source = client_source(
        f"""
        os.setsid()
        client = connect(
            paramiko.ProxyCommand({proxy_command!r}, start_new_session={own_session})
        )
        transport = client.get_transport()
        proxy = transport.sock
        stdin, stdout, _ = client.exec_command("exec cat >/dev/null")
        channel = stdout.channel
        sftp = client.open_sftp()
        if "sftp" in {call!r} or "global" in {call!r}:
            os.kill(proxy.process.pid, signal.SIGSTOP)
        def interrupt():
            # The main thread has nothing else to do than to block, once it has said so.
            about_to_block.wait(10)
            time.sleep(0.2)
            os.kill(os.getpid() if {own_session} else 0, signal.SIGINT)
        about_to_block = threading.Event()
        threading.Thread(target=interrupt, daemon=True).start()
        interrupted = False
        try:
            about_to_block.set()
            {call}
        except KeyboardInterrupt:
            interrupted = True
        finally:
            started = time.monotonic()
            client.close()
            assert time.monotonic() - started < 3, time.monotonic() - started
        assert interrupted
        wait_gone(proxy.process.pid)
        """
    )
    children.run_program(source, target)


@pytest.mark.parametrize("ending", ["client.close()", "os.kill(pid, signal.SIGKILL)"])
def test_session_ends_when_sigchld_is_ignored(
    target: str, client_source: Source, ending: str
) -> None:
    """
    Where the system reaps children itself, a session works, and its end is seen.
    """
    source = client_source(
        f"""
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        client = connect()
        transport = client.get_transport()
        pid = transport.sock.process.pid
        _, stdout, _ = client.exec_command("echo hello; exec cat")
        assert stdout.readline() == "hello\\n"
        {ending}
        transport.join(5)
        assert not transport.is_alive()
        if "SIGKILL" in {ending!r}:
            try:
                client.exec_command("true")
                raise AssertionError("no failure")
            except paramiko.ProxyCommandFailure as error:
                assert error.returncode is None
                assert "status unknown" in str(error), str(error)
        client.close()
        client.close()
        wait_gone(pid)
        """
    )
    children.run_program(source, target)


def test_session_ends_when_somebody_else_reaps_children(target: str, client_source: Source) -> None:
    """
    A supervisor's ``waitpid(-1)`` takes the status; no close raises, or signals that pid again.
    """
    source = client_source(
        """
        reaped, signalled = [], []
        def reap():
            while True:
                try:
                    pid, _ = os.waitpid(-1, 0)
                except ChildProcessError:
                    time.sleep(0.001)
                    continue
                reaped.append(pid)
        threading.Thread(target=reap, daemon=True).start()
        real_kill = os.kill
        def kill(pid, number):
            signalled.append((pid, pid in reaped))
            real_kill(pid, number)
        os.kill = kill

        for number in range(4):
            client = connect()
            transport = client.get_transport()
            pid = transport.sock.process.pid
            _, stdout, _ = client.exec_command("echo hello")
            assert stdout.read() == b"hello\\n"
            if number % 2:
                real_kill(pid, signal.SIGKILL)
                wait_gone(pid)
                transport.join(5)
                try:
                    transport.open_session()
                    raise AssertionError("no failure")
                except paramiko.ProxyCommandFailure as error:
                    assert error.returncode in (None, -9), error.returncode
            client.close()
            client.close()
            wait_gone(pid)
        assert not [pid for pid, gone in signalled if gone], signalled
        """
    )
    children.run_program(source, target)


@pytest.mark.parametrize("limit", ["exception", "os-error"])
@pytest.mark.parametrize("call", BLOCKED_CALLS.values(), ids=BLOCKED_CALLS)
def test_time_limit_of_a_blocked_call_is_raised_and_the_session_goes_on(
    target: str, client_source: Source, call: str, limit: str
) -> None:
    """
    What must not change: the answer that comes too late disturbs nobody.
    """
    source = client_source(
        f"""
        client = connect()
        transport = client.get_transport()
        stdin, stdout, _ = client.exec_command("exec cat")
        channel = stdout.channel
        sftp = client.open_sftp()
        assert sftp.stat(".").st_size
        os.kill(transport.sock.process.pid, signal.SIGSTOP)
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        exceeded = False
        try:
            {call}
        except Limit as limit:
            exceeded = str(limit) == "time is up"
        assert exceeded
        os.kill(transport.sock.process.pid, signal.SIGCONT)
        assert sftp.stat(".").st_size
        stdin.write(b"ab")
        stdin.channel.shutdown_write()
        assert stdout.read() == b"ab"
        assert channel.recv_exit_status() == 0
        assert client.exec_command("echo cd")[1].read() == b"cd\\n"
        client.close()
        """
    )
    children.run_program(f"{LIMITS[limit]}\nimport signal\n{EXCEEDED}\n{source}", target)
