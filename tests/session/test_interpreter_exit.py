"""
The end of a program that has sessions: its own status, in silence, and no proxy is left.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable

import children
import pytest
from waiting import GONE_S, wait_ended

Source = Callable[[str], str]

#: A program may take this long to exit, start of the interpreter and imports included.
EXIT_BUDGET_S = 15.0

STATES = {
    "open": "",
    "with-channels": (
        "stdin, stdout, stderr = client.exec_command('cat')\nsftp = client.open_sftp()"
    ),
    "being-read": (
        "stdin, stdout, stderr = client.exec_command('cat')\n"
        "threading.Thread(target=stdout.read, daemon=True).start()"
    ),
    "in-a-cycle": "client.myself = client; del client",
    "dead": "os.kill(pid, signal.SIGKILL); client.get_transport().join(5)",
    "dying": "os.kill(pid, signal.SIGKILL)",
    "stopped": "os.kill(pid, signal.SIGSTOP)",
    "stopped-with-a-writer": (
        "stdin, stdout, stderr = client.exec_command('cat >/dev/null')\n"
        "window = stdin.channel.out_window_size\n"
        "os.kill(pid, signal.SIGSTOP)\n"
        "def write():\n"
        "    try:\n"
        "        stdin.channel.sendall(b'x' * 3000000)\n"
        "    except (OSError, EOFError, paramiko.SSHException):\n"
        "        pass\n"
        "threading.Thread(target=write, daemon=True).start()\n"
        "while stdin.channel.out_window_size > window - 60000:\n"
        "    time.sleep(0.001)"
    ),
    "closed": "client.close()",
}

PROGRAM = """
client = connect()
pid = client.get_transport().sock.process.pid
print(pid, flush=True)
{state}
{ending}
"""


@pytest.mark.parametrize("options", [(), ("-X", "dev")], ids=["plain", "development-mode"])
@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_program_ends_in_silence_and_its_proxy_goes(
    target: str, client_source: Source, state: str, options: tuple[str, ...]
) -> None:
    """
    Status 0, no traceback, and five seconds later no process, whatever was open.

    In development mode there may be warnings of what was not closed.
    """
    source = client_source(PROGRAM.format(state=state, ending=""))

    started = time.monotonic()
    ended = children.end_program(source, target, *options, timeout_s=EXIT_BUDGET_S)

    assert ended.returncode == 0, children.report(ended)
    assert time.monotonic() - started < EXIT_BUDGET_S
    for word in ("Traceback", "Exception ignored", "Fatal"):
        assert word not in ended.stderr, children.report(ended)
    wait_ended(int(ended.stdout), GONE_S)


ENDINGS = {
    "sys-exit": ("sys.exit(3)", 3),
    "error": ("1 / 0", 1),
    "os-exit": ("os._exit(5)", 5),
    "terminated": ("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
    "interrupted": ("signal.raise_signal(signal.SIGINT)", -signal.SIGINT),
}


@pytest.mark.parametrize(("ending", "status"), ENDINGS.values(), ids=ENDINGS)
def test_program_keeps_its_status_and_its_proxy_goes(
    target: str, client_source: Source, ending: str, status: int
) -> None:
    """
    However a program with a session ends, its status is its own, and the proxy does not stay.

    What must not change: a proxy ends by itself when nobody holds its input any more.
    """
    source = client_source(PROGRAM.format(state=STATES["with-channels"], ending=ending))

    ended = children.end_program(source, target, timeout_s=EXIT_BUDGET_S)

    assert ended.returncode == status, children.report(ended)
    wait_ended(int(ended.stdout), GONE_S)


def test_proxies_end_by_themselves_when_the_program_is_killed(
    target: str, client_source: Source
) -> None:
    """
    What must not change: no hook runs after SIGKILL, and no proxy holds another one's input.
    """
    source = client_source(
        """
        clients = [connect() for _ in range(3)]
        print(*(client.get_transport().sock.process.pid for client in clients), flush=True)
        clients[0].exec_command("cat")[1].read()
        """
    )
    with subprocess.Popen(
        children.program(source, target), stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        pids = running.stdout.readline().split()
        os.kill(running.pid, signal.SIGKILL)
        assert running.wait(5) == -signal.SIGKILL
    assert len(pids) == 3
    for pid in pids:
        wait_ended(int(pid), GONE_S)


def test_exit_hook_of_the_program_still_has_its_session(target: str, client_source: Source) -> None:
    """
    What must not change: a hook that was registered after the import runs before the library's.
    """
    source = client_source(
        """
        import atexit

        def use():
            _, stdout, _ = client.exec_command("echo hello")
            os.write(1, stdout.read())
            client.close()

        client = connect()
        atexit.register(use)
        """
    )
    assert children.run_program(source, target) == "hello\n"
