"""
What each resolver chooses from a private devpi index over a mirror, and that its lock installs.
"""

from __future__ import annotations

import pytest
from index.catalogue import PATCHED, Catalogue
from index.resolvers import RESOLVERS, Indexes, Resolver, by_name
from index.workplace import Workplace

NEW, OLD = PATCHED.values()

CHOICES = {
    "paramiko": NEW,
    "paramiko>=2.4": NEW,
    "paramiko~=5.1": NEW,
    "paramiko~=5.1.0,<=5.1.0": NEW,
    "paramiko==5.1.0": NEW,
    f"paramiko=={NEW}": NEW,
    "paramiko!=5.1.0": OLD,
    # A local version is neither the same text nor later.
    "paramiko===5.1.0": None,
    "paramiko>5.1.0": None,
}


@pytest.mark.parametrize("requirement", CHOICES)
@pytest.mark.parametrize("resolver", RESOLVERS, ids=by_name)
def test_resolver_takes_the_dropin_wherever_a_pin_admits_upstreams_version(
    desk: Workplace, catalogue: Catalogue, resolver: type[Resolver], requirement: str
) -> None:
    """
    Beside Fabric, whose own requirement of paramiko is satisfied as well.
    """
    chosen = resolver(desk, Indexes(catalogue.team)).lock(["fabric", requirement])
    assert chosen == CHOICES[requirement]
