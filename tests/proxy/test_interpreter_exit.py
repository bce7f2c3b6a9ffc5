"""
Interpreter exit: the program keeps its own status, shows no traceback, and leaves no proxy.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import Any

import children
import pytest
from waiting import GONE_S, wait_ended

#: A program may take this long to exit, start of the interpreter and imports included.
EXIT_BUDGET_S = 15.0

PROXIES = {
    "alive": (children.RELAY, ""),
    "dead": (children.exits(3), ""),
    "stalled": (children.STALLED, ""),
    "closes-output": (children.CLOSES_OUTPUT, ""),
    "stopped": (children.RELAY, "os.kill(proxy.process.pid, signal.SIGSTOP)"),
    "ignores-sigterm": (children.IGNORES_SIGTERM, "assert proxy.recv(5) == b'ready'"),
    "being-read": (children.RELAY, "start(lambda: proxy.recv(1))"),
    "being-written": (
        children.STALLED,
        "start(lambda: [proxy.send(b'x' * 65536) for _ in range(99)])",
    ),
    "just-closed": (children.RELAY, "proxy.close()"),
    "just-closed-ignores-sigterm": (
        children.IGNORES_SIGTERM,
        "assert proxy.recv(5) == b'ready'; proxy.close()",
    ),
    "in-a-cycle": (children.RELAY, "proxy.myself = proxy; del proxy"),
}

PROGRAM = """
    import contextlib, os, signal, sys, threading
    proxy = paramiko.ProxyCommand({command!r})
    proxy.settimeout(5)
    print(proxy.process.pid, flush=True)

    def start(call):
        def run():
            with contextlib.suppress(OSError):  # what a closed proxy gives to a sender
                call()
        proxy.settimeout(None)
        threading.Thread(target=run, daemon=True).start()

    {state}
    {ending}
"""


@pytest.mark.parametrize(("command", "state"), PROXIES.values(), ids=PROXIES)
def test_program_exits_with_status_zero_and_proxy_goes(
    target: str, command: str, state: str
) -> None:
    """
    A program that leaves a proxy open ends in silence, and the proxy ends soon after.
    """
    started = time.monotonic()
    ended = children.end_program(
        PROGRAM.format(command=command, state=state, ending=""), target, timeout_s=EXIT_BUDGET_S
    )
    assert (ended.returncode, ended.stderr) == (0, ""), children.report(ended)
    assert time.monotonic() - started < EXIT_BUDGET_S
    wait_ended(int(ended.stdout), GONE_S)


@pytest.mark.parametrize(("command", "state"), PROXIES.values(), ids=PROXIES)
def test_program_exits_without_traceback_in_development_mode(
    target: str, command: str, state: str
) -> None:
    """
    With all checks of the interpreter on, there may be a warning, and never a traceback.
    """
    ended = children.end_program(
        PROGRAM.format(command=command, state=state, ending=""),
        target,
        "-X",
        "dev",
        timeout_s=EXIT_BUDGET_S,
    )
    assert ended.returncode == 0, children.report(ended)
    assert "Traceback" not in ended.stderr, children.report(ended)
    assert "Exception ignored" not in ended.stderr, children.report(ended)
    wait_ended(int(ended.stdout), GONE_S)


ENDINGS = {
    "sys-exit": ("sys.exit(3)", 3),
    "uncaught-error": ("raise SystemExit(4)", 4),
    "error": ("1 / 0", 1),
    "os-exit": ("os._exit(5)", 5),
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", -9),
    "terminated": ("os.kill(os.getpid(), signal.SIGTERM)", -15),
    "interrupted": ("signal.raise_signal(signal.SIGINT)", -2),
}


@pytest.mark.parametrize(("ending", "status"), ENDINGS.values(), ids=ENDINGS)
def test_program_keeps_its_status_and_proxy_goes(target: str, ending: str, status: int) -> None:
    """
    However the program ends, its status is its own, and the proxy sees the end of its input.
    """
    ended = children.end_program(
        PROGRAM.format(command=children.RELAY, state="", ending=ending),
        target,
        timeout_s=EXIT_BUDGET_S,
    )
    assert ended.returncode == status, children.report(ended)
    wait_ended(int(ended.stdout), GONE_S)


def test_program_can_use_the_proxy_in_an_exit_hook(target: str) -> None:
    """
    An exit hook of the program's own still has a working connection.
    """
    children.run_program(
        f"""
        import atexit, os

        def use():
            proxy.send(b"abc")
            if proxy.recv(3) != b"abc":
                os._exit(9)
            proxy.close()

        atexit.register(use)
        proxy = paramiko.ProxyCommand({children.RELAY!r})
        proxy.settimeout(5)
        """,
        target,
    )


def test_program_exits_soon_when_many_proxies_are_open(target: str) -> None:
    """
    The end of many proxies at exit is one wait and not one after the other.
    """
    output = children.run_program(
        f"""
        import time
        proxies = [paramiko.ProxyCommand({children.IGNORES_SIGTERM!r}) for _ in range(8)]
        for proxy in proxies:
            proxy.settimeout(10)
            assert proxy.recv(5) == b"ready"
        print(*(proxy.process.pid for proxy in proxies), time.time())
        """,
        target,
    )
    *pids, left = output.split()
    assert time.time() - float(left) < 2 * GONE_S
    for pid in pids:
        wait_ended(int(pid), GONE_S)


def test_proxy_sees_the_end_of_input_when_the_program_is_killed(target: str) -> None:
    """
    No hook runs after SIGKILL; the proxy ends by itself because nobody else holds its input.
    """
    source = f"""
        import signal
        proxies = [paramiko.ProxyCommand({children.RELAY!r}) for _ in range(3)]
        print(*(proxy.process.pid for proxy in proxies), flush=True)
        signal.pause()
    """
    with subprocess.Popen(
        children.program(source, target), stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        pids: list[Any] = running.stdout.readline().split()
        os.kill(running.pid, signal.SIGKILL)
        assert running.wait(5) == -signal.SIGKILL
    assert len(pids) == 3
    for pid in pids:
        wait_ended(int(pid), GONE_S)
