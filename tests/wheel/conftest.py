"""
Both wheels, built once from a copy of the checkout, and environments they are installed in.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from building import KINDS, Builder, Wheels, build_all, copy_project
from checkout import ROOT, filled_wheelhouse
from environment import Environment

from vendoring.pinfile import read_pins


@pytest.fixture(scope="session")
def wheelhouse() -> Path:
    """
    Return a directory with the pinned wheels.
    """
    return filled_wheelhouse()


@pytest.fixture(scope="session")
def builder(tmp_path_factory: pytest.TempPathFactory, wheelhouse: Path) -> Builder:
    """
    Return a builder on the interpreter at hand.
    """
    return Builder(tmp_path_factory.mktemp("builder") / "env", wheelhouse)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Return a copy of the checkout that all tests share; none may change it.
    """
    return copy_project(tmp_path_factory.mktemp("project") / "checkout")


@pytest.fixture(scope="session")
def wheels(
    tmp_path_factory: pytest.TempPathFactory, builder: Builder, project: Path
) -> dict[str, Path]:
    """
    Return both wheels by kind.
    """
    output = tmp_path_factory.mktemp("wheels")
    return {
        kind: builder.wheel(
            project, output / kind, f"kind={kind}", f"wheelhouse={builder.wheelhouse}"
        )
        for kind in KINDS
    }


@pytest.fixture(scope="session")
def line_wheels(
    tmp_path_factory: pytest.TempPathFactory, builder: Builder, project: Path, wheelhouse: Path
) -> Wheels:
    """
    Return the wheels of every line and kind.
    """
    output = tmp_path_factory.mktemp("line-wheels")
    return build_all(builder.environment, project, wheelhouse, output)


@pytest.fixture(scope="session")
def sdists(
    tmp_path_factory: pytest.TempPathFactory, builder: Builder, project: Path
) -> dict[str, Path]:
    """
    Return both source distributions by kind.
    """
    output = tmp_path_factory.mktemp("sdists")
    return {kind: builder.sdist(project, output / kind, kind) for kind in KINDS}


@pytest.fixture(scope="session")
def beside_stock(tmp_path_factory: pytest.TempPathFactory, wheels: dict[str, Path]) -> Environment:
    """
    Return an environment with stock paramiko and the namespaced wheel.
    """
    environment = Environment(tmp_path_factory.mktemp("beside-stock") / "env")
    stock = f"paramiko==={read_pins(ROOT).newest}"
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
