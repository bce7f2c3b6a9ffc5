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
        timeout=240,
    )


def pair(stock_python: str) -> tuple[str, ...]:
    """
    Return the options that choose stock and the installed fork, and make no environment.
    """
    given = ("--python", f"stock={stock_python}", "--python", f"fork={sys.executable}")
    return ("--subjects", "stock,fork", *given)


def test_idle_measures_both_libraries(stock_python: str, tmp_path: Path) -> None:
    """Every round holds its connections; stock is seen to poll, so the counting counts."""
    out = tmp_path / "out.json"
    done = run(
        *("--works", "idle", *pair(stock_python), "--json", str(out)),
        *("--connections", "1,2", "--window", "2", "--rounds", "1"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    idle = json.loads(out.read_text("utf-8"))["idle"]
    assert len(idle["summary"]) == 2 * 2 * 6
    assert len(idle["rounds"]) == 2 * 2
    for one in idle["rounds"]:
        count = one["facts"]["connections"]
        assert one["error"] is None
        assert one["facts"]["connected"] == count
        assert one["figures"]["threads each"] == 1
        # Stock asks ten times a second; a busy machine makes that fewer.
        polls = one["figures"]["wake-ups / s"] > 3 * count
        assert polls is (one["subject"] == "stock"), one


def test_quick_run_gives_table_json_and_plot(
    needs_openssh: None, stock_python: str, tmp_path: Path
) -> None:
    """Two works of both libraries and of OpenSSH arrive whole, and are in all three."""
    out, svg = tmp_path / "out.json", tmp_path / "out.svg"
    done = run(
        *("--quick", "--works", "get,echo", "--subjects", "stock,fork,openssh", "--size", "3"),
        *(*pair(stock_python)[2:], "--seed", "5", "--json", str(out), "--svg", str(svg)),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rounds in the order of --seed 5" in done.stderr
    found = json.loads(out.read_text("utf-8"))
    assert found["machine"]["cores"] >= 1
    modules = [found["subjects"][name]["module"] for name in ("stock", "fork")]
    assert modules == ["paramiko", "paramiko_patched"]
    rounds, summary = found["speed"]["rounds"], found["speed"]["summary"]
    assert [one["error"] for one in rounds] == [None] * 2 * 2 * 3
    assert len(summary) == 2 * 3 * 3
    for line in summary:
        assert line["value"]["median"] >= 0 and line["case"] in done.stdout
        assert (line["ratio"] is None) is (line["subject"] == "stock")
    # A bar for speed and one for CPU, of each subject in each work; and the ground.
    assert svg.read_text("utf-8").count("<rect") == 2 * 3 * 2 + 1


def test_every_work_can_be_done(needs_openssh: None, stock_python: str, tmp_path: Path) -> None:
    """No work is too much for the programs of paramiko and of OpenSSH, directly and relayed."""
    out = tmp_path / "out.json"
    works = "write,put,get-small,put-small,lines,connect,crowd,channels,connections,get-far"
    done = run(
        *("--quick", "--works", works, "--subjects", "stock,openssh", "--size", "2"),
        *("--rounds", "1", "--carrier", "direct", *pair(stock_python)[2:], "--json", str(out)),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rounds = json.loads(out.read_text("utf-8"))["speed"]["rounds"]
    assert [one for one in rounds if one["error"]] == []
    # OpenSSH knows no lines, and no channels that share a connection.
    assert len(rounds) == 10 + 8


def test_counts_warn_of_what_has_grown() -> None:
    """What is far above the reference is told; what is below, or has none, is not."""
    code = (
        "from benchmarks.counts import growth;"
        "reference = {'a': {'calls/packet': 50.0, 'switches/MB': 50.0}};"
        "found = {'a': {'calls/packet': 70.0, 'switches/MB': 10.0}, 'b': {'x/y': 9}};"
        "print(*growth(found, reference))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, timeout=55
    )
    assert done.stdout == "a: 70.0 calls/packet; the reference is 50.0\n", done.stderr


def test_cycles_count_who_was_told_of_both_libraries(stock_python: str, tmp_path: Path) -> None:
    """The fork tells every caller and leaves nothing; stock tells nobody."""
    out = tmp_path / "out.json"
    done = run(
        *("--works", "cycles", *pair(stock_python), "--json", str(out)),
        *("--cycles", "3"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rounds = json.loads(out.read_text("utf-8"))["cycles"]["rounds"]
    told = {one["subject"]: one["figures"]["told"] for one in rounds}
    assert told == {"stock": 0, "fork": 3}
    (fork,) = [one["figures"] for one in rounds if one["subject"] == "fork"]
    assert [fork[name] for name in ("zombies", "children", "descriptors", "threads")] == [0] * 4


def test_death_measures_both_libraries(
    needs_openssh: None, stock_python: str, tmp_path: Path
) -> None:
    """The caller of the fork has its error, and the one of stock never gets it."""
    out = tmp_path / "out.json"
    done = run(
        *("--works", "death", *pair(stock_python), "--json", str(out)),
        *("--rounds", "1"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rounds = json.loads(out.read_text("utf-8"))["death"]["rounds"]
    figures: dict[str, dict[str, float]] = {"stock": {}, "fork": {}}
    for one in rounds:
        assert one["error"] is None
        figures[one["subject"]] |= one["figures"]
    assert len(figures["fork"]) == 7
    assert figures["fork"]["kill to error, ms"] < 2000
    assert "kill to error, ms" not in figures["stock"]
    assert "never" in done.stdout


def test_idle_says_why_a_library_cannot_hold_that_many(stock_python: str, tmp_path: Path) -> None:
    """What a library cannot do is a figure of the run, in its own words, and no end of it."""
    out = tmp_path / "out.json"
    limit = ["bash", "-c", 'ulimit -n 60; exec "$@"', "bash", sys.executable, "-m", "benchmarks"]
    done = subprocess.run(
        [
            *(*limit, "--works", "idle", *pair(stock_python), "--json", str(out)),
            *("--connections", "30", "--window", "0.1", "--rounds", "1"),
        ],
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
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
            *(sys.executable, "-m", "benchmarks", "--works", "idle", *pair(stock_python)),
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
            assert any(b"round 1 of 3" in line for line in process.stderr)
            # Two servers, their keeper, the client, and its two proxies.
            assert wait_for(lambda: len(descendants(process.pid)) == 6, 120)
            family = descendants(process.pid)
            process.terminate()
            assert process.wait(120) == 130
        finally:
            process.kill()
    assert not [one for one in family if is_running(one)]


def test_benchmarks_refuse_wrong_options() -> None:
    """A name or a number that makes no sense is refused before anything is started."""
    for wrong in (["--works", "speed"], ["--connections", "0"], ["--size", "many"]):
        done = run(*wrong)
        assert done.returncode == 2
        assert "error: argument" in done.stderr
