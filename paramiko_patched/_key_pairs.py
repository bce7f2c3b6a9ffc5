# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
The key pairs of a key exchange, made on a thread that ends.

OpenSSL gives each thread that makes one its own random generators, a dozen
KiB, and keeps them until that thread ends.  That of an idle connection lives
for days and has no more use for them.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any, Callable

from paramiko._connection_state import is_proxied


def make_key_pair(
    engine: Any, generate: Callable[..., Any], *args: Any
) -> Any:
    """
    Return what ``generate(*args)`` returns, or raise what it raises.

    Blocks for as long as that takes.

    :param engine:
        what exchanges keys for a `.Transport`.  If that is not over a proxy
        command, the calling thread makes the pair, as upstream has it.
    :param generate: makes the pair, or several, and takes no lock.
    """
    if not is_proxied(engine):
        return generate(*args)
    made: Future[Any] = Future()
    maker = threading.Thread(
        target=_make,
        args=(made, generate, args),
        name="{}-key-pair".format(engine.transport.name),
        daemon=True,  # the interpreter's exit does not wait for it
    )
    try:
        maker.start()
    except RuntimeError:
        # There are too many threads, or the interpreter is about to exit.
        return generate(*args)
    maker.join()
    return made.result()


def _make(
    made: Future[Any], generate: Callable[..., Any], args: tuple[Any, ...]
) -> None:
    try:
        made.set_result(generate(*args))
    except BaseException as e:
        made.set_exception(e)
