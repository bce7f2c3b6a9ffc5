# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
How the end of a proxied connection reaches those who wait for it.

The transport thread ends a connection in ``Transport._end_connection`` alone:
it stores the reason as ``_failure``, on the transport and on each channel and
buffer that is still open, turns the transport inactive, and only then wakes
everybody.  Each public call that talks to the server is
wrapped by `reports_failure` and looks at ``_failure`` when it could not do its
work; no call has a way of its own to learn of the end.

``_failure`` stays `None` for connections without a proxy command, and for
those that were closed by the program: they behave as upstream made them.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import inspect
import threading
from collections.abc import Sequence
from typing import Any, Callable, TypeVar, cast

from paramiko._carrier import (
    describe_end,
    fail,
    is_closed_by_program,
    is_proxied,
    own_proxy,
    proxy_of,
    with_words,
)
from paramiko._keepalive import NoAnswer
from paramiko._one_by_one import taking_turns
from paramiko.proxy import ProxyCommand, printable
from paramiko.ssh_exception import (
    AuthenticationException,
    ChannelException,
    ProxyCommandFailure,
    SSHException,
)

#: How long, in seconds, the transport thread goes on reading what is left in
#: the pipe when the connection can only end.
LAST_WORDS_S = 1.0

#: How long, in seconds, a sender whose write has failed waits for the
#: transport thread to end: `LAST_WORDS_S` and what ending takes.
END_LIMIT_S = LAST_WORDS_S + 0.5

#: Said by the server, and so an answer even if the connection ends next.
_ANSWERS = (AuthenticationException, ChannelException)

#: Raised for want of a connection.
_ENDS = (SSHException, EOFError, OSError)

_Method = TypeVar("_Method", bound=Callable[..., Any])
_NEVER = object()


def raise_failure(end: Any) -> None:
    """
    Raise why the connection ended, if a proxied connection has.

    Each caller gets an instance of its own, with the original as its cause:
    one that is raised by several threads gathers the traceback of all.

    :param end:
        a `.Transport`, a `.Channel` or a buffer of one; anything else, which
        a program may hand to an authentication strategy, has no failure.
    """
    failure = getattr(end, "_failure", None)
    if isinstance(failure, Exception):
        raise _copy(failure) from failure


def explain(end: Any, error: Exception) -> None:
    """
    Raise why the connection ended in place of an error that comes of it.

    Waits for the transport thread to find the reason, as `_await_end` says.

    :param end: a `.Transport`, or a `.Channel` or buffer of one.
    :param error:
        what a call on it has raised; the caller raises it again if this
        returns.
    """
    if isinstance(error, _ANSWERS):
        return
    if isinstance(error, ProxyCommandFailure) or _is_at_end(end):
        _await_end(end)
    if isinstance(error, _ENDS) or error is _ended_by(end):
        raise_failure(end)


def reports_failure(method: _Method, unanswered: Any = _NEVER) -> _Method:
    """
    Make a method raise the failure when it fails because of the end.

    :param method: of a `.Transport`, a `.Channel` or a buffer of one.
    :param unanswered:
        what it returns, instead of raising, for want of a connection.
    """

    @functools.wraps(method)
    def report(self: Any, *args: Any, **kwds: Any) -> Any:
        try:
            result = method(self, *args, **kwds)
        except Exception as e:
            explain(self, e)
            raise
        if result == unanswered and getattr(self, "_failure", None):
            raise_failure(self)
        return result

    if not hasattr(method, "__wrapped__"):
        # For `inspect.getfullargspec`, which does not look behind a wrapper;
        # of one that upstream's `open_only` makes it sees what it sees here.
        cast(Any, report).__signature__ = inspect.signature(method)
    return cast(_Method, report)


def reporting(decorator: Callable[[_Method], _Method]) -> Any:
    """
    Make all methods report the failure that a decorator decorates.
    """

    @functools.wraps(decorator)
    def decorate(func: _Method) -> _Method:
        return reports_failure(decorator(func))

    return decorate


def read_last_words(carrier: Any) -> bool:
    """
    Have the transport thread read what is left after a write has failed.

    It goes on for `LAST_WORDS_S` at most.

    :returns: ``False`` if the connection has no proxy of its own.
    """
    proxy = own_proxy(carrier)
    if proxy is None:
        return False
    proxy._limit_reading(LAST_WORDS_S, "closed its input")
    return True


def end_amid_packet(carrier: Any) -> ProxyCommandFailure | None:
    """
    End a proxied connection whose server cannot understand what comes next.

    What a signal handler raises has cut in while a packet was encrypted: the
    cipher has gone on, and the packet is lost.

    :returns: what senders are told from now on; `None` if it is not proxied.
    """
    return fail(
        carrier, "was left in the middle of a packet by a signal handler"
    )


def taking_turns_at_end(
    carrier: Any,
) -> contextlib.AbstractContextManager[None]:
    """
    Return a context for what the transport thread does at the end.

    Those whose proxies died together do it one by one.
    """
    proxy = own_proxy(carrier)
    if proxy is not None and proxy._ends_at_once():
        return taking_turns()
    return contextlib.nullcontext()


def is_explained(carrier: Any, cause: Exception) -> bool:
    """
    Return whether the end of a connection is understood without a traceback.
    """
    return isinstance(cause, (NoAnswer, ProxyCommandFailure)) or is_proxied(
        carrier
    )


def raise_handshake_limit(carrier: Any, seconds: float) -> None:
    """
    Raise what ends a proxied connection whose key exchange takes too long.
    """
    proxy = proxy_of(carrier)
    if proxy is not None:
        raise proxy._describe(
            "is alive, but the key exchange was not done within {:g} s".format(
                seconds
            )
        )


def limits_handshake(start_client: _Method) -> _Method:
    """
    Make the start of a proxied client raise when its time limit is over.

    Upstream's returns as if all were well, and the next call says that there
    is no session.
    """

    @functools.wraps(start_client)
    def start(self: Any, event: Any = None, timeout: Any = None) -> None:
        start_client(self, event, timeout)
        if event is None and not self.completion_event.is_set():
            raise_handshake_limit(self.sock, timeout)

    return cast(_Method, start)


def add_words(
    carrier: Any, error: SSHException, lines: Sequence[str]
) -> SSHException:
    """
    Return an error of the banner with what the server has said instead.

    A server, or what stands before it, often gives the reason for which it
    hangs up in plain text.

    :param lines: what was read instead of the banner.
    :returns: ``error`` itself if nothing was, or if it is not proxied.
    """
    words = printable("\n".join(lines))
    if not words or not is_proxied(carrier):
        return error
    words = 'server said: "{}"'.format(words)
    if isinstance(error, ProxyCommandFailure):
        return cast(SSHException, with_words(error, words))
    return type(error)("{}; {}".format(error, words))


def find_failure(
    carrier: Any, cause: Exception | None, disconnect: str | None
) -> Exception | None:
    """
    Return what all callers of a connection shall be told about its end.

    May wait for as long as `LAST_WORDS_S` for the proxy to end as well.

    :param carrier: what the connection went over.
    :param cause: what has ended the read loop, if it was an exception.
    :param disconnect: what the server said when it ended the connection.
    :returns:
        `None` if it was closed by the program; without a proxy command, `None`
        unless the server has failed to answer as many keepalives as allowed,
        or took nothing for as long.
    """
    proxy = proxy_of(carrier)
    if isinstance(cause, NoAnswer) and proxy is not None:
        return proxy._describe(cause.of_proxy.format(*cause.args))
    if isinstance(cause, (NoAnswer, ProxyCommandFailure)):
        # Whoever asked to be told of a silent server is told; and so is the
        # user of a carrier that nobody could see through before.  Without its
        # traceback, whose frames would keep the transport.
        return _copy(cause)
    if proxy is None:
        return None
    if isinstance(cause, EOFError) and is_closed_by_program(carrier):
        return None
    if cause is None:
        return _left_by_server(carrier, proxy, disconnect)
    if isinstance(cause, SSHException):
        return _copy(cause)
    if isinstance(cause, EOFError) and (end := describe_end(carrier)):
        return _copy(end)
    # By a handler of the program's, for one: those run in this thread.
    words = "{}: {}".format(type(cause).__name__, cause).rstrip(": ")
    return SSHException(words)


def _left_by_server(
    carrier: Any, proxy: ProxyCommand, disconnect: str | None
) -> ProxyCommandFailure:
    reason = "was left by the server"
    failure = None
    if own_proxy(carrier) is proxy:
        failure = _last_failure(proxy, reason)
    if failure is None:
        failure = proxy._describe("is alive, but the connection " + reason)
    if disconnect is None:
        return failure
    words = 'server disconnected: "{}"'.format(printable(disconnect))
    return cast(ProxyCommandFailure, with_words(failure, words))


def _last_failure(
    proxy: ProxyCommand, reason: str
) -> ProxyCommandFailure | None:
    """
    Read what is left, and return with which words the proxy ends.

    :param str reason: said if the proxy goes on for `LAST_WORDS_S`.
    :returns: `None` if it was closed meanwhile.
    """
    proxy._limit_reading(LAST_WORDS_S, reason)
    proxy.settimeout(None)
    try:
        while proxy.recv(65536):
            pass
    except ProxyCommandFailure as e:
        return e
    return None


def _ended_by(end: Any) -> Exception | None:
    """
    Return what ended the read loop: garbage can make it raise anything.
    """
    cause: Exception | None
    cause = getattr(getattr(end, "transport", end), "_loop_ended_by", None)
    return cause


def _is_at_end(end: Any) -> bool:
    """
    Return whether a connection has lost the channel that it goes over.
    """
    carrier = getattr(getattr(end, "transport", end), "sock", None)
    return describe_end(carrier) is not None


def _await_end(end: Any) -> None:
    """
    Let the transport thread find the reason, and turn the transport inactive.

    A sender learns of the end by a failed write.  It must not tell anybody
    before the connection knows: who asks `Transport.is_active` next must not
    hear that all is well.
    """
    transport = getattr(end, "transport", end)
    if not isinstance(transport, threading.Thread):
        return
    if transport is not threading.current_thread() and transport.is_alive():
        transport.join(END_LIMIT_S)


def _copy(failure: Exception) -> Exception:
    try:
        again = copy.copy(failure)
    except TypeError:
        return failure  # its arguments do not make another one
    again.__traceback__ = None
    return again
