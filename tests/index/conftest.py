"""
The indexes that all tests share, what they serve, and a workplace for each test.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# Test modules import `index.servers` and its like from here.
sys.path.insert(0, str(Path(__file__).parent.parent))

from building import PINS, Builder, copy_project
from checkout import filled_wheelhouse
from index import servers, stock
from index.catalogue import LINES, Catalogue, upload
from index.devpi import Devpi
from index.tools import require
from index.workplace import Workplace

from vendoring.errors import PatchedError


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Give every test the time that servers, wheels and environments take to make.
    """
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session")
def tools() -> None:
    """
    Stop with the names of the programs that are missing, if any.
    """
    try:
        require()
    except PatchedError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def wheelhouse() -> Path:
    """
    Return a directory with the pinned wheels of upstream.
    """
    return filled_wheelhouse()


@pytest.fixture(scope="session")
def stock_wheels(tools: None, wheelhouse: Path) -> list[Path]:
    """
    Return the wheels that the public index would serve.
    """
    try:
        others = stock.fetch(stock.default_folder())
    except PatchedError as error:
        pytest.fail(str(error), pytrace=False)
    return [*others, *(wheelhouse / PINS.lines[line].wheel.file for line in LINES)]


@pytest.fixture(scope="session")
def builder(tmp_path_factory: pytest.TempPathFactory, wheelhouse: Path) -> Builder:
    """
    Return what builds wheels on the interpreter at hand.
    """
    return Builder(tmp_path_factory.mktemp("builder") / "env", wheelhouse)


@pytest.fixture(scope="session")
def dropins(
    tmp_path_factory: pytest.TempPathFactory, builder: Builder, wheelhouse: Path
) -> dict[str, Path]:
    """
    Return the drop-in wheels by line.
    """
    folder = tmp_path_factory.mktemp("dropins")
    checkout = copy_project(folder / "checkout")
    settings = ("kind=dropin", f"wheelhouse={wheelhouse}")
    return {
        line: builder.wheel(checkout, folder / line, *settings, f"upstream={line}")
        for line in LINES
    }


@pytest.fixture(scope="session")
def namespaced(
    tmp_path_factory: pytest.TempPathFactory, builder: Builder, wheelhouse: Path
) -> Path:
    """
    Return the newest wheel of the other name.
    """
    folder = tmp_path_factory.mktemp("namespaced")
    checkout = copy_project(folder / "checkout")
    return builder.wheel(checkout, folder / "wheel", f"wheelhouse={wheelhouse}")


@pytest.fixture(scope="session")
def stock_server(
    tmp_path_factory: pytest.TempPathFactory, stock_wheels: list[Path]
) -> Iterator[servers.Server]:
    """
    Serve stock files, in place of the public index.
    """
    folder = tmp_path_factory.mktemp("stock") / "files"
    folder.mkdir()
    for wheel in stock_wheels:
        shutil.copy(wheel, folder)
    with servers.pypiserver(folder) as server:
        yield server


@pytest.fixture(scope="session")
def devpi(
    tmp_path_factory: pytest.TempPathFactory, tools: None, stock_server: servers.Server
) -> Iterator[Devpi]:
    """
    Run a devpi-server with a mirror of stock, called ``root/pypi`` as everywhere.
    """
    folder = tmp_path_factory.mktemp("devpi")
    with servers.devpi(folder / "devpi") as server:
        client = Devpi(server, folder / "client")
        client.mirror("pypi", f"{stock_server.url}simple/")
        yield client


@pytest.fixture(scope="session")
def private_server(
    tmp_path_factory: pytest.TempPathFactory, tools: None
) -> Iterator[servers.Server]:
    """
    Run a pypiserver that has nothing until somebody uploads it.
    """
    with servers.pypiserver(tmp_path_factory.mktemp("private") / "files") as server:
        yield server


@pytest.fixture(scope="session")
def catalogue(
    stock_server: servers.Server,
    private_server: servers.Server,
    devpi: Devpi,
    dropins: dict[str, Path],
) -> Catalogue:
    """
    Fill the indexes with twine, and return their addresses.
    """
    both, older = list(dropins.values()), [dropins["4.0.0"]]
    upload(private_server.url, both)
    devpi.user()
    over = "bases=root/pypi"
    for name, wheels, settings in (
        ("internal", both, [over]),
        ("old", older, ["bases="]),
        ("old-over", older, [over]),
        ("old-open", older, [over, "mirror_whitelist=*"]),
    ):
        devpi.index(name, *settings)
        upload(devpi.upload_url(name), wheels)
    return Catalogue(
        stock=f"{stock_server.url}simple/",
        team=devpi.simple_url("internal"),
        alone=f"{private_server.url}simple/",
        old=devpi.simple_url("old"),
        old_over=devpi.simple_url("old-over"),
        old_open=devpi.simple_url("old-open"),
    )


@pytest.fixture(scope="session")
def caches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Return where the tools keep what makes them quicker.
    """
    return tmp_path_factory.mktemp("caches")


@pytest.fixture
def new_place(tmp_path: Path, tools: None, caches: Path) -> Callable[[], Workplace]:
    """
    Return a function that makes another workplace.
    """
    made: list[Workplace] = []

    def new() -> Workplace:
        made.append(Workplace(tmp_path / f"place-{len(made)}", caches))
        return made[-1]

    return new


@pytest.fixture
def desk(tmp_path: Path, tools: None, caches: Path) -> Workplace:
    """
    Return a workplace without an environment, where something is chosen and not installed.
    """
    return Workplace(tmp_path / "desk", caches, installs=False)


@pytest.fixture
def place(new_place: Callable[[], Workplace]) -> Workplace:
    """
    Return a fresh workplace.
    """
    return new_place()
