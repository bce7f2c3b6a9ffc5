"""
No line is pinned that nothing tests, and no Python named that is not tested.
"""

from __future__ import annotations

import configparser
import re

import pytest
from checkout import ROOT

from vendoring.pinfile import read_pins
from vendoring.pythons import TESTED

PINS = read_pins(ROOT)
OTHERS = [version for version in PINS.lines if version != PINS.newest]

#: The ends of the range, and the Python before the newest, which stands in where that is missing.
OLDEST, BEFORE, NEWEST = (TESTED[0], TESTED[-2], TESTED[-1])


def sections() -> configparser.ConfigParser:
    """
    Return ``tox.ini`` as it is written.
    """
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "tox.ini", encoding="utf-8")
    return parser


def keys(form: str) -> set[str]:
    """
    Return what stands in the braces of a section such as ``[testenv:gate{510,400}]``.
    """
    pattern = re.compile(re.escape(form).replace("KEYS", r"\{([0-9,]+)\}"))
    (found,) = (match for match in map(pattern.fullmatch, sections().sections()) if match)
    return set(found[1].split(","))


def key(version: str) -> str:
    """
    Return what stands for a release of paramiko or Python in the names of environments.
    """
    return version.replace(".", "")


@pytest.mark.parametrize(
    "prefix", ["testenv:.pkg-", f"testenv:{{,py{key(OLDEST)}-,py{key(NEWEST)}-}}line"]
)
def test_every_other_line_has_environments(prefix: str) -> None:
    """
    The newest line has the environments without a number.
    """
    assert keys(prefix + "KEYS") == {key(version) for version in OTHERS}


def test_every_line_is_put_before_the_gate() -> None:
    """
    Each with the release it is made from as the control.
    """
    assert keys("testenv:gateKEYS") == {key(version) for version in PINS.lines}
    for version in PINS.lines:
        assert f"gate{key(version)}: LINE = {version}\n" in (ROOT / "tox.ini").read_text()


@pytest.mark.parametrize("version", OTHERS)
def test_environments_build_the_line_they_are_named_after(version: str) -> None:
    """
    The wheel that is tested is that line's, for both hooks that have to know it.
    """
    texts = sections()["testenv:.pkg-{" + ",".join(map(key, OTHERS)) + "}"]
    for hook in ("get_requires_for_build_wheel", "build_wheel"):
        rows = texts[f"config_settings_{hook}"].split("\n")
        assert f"{key(version)}: upstream={version}" in rows


def test_ci_runs_every_line_on_oldest_and_newest_python() -> None:
    """
    The selection is asked on both ends of the range, which `.ci/run` takes from `TESTED`.
    """
    pythons = ",".join(f"py{key(version)}" for version in (OLDEST, BEFORE, NEWEST))
    assert keys(f"testenv:{{{pythons}}}-shortKEYS") == {key(version) for version in PINS.lines}
    text = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert f"for line in {' '.join(map(key, PINS.lines))}; do\n" in text
    assert 'short+="py${oldest/./}-short$line,py${newest/./}-short$line,"\n' in text


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("README.md", f"Tested on Python {OLDEST}\nto {NEWEST}:"),
        ("docs/releasing.md", f"all of Python {OLDEST} to\n   {NEWEST}"),
        ("docs/releasing.md", f"`tox -e py{key(OLDEST)},py{key(NEWEST)}`"),
        ("docs/releasing.md", f"each with `py{key(OLDEST)}-` and `py{key(NEWEST)}-` in front"),
        ("tests/README.md", f"with `py{key(OLDEST)}-` or `py{key(NEWEST)}-` in front"),
        ("docs/releasing.md", f"where no Python {NEWEST} is at hand"),
        ("tox.ini", f"tox -e gate,py{key(NEWEST)},py{key(NEWEST)}-line400,"),
        ("upstream.toml", f"are {OLDEST} and {NEWEST}:"),
        ("pyproject.toml", f'target-version = "py{key(OLDEST)}"'),
        ("vendoring/__init__.py", f"wanted: {OLDEST} or newer"),
    ],
)
def test_documents_and_settings_name_the_ends_of_the_range(path: str, words: str) -> None:
    """
    Where a Python is named for being the oldest or the newest, it is that of `TESTED`.
    """
    assert words in (ROOT / path).read_text(encoding="utf-8")
