"""
Make a directory once for all workers of a run.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def folder_of_run(factory: pytest.TempPathFactory) -> Path:
    """
    Return the directory for what is temporary in this run, which is the same in every worker.
    """
    folder = factory.getbasetemp()
    # Each worker has a directory of its own below the run's.
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """
    Return a directory that is the same in every worker; the first that asks fills it.

    The others wait for as long as that takes. Nobody may change it afterwards.

    :param make: is given the directory, which does not exist yet
    """
    root = folder_of_run(factory)
    folder = root / f"once-{name}"
    with (root / f"once-{name}.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        if lock.read() != "made":
            # What a worker has left half made is made anew.
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            lock.write("made")
    return folder
