"""
Where OpenSSH is missing, the tests that need it are left out aloud; in CI they fail.

The tests are those of one module of this suite, which needs OpenSSH for each.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = Path(__file__).parents[1] / "proxy" / "test_control_master.py"
MISSING = "sshd is not on this machine: install OpenSSH (Debian: apt-get install openssh-server"

#: A plugin with which pytest runs as on a machine without OpenSSH, also in workers.
PLUGIN = """
import os
def pytest_configure():
    from paramiko_gate.servers import openssh_tools
    os.environ["PATH"] = "/nonexistent"
    openssh_tools.SYSTEM_DIRECTORIES = ()
"""


def run_without_openssh(folder: Path, *options: str, ci: str) -> subprocess.CompletedProcess[str]:
    """
    Run the module's tests in a process of their own.
    """
    (folder / "no_openssh.py").write_text(PLUGIN, "utf-8")
    # A run within a run: what fails in it is no failure of the other.
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "TOX_"))}
    options = ("-p", "no_openssh", "-p", "no:cacheprovider", *options)
    return subprocess.run(
        [sys.executable, "-m", "pytest", str(MODULE), *options],
        cwd=folder,
        env={**inherited, "CI": ci, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_head_and_end_of_the_report_say_what_is_left_out(tmp_path: Path) -> None:
    """
    No test that needs OpenSSH fails, and none is left out unsaid.
    """
    done = run_without_openssh(tmp_path, ci="")
    head, _, end = done.stdout.partition("collected ")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"left out are the tests that need OpenSSH: {MISSING}" in head
    count = int(end.split()[0])
    assert count > 1
    assert f"SKIPPED [{count}] " in end
    assert MISSING in end.partition("short test summary info")[2]


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_ci_fails_at_once(tmp_path: Path, workers: tuple[str, ...]) -> None:
    """
    CI leaves nothing out, and does not go through a thousand tests to say so.
    """
    done = run_without_openssh(tmp_path, *workers, ci="1")
    assert done.returncode in (1, 2), done.stdout + done.stderr
    assert MISSING in done.stdout
    assert "CI leaves no test out" in done.stdout.splitlines()[-2]
    assert "skipped" not in done.stdout.splitlines()[-1]
    assert done.stdout.count("\nERROR ") <= 2
