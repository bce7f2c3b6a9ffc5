"""
A release of upstream that does not exist, made of one that does.
"""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

NEW = "5.1.99"


class Release:
    """
    A release made of the pinned one under another number, as a wheel and an sdist.
    """

    def __init__(self, folder: Path, pinned: Path) -> None:
        self.folder = folder
        self.pinned = pinned
        with zipfile.ZipFile(pinned) as wheel:
            self.files = {name.replace("5.1.0", NEW): wheel.read(name) for name in wheel.namelist()}

    def change(self, module: str, old: str, new: str) -> None:
        """
        Change a text that occurs once in one module.
        """
        data = self.files[f"paramiko/{module}"].decode()
        assert data.count(old) == 1
        self.files[f"paramiko/{module}"] = data.replace(old, new).encode()

    def write(self, only_in_sdist: str = "") -> None:
        """
        Write both artefacts, the sdist's first module with a text the wheel lacks.
        """
        self.folder.mkdir()
        name = f"paramiko-{NEW}"
        with zipfile.ZipFile(self.folder / f"{name}-py3-none-any.whl", "w") as wheel:
            for path, data in self.files.items():
                wheel.writestr(path, data)
        with tarfile.open(self.folder / f"{name}.tar.gz", "w:gz") as sdist:
            for path, data in self.files.items():
                if path.startswith("paramiko/"):
                    content = data + (only_in_sdist.encode() if path.endswith("/ber.py") else b"")
                    member = tarfile.TarInfo(f"{name}/{path}")
                    member.size = len(content)
                    sdist.addfile(member, io.BytesIO(content))
