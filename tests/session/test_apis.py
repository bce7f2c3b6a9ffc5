"""
No test is left out because of an API that the library should have.
"""

from __future__ import annotations

from types import ModuleType

import apis


def test_library_lacks_exactly_what_its_release_lacked(paramiko: ModuleType) -> None:
    """
    What must not change: the fork has what upstream has. The skipped tests are these and no others.
    """
    assert apis.lacking(paramiko) == apis.LACKING.get(apis.release(paramiko), frozenset())
