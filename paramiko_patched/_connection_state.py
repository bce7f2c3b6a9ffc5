# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
What files, destructors and background threads ask about their connection.

They meet its end where nobody waits for an answer: a file that is closed has
to know whether there is something to tell, a destructor and a thread of the
library have nobody to tell it to.  ``_connection_end`` says how the end comes
about; this module only looks.  No function blocks, takes a lock or raises, and
any thread may call them.
"""

from __future__ import annotations

import socket
from typing import Any

from paramiko._carrier import is_proxied


def has_failed(end: Any) -> bool:
    """
    Tell whether a proxied connection ended before its program closed it.

    :param end:
        a `.Channel` or what stands in for one, such as a socket; or `None`.
    """
    return getattr(end, "_failure", None) is not None


def is_cut_short(end: Any, error: BaseException) -> bool:
    """
    Tell whether an error came between a call on a proxied connection and what
    that waits for: a time limit, a signal handler's exception, the end.

    :param end: as for `has_failed`.
    :param BaseException error:
        what the call has raised.  An `EOFError` ends a stream, as it should.
    """
    return is_proxied(end) and not isinstance(error, EOFError)


def is_over(end: Any, error: Exception) -> bool:
    """
    Tell whether an error only says that the connection is over.

    Whoever uses the connection meets that as well and is told there.  This
    holds for every connection, proxied or not.

    :param end: as for `has_failed`.
    :param Exception error: what a call on it has raised.
    """
    if isinstance(error, EOFError):
        return True
    if isinstance(end, socket.socket) and isinstance(error, ConnectionError):
        return True
    return bool(getattr(end, "_closed", False))
