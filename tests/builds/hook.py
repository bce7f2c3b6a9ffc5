"""
Build the wheels of some lines, of each kind, through the backend's hook, in one process.

Run in a checkout, by an interpreter that has setuptools: ``python hook.py OUTPUT WHEELHOUSE
UMASK LINE...``. Each wheel goes to ``OUTPUT/LINE/KIND``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, os.getcwd())

from vendoring import backend
from vendoring.pins import KINDS


def main(output: Path, wheelhouse: str, umask: str, *lines: str) -> None:
    """
    Build them all.
    """
    os.umask(int(umask, 8))
    for line in lines:
        for kind in KINDS:
            folder = output / line / kind
            folder.mkdir(parents=True)
            settings = {"upstream": line, "kind": kind, "wheelhouse": wheelhouse}
            backend.build_wheel(str(folder), settings)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
