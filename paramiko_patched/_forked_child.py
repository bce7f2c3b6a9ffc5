# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
What a forked child inherits of proxied connections, and may not touch.

A fork copies the keys and counters of a connection but not the thread that
reads from it.  Whatever the copy sends, be it a destructor's good-bye, breaks
the parent's connection.  So the copy ends in the child before anything else
runs there: the one reason that its callers see is that it is the parent's.
"""

from __future__ import annotations

import os
import threading
from typing import Any

from paramiko._carrier import is_proxied
from paramiko._connection_end import raise_failure
from paramiko.ssh_exception import SSHException


def leave_to_parent(transports: list[Any]) -> list[Any]:
    """
    From now on end the copies of these transports in each forked child.

    :param transports: a list whose content may change.
    :returns: the same list.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: _end_all(transports))
    return transports


def raise_in_child(channel: Any) -> None:
    """
    Raise what ended the copy of a connection, if this is a forked child's.

    For calls that could hang there: for the lock of a thread that is not, or
    for an answer that goes to the parent.
    """
    transport = getattr(channel, "transport", None)
    if getattr(transport, "_left_to_parent", False):
        raise_failure(transport)


def _end_all(transports: list[Any]) -> None:
    for transport in transports:
        if is_proxied(transport.sock) and transport.active:
            _end(transport)


def _end(transport: Any) -> None:
    """
    Do what `Transport._end_connection` does, for a thread that is not there.

    Threads of the parent may have held any lock at the fork, therefore each
    lock that stands in the way gives way to a new one.
    """
    transport._failure = SSHException(
        "The connection belongs to the parent process"
    )
    transport._left_to_parent = True
    transport.active = False
    transport.lock = threading.Lock()
    transport.server_accept_cv = threading.Condition(transport.lock)
    transport.clear_to_send_lock = threading.RLock()
    transport._channels._lock = threading.Lock()
    for channel in list(transport._channels._map.values()):
        channel.lock = threading.Lock()
        channel.out_buffer_cv = threading.Condition(channel.lock)
        channel.event = threading.Event()
        channel.status_event = threading.Event()
        # The parent polls the other copy of this pipe.
        channel._pipe = None
        for stream in (channel.in_buffer, channel.in_stderr_buffer):
            # What has arrived is for the parent to read, which may have taken
            # the half of it.
            stream._reset()
        channel._unlink()
