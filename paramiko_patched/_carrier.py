# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
What the bytes of a connection go through, and what that knows of its end.

A carrier is a plain socket, a `.ProxyCommand`, a channel of another connection
(Fabric's ``gateway``, ProxyJump), or an object of the program's that wraps one
of these.  A connection is *proxied* if its carrier is a proxy command, wraps
one, or is a channel of a connection that is proxied itself.  Everybody who has
to know that asks here; a carrier that nobody can see through shows at the
latest by the `.ProxyCommandFailure` that it raises.

No function blocks, unless it says so.  Any thread may call them.
"""

from __future__ import annotations

import threading
from typing import Any

from paramiko.proxy import ProxyCommand
from paramiko.ssh_exception import ProxyCommandFailure, SSHException


def check_carrier(carrier: Any) -> None:
    """
    Refuse what no bytes can go over.

    :raises TypeError: it has no ``recv`` or no ``send``.
    """
    missing = [n for n in ("recv", "send") if not hasattr(carrier, n)]
    if missing:
        raise TypeError(
            "A connection needs a socket, a ProxyCommand, a channel or what "
            "has their recv and send; {} has no {}".format(
                type(carrier).__name__, " and no ".join(missing)
            )
        )


def is_proxied(carrier: Any) -> bool:
    """
    Return whether the bytes pass a proxy command, on whichever hop.

    :param carrier:
        what a connection goes over; or one of its channels, which tells the
        same of that connection; or what stands in for a channel; or `None`.
    """
    return proxy_of(carrier) is not None


def proxy_of(carrier: Any) -> ProxyCommand | None:
    """
    Return the proxy command of the outermost hop; `None` if there is none.

    :param carrier: as for `is_proxied`.
    """
    while True:
        carrier = _unwrap(carrier)
        if isinstance(carrier, ProxyCommand):
            return carrier
        connection = _connection_of(carrier)
        if connection is None:
            return None
        carrier = connection.sock


def own_proxy(carrier: Any) -> ProxyCommand | None:
    """
    Return the proxy command that this connection has for itself.

    :returns: `None` for a channel, whose connection others use as well.
    """
    carrier = _unwrap(carrier)
    return carrier if isinstance(carrier, ProxyCommand) else None


def is_closed_by_program(carrier: Any) -> bool:
    """
    Return whether the program has closed a proxied carrier, or a part of it.
    """
    carrier = _unwrap(carrier)
    if isinstance(carrier, ProxyCommand):
        return carrier._closed_by_us()
    return carrier.closed and describe_end(carrier) is None


def describe_end(carrier: Any) -> SSHException | None:
    """
    Return why a channel of a proxied connection is at its end.

    :returns: `None` for anything else, or if the program has closed it.
    """
    proxy = proxy_of(carrier)
    if proxy is None or own_proxy(carrier):
        return None
    carrier = _unwrap(carrier)
    if carrier._failure is not None:
        failure: SSHException = carrier._failure
        return failure
    if not _is_left(carrier):
        return None
    return proxy._describe(
        "is alive, but the SSH server behind it closed the channel to the "
        "next host"
    )


def fail(carrier: Any, reason: str) -> ProxyCommandFailure | None:
    """
    End what a connection receives, but neither the process nor other hops.

    :returns: what its callers shall be told; `None` if it is not proxied.
    """
    proxy = proxy_of(carrier)
    if proxy is None:
        return None
    failure = proxy._describe(reason)
    carrier = _unwrap(carrier)
    if carrier is proxy:
        proxy._limit_reading(0, reason)
    else:
        carrier._fail(failure)
        carrier.close()
    return failure


def with_words(failure: ProxyCommandFailure, words: str) -> Any:
    """
    Return the failure again with more to read, and all else that it knows.
    """
    again: Any = ProxyCommandFailure(
        failure.command, "{}; {}".format(failure.error, words)
    )
    again.returncode = failure.returncode
    again.stderr = failure.stderr
    return again


def _unwrap(carrier: Any) -> Any:
    """
    Return the proxy command or channel that an object of the program's holds.

    :returns: the carrier itself if it holds neither, or is one.
    """
    if isinstance(carrier, ProxyCommand) or _connection_of(carrier):
        return carrier
    # Copied, since another thread of the program may add to it.
    for held in list(getattr(carrier, "__dict__", {}).values()):
        if isinstance(held, ProxyCommand) or _connection_of(held):
            return held
    return carrier


def _connection_of(carrier: Any) -> Any:
    """
    Return the connection of a channel; `None` for anything else.
    """
    if not hasattr(carrier, "in_buffer"):
        return None  # others than channels have a ``transport`` as well
    connection = getattr(carrier, "transport", None)
    # A `.Transport` is a thread; a stand-in of a test may have any attribute.
    return connection if isinstance(connection, threading.Thread) else None


def _is_left(channel: Any) -> bool:
    """
    Return whether the server has ended a channel, before the program did.
    """
    return bool(channel.eof_received or channel._is_closed_by_peer)
