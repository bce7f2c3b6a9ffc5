# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
How the connections that lose their proxies at the same moment end in turn.

An end is some twenty system calls, and each gives up the interpreter's lock.
Whoever waits for that lock asks for it again every 5 ms; a thousand threads
that wake together spend all their time on asking, and their callers are told
after 13 seconds instead of one.  Those that wait here ask for nothing.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

#: How long, in seconds, a thread waits for its turn while no other's ends.  It
#: then goes on all the same: a turn saves time and guards nothing.
TURN_LIMIT_S = 0.8

#: How many times as long it waits while others' turns do end.  On a machine so
#: busy that a thousand of them take longer than one limit, those who all went
#: on at that moment would take ten times as long as those who wait.
PATIENCE = 10

# Reentrant: the garbage collector may run somebody's destructor in a turn.
_turn = threading.RLock()

# How many turns have ended.  Changed in a turn only, but read by everybody.
_ended = 0


@contextlib.contextmanager
def taking_turns() -> Iterator[None]:
    """
    Do what is inside when others have done theirs.

    Only for what does not wait itself.  Blocks for `TURN_LIMIT_S` after
    another has ended its turn, and for `PATIENCE` times that at most.

    Thread-safety: any thread.  The main one takes no turn: it alone may be cut
    short by a signal handler's exception, and would not give the turn back.
    """
    taken = False
    if threading.current_thread() is not threading.main_thread():
        taken = _take_turn()
    try:
        yield
    finally:
        if taken:
            _end_turn()


def _take_turn() -> bool:
    for _ in range(PATIENCE):
        ended = _ended
        if _turn.acquire(timeout=TURN_LIMIT_S):
            return True
        if _ended == ended:
            break
    return False


def _end_turn() -> None:
    global _ended
    _ended += 1
    _turn.release()


def _after_fork_in_child() -> None:
    global _turn
    _turn = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
