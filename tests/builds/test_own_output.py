"""
Where the index serves our own drop-in already, a build never takes it for upstream.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from building import Wheels
from builds import seclusion
from builds.front_ends import UV, same, settings

pytestmark = pytest.mark.timeout(420, func_only=True)

FRONT_ENDS = ("pip", "uv")


class Place:
    """
    Where a front end builds the drop-in from an index that serves the drop-in.
    """

    def __init__(self, folder: Path, project: Path, dropin: Path, tools: Path) -> None:
        self.folder = folder
        self.project = project
        self.output = folder / "output"
        # A directory that serves it, and `==` takes what is there for upstream.
        ours = folder / "ours"
        ours.mkdir()
        shutil.copy(dropin, ours)
        self.links = [tools, ours]

    def build(
        self, front_end: str, *links: Path, check: bool = True, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """
        Build the drop-in, and let the front end install from more directories.
        """
        if front_end == "uv":
            words = [UV, "build", "--wheel", "--python", sys.executable, "--out-dir"]
        else:
            words = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir"]
        words += [str(self.output), *settings("5.1.0", "dropin"), str(self.project)]
        return seclusion.run(
            words, self.folder, *self.links, *links, check=check, variables=variables
        )

    @property
    def built(self) -> list[Path]:
        """
        The wheels that came of it.
        """
        return list(self.output.glob("*.whl"))


@pytest.fixture
def place(tmp_path: Path, project: Path, tools: Path, wheels: Wheels) -> Place:
    """
    Return such a place.
    """
    return Place(tmp_path, project, wheels["5.1.0", "dropin"], tools)


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_build_takes_stock_where_the_dropin_is_served_beside_it(
    place: Place, dependencies: Path, wheelhouse: Path, wheels: Wheels, front_end: str
) -> None:
    """
    The drop-in is the higher version of the two, and is not taken.
    """
    place.build(front_end, dependencies, wheelhouse)
    (wheel,) = place.built
    same(wheel, wheels, "5.1.0", "dropin")


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_build_is_refused_where_the_dropin_alone_is_served(
    place: Place, dependencies: Path, front_end: str
) -> None:
    """
    The front end says that there is no stock release, and nothing is built.
    """
    done = place.build(front_end, dependencies, check=False)
    assert done.returncode != 0
    assert "paramiko===5.1.0" in done.stdout + done.stderr
    assert place.built == []


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_build_from_wheelhouse_does_not_ask_such_an_index(
    place: Place, wheelhouse: Path, wheels: Wheels, front_end: str
) -> None:
    """
    With a wheelhouse, an index that shadows upstream is no obstacle.
    """
    place.build(front_end, PARAMIKO_PATCHED_WHEELHOUSE=str(wheelhouse))
    (wheel,) = place.built
    same(wheel, wheels, "5.1.0", "dropin")
