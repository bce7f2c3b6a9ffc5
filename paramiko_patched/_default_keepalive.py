# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
Keepalives for programs that cannot be changed, ordered by the environment.
"""

from __future__ import annotations

import math
import os
from typing import Any

from paramiko._carrier import is_proxied
from paramiko.util import get_logger

#: Holds the two arguments of ``Transport.set_keepalive``, such as ``15,3``.
VARIABLE = "PARAMIKO_PATCHED_KEEPALIVE"

#: The value that was complained of last: one warning is enough.
_refused: str | None = None


def default_keepalive(sock: Any) -> tuple[float, int] | None:
    """
    Return what the environment wants for a new connection.

    Reads the environment each time, so a program may set it as well.  A value
    that is not understood is told on ``paramiko.transport``, as a warning.
    Does not block; any thread may call this.

    :param sock: what the connection goes over.
    :returns:
        ``interval``, in seconds, and ``count_max`` for ``set_keepalive``;
        `None` for no keepalive, as for all that is not proxied.
    """
    global _refused
    value = os.environ.get(VARIABLE)
    if not value or not is_proxied(sock):
        return None
    try:
        interval, count_max = _parse(value)
    except ValueError:
        if value != _refused:
            _refused = value
            get_logger("paramiko.transport").warning(
                "%s is not understood; wanted: SECONDS,COUNT such as 15,3; "
                "got: %r; connections have no keepalive by default",
                VARIABLE,
                value,
            )
        return None
    return interval, count_max


def _parse(value: str) -> tuple[float, int]:
    """
    :raises ValueError: it is no pair of numbers above 0.
    """
    seconds, count = value.split(",")
    interval, count_max = float(seconds), int(count)
    if not 0 < interval < math.inf or count_max < 1:
        raise ValueError
    return interval, count_max
