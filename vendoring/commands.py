"""
What setuptools' own commands do not do: the SBOM, and a complete sdist.

``setup.py`` hands these to setuptools; they run in the backend's workspace.
"""

from __future__ import annotations

import gzip
import os
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.sdist import sdist

from vendoring.acquire import PACKAGE, PRISTINE
from vendoring.backend import Build, current_build
from vendoring.target import TARGET, target_text

__all__ = ["SourceDistribution", "Wheel"]


class Wheel(bdist_wheel):
    """
    A wheel that carries its bill of materials where PEP 770 wants it.
    """

    def egg2dist(self, egginfo_path: str, distinfo_path: str) -> None:
        """
        Write the dist-info directory, then the SBOM into it.
        """
        super().egg2dist(egginfo_path, distinfo_path)
        package = current_build().package
        folder = Path(distinfo_path, "sboms")
        folder.mkdir()
        (folder / f"{package.kind.distribution}.cdx.json").write_bytes(package.sbom)


class SourceDistribution(sdist):
    """
    An sdist that holds upstream's files and gives the same bytes every time.
    """

    def make_release_tree(self, base_dir: str, files: Sequence[str]) -> None:
        """
        Write the tree, then upstream's files and the choice that was made.
        """
        super().make_release_tree(base_dir, files)
        _write_pristine(current_build(), Path(base_dir))

    def make_archive(
        self,
        base_name: Any,
        format: str,
        root_dir: Any = None,
        base_dir: str | None = None,
        owner: str | None = None,
        group: str | None = None,
    ) -> str:
        """
        Write the archive: sorted, owned by nobody, dated by SOURCE_DATE_EPOCH.
        """
        assert format == "gztar" and base_dir is not None
        epoch = int(os.environ["SOURCE_DATE_EPOCH"])
        name = f"{base_name}.tar.gz"

        def anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mtime = epoch
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            return member

        with (
            open(name, "wb") as raw,
            gzip.GzipFile("", "wb", 9, raw, mtime=epoch) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            # Sorts what it finds below, so that no directory's own order shows.
            archive.add(base_dir, filter=anonymous)
        return name


def _write_pristine(build: Build, base: Path) -> None:
    for path, data in build.upstream.files.items():
        file = base / PRISTINE / PACKAGE / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    (base / PRISTINE / "LICENSE").write_bytes(build.upstream.license)
    (base / PRISTINE / "METADATA").write_bytes(build.upstream.metadata)
    text = target_text(build.kind.name, build.line.version)
    (base / TARGET).write_text(text, encoding="utf-8")
