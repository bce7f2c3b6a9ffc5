"""
Which scenarios run in which pools, with which line.
"""

from __future__ import annotations

import pytest
from e2e.libraries import NEWEST

POOLS = ["prefork", "threads", "solo", "gevent"]
OTHER_LINES = ["4.0.0", "3.5.1"]
PREFORK = "prefork"

_newest = [(pool, NEWEST) for pool in POOLS]
_others = [(pool, line) for line in OTHER_LINES for pool in (PREFORK, "threads")]


def _ids(cells: list[tuple[str, str]]) -> list[str]:
    return [f"{pool}-{line}" for pool, line in cells]


#: Each pool with the newest line.
in_every_pool = pytest.mark.parametrize(("pool", "line"), _newest, ids=_ids(_newest))
#: The same, and two pools with the other lines of Fabric 3.
in_every_pool_and_line = pytest.mark.parametrize(
    ("pool", "line"), [*_newest, *_others], ids=_ids([*_newest, *_others])
)


def in_pools(*pools: str) -> pytest.MarkDecorator:
    """Return the mark of a scenario that only some pools have, with the newest line."""
    cells = [(pool, NEWEST) for pool in pools]
    return pytest.mark.parametrize(("pool", "line"), cells, ids=_ids(cells))
