# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
A client over a proxy command whose connect fails, or that is forgotten.

``SSHClient`` calls this; clients without a proxy command pass through it and
behave as upstream made them.
"""

from __future__ import annotations

import errno
import functools
import inspect
from typing import Any, Callable

from paramiko.proxy import ProxyCommand


def closes_failed(connect: Callable[..., Any]) -> Callable[..., Any]:
    """
    Make a connect that fails before authentication close what it was given.

    Otherwise nobody could: a caller whose connect has failed holds no
    connection to close, and the client keeps the transport and its proxy.
    Once the host key is accepted the transport stays as it is, since callers
    go on to authenticate it by other means.

    :param connect: ``SSHClient.connect``.
    """
    signature = inspect.signature(connect)

    @functools.wraps(connect)
    def connect_or_close(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            arguments = signature.bind(self, *args, **kwargs).arguments
        except TypeError:
            return connect(self, *args, **kwargs)  # which says what is wrong
        proxy = arguments.get("sock")
        if not isinstance(proxy, ProxyCommand):
            return connect(self, *args, **kwargs)
        if proxy.fileno() == -1:
            # closed by the program; a closed socket says the same
            raise OSError(errno.EBADF, "ProxyCommand is closed")
        self._host_key_accepted = False
        before = self._transport
        try:
            return connect(self, *args, **kwargs)
        except BaseException:
            if not self._host_key_accepted:
                if self._transport is not before:
                    self._transport.close()
                proxy.close()
            raise

    return connect_or_close
