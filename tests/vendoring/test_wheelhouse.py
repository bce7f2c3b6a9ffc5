"""
`wheelhouse` fills a directory with what is pinned, and with nothing else.

pip downloads from a directory here, which stands for an index.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from checkout import ROOT, Checkout

from vendoring.pinfile import read_pins

PINS = read_pins(ROOT)
WHEELS = {line.wheel.file for line in PINS.lines.values()}

# pip runs once for each line.
pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def index(checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """
    Return a directory of upstream's wheels that is all that pip can download from.
    """
    folder = tmp_path / "index"
    folder.mkdir()
    for name in WHEELS:
        shutil.copy(checkout.wheelhouse / name, folder)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def tamper(wheel: Path) -> None:
    """
    Flip one bit of a file.
    """
    data = bytearray(wheel.read_bytes())
    data[len(data) // 2] ^= 1
    wheel.write_bytes(data)


def names(folder: Path) -> set[str]:
    """
    Return the names of all that is in a directory, hidden ones included.
    """
    return {path.name for path in folder.iterdir()}


def test_wheelhouse_holds_wheel_of_every_line_and_serves_a_build(
    checkout: Checkout, index: Path, tmp_path: Path
) -> None:
    """
    What was downloaded is all that the other commands need.
    """
    folder = tmp_path / "new" / "wheelhouse"
    done = checkout.run("wheelhouse", str(folder))
    assert done.returncode == 0, done.stderr
    assert names(folder) == WHEELS
    assert [row.split(": sha256 ")[1] for row in done.stdout.splitlines()] == [
        line.wheel.sha256 for line in PINS.lines.values()
    ]
    shutil.rmtree(index)
    checkout.wheelhouse = folder
    checkout.stage("--kind", "dropin")


def test_wheelhouse_leaves_out_what_has_another_hash_and_takes_the_rest(
    checkout: Checkout, index: Path, tmp_path: Path
) -> None:
    """
    Every wheel that the index changed is named; nothing of it is left in the directory.
    """
    oldest, newest = PINS.lines["2.12.0"], PINS.line()
    tamper(index / oldest.wheel.file)
    tamper(index / newest.wheel.file)
    folder = tmp_path / "wheelhouse"
    done = checkout.run("wheelhouse", str(folder))
    assert done.returncode == 1
    for line in (oldest, newest):
        assert (
            f"pip could not download {line.wheel.file}\n  wanted: sha256 {line.wheel.sha256}"
            in (done.stderr)
        )
    assert "Traceback" not in done.stderr
    assert names(folder) == WHEELS - {oldest.wheel.file, newest.wheel.file}


def test_wheelhouse_checks_what_was_there_before(
    checkout: Checkout, index: Path, tmp_path: Path
) -> None:
    """
    A file that somebody put there is not trusted for its name, and not deleted either.
    """
    folder = tmp_path / "wheelhouse"
    shutil.copytree(index, folder)
    line = PINS.line()
    tamper(folder / line.wheel.file)
    before = (folder / line.wheel.file).read_bytes()
    done = checkout.run("wheelhouse", str(folder), "--upstream", line.version)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{line.wheel.file} is not the pinned file\n  wanted: ")
    assert "  hint: delete it and fetch it again" in done.stderr
    assert done.stdout == ""
    assert (folder / line.wheel.file).read_bytes() == before


def test_wheelhouse_refuses_directory_when_it_is_a_file(
    checkout: Checkout, index: Path, tmp_path: Path
) -> None:
    """
    A place that cannot be written is told once, before anything is downloaded.
    """
    place = tmp_path / "wheelhouse"
    place.write_text("mine", encoding="utf-8")
    done = checkout.run("wheelhouse", str(place))
    assert done.returncode == 1
    assert done.stderr == (
        f"{place} cannot be written\n  wanted: a directory for upstream's files\n"
        "  got: File exists\n"
    )
    assert place.read_text(encoding="utf-8") == "mine"


def test_wheelhouse_says_what_pip_said_when_there_is_no_such_release(
    checkout: Checkout, index: Path, tmp_path: Path
) -> None:
    """
    An index without the release is no traceback, and leaves an empty directory.
    """
    line = PINS.line()
    (index / line.wheel.file).unlink()
    done = checkout.run("wheelhouse", str(tmp_path / "wheelhouse"), "--upstream", line.version)
    assert done.returncode == 1
    assert f"No matching distribution found for paramiko==={line.version}" in done.stderr
    assert "Traceback" not in done.stderr
    assert names(tmp_path / "wheelhouse") == set()
