"""
No server outlives the tests that started it.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from checkout import ROOT
from index import servers

STARTER = """
import sys, time
from pathlib import Path
sys.path[:0] = sys.argv[1:3]
from index import servers
with servers.plain_files(Path(sys.argv[3]), []) as server:
    print(server.url, flush=True)
    time.sleep(600)
"""
END_LIMIT_S = 10.0


def refuses(url: str) -> bool:
    """
    Return whether nobody listens there.
    """
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(url.rstrip("/").rpartition(":")[2]))) != 0


def test_server_is_gone_when_its_block_ends(tmp_path: Path) -> None:
    """
    Also after an error in the block.
    """
    urls = []
    with pytest.raises(ZeroDivisionError), servers.plain_files(tmp_path, []) as server:
        urls.append(server.url)
        assert not refuses(server.url)
        raise ZeroDivisionError
    assert refuses(urls[0])


def test_server_is_gone_when_the_tests_are_killed(tmp_path: Path) -> None:
    """
    No fixture runs then.
    """
    command = [sys.executable, "-c", STARTER, str(ROOT), str(ROOT / "tests"), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as tests:
        assert tests.stdout is not None
        url = tests.stdout.readline().strip()
        assert not refuses(url)
        tests.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + END_LIMIT_S
    while not refuses(url) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert refuses(url)
