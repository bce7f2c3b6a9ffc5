"""
What a person at the prompt sees of `send.py`, while the worker does as its README says.
"""

from __future__ import annotations

import os
import subprocess

import pytest
from e2e.conftest import EXAMPLE, Launch
from e2e.libraries import NEWEST, OLDEST, Libraries
from e2e.tasks import HOST, RUN_S

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.slow,
    pytest.mark.parametrize("line", [NEWEST, OLDEST], ids=lambda line: f"prefork-{line}"),
]


def send(libraries: Libraries, line: str, broker_url: str, command: str) -> subprocess.Popen[str]:
    """
    Start `send.py`.
    """
    return subprocess.Popen(
        [libraries.python("fork", line), "send.py", HOST, command],
        cwd=EXAMPLE,
        env={
            **os.environ,
            "BROKER_URL": broker_url,
            "PYTHONPATH": "",
            # What a new cryptography says of the oldest line's imports.
            "PYTHONWARNINGS": "ignore:TripleDES has been moved",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_sender_prints_what_the_command_wrote_and_ends_with_its_status(
    launch: Launch, libraries: Libraries, broker_url: str, line: str
) -> None:
    """
    As if the command had been run here.
    """
    launch("fork", "prefork", line)
    with send(libraries, line, broker_url, "echo out; echo err >&2; exit 3") as sender:
        out, err = sender.communicate(timeout=RUN_S)
    assert (sender.returncode, out.strip(), err.strip()) == (3, "out", "err")


def test_sender_prints_the_reason_when_the_proxy_is_killed(
    launch: Launch, libraries: Libraries, broker_url: str, line: str
) -> None:
    """
    In one line, with the exception's own name and text.
    """
    worker = launch("fork", "prefork", line)
    with send(libraries, line, broker_url, "sleep 600") as sender:
        try:
            worker.wait_proxies(1, limit_s=RUN_S)
            # Under the login or under the command: both are told.
            worker.kill_proxies()
            out, err = sender.communicate(timeout=RUN_S)
        finally:
            sender.kill()
    assert sender.returncode == 255
    assert out == ""
    assert err.startswith('ProxyCommandFailure: ProxyCommand("')
    assert err.endswith("was killed by signal 9 (SIGKILL)\n")
    assert len(err.splitlines()) == 1
