"""
Every supported Python builds the same eight wheels, whatever is around it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from building import Wheels, copy_project
from builds.debian import hashes_in_debian
from checkout import ROOT
from environment import SUPPORTED, interpreter

from vendoring.pinfile import read_pins
from vendoring.pins import KINDS

# Eight builds on one interpreter: twenty seconds, or many minutes where others work.
pytestmark = pytest.mark.timeout(1200, func_only=True)

#: Each Python builds in surroundings of its own: umask, then variables.
SURROUNDINGS: Mapping[tuple[int, int], tuple[str, Mapping[str, str]]] = {
    (3, 9): ("077", {"TZ": "Pacific/Chatham", "LC_ALL": "C", "PYTHONHASHSEED": "7"}),
    (3, 10): ("002", {"TZ": "America/St_Johns", "PYTHONOPTIMIZE": "2"}),
    (3, 11): ("027", {"TZ": "Asia/Kathmandu", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0"}),
    (3, 12): ("000", {"TZ": "UTC", "PYTHONUTF8": "1"}),
    (3, 13): ("022", {"TZ": "Etc/GMT+12", "PYTHONHASHSEED": "4294967295"}),
    (3, 14): ("007", {"TZ": "Asia/Kolkata", "PYTHONUTF8": "0", "LC_ALL": "C"}),
}


def sha256(path: Path) -> str:
    """
    Return a file's hash.
    """
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("version", SUPPORTED, ids=lambda version: "{}.{}".format(*version))
def test_python_builds_same_wheels_in_surroundings_of_its_own(
    wheels: Wheels,
    hooked: Callable[..., Wheels],
    project: Path,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
    version: tuple[int, int],
) -> None:
    """
    All eight wheels, at another path, with other modes, umask, time zone and locale.

    The newest Python, which few machines have, may be that of a Debian made for this.
    """
    python = interpreter(version)
    if python is None and version == SUPPORTED[-1]:
        built_there = hashes_in_debian("sid", version)
        assert built_there == {wheel.name: sha256(wheel) for wheel in wheels.values()}
        return
    if python is None:
        name = "{}.{}".format(*version)
        pytest.fail(f"Python {name} is neither on PATH nor among pyenv's versions", pytrace=False)
    umask, variables = SURROUNDINGS[version]
    checkout = copy_project(tmp_path / "with a space" / "checkout", project)
    for path in (checkout, *checkout.rglob("*")):
        path.chmod(path.stat().st_mode & 0o700)
    built = hooked(python, checkout, umask, **variables)
    hashes = {key: sha256(wheel) for key, wheel in built.items()}
    for key, digest in hashes.items():
        record_property(" ".join(key), digest)
        print("{}.{}".format(*version), *key, digest)
    assert hashes == {key: sha256(wheel) for key, wheel in wheels.items()}
    assert {key: wheel.name for key, wheel in built.items()} == {
        key: wheel.name for key, wheel in wheels.items()
    }


def test_there_is_a_wheel_for_every_line_and_kind(wheels: Wheels) -> None:
    """
    So that the comparison above compares all of them, and no two are the same.
    """
    pins = read_pins(ROOT)
    assert set(wheels) == {(line, kind) for line in pins.lines for kind in KINDS}
    for (line, kind), wheel in wheels.items():
        name = KINDS[kind].distribution.replace("-", "_")
        expected = f"{name}-{KINDS[kind].version(line, pins.patch_level)}-py3-none-any.whl"
        assert wheel.name == expected
    assert len({sha256(wheel) for wheel in wheels.values()}) == len(wheels)
