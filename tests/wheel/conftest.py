"""
Both wheels, built once from a copy of the checkout, and environments they are installed in.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from building import (
    KINDS,
    PINS,
    Builder,
    Wheels,
    shared_builder,
    shared_project,
    shared_wheels,
)
from checkout import filled_wheelhouse
from environment import Environment
from made_once import made_once
from selection import asked_for

#: What a test may take that is the first to ask for wheels and environments, and so makes them, or
#: that waits for another one's.
FIRST_TEST_LIMIT_S = 1200


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Give the tests of wheels the time to make them.
    """
    for item in items:
        asks = "builder" in getattr(item, "fixturenames", ())
        if asks and item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(FIRST_TEST_LIMIT_S))


@pytest.fixture(scope="session")
def wheelhouse() -> Path:
    """
    Return a directory with the pinned wheels.
    """
    return filled_wheelhouse()


@pytest.fixture(scope="session")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """
    Return a builder on the interpreter at hand.
    """
    return shared_builder(tmp_path_factory)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Return a copy of the checkout that all tests share; none may change it.
    """
    return shared_project(tmp_path_factory)


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory, builder: Builder) -> dict[str, Path]:
    """
    Return both wheels of the newest line by kind; `test_build` compares pip's with them.
    """
    found = shared_wheels(tmp_path_factory, builder, [PINS.newest])
    return {kind: wheel for (_, kind), wheel in found.items()}


@pytest.fixture(scope="session")
def line_wheels(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, builder: Builder
) -> Wheels:
    """
    Return the wheels of each kind of the lines that the selected tests ask for.
    """
    lines = asked_for(request.session, "line", Path(__file__).parent)
    return shared_wheels(tmp_path_factory, builder, sorted(lines))


@pytest.fixture(scope="session")
def sdists(
    tmp_path_factory: pytest.TempPathFactory, builder: Builder, project: Path
) -> dict[str, Path]:
    """
    Return both source distributions by kind.
    """

    def build(output: Path) -> None:
        for kind in KINDS:
            (output / kind).mkdir(parents=True)
            builder.sdist(project, output / kind, kind)

    output = made_once(tmp_path_factory, "sdists", build)
    return {kind: next((output / kind).glob("*.tar.gz")) for kind in KINDS}


@pytest.fixture(scope="session")
def beside_stock(tmp_path_factory: pytest.TempPathFactory, wheels: dict[str, Path]) -> Environment:
    """
    Return an environment with stock paramiko and the namespaced wheel.
    """
    environment = Environment(tmp_path_factory.mktemp("beside-stock") / "env")
    stock = f"paramiko==={PINS.newest}"
    environment.pip("install", "--quiet", stock, str(wheels["namespaced"]))
    return environment


@pytest.fixture(scope="session")
def dropin(tmp_path_factory: pytest.TempPathFactory, wheels: dict[str, Path]) -> Environment:
    """
    Return an environment with the drop-in wheel.
    """
    environment = Environment(tmp_path_factory.mktemp("dropin") / "env")
    environment.pip("install", "--quiet", str(wheels["dropin"]))
    return environment


@pytest.fixture
def damaged(request: pytest.FixtureRequest) -> Callable[[Path, bytes | None], None]:
    """
    Return a function that changes or deletes a file until the test ends.
    """

    def damage(path: Path, content: bytes | None) -> None:
        before = path.read_bytes() if path.exists() else None

        def restore() -> None:
            if before is None:
                path.unlink()
            else:
                path.write_bytes(before)

        request.addfinalizer(restore)
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)

    return damage
