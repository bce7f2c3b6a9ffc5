"""
From stock to the drop-in and back, with pip and with uv.
"""

from __future__ import annotations

import pytest
from index.catalogue import NEWEST, PATCHED, Catalogue
from index.workplace import Workplace

INSTALLERS = {"pip": ("pip",), "uv": ("uv", "pip")}


@pytest.fixture(params=sorted(INSTALLERS))
def installer(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """
    Return the words that stand before ``install`` and ``uninstall``.
    """
    return INSTALLERS[request.param]


def stock_first(place: Workplace, installer: tuple[str, ...], catalogue: Catalogue) -> None:
    """
    Install stock and Fabric.
    """
    place.run(*installer, "install", "--index-url", catalogue.stock, "fabric", "paramiko==5.1.0")
    assert place.installed() == NEWEST


def test_stock_that_is_installed_already_satisfies_the_pin_and_stays(
    place: Workplace, installer: tuple[str, ...], catalogue: Catalogue
) -> None:
    """
    The index is not even asked.
    """
    stock_first(place, installer, catalogue)
    again = ("install", "--index-url", catalogue.team, "fabric", "paramiko==5.1.0")
    place.run(*installer, *again)
    assert place.installed() == NEWEST


@pytest.mark.parametrize("how", ["--upgrade", "exact pin"])
def test_upgrade_or_exact_pin_takes_the_dropin_and_uninstalling_leaves_nothing(
    place: Workplace, installer: tuple[str, ...], catalogue: Catalogue, how: str
) -> None:
    """
    And stock comes back as it was, file by file.
    """
    stock_first(place, installer, catalogue)
    before = files(place)
    wanted = [f"paramiko=={PATCHED[NEWEST]}"] if how == "exact pin" else [how, "paramiko==5.1.0"]
    place.run(*installer, "install", "--index-url", catalogue.team, *wanted)
    assert place.installed() == PATCHED[NEWEST]
    # So that there is byte code to leave behind.
    place.run("python", "-c", "import fabric, paramiko.proxy")
    yes = ("--yes",) if installer == ("pip",) else ()
    place.run(*installer, "uninstall", *yes, "paramiko")
    assert files(place) == {}
    place.run(*installer, "install", "--index-url", catalogue.stock, "paramiko===5.1.0")
    assert place.installed() == NEWEST
    assert files(place) == before
    place.run("python", "-c", "import fabric, paramiko.proxy")


def test_stock_comes_back_over_the_dropin_with_three_equals_signs(
    place: Workplace, installer: tuple[str, ...], catalogue: Catalogue
) -> None:
    """
    Two are satisfied by what is there.
    """
    team = ("install", "--index-url", catalogue.team)
    place.run(*installer, *team, "fabric", "paramiko==5.1.0")
    stock = ("install", "--index-url", catalogue.stock)
    place.run(*installer, *stock, "paramiko==5.1.0")
    assert place.installed() == PATCHED[NEWEST]
    place.run(*installer, *stock, "paramiko===5.1.0")
    assert place.installed() == NEWEST


def files(place: Workplace) -> dict[str, bytes]:
    """
    Return paramiko's files and their contents, without what installers write themselves.
    """
    return {
        path.relative_to(place.packages).as_posix(): path.read_bytes()
        for folder in place.packages.glob("paramiko*")
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc" and path.name not in RECORDS
    }


#: Who installed it, from where, and what byte code was made.
RECORDS = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json")
