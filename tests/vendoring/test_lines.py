"""
The project's own series, on every pinned line: it applies, and each step of it works.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from checkout import ROOT

from vendoring.acquire import acquire
from vendoring.pinfile import read_pins
from vendoring.pins import KINDS
from vendoring.series import read_series
from vendoring.stage import assemble, write, write_metadata

PINS = read_pins(ROOT)
SERIES = read_series(ROOT, PINS.lines)
STEPS = [
    pytest.param(version, number, id=f"{version}-{SERIES[number - 1].name if number else 'none'}")
    for version in PINS.lines
    for number in range(len(SERIES) + 1)
]
# Modules for one operating system only, which elsewhere cannot be imported.
ELSEWHERE = {"_winapi", "win_openssh", "win_pageant"}
# What upstream fixed in 5.0.0 and in 3.4.0, and had not in these.
OPEN = {
    "5.1.0": [],
    "4.0.0": ["CVE-2026-44405"],
    "3.5.1": ["CVE-2026-44405"],
    "2.12.0": ["CVE-2026-44405", "CVE-2023-48795"],
}


@pytest.mark.parametrize(("version", "patches"), STEPS)
def test_series_gives_package_that_imports_after_every_patch(
    wheelhouse: Path, tmp_path: Path, version: str, patches: int
) -> None:
    """
    With the first patches of the series alone, every module compiles and imports.
    """
    line = PINS.lines[version]
    upstream = acquire(line, ROOT, wheelhouse)
    package = assemble(ROOT, PINS, line, KINDS["namespaced"], upstream, SERIES[:patches])
    target = write(package, tmp_path)
    write_metadata(package, tmp_path)
    modules = {path.stem for path in target.glob("*.py")} - ELSEWHERE - {"__init__", "__main__"}
    imports = "".join(f"import paramiko_patched.{name}\n" for name in sorted(modules))
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n{imports}"],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", PINS.lines)
def test_series_applies_in_full_to_every_line_and_kind(
    wheelhouse: Path, version: str, kind: str
) -> None:
    """
    The whole series applies, and every module a patch names is changed by it.
    """
    line = PINS.lines[version]
    upstream = acquire(line, ROOT, wheelhouse)
    package = assemble(ROOT, PINS, line, KINDS[kind], upstream, SERIES)
    for patch in (patch for patch in SERIES if patch.is_for(version)):
        for module in patch.entries:
            notice = f"# Changed {patch.last_update} by paramiko-patched: {patch.name}\n"
            assert notice in package.files[module].decode(), (patch.name, module)


def test_series_lists_every_patch_of_the_project() -> None:
    """
    The series is the only list, so a patch's folder can be found from it.
    """
    headers = (ROOT / "patches").glob("*/HEADER")
    assert {patch.name for patch in SERIES} == {header.parent.name for header in headers}


@pytest.mark.parametrize("version", PINS.lines)
def test_package_names_open_advisories_of_its_line(
    wheelhouse: Path, tmp_path: Path, version: str
) -> None:
    """
    Whoever asks an installed package reads what is known to be wrong with that release.
    """
    line = PINS.lines[version]
    upstream = acquire(line, ROOT, wheelhouse)
    package = assemble(ROOT, PINS, line, KINDS["dropin"], upstream, SERIES)
    program = write(package, tmp_path) / "_patched.py"
    done = subprocess.run(
        [sys.executable, "-I", str(program)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    day = line.advisories_checked
    known = "" if OPEN[version] else " none known"
    assert f"\nopen advisories of this release, looked up {day}:{known}\n" in done.stdout
    rows = done.stdout.splitlines()
    assert [row.split(":")[0].strip() for row in rows if row.startswith("  CVE-")] == OPEN[version]
