"""
Fixtures of the tests of the wire: two libraries in one process, and what they can agree upon.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from pathlib import Path
from types import ModuleType

import pytest

# Test modules import `wire.suites` and its like from here.
sys.path.insert(0, str(Path(__file__).parent.parent))

from apis import release
from checkout import ROOT
from made_once import made_once
from wire.suites import suites, uncompressed

from vendoring.acquire import acquire, fetch, wheelhouse_from_environment
from vendoring.pinfile import read_pins
from vendoring.rename import rename_names
from vendoring.verify import verify

#: Neither library's name, so that stock can stand beside the drop-in.
STOCK = "stock_paramiko"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """
    Ask each question of everything that the library under test can agree upon.
    """
    for name, make in (("suite", suites), ("bare_suite", uncompressed)):
        if name in metafunc.fixturenames:
            library = importlib.import_module(metafunc.config.getoption("target"))
            metafunc.parametrize(name, make(library), ids=str)


@pytest.fixture(scope="session")
def stock(paramiko: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """
    Return upstream's release, as the library under test has it, under a name of its own.

    It is verified like the one that a build begins with, and nothing but its name is changed.
    """
    line = read_pins(ROOT).line(release(paramiko))

    def make(folder: Path) -> None:
        wheels = wheelhouse_from_environment() or Path.home() / ".cache" / "paramiko-patched"
        fetch(line.wheel, line.version, wheels)
        upstream = acquire(line, ROOT, wheels)
        verify(upstream, line)
        for path, data in upstream.files.items():
            text = data.decode().replace('metadata.version("paramiko")', repr(line.version))
            file = folder / STOCK / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(rename_names(text, STOCK), encoding="utf-8")

    folder = made_once(tmp_path_factory, "stock", make)
    sys.path.append(str(folder))
    try:
        with warnings.catch_warnings():
            # What a new cryptography says of so old a release.
            warnings.simplefilter("ignore")
            return importlib.import_module(STOCK)
    finally:
        sys.path.remove(str(folder))
