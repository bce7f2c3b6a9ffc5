"""
Every tool's lock file holds the drop-in's hash, installs it, and installs nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from index.catalogue import NEWEST, PATCHED, Catalogue
from index.resolvers import RESOLVERS, Indexes, Resolver, by_name
from index.workplace import Workplace

REQUIREMENTS = ("paramiko==5.1.0", "paramiko>=2.4", "paramiko~=5.1")


@pytest.mark.parametrize("requirement", REQUIREMENTS)
@pytest.mark.parametrize("resolver", RESOLVERS, ids=by_name)
def test_lock_with_hashes_installs_the_dropin_that_was_uploaded(
    place: Workplace,
    catalogue: Catalogue,
    dropins: dict[str, Path],
    resolver: type[Resolver],
    requirement: str,
) -> None:
    """
    And Fabric with it, which then works on it.
    """
    tool = resolver(place, Indexes(catalogue.team))
    assert tool.lock(["fabric", requirement]) == PATCHED[NEWEST]
    digest = hashlib.sha256(dropins[NEWEST].read_bytes()).hexdigest()
    assert digest in place.read(tool.lock_file)
    tool.install()
    assert place.installed() == PATCHED[NEWEST]
    place.run("python", "-c", "import fabric; fabric.Connection('nowhere')")
    # Every file is what the build made.
    place.run("python", "-m", "paramiko._patched")
    place.run("uv", "pip", "check")


@pytest.mark.parametrize("resolver", RESOLVERS, ids=by_name)
def test_lock_of_stock_refuses_or_keeps_stock_and_never_takes_the_dropin(
    new_place: Callable[[], Workplace], catalogue: Catalogue, resolver: type[Resolver]
) -> None:
    """
    A lock that was made before the change does not change by itself: lock again.
    """
    stock = resolver(new_place(), Indexes(catalogue.stock))
    assert stock.lock(["fabric", "paramiko==5.1.0"]) == NEWEST
    locked = stock.place.read(stock.lock_file)
    later = resolver(new_place(), Indexes(catalogue.team))
    later.lock(["fabric", "paramiko==5.1.0"])
    # The same project on the new index, with the lock file it had.
    later.place.write(later.lock_file, locked.replace(catalogue.stock, catalogue.team))
    try:
        later.install()
    except AssertionError:
        assert later.place.installed() is None
    else:
        assert later.place.installed() == NEWEST


@pytest.mark.parametrize("resolver", RESOLVERS, ids=by_name)
def test_lock_with_a_wrong_hash_does_not_install_the_file(
    place: Workplace, catalogue: Catalogue, dropins: dict[str, Path], resolver: type[Resolver]
) -> None:
    """
    So another file under the same name and version is noticed. (Poetry installs the others.)
    """
    tool = resolver(place, Indexes(catalogue.team))
    tool.lock(["fabric", "paramiko==5.1.0"])
    digest = hashlib.sha256(dropins[NEWEST].read_bytes()).hexdigest()
    text = place.read(tool.lock_file)
    assert text.count(digest) == 1
    place.write(tool.lock_file, text.replace(digest, "0" * 64))
    with pytest.raises(AssertionError, match=r"(?i)hash|checksum"):
        tool.install()
    assert place.installed() is None
