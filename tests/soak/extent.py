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
    """

    relayed: int
    jumped: int


EXTENTS: Mapping[str, Extent] = {
    "short": Extent(relayed=200, jumped=20),
    "full": Extent(relayed=1000, jumped=200),
}
