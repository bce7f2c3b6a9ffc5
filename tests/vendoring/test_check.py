"""
`check` goes through every line and kind, and says all that is wrong with any of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import ROOT, Checkout, run_here

from vendoring.pinfile import read_pins
from vendoring.pins import KINDS

PINS = read_pins(ROOT)

# Every line and kind is made and imported, on a machine that may be busy.
pytestmark = pytest.mark.timeout(240)

WRONG = f"class Transport:\n    # replaces: {'0' * 16}\n    def close(self):\n        pass\n"


def check(root: Path, wheelhouse: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """
    Do what ``python -m vendoring check`` does.
    """
    command = [sys.executable, "-m", "vendoring", "--root", str(root)]
    return run_here([*command, "--wheelhouse", str(wheelhouse), "check", *arguments])


def test_check_imports_every_line_and_kind_of_the_project(wheelhouse: Path) -> None:
    """
    The project's own lines and series are in order: a row for each package.
    """
    done = check(ROOT, wheelhouse)
    assert done.returncode == 0, done.stderr
    rows = done.stdout.splitlines()
    assert [row.split(":")[0] for row in rows] == [
        f"{version} {kind}" for version in PINS.lines for kind in KINDS
    ]
    assert all(" files as pinned, " in row and row.endswith(" modules imported") for row in rows)


def test_check_names_what_is_wrong_with_each_line_at_once(checkout: Checkout) -> None:
    """
    A patch that fits nowhere, a count of one line and an overlay: one run tells all of it.
    """
    first, *_, last = PINS.lines
    checkout.patch("0001-wrong", transport=WRONG)
    text = (checkout.root / "upstream.toml").read_text(encoding="utf-8")
    at = text.index(f'[line."{last}".counts]')
    changed = text[:at] + text[at:].replace("name-tokens = ", "name-tokens = 9", 1)
    changed = changed.replace("replaces = [", 'replaces = ["0000000000000000"]  # ', 1)
    (checkout.root / "upstream.toml").write_text(changed, encoding="utf-8")
    done = check(checkout.root, checkout.wheelhouse, "--no-import")
    assert done.returncode == 1
    for version, number in ((first, 2), (last, 3)):
        assert f"{version}: NOT in order, {number} findings\n" in done.stdout
    for version in PINS.lines:
        assert f": Transport.close of paramiko {version}, transport.py:" in done.stderr
        assert f"proxy.py of paramiko {version} is not the module" in done.stderr
    assert done.stderr.count("the count `name-tokens` of paramiko") == 1
    assert "Traceback" not in done.stderr


def test_check_goes_on_when_the_wheel_of_one_line_is_missing(
    checkout: Checkout, tmp_path: Path
) -> None:
    """
    A line that cannot be had is named, and the others are checked all the same.
    """
    folder = tmp_path / "wheelhouse"
    folder.mkdir()
    missing, *others = PINS.lines.values()
    for line in others:
        os.link(checkout.wheelhouse / line.wheel.file, folder / line.wheel.file)
    done = check(checkout.root, folder, "--no-import")
    assert done.returncode == 1
    assert f"the wheelhouse has no {missing.wheel.file}\n" in done.stderr
    assert f"  hint: `python -m vendoring wheelhouse {folder}` fills it\n" in done.stderr
    for line in others:
        assert f"\n{line.version} dropin: {len(line.files)} files as pinned" in done.stdout


def test_check_names_module_and_error_when_it_cannot_be_imported(checkout: Checkout) -> None:
    """
    A fork that compiles but does not import is not in order, and what to install is said.
    """
    checkout.patch("0001-missing", ber="# adds after: util\nimport not_installed\n")
    newest = PINS.newest
    done = check(checkout.root, checkout.wheelhouse, "--upstream", newest)
    assert done.returncode == 1, done.stdout
    assert f"{newest}: NOT in order, 2 findings\n" in done.stdout
    for kind in KINDS.values():
        version = kind.version(newest, PINS.patch_level)
        assert f"{kind.distribution} {version} cannot be imported\n" in done.stderr
    assert "got: ModuleNotFoundError: No module named 'not_installed'" in done.stderr
    assert "hint: it needs: pip install 'bcrypt" in done.stderr
    done = check(checkout.root, checkout.wheelhouse, "--upstream", newest, "--no-import")
    assert done.returncode == 0
    assert done.stdout.count(" compiled, not imported\n") == len(KINDS)


def test_check_is_for_the_one_line_of_a_source_distribution(checkout: Checkout) -> None:
    """
    Where upstream is carried along, the other lines are not missed.
    """
    checkout.carry_pristine()
    target = f'kind = "dropin"\nupstream = "{PINS.newest}"\n'
    (checkout.root / "target.toml").write_text(target, encoding="utf-8")
    done = check(checkout.root, checkout.wheelhouse, "--no-import")
    assert done.returncode == 0, done.stderr
    assert {row.split()[0] for row in done.stdout.splitlines()} == {PINS.newest}


def test_check_refuses_line_when_it_is_not_pinned(checkout: Checkout) -> None:
    """
    Asked for a line that there is not, it names those there are.
    """
    done = check(checkout.root, checkout.wheelhouse, "--upstream", "9.9.9")
    assert done.returncode == 1
    assert done.stderr.startswith("there is no pinned line of that version\n  wanted: one of 2.12")
    assert done.stdout == ""
