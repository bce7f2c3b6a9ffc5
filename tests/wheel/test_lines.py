"""
The wheels of the other lines hold their own release, whole, with its own requirements.
"""

from __future__ import annotations

import email.message
import email.parser
import zipfile
from pathlib import Path

import pytest
from building import KINDS, PINS, Builder
from checkout import ROOT
from packaging.requirements import Requirement

from vendoring import pins

pytestmark = pytest.mark.timeout(300)

OTHERS = [version for version in PINS.lines if version != PINS.newest]
LISTS = Path(__file__).parent

#: What this fork adds to the package, and upstream's module that it stands in for.
OURS = {path.name for path in (ROOT / "paramiko_patched").glob("*.py")} | {"_patched.json"}


@pytest.fixture(
    scope="module",
    params=[(version, kind) for version in OTHERS for kind in KINDS],
    ids=lambda param: "-".join(param),
)
def built(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    builder: Builder,
    project: Path,
) -> tuple[str, pins.Kind, Path]:
    """
    Return each line and kind in turn, and its wheel.
    """
    version, name = request.param
    settings = (f"upstream={version}", f"kind={name}", f"wheelhouse={builder.wheelhouse}")
    wheel = builder.wheel(project, tmp_path_factory.mktemp("line"), *settings)
    return version, pins.KINDS[name], wheel


def metadata(wheel: Path) -> email.message.Message:
    """
    Return a wheel's core metadata.
    """
    with zipfile.ZipFile(wheel) as archive:
        path = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.parser.BytesParser().parsebytes(archive.read(path))


def requirements(texts: list[str]) -> set[str]:
    """
    Return requirements in one spelling: no space, bracket or quote is a difference.
    """
    return {str(Requirement(text)) for text in texts}


def test_wheel_is_named_after_its_line(built: tuple[str, pins.Kind, Path]) -> None:
    """
    Name, version and Python range say what it is made from, and that 2.7 is over.
    """
    version, kind, wheel = built
    told = metadata(wheel)
    assert told["Name"] == kind.distribution
    assert told["Version"] == kind.version(version, PINS.patch_level)
    assert told["Requires-Python"] == ">=3.9"
    name = kind.distribution.replace("-", "_")
    assert wheel.name == f"{name}-{told['Version']}-py3-none-any.whl"


def test_wheel_holds_its_release_and_what_is_ours(built: tuple[str, pins.Kind, Path]) -> None:
    """
    Every pinned module and every one of ours, once, and what the list of 5.1.0 has beside them.
    """
    version, kind, wheel = built
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    package = f"{kind.import_name}/"
    inside = [name[len(package) :] for name in names if name.startswith(package)]
    assert sorted(inside) == sorted({*PINS.lines[version].files, *OURS})
    listed = (LISTS / f"{kind.name}.txt").read_text(encoding="utf-8").split()
    info = f"{wheel.name.rsplit('-', 3)[0]}.dist-info"
    beside = [name.replace("DIST-INFO", info) for name in listed if not name.startswith(package)]
    assert sorted(name for name in names if not name.startswith(package)) == sorted(beside)


def test_wheel_requires_what_its_release_requires(built: tuple[str, pins.Kind, Path]) -> None:
    """
    Nothing is added or lost, extras and markers included; six is needed by 2.12.0 alone.
    """
    version, kind, wheel = built
    told = metadata(wheel)
    found = requirements(told.get_all("Requires-Dist") or [])
    if kind.name == "namespaced":
        gate = {text for text in found if text.endswith('; extra == "gate"')}
        assert len(gate) >= 5
        found -= gate
    assert found == requirements(list(PINS.lines[version].dependencies))
    assert ("six" in found) == (version == "2.12.0")
