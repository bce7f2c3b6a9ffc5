"""
Every line says for which Pythons it is, and a build on any other is refused.
"""

from __future__ import annotations

import subprocess
import sys

import pytest
from checkout import ROOT, Checkout

from vendoring import backend
from vendoring.errors import StageError
from vendoring.pinfile import read_pins
from vendoring.pythons import TESTED, check_python, is_range

LINES = read_pins(ROOT).lines
HERE = ".".join(map(str, sys.version_info[:2]))


@pytest.mark.parametrize("version", LINES)
@pytest.mark.parametrize("running", [(3, 8, 18), (2, 7, 18)])
def test_every_line_is_refused_below_its_range(version: str, running: tuple[int, ...]) -> None:
    """
    Also 2.12.0, whose own wheel would still do on 2.7.
    """
    with pytest.raises(StageError) as caught:
        check_python(LINES[version], running)
    assert str(caught.value) == (
        f"paramiko {version} is not built on this Python\n"
        f"  wanted: >=3.9\n"
        f"  got: {running[0]}.{running[1]}\n"
        f"  hint: run the build with another interpreter; the wheel is the same for all"
    )


@pytest.mark.parametrize("version", LINES)
def test_every_line_is_built_on_every_tested_python(version: str) -> None:
    """
    The range of each line begins with the oldest, and nothing is refused from there on.
    """
    assert LINES[version].python.split(",")[0] == f">={TESTED[0]}"
    for tested in TESTED:
        check_python(LINES[version], [*map(int, tested.split(".")), 5])


@pytest.mark.parametrize("pinned", [">=3.99", ">=3.9,<3.9"])
def test_stage_and_build_refuse_python_outside_range(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, pinned: str
) -> None:
    """
    The range of the line that is asked for counts, and nothing is fetched or written first.
    """
    checkout.edit_line('python = ">=3.9"', f'python = "{pinned}"', "2.12.0")
    said = checkout.refusal("--upstream", "2.12.0")
    what = f"paramiko 2.12.0 is not built on this Python\n  wanted: {pinned}\n  got: {HERE}\n"
    assert said.startswith(what + "  hint: ")
    checkout.stage("--upstream", "3.5.1")
    monkeypatch.setattr(backend, "ROOT", checkout.root)
    hooks = (backend.get_requires_for_build_wheel, backend.get_requires_for_build_sdist)
    for hook in hooks:
        with pytest.raises(SystemExit) as caught:
            hook({"upstream": "2.12.0"})
        assert str(caught.value.code).startswith(what)


def test_build_refuses_in_words_when_python_cannot_read_the_backend() -> None:
    """
    A Python below every range meets the refusal, and not an error in our modules.
    """
    code = "import sys\nsys.version_info = (3, 8, 18, 'final', 0)\nimport vendoring.backend"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(
        "paramiko-patched is not built on this Python\n  wanted: 3.9 or newer\n  got: 3.8\n"
    )
    assert "Traceback" not in done.stderr


def test_stage_refuses_range_that_is_none(checkout: Checkout) -> None:
    """
    A range that could not be held against anything is refused where it stands.
    """
    checkout.edit_line('python = ">=3.9"', 'python = "~=3.9"')
    said = checkout.refusal()
    assert '`line."5.1.0".python` is not usable\n  wanted: bounds like ">=3.9" or ' in said
    assert "  got: ~=3.9\n" in said


@pytest.mark.parametrize("text", ["", "3.9", ">=3", ">=3.9,", ">3.9", ">= 3.9", "==3.9.*"])
def test_range_is_bounds_and_nothing_else(text: str) -> None:
    """
    What packaging tools would read in another way, or not at all, is no range.
    """
    assert not is_range(text)
