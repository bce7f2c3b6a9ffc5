"""
The pytest plugin serves other suites, and costs those that do not use it nothing.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

SUITE = """
    import shlex
    import subprocess
    import pytest

    def test_proxy_command_leads_to_the_host(proxy_command, host, bastion):
        assert str(host.port) in proxy_command
        process = subprocess.Popen(
            shlex.split(proxy_command), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        with process:
            assert process.stdout.readline().startswith(b"SSH-2.0-")
            process.stdin.close()
            process.stdout.read()

    def test_refused_proxy_command_is_refused(refused_proxy_command):
        done = subprocess.run(
            shlex.split(refused_proxy_command), stdin=subprocess.DEVNULL, capture_output=True
        )
        assert b"Permission denied" in done.stderr

    def test_faulty_proxy_exits_on_order(faulty_proxy):
        process = subprocess.Popen(
            shlex.split(faulty_proxy.command), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        with process:
            assert process.stdout.readline().startswith(b"SSH-2.0-")
            faulty_proxy.give_order("exit 97")
            assert process.wait(10) == 97
"""


def run_pytest(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """
    Run pytest in a directory as somebody else's project would.
    """
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_fixtures_serve_any_suite(tmp_path: Path) -> None:
    """A suite gets a bastion, a host, a proxy command and faults by naming the fixtures."""
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n", "ascii")
    (tmp_path / "test_suite.py").write_text(textwrap.dedent(SUITE), "ascii")
    done = run_pytest(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def test_cases_run_under_plain_pytest(tmp_path: Path) -> None:
    """`pytest --pyargs paramiko_gate` runs the cases on the target that its options name."""
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n", "ascii")
    selected = ("-v", "--pyargs", "paramiko_gate", "-k", "next_command[exits-zero]")
    done = run_pytest(tmp_path, *selected, "--gate-target", "paramiko_patched")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    missing = run_pytest(tmp_path, *selected, "--gate-target", "no_such_library")
    assert missing.returncode == 1
    assert "there is no module no_such_library to judge\n" in missing.stdout


def test_plugin_loads_nothing_but_the_standard_library_and_pytest() -> None:
    """Being installed costs other suites no import of a third-party package."""
    program = """
        import sys, sysconfig
        import pytest
        before = set(sys.modules)
        import paramiko_gate.plugin
        packages = sysconfig.get_path("purelib")
        for name in sorted(set(sys.modules) - before):
            if (getattr(sys.modules[name], "__file__", None) or "").startswith(packages):
                print(name)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) <= {"paramiko_gate", "paramiko_gate.plugin"}
