# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
The process of a proxy command: its exit status, its signals and its end.

Used by ``proxy`` alone.  The registry at the end of this module holds each
process, with its pipes, until it is reaped; ``proxy`` says who may do what.

What only some systems have (pidfd, waitid, sessions, SIGKILL) is looked for at
each use, and the standard library's process object does what it can instead.
"""

from __future__ import annotations

import _thread
import atexit
import logging
import os
import select
import signal
import threading
import time
import warnings
from typing import Any, Callable

from paramiko._poller import make_poller
from paramiko._proxy_pipes import ProxyPipes
from paramiko._proxy_pipes_threaded import ThreadedProxyPipes
from paramiko.util import get_logger

_logger = get_logger("paramiko.proxy")

#: Whether this system can wait for several pipes at once, with a time limit.
POLLABLE_PIPES = os.name == "posix"

# How long, in seconds, a process may take at each step of its end.  The first
# two are waited for by close(), so together they stay under its 50 ms.

#: From end of input to SIGTERM.  A relay that is done ends by itself in this.
EOF_GRACE_S = 0.03
#: From SIGTERM until close() leaves the rest to the background.
TERM_GRACE_S = 0.015
#: From SIGTERM to SIGKILL.
KILL_GRACE_S = 2.0
#: The same two at interpreter exit, for all processes together.
EXIT_TERM_GRACE_S = 0.25
EXIT_KILL_GRACE_S = 1.0

#: How long another thread may take between reaping the process and writing
#: down its status.
COLLECT_GRACE_S = 0.1


class ProxyProcess:
    """
    One process that runs a proxy command, until it is reaped.

    Thread-safety: any thread may call any method.
    """

    def __init__(self, process: Any, own_session: bool) -> None:
        """
        :param process: the `subprocess.Popen`; it is not looked at here.
        :param bool own_session: it leads a session, which shall end with it.
        """
        self.process = process
        self.pipes: ProxyPipes | ThreadedProxyPipes = (
            ProxyPipes if POLLABLE_PIPES else ThreadedProxyPipes
        )(process)
        #: Its exit status, negative for a signal; `None` while it runs, and
        #: for ever if another part of the program has taken it.
        self.returncode: int | None = None
        self._own_session = own_session
        self._owner = os.getpid()
        # Reaping and signalling exclude each other by this.  Reentrant since
        # a signal handler may close the proxy.
        self._lock = threading.RLock()
        self._exited = False
        self._ending = False
        self._logs = False
        _running.add(self)

    # its log

    def log_start(self, command: str) -> None:
        """
        Log that it has started, and have its end logged as well.

        Blocks for as long as the program's handlers of the log do.
        """
        self._logs = _logger.isEnabledFor(logging.DEBUG)
        _logger.debug("Started proxy %s: %s", self.process.pid, command)

    def _log_end(self) -> None:
        _logger.debug(
            "Proxy %s %s", self.process.pid, status_text(self.returncode)
        )

    # its exit status

    @property
    def owned(self) -> bool:
        """
        Whether this is the program that started it, not a forked child.
        """
        return os.getpid() == self._owner

    def exited(self) -> bool:
        """
        Whether the process has ended; if so it is reaped.  Never blocks.

        The leader of a session of its own is reaped only when that session
        has ended: until then its pid cannot become another process's, and so
        signals to the session cannot reach a stranger.
        """
        if not self.owned:
            return False
        with self._lock:
            if not self._exited:
                self._look()
            return self._exited

    def wait(self, seconds: float | None) -> bool:
        """
        Wait for the process to end, at most so long, and say whether it has.
        """
        if self.exited() or not self.owned:
            return self._exited
        pidfd = self._open_pidfd()
        if pidfd is not None:
            try:
                _wait_for([pidfd], seconds)
            finally:
                os.close(pidfd)
        elif not self.exited():
            # No pidfd on this system: the standard library's wait, which asks
            # again and again in growing steps of 0.5 to 50 ms.
            self._popen_wait(seconds)
        return self.exited()

    def _look(self) -> None:
        """
        Learn whether it has ended, without waiting.  The lock is held.
        """
        if self.process.returncode is not None:
            # The program asked its Popen object itself.
            self.returncode = self.process.returncode
            self._exited = True
        elif not hasattr(os, "waitid"):
            self.returncode = self.process.poll()
            self._exited = self.returncode is not None
        else:
            try:
                flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
                status = os.waitid(os.P_PID, self.process.pid, flags)
            except ChildProcessError:
                self.returncode = self._collect()
                self._exited = True
                # Popen says 0 if there is no such child any more; gevent's,
                # which has no such lock, has really collected the status.
                if self.returncode == 0 and hasattr(
                    self.process, "_waitpid_lock"
                ):
                    self.returncode = None
            else:
                if status is None:
                    return
                self.returncode = (
                    status.si_status
                    if status.si_code == os.CLD_EXITED
                    else -status.si_status
                )
                self._exited = True
                if not self._own_session:
                    self._collect()
        if self._exited and self._logs:
            self._logs = False
            _in_background(self._log_end)

    def _collect(self) -> int | None:
        """
        Reap through the Popen object, so that it knows as well.
        """
        code: int | None = self.process.poll()
        if code is None:
            # Another thread is collecting it at this moment, or gevent's loop
            # will once we let it run.
            code = self._popen_wait(COLLECT_GRACE_S)
        return code

    def _popen_wait(self, seconds: float | None) -> int | None:
        import subprocess  # proxy puts up with a platform that has none

        try:
            code: int | None = self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return None
        return code

    # its end

    def end(self) -> None:
        """
        Make the process end: end of input has been given, signals follow.

        Returns within 45 ms; what takes longer goes on in the background.
        Does nothing the second time, and in a forked child.
        """
        if not self._begin_end():
            return
        rest: list[int] = []
        done = False
        try:
            if self.wait(EOF_GRACE_S) and not self._own_session:
                done = True
                return
            rest = self._terminate()
            done = _wait_for_all(rest, TERM_GRACE_S) and self.wait(
                TERM_GRACE_S
            )
        finally:
            # Also when a signal handler's exception comes out of a wait.
            if done:
                self._finish(rest)
            else:
                _in_background(self._kill_after_grace, rest)

    def abandon(self, command: str) -> None:
        """
        End the process of a proxy that nobody has a reference to any more.

        The garbage collector calls this in any thread at any moment, so it
        never waits and starts no `threading.Thread`, whose locks the
        interrupted thread may hold.
        """
        dropped = not self.pipes.closed and self.owned and not self.exited()
        self.pipes.close()
        if not self._begin_end():
            return
        if self._exited and not self._own_session:
            self._finish([])
            return
        _in_background(self._end_abandoned)
        if dropped:
            warnings.warn(
                'unclosed ProxyCommand("{}"), pid {}'.format(
                    command, self.process.pid
                ),
                ResourceWarning,
                stacklevel=2,
            )

    def _begin_end(self) -> bool:
        if not self.owned:
            # Lets the Popen object find out that it is not its parent's, so
            # that it does not warn of a running process when dropped.
            self.process.poll()
            return False
        with self._lock:
            first, self._ending = not self._ending, True
            return first

    def _end_abandoned(self) -> None:
        rest: list[int] = []
        if not self.wait(EOF_GRACE_S) or self._own_session:
            rest = self._terminate()
        self._kill_after_grace(rest)

    def _terminate(self) -> list[int]:
        """
        Send SIGTERM to the process and what belongs to it.

        :returns: pidfds of what belongs to it, for whoever goes on.
        """
        # Before the signal: a shell's children are nobody's once it is gone.
        rest = self._open_relatives()
        for pidfd in rest:
            _signal_pidfd(pidfd, signal.SIGTERM)
        self._signal()
        return rest

    def _kill_after_grace(self, rest: list[int]) -> None:
        deadline = time.monotonic() + KILL_GRACE_S
        self.wait(KILL_GRACE_S)
        _wait_for_all(rest, max(0.0, deadline - time.monotonic()))
        for pidfd in rest:
            _signal_pidfd(pidfd, signal.SIGKILL)
        self._signal(kill=True)
        # Without limit: a process that we may not kill, because it runs as
        # another user, would become a zombie when it ends one day.  This costs
        # one sleeping thread.
        self.wait(None)
        self._finish(rest)

    def _finish(self, rest: list[int]) -> None:
        for pidfd in rest:
            os.close(pidfd)
        with self._lock:
            self._own_session = False
            if self._exited and self.process.returncode is None:
                self._collect()
        _running.discard(self)

    # its signals

    def _signal(self, kill: bool = False) -> None:
        """
        Signal the process, or its session's group; nothing if it is reaped.

        :param bool kill: it has had its time for a clean end.
        """
        with self._lock:
            if self._reaped():
                return
            try:
                if self._own_session and hasattr(os, "killpg"):
                    os.killpg(self.process.pid, _number(kill))
                    return
                pidfd = self._open_pidfd()
                if pidfd is None:
                    if not self._exited:
                        process = self.process
                        (process.kill if kill else process.terminate)()
                    return
                try:
                    _signal_pidfd(pidfd, _number(kill))
                finally:
                    os.close(pidfd)
            except OSError:
                pass  # gone, or another user's: the closed pipes must do

    def _open_pidfd(self) -> int | None:
        """
        Return a descriptor that means this very process, or `None`.
        """
        pidfd = _open_pidfd(self.process.pid)
        # The pid was still ours when the descriptor was opened if nobody has
        # reaped it even now.
        if pidfd is not None and self._reaped():
            os.close(pidfd)
            return None
        return pidfd

    def _reaped(self) -> bool:
        with self._lock:
            if not self._exited:
                self._look()
            return self._exited and self.process.returncode is not None

    def _open_relatives(self) -> list[int]:
        """
        Return pidfds of the process's descendants in its own session.

        Without that limit this would reach an OpenSSH master connection,
        which is to outlive the ``ssh`` that has started it.
        """
        if self._reaped() or not hasattr(os, "pidfd_open"):
            return []
        leader = self.process.pid
        try:
            session = os.getsid(leader)
            pids = _all_pids() if self._own_session else _descendants(leader)
        except OSError:
            return []
        pidfds = []
        for pid in pids:
            if pid == leader or _session_of(pid) != session:
                continue
            pidfd = _open_pidfd(pid)
            if pidfd is None:
                continue
            # Asked again, so that it is about the one that was opened.
            if _session_of(pid) == session:
                pidfds.append(pidfd)
            else:
                os.close(pidfd)
        return pidfds


def _number(kill: bool) -> int:
    return signal.SIGKILL if kill else signal.SIGTERM


def _open_pidfd(pid: int) -> int | None:
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None  # no such process, or a kernel or sandbox without it


def _signal_pidfd(pidfd: int, number: int) -> None:
    try:
        signal.pidfd_send_signal(pidfd, number)
    except OSError:
        pass  # gone, or another user's


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _all_pids() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def _descendants(pid: int) -> list[int]:
    """
    Return children, their children and so on; empty where /proc has no list.
    """
    found = []
    waiting = [pid]
    while waiting:
        path = "/proc/{0}/task/{0}/children".format(waiting.pop())
        try:
            with open(path) as listing:
                children = [int(word) for word in listing.read().split()]
        except OSError:
            continue
        found += children
        waiting += children
    return found


def _wait_for(pidfds: list[int], seconds: float | None) -> None:
    """
    Wait until one of the processes has ended, at most so long.
    """
    poller = make_poller()
    for pidfd in pidfds:
        poller.register(pidfd, select.POLLIN)
    poller.poll(None if seconds is None else int(seconds * 1000) + 1)


def _wait_for_all(pidfds: list[int], seconds: float) -> bool:
    """
    Wait until all of the processes have ended, and say whether they have.
    """
    if not pidfds:
        return True
    deadline = time.monotonic() + seconds
    for pidfd in pidfds:
        _wait_for([pidfd], max(0.0, deadline - time.monotonic()))
    poller = make_poller()
    for pidfd in pidfds:
        poller.register(pidfd, select.POLLIN)
    return len(poller.poll(0)) == len(pidfds)


def _in_background(work: Callable[..., None], *arguments: Any) -> None:
    """
    Run ``work`` in a thread that nobody waits for.
    """
    try:
        _thread.start_new_thread(work, arguments)
    except RuntimeError:
        # No threads any more, at interpreter exit or for want of memory: the
        # registry ends the process at exit, at the latest.
        pass


def status_text(returncode: int | None) -> str:
    """
    Say how a process has ended, in the words of an error message.
    """
    # Test suites of programs put stand-ins in the place of a process.
    if not isinstance(returncode, int):
        return "exited, status unknown"
    if returncode >= 0:
        return "exited with status {}".format(returncode)
    try:
        name = " ({})".format(signal.Signals(-returncode).name)
    except ValueError:
        name = ""
    return "was killed by signal {}{}".format(-returncode, name)


#: All proxies of this program that are not yet both closed and reaped.
_running: set[ProxyProcess] = set()


def _end_all() -> None:
    """
    At interpreter exit, end all processes in bounded time, and reap them.
    """
    for child in list(_running):
        child._logs = False  # handlers may be closed already
        child.pipes.close()
    _wait_for_running(EOF_GRACE_S)
    rest = {child: child._terminate() for child in list(_running)}
    _wait_for_running(EXIT_TERM_GRACE_S)
    for child, pidfds in rest.items():
        for pidfd in pidfds:
            _signal_pidfd(pidfd, signal.SIGKILL)
        child._signal(kill=True)
    _wait_for_running(EXIT_KILL_GRACE_S)
    for child, pidfds in rest.items():
        child._finish(pidfds)


def _wait_for_running(seconds: float) -> None:
    deadline = time.monotonic() + seconds
    for child in list(_running):
        child.wait(max(0.0, deadline - time.monotonic()))


def _after_fork_in_child() -> None:
    for child in list(_running):
        child._lock = threading.RLock()
        child.pipes.after_fork_in_child()
    _running.clear()


atexit.register(_end_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
