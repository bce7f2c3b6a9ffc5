"""
No line is pinned that nothing tests.
"""

from __future__ import annotations

import configparser
import re

import pytest
from checkout import ROOT

from vendoring.pinfile import read_pins

PINS = read_pins(ROOT)
OTHERS = [version for version in PINS.lines if version != PINS.newest]


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
    Return what stands for a release in the names of environments.
    """
    return version.replace(".", "")


@pytest.mark.parametrize("prefix", ["testenv:.pkg-", "testenv:{,py39-,py313-}line"])
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
    The selection is asked on both ends of the range.
    """
    assert keys("testenv:{py39,py313}-shortKEYS") == {key(version) for version in PINS.lines}
    text = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert f"for line in {' '.join(map(key, PINS.lines))}; do\n" in text
    assert 'short+="py39-short$line,py313-short$line,"\n' in text
