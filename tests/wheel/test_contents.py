"""
A wheel holds the files that are written down here, and no other.
"""

from __future__ import annotations

import datetime
import zipfile
from pathlib import Path

import pytest
from building import PINS, VERSIONS
from checkout import ROOT

from vendoring.pins import KINDS

LISTS = Path(__file__).parent


def listed(kind: str) -> list[str]:
    """
    Return the paths of one of the lists beside this file.
    """
    info = f"{KINDS[kind].distribution.replace('-', '_')}-{VERSIONS[kind]}.dist-info"
    text = (LISTS / f"{kind}.txt").read_text(encoding="utf-8")
    return text.replace("DIST-INFO", info).split()


@pytest.mark.parametrize("kind", ["namespaced", "dropin"])
def test_wheel_holds_exactly_the_listed_files(wheels: dict[str, Path], kind: str) -> None:
    """
    The file list is written by hand, so that nothing comes or goes unnoticed.
    """
    with zipfile.ZipFile(wheels[kind]) as wheel:
        assert sorted(wheel.namelist()) == sorted(listed(kind))


def test_wheels_differ_in_package_name_gate_and_metadata_only(wheels: dict[str, Path]) -> None:
    """
    Both kinds hold the same modules; the gate is in the namespaced one alone.
    """
    modules = {}
    for kind, name in (("namespaced", "paramiko_patched"), ("dropin", "paramiko")):
        paths = listed(kind)
        modules[kind] = {path[len(name) + 1 :] for path in paths if path.startswith(f"{name}/")}
        others = {path.split("/")[0] for path in paths if not path.startswith(f"{name}/")}
        assert ("paramiko_gate" in others) == (kind == "namespaced")
    assert modules["namespaced"] == modules["dropin"]


@pytest.mark.parametrize("kind", ["namespaced", "dropin"])
def test_wheel_files_are_plain_and_dated_by_the_release(wheels: dict[str, Path], kind: str) -> None:
    """
    Modes and times of the build machine do not get into the archive.
    """
    day = datetime.date.fromisoformat(PINS.date)
    midnight = (day.year, day.month, day.day, 0, 0, 0)
    with zipfile.ZipFile(wheels[kind]) as wheel:
        for info in wheel.infolist():
            # setuptools' own RECORD is written with another mode, always the same.
            mode = 0o664 if info.filename.endswith("/RECORD") else 0o644
            assert (info.external_attr >> 16) & 0o777 == mode, info.filename
            assert info.date_time == midnight, info.filename


@pytest.mark.parametrize("kind", ["namespaced", "dropin"])
def test_wheel_carries_licence_and_dated_notices(wheels: dict[str, Path], kind: str) -> None:
    """
    The licence text is whole, and each module that says it was changed says when.
    """
    with zipfile.ZipFile(wheels[kind]) as wheel:
        texts = {name: wheel.read(name) for name in wheel.namelist()}
    licence = next(data for name, data in texts.items() if name.endswith("/licenses/LICENSE"))
    assert licence == (ROOT / "LICENSE").read_bytes()
    name = "paramiko_patched" if kind == "namespaced" else "paramiko"
    proxy = texts[f"{name}/proxy.py"].decode().splitlines()[0]
    assert proxy == f"# Changed {PINS.overlays['proxy.py'].date} by paramiko-patched: replaced"
    renamed = texts[f"{name}/hostkeys.py"].decode().splitlines()[0]
    notice = f"# Changed {PINS.date} by paramiko-patched: imported as paramiko_patched"
    assert (renamed == notice) == (kind == "namespaced")
