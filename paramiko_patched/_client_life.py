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
import os
import sys
import warnings
from typing import Any, Callable

from paramiko._carrier import is_proxied, own_proxy, proxy_of
from paramiko.proxy import ProxyCommand
from paramiko.ssh_exception import SSHException


def closes_failed(connect: Callable[..., Any]) -> Callable[..., Any]:
    """
    Make a connect that fails before authentication close what it was given.

    Otherwise nobody could: a caller whose connect has failed holds no
    connection to close, and the client keeps the transport and its proxy.
    Once the host key is accepted the transport stays as it is, since callers
    go on to authenticate it by other means.

    A thread whose client is closed by another while it connects is told so.

    :param connect: ``SSHClient.connect``.
    """
    signature = inspect.signature(connect)

    @functools.wraps(connect)
    def connect_or_close(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            arguments = signature.bind(self, *args, **kwargs).arguments
        except TypeError:
            return connect(self, *args, **kwargs)  # which says what is wrong
        carrier: Any = arguments.get("sock")
        if not is_proxied(carrier):
            return connect(self, *args, **kwargs)
        proxy = own_proxy(carrier)
        if proxy is not None and proxy.fileno() == -1:
            # closed by the program; a closed socket says the same
            raise OSError(errno.EBADF, "ProxyCommand is closed")
        self._host_key_accepted = False
        before = self._transport
        try:
            return connect(self, *args, **kwargs)
        except BaseException as e:
            transport = self._transport
            closed = transport is None and getattr(carrier, "closed", False)
            if not self._host_key_accepted:
                if transport is not None and transport is not before:
                    transport.close()
                carrier.close()
            if closed and isinstance(e, AttributeError):
                # Upstream's code counts on the transport that it has made.
                raise SSHException("The client was closed") from e
            raise

    # For `inspect.getfullargspec`, which does not look behind a wrapper.
    connect_or_close.__signature__ = signature  # type: ignore[attr-defined]
    return connect_or_close


def warn_if_unclosed(
    client: Any, is_finalizing: Callable[[], bool] = sys.is_finalizing
) -> None:
    """
    Be the destructor of a client: warn if its connection still runs.

    The connection is left alone, since channels of it may be in use without
    the client.  The garbage collector may call this in any thread at any
    moment, therefore it takes no lock and waits for nothing.

    :param is_finalizing: bound here, since at exit modules lose their names.
    """
    if is_finalizing():
        return  # the end of the program has ended the proxy as well
    transport = client.__dict__.get("_transport")
    if not getattr(transport, "active", False):
        return
    proxy = proxy_of(getattr(transport, "sock", None))
    if proxy is not None and _runs(proxy):
        warnings.warn(
            'unclosed SSHClient over ProxyCommand("{}"), pid {}'.format(
                proxy._command_text(), proxy.process.pid
            ),
            ResourceWarning,
            stacklevel=2,
        )


def _runs(proxy: ProxyCommand) -> bool:
    """
    Whether the proxy is neither closed nor dead, nor a forked child's copy.
    """
    child = proxy._adopted
    if child is None or child.pipes.closed or not child.owned:
        return False
    if child.returncode is not None or child.process.returncode is not None:
        return False
    if not hasattr(os, "waitid"):
        return True
    # Not by `ProxyProcess.exited`, which takes a lock.
    flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
    try:
        return os.waitid(os.P_PID, child.process.pid, flags) is None
    except ChildProcessError:
        return False  # reaped by another part of the program
