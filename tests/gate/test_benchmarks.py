"""
`python -m benchmarks` measures both libraries; nothing is said here about how fast they are.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from paramiko_gate.measure import wait_for
from paramiko_gate.servers.ending import descendants, is_running

pytestmark = pytest.mark.ci("benchmarks measure, and users do not run them")

CHECKOUT = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """
    Run the benchmarks as people do, from the checkout.
    """
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=55,
    )


def test_idle_measures_both_libraries(stock_python: str, tmp_path: Path) -> None:
    """Every round holds its connections; stock is seen to poll, so the counting counts."""
    out = tmp_path / "out.json"
    done = run(
        *("--only", "idle", "--stock-python", stock_python, "--json", str(out)),
        *("--connections", "1,2", "--window", "2", "--idle-rounds", "1"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    idle = json.loads(out.read_text("utf-8"))["idle"]
    assert len(idle["summary"]) == 2 * 6
    assert len(idle["rounds"]) == 2 * 2
    for one in idle["rounds"]:
        count = one["facts"]["connections"]
        assert one["error"] is None
        assert one["facts"]["connected"] == count
        assert one["figures"]["threads each"] == 1
        # Stock asks ten times a second; a busy machine makes that fewer.
        polls = one["figures"]["wake-ups / s"] > 3 * count
        assert polls is (one["library"] == "stock"), one


def test_transfer_measures_both_libraries(stock_python: str, tmp_path: Path) -> None:
    """Every kind of transfer arrives whole and has its speed, of both libraries, in the table."""
    out = tmp_path / "out.json"
    done = run(
        *("--only", "transfer", "--stock-python", stock_python, "--json", str(out)),
        *("--megabytes", "1", "--rounds", "1"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(out.read_text("utf-8"))
    assert found["libraries"]["stock"]["module"] == "paramiko"
    assert found["libraries"]["fork"]["module"] == "paramiko_patched"
    transfer = found["transfer"]
    assert [one["error"] for one in transfer["rounds"]] == [None] * 16
    assert len(transfer["summary"]) == 8 * 2
    for line in transfer["summary"]:
        assert line["stock"]["median"] > 0 and line["fork"]["median"] > 0
        assert line["case"] in done.stdout


def test_cycles_count_who_was_told_of_both_libraries(stock_python: str, tmp_path: Path) -> None:
    """The fork tells every caller and leaves nothing; stock tells nobody."""
    out = tmp_path / "out.json"
    done = run(
        *("--only", "cycles", "--stock-python", stock_python, "--json", str(out)),
        *("--cycles", "3"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rounds = json.loads(out.read_text("utf-8"))["cycles"]["rounds"]
    told = {one["library"]: one["figures"]["told"] for one in rounds}
    assert told == {"stock": 0, "fork": 3}
    (fork,) = [one["figures"] for one in rounds if one["library"] == "fork"]
    assert [fork[name] for name in ("zombies", "children", "descriptors", "threads")] == [0] * 4


def test_death_measures_both_libraries(
    needs_openssh: None, stock_python: str, tmp_path: Path
) -> None:
    """The caller of the fork has its error, and the one of stock never gets it."""
    out = tmp_path / "out.json"
    done = run(
        *("--only", "death", "--stock-python", stock_python, "--json", str(out)),
        *("--death-rounds", "1"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(out.read_text("utf-8"))["death"]
    figures = {
        library: {k: v for one in rounds for k, v in one.items()}
        for library, rounds in found.items()
    }
    assert len(figures["paramiko"]) == len(figures["paramiko_patched"]) == 7
    assert figures["paramiko"]["kill to error, ms"] is None
    assert figures["paramiko_patched"]["kill to error, ms"] < 2000


def test_idle_says_why_a_library_cannot_hold_that_many(stock_python: str, tmp_path: Path) -> None:
    """What a library cannot do is a figure of the run, in its own words, and no end of it."""
    out = tmp_path / "out.json"
    limit = ["bash", "-c", 'ulimit -n 60; exec "$@"', "bash", sys.executable, "-m", "benchmarks"]
    done = subprocess.run(
        [
            *(*limit, "--only", "idle", "--stock-python", stock_python, "--json", str(out)),
            *("--connections", "30", "--window", "0.1", "--idle-rounds", "1"),
        ],
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=55,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rounds = json.loads(out.read_text("utf-8"))["idle"]["rounds"]
    case = rounds[0]["case"]
    for one in rounds:
        assert 5 < one["facts"]["connected"] < 30
        assert "Too many open files" in one["error"]
    assert done.stdout.count("cannot") == 2
    assert f"{case}, stock: OSError: [Errno 24]" in done.stdout
    assert f"{case}, fork: OSError: [Errno 24]" in done.stdout


def test_benchmarks_leave_nothing_when_they_are_ended(stock_python: str) -> None:
    """SIGTERM in the middle of a round takes servers, client and proxies down, and says so."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "benchmarks", "--only", "idle", "--stock-python", stock_python),
            *("--connections", "2", "--window", "50"),
        ],
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    with process, process.stderr:
        try:
            assert b"round 1 of 3, stock" in process.stderr.readline()
            # Two servers, their keeper, the client, and its two proxies.
            assert wait_for(lambda: len(descendants(process.pid)) == 6, 20)
            family = descendants(process.pid)
            process.terminate()
            assert process.wait(20) == 130
        finally:
            process.kill()
    assert not [one for one in family if is_running(one)]


def test_benchmarks_refuse_wrong_options() -> None:
    """A name or a number that makes no sense is refused before anything is started."""
    for wrong in (["--only", "speed"], ["--connections", "0"], ["--megabytes", "many"]):
        done = run(*wrong)
        assert done.returncode == 2
        assert "error: argument" in done.stderr
