# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
A lock that is free when a signal handler's exception has kept it from use.

Upstream takes its locks by ``acquire`` in front of a ``try``.  The interpreter
runs signal handlers as soon as a built-in function has returned: what one
raises leaves ``acquire`` behind the lock and in front of the ``try``.  Nobody
gives the lock back then, and the transport thread and `Transport.close` wait
for it for ever.  The more they wait for each other, the likelier that is: the
handler of a Ctrl-C that comes while a thread waits to run again is due there.
"""

from __future__ import annotations

import _thread
import threading
from typing import Any

#: May be subclassed, whatever its type stubs say.
_RLock: Any = _thread.RLock
_acquire = _RLock.acquire


class _Lock(_RLock):
    """
    Taken only by those who hear of it.

    Reentrant: handlers and destructors interrupt those that hold it.
    """

    __slots__ = ()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        owned = self._is_owned()
        try:
            return _acquire(self, blocking, timeout)
        except BaseException:
            if not owned and self._is_owned():
                self.release()
            raise
        # From Python 3.11 on no handler runs between here and the caller's
        # next call; before, one that comes within nanoseconds does.

    __enter__ = acquire

    def _release_save(self) -> Any:
        # Asked by a condition that begins to wait, outside of its "try".
        try:
            return super()._release_save()
        except BaseException:
            if not self._is_owned():
                _acquire(self)
            raise


class _SoleLock(_Lock):
    """
    Not reentrant: it guards what must not be begun twice.
    """

    __slots__ = ()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if not self._is_owned():
            return super().acquire(blocking, timeout)
        if blocking and timeout < 0:
            # Upstream's would wait for its own thread, for ever.
            raise RuntimeError(
                "This call interrupts one of its own thread that has the lock"
            )
        return False

    __enter__ = acquire


def new_lock(reentrant: bool = True) -> Any:
    """
    Return a lock, also for `threading.Condition`.

    :param bool reentrant:
        whether a thread may take it again; otherwise that raises
        `RuntimeError`, or returns ``False`` where the wait has a limit.
    """
    if type(threading.RLock()) is _RLock:
        return _Lock() if reentrant else _SoleLock()
    # gevent and eventlet have theirs: ours would stop all greenlets.
    return threading.RLock() if reentrant else threading.Lock()
