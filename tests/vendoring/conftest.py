"""
What the tests of the build share.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from checkout import Checkout, copy_checkout, filled_wheelhouse
from release import Release


@pytest.fixture(scope="session")
def wheelhouse() -> Path:
    """
    Return a directory with the pinned wheels.
    """
    return filled_wheelhouse()


@pytest.fixture
def checkout(tmp_path: Path, wheelhouse: Path) -> Checkout:
    """
    Return a copy of the checkout, with an empty series, in the test's directory.
    """
    return copy_checkout(tmp_path / "checkout", wheelhouse)


@pytest.fixture
def release(checkout: Checkout, tmp_path: Path) -> Release:
    """
    Return a new release, not yet written, and point the checkout at its directory.
    """
    pinned = next(checkout.wheelhouse.glob("paramiko-5.1.0-*.whl"))
    folder = tmp_path / "release"
    checkout.wheelhouse = folder
    return Release(folder, pinned)
