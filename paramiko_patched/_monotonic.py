# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
Stands in for the module ``time`` where it measures how long something takes.

A time limit must not end at once, or never, because somebody sets the clock.
"""

from __future__ import annotations

import time as _time

#: Returns seconds since some moment, whatever happens to the wall clock.
time = _time.monotonic


def sleep(seconds: float) -> None:
    """
    Do nothing for so many seconds.
    """
    _time.sleep(seconds)
