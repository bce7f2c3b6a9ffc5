"""
The project's own series, on every pinned line: it applies, and each step of it works.
"""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import ROOT, filled_wheelhouse
from public_functions import Facts, public_functions, unlike

from vendoring.acquire import acquire
from vendoring.overlay import overlay, read_overlays
from vendoring.pinfile import read_pins
from vendoring.pins import KINDS
from vendoring.rename import rename
from vendoring.series import read_series
from vendoring.splice import splice
from vendoring.stage import Package, assemble, write, write_metadata

PINS = read_pins(ROOT)
SERIES = read_series(ROOT, PINS.lines)
STEPS = [
    pytest.param(
        version,
        number,
        id=f"{version}-{SERIES[number - 1].name if number else 'none'}",
        marks=pytest.mark.ci("the series in full is in the first ring"),
    )
    for version in PINS.lines
    for number in range(len(SERIES) + 1)
    if not number or SERIES[number - 1].is_for(version)
]
METADATA = "paramiko-0.dist-info/METADATA"
# Modules for one operating system only, which elsewhere cannot be imported.
ELSEWHERE = {"_winapi", "win_openssh", "win_pageant"}
# What upstream fixed in 5.0.0 and in 3.4.0, and had not in these.
OPEN = {
    "5.1.0": [],
    "4.0.0": ["CVE-2026-44405"],
    "3.5.1": ["CVE-2026-44405"],
    "2.12.0": ["CVE-2026-44405", "CVE-2023-48795"],
}


@functools.cache
def packaged(version: str, kind: str) -> Package:
    """
    Return the finished package of a line and kind; nobody may change it.
    """
    line = PINS.lines[version]
    upstream = acquire(line, ROOT, filled_wheelhouse())
    return assemble(ROOT, PINS, line, KINDS[kind], upstream, SERIES)


@functools.cache
def stock(version: str) -> dict[str, Facts]:
    """
    Return what a program can see of upstream's release; nobody may change it.
    """
    return public_functions(filled_wheelhouse() / PINS.lines[version].wheel.file, "paramiko")


@functools.cache
def spliced(version: str, patches: int) -> dict[str, str]:
    """
    Return upstream's modules with the first patches applied, one after the other.
    """
    if not patches:
        upstream = acquire(PINS.lines[version], ROOT, filled_wheelhouse())
        return {path: data.decode() for path, data in upstream.files.items()}
    patch = SERIES[patches - 1]
    before = spliced(version, patches - 1)
    return splice(before, [patch], version) if patch.is_for(version) else before


@pytest.mark.parametrize(("version", "patches"), STEPS)
def test_series_gives_package_that_imports_after_every_patch(
    tmp_path: Path, version: str, patches: int
) -> None:
    """
    With the first patches of the series alone, every module compiles and imports.
    """
    files = spliced(version, patches)
    patched = {module for patch in SERIES[:patches] for module in patch.entries}
    pristine = spliced(version, 0)
    whole = overlay(files, pristine, read_overlays(ROOT), PINS.overlays, patched, version)
    named = rename(whole, KINDS["dropin"], PINS.edits, PINS.lines[version])
    for path, text in {**named, METADATA: f"Name: paramiko\nVersion: {version}\n"}.items():
        file = tmp_path / ("" if path == METADATA else "paramiko") / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    names = {path[:-3] for path in named if path.endswith(".py")} - ELSEWHERE
    modules = {f"paramiko/{name}".removesuffix("/__init__").replace("/", ".") for name in names}
    imports = "".join(f"import {module}\n" for module in sorted(modules))
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
def test_series_applies_in_full_to_every_line_and_kind(version: str, kind: str) -> None:
    """
    The whole series applies, and every module a patch names is changed by it.
    """
    package = packaged(version, kind)
    for patch in (patch for patch in SERIES if patch.is_for(version)):
        for module in patch.entries:
            notice = f"# Changed {patch.last_update} by paramiko-patched: {patch.name}\n"
            assert notice in package.files[module].decode(), (patch.name, module)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", PINS.lines)
def test_program_sees_names_signatures_and_documentation_of_stock(
    tmp_path: Path, version: str, kind: str
) -> None:
    """
    Of every module and public function, but for what `public_functions.MEANT` lists with reasons.
    """
    package = packaged(version, kind)
    write(package, tmp_path)
    write_metadata(package, tmp_path)
    fork = public_functions(tmp_path, KINDS[kind].import_name)
    assert unlike(stock(version), fork) == {}


def test_series_lists_every_patch_of_the_project() -> None:
    """
    The series is the only list, so a patch's folder can be found from it.
    """
    headers = (ROOT / "patches").glob("*/HEADER")
    assert {patch.name for patch in SERIES} == {header.parent.name for header in headers}


@pytest.mark.parametrize("version", PINS.lines)
def test_package_names_open_advisories_of_its_line(tmp_path: Path, version: str) -> None:
    """
    Whoever asks an installed package reads what is known to be wrong with that release.
    """
    program = write(packaged(version, "dropin"), tmp_path) / "_patched" / "__main__.py"
    done = subprocess.run(
        [sys.executable, "-I", str(program)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    day = PINS.lines[version].advisories_checked
    known = "" if OPEN[version] else " none known"
    assert f"\nopen advisories of this release, looked up {day}:{known}\n" in done.stdout
    rows = done.stdout.splitlines()
    assert [row.split(":")[0].strip() for row in rows if row.startswith("  CVE-")] == OPEN[version]
