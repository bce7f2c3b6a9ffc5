"""
How long and how often: one place for all bounds of the soak tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Extent:
    """
    Bound the soak tests.

    :param int relayed: connections held at once through the smallest relay of the system
    :param int jumped: the same through a real ``ssh -W``
    :param int proxy_cycles: proxies that are started and ended
    :param int connection_cycles: connections that are begun and broken off
    :param float rounds_s: seconds for which threads connect and lose their proxies
    :param int fuzzed: sessions with a server that lies, of each kind
    :param int streams: proxies that are held against the model of one
    """

    relayed: int
    jumped: int
    proxy_cycles: int
    connection_cycles: int
    rounds_s: float
    fuzzed: int
    streams: int


EXTENTS: Mapping[str, Extent] = {
    "short": Extent(
        relayed=200,
        jumped=20,
        proxy_cycles=1500,
        connection_cycles=100,
        rounds_s=50.0,
        fuzzed=200,
        streams=40,
    ),
    "full": Extent(
        relayed=1000,
        jumped=200,
        proxy_cycles=10_000,
        connection_cycles=10_000,
        rounds_s=600.0,
        fuzzed=3000,
        streams=1000,
    ),
}
