"""
The same sources give the same bytes, wherever and however they are built.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from building import PINS, VERSIONS, Builder, build_all, copy_project
from environment import other_interpreter


def sha256(path: Path) -> str:
    """
    Return a file's hash.
    """
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def elsewhere(
    tmp_path_factory: pytest.TempPathFactory, wheelhouse: Path, project: Path
) -> Iterator[tuple[Builder, Path]]:
    """
    Return a builder on another Python and a checkout with other modes at another path.
    """
    folder = tmp_path_factory.mktemp("elsewhere with space")
    before = os.umask(0o077)
    try:
        builder = Builder(folder / "env", wheelhouse, other_interpreter())
        checkout = copy_project(folder / "deep" / "er" / "checkout", project)
        for path in checkout.rglob("*"):
            path.chmod(path.stat().st_mode & 0o700)
        yield builder, checkout
    finally:
        os.umask(before)


def test_wheels_are_bit_identical_on_other_python_path_umask_and_zone(
    wheels: dict[str, Path], elsewhere: tuple[Builder, Path], tmp_path: Path
) -> None:
    """
    Interpreter, checkout's place and modes, umask and time zone leave no trace.
    """
    builder, checkout = elsewhere
    built = build_all(
        builder.environment,
        checkout,
        builder.wheelhouse,
        tmp_path,
        umask="077",
        lines=[PINS.newest],
        TZ="Pacific/Chatham",
        PYTHONHASHSEED="7",
        LC_ALL="C",
    )
    found = {kind: wheel for (_, kind), wheel in built.items()}
    assert {kind: wheel.name for kind, wheel in found.items()} == {
        kind: wheel.name for kind, wheel in wheels.items()
    }
    assert {kind: sha256(wheel) for kind, wheel in found.items()} == {
        kind: sha256(wheel) for kind, wheel in wheels.items()
    }


def test_wheel_follows_source_date_epoch_when_it_is_set(
    wheels: dict[str, Path], builder: Builder, project: Path, tmp_path: Path
) -> None:
    """
    A distributor's own clock wins; so the equality above is not an accident.
    """
    wheel = builder.wheel(
        project,
        tmp_path,
        "kind=dropin",
        f"wheelhouse={builder.wheelhouse}",
        SOURCE_DATE_EPOCH="1700000000",
    )
    assert sha256(wheel) != sha256(wheels["dropin"])


def test_sdist_is_bit_identical_elsewhere(
    sdists: dict[str, Path], elsewhere: tuple[Builder, Path], tmp_path: Path
) -> None:
    """
    The source distribution is as reproducible as the wheels.
    """
    other, checkout = elsewhere
    expected = f"paramiko_patched-{VERSIONS['namespaced']}.tar.gz"
    sdist = other.sdist(checkout, tmp_path, "namespaced")
    assert sdist.name == sdists["namespaced"].name == expected
    assert sha256(sdist) == sha256(sdists["namespaced"])
