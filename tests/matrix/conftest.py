"""
Fixtures of the matrix: a session that fails on order, the leak check, and the table.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

# Test modules import `matrix.scene` and its like from here.
sys.path.insert(0, str(Path(__file__).parent.parent))

from matrix.scene import Scene, Threads
from matrix.table import Table

if TYPE_CHECKING:
    from paramiko_gate.servers.endpoint import Host


def pytest_addoption(parser: pytest.Parser) -> None:
    """
    Add the option that has the outcomes written down.
    """
    parser.getgroup("paramiko-patched").addoption(
        "--matrix-table",
        type=Path,
        metavar="FILE",
        help="write what each cell of the matrix came to, as a markdown table",
    )


def pytest_configure(config: pytest.Config) -> None:
    """
    Collect the outcomes where the reports of all workers arrive.
    """
    path = config.getoption("matrix_table", None)
    if path is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Table(path, config.getoption("target")))


@pytest.fixture(autouse=True)
def no_leaks(leak_check: Callable[[Callable[[], None]], None]) -> None:
    """
    Put every test of this folder under the leak check.
    """


@pytest.fixture
def scene(
    paramiko: ModuleType,
    host: Host,
    tmp_path: Path,
    leak_check: Callable[[Callable[[], None]], None],
) -> Iterator[Scene]:
    """
    Return a session that is not connected yet; it is closed after the test, as a program does.
    """
    made = Scene(paramiko, host, tmp_path)
    leak_check(made.rescue)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def silent_threads(
    request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str]
) -> Iterator[Threads]:
    """
    Fail a test in which a thread or a destructor dies of an exception, or prints a traceback.
    """
    scene = request.getfixturevalue("scene") if "scene" in request.fixturenames else None
    with Threads() as threads:
        yield threads
        if scene is not None:
            scene.close()
    assert threads.died_of == []
    assert "Traceback" not in capfd.readouterr().err
