"""
Measure several programs side by side, each of which waits for most of its time.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

_measured: pytest.StashKey[dict[str, dict[str, Future[Any]]]] = pytest.StashKey()


def side_by_side(request: pytest.FixtureRequest, number: int, measure: Callable[..., Any]) -> Any:
    """
    Return what a test measures, as it was measured beside the other cases of the same test.

    The first case that asks measures all that were selected, and blocks until that is done. A test
    that is repeated measures anew, and alone.

    :param number: how many are measured at a time
    :param measure: is called with the parameters of each case, in a thread of its own
    """
    node = request.node
    of_all = request.session.stash.setdefault(_measured, {})
    if node.originalname not in of_all:
        with ThreadPoolExecutor(number) as pool:
            of_all[node.originalname] = {
                item.nodeid: pool.submit(measure, **item.callspec.params)
                for item in request.session.items
                if isinstance(item, pytest.Function) and item.function is node.function
            }
    found = of_all[node.originalname].pop(node.nodeid, None)
    return found.result() if found else measure(**node.callspec.params)
