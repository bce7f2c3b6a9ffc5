"""
What a front end builds from and where it puts it, and what has to come of it.
"""

from __future__ import annotations

import subprocess
import sysconfig
from pathlib import Path

from building import Wheels
from builds import seclusion

SCRIPTS = Path(sysconfig.get_path("scripts"))
UV = str(SCRIPTS / "uv")


class Site:
    """
    What one build may use: its own folder, and the directories that stand for an index.
    """

    def __init__(
        self,
        folder: Path,
        project: Path,
        source: str,
        tools: Path,
        dependencies: Path,
        wheelhouse: Path,
    ) -> None:
        self.folder = folder
        self.project = project
        self.output = folder / "output"
        self.links = [tools, dependencies]
        self.variables: dict[str, str] = {}
        if source == "index":
            self.links.append(wheelhouse)
        else:
            self.variables["PARAMIKO_PATCHED_WHEELHOUSE"] = str(wheelhouse)

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """
        Run a front end, which must succeed.
        """
        return seclusion.run(
            command, self.folder, *self.links, variables={**self.variables, **variables}
        )

    def built(self, below: Path | None = None) -> Path:
        """
        Return the one wheel of ours below a directory.
        """
        (wheel,) = (below or self.output).rglob("paramiko*.whl")
        return wheel


def settings(line: str, kind: str) -> list[str]:
    """
    Return the settings as most front ends take them.
    """
    return [f"--config-setting=upstream={line}", f"--config-setting=kind={kind}"]


def same(wheel: Path, wheels: Wheels, *key: str) -> None:
    """
    Compare two wheels by their bytes.
    """
    line, kind = key
    expected = wheels[line, kind]
    assert wheel.name == expected.name
    assert wheel.read_bytes() == expected.read_bytes()
