"""
What is checked after the fault: the error, the rest, the release.

Role: the fixture ``trial`` of `paramiko_gate.cases` hands one to each test. What is wrong is noted
in the case's record and the case goes on, so that one run shows everything that is wrong.
"""

from __future__ import annotations

from typing import Any

import psutil

from paramiko_gate import budgets, measure
from paramiko_gate.client import Event
from paramiko_gate.scene import Scene

# A case that has failed already only wants to see what is left over, not to wait for it to go.
SHORT_PATIENCE_S = 0.3


class Trial(Scene):
    """
    Put one client through one fault and note what it does.

    Methods named ``check_`` note findings and never raise for what the target does wrong; any
    exception means that the check could not be made. Thread-safety: one thread.
    """

    def check_error(self, order: str) -> None:
        """Check that the caller of ``order`` gets the failure in time, with its reason."""
        end = self._await_answer(order)
        if end is None:
            return
        if not end.is_error:
            self.record.find(
                "a call returned although the proxy was gone",
                "ProxyCommandFailure",
                f"the result {end.facts['result']}",
                "a caller takes a truncated result for a whole one",
            )
            return
        self._check_failure(end)

    def check_end(self) -> None:
        """Check that the transport's own thread ends in time (``watch`` was ordered before)."""
        if self._await_answer("watch") is None:
            return
        state = self.client.do("state", budgets.SETUP_TIMEOUT_S)
        self.record.require(
            not state["is_active"],
            "the session looks alive",
            "is_active() to be False",
            "True",
            "a pool would hand this connection out again",
        )

    def check_next_command(self) -> None:
        """Check that a command on the dead session is refused with the reason."""
        sent_s = self.client.order("run", command="echo unreachable")
        end = self.client.await_event("run", ("done", "error"), sent_s + budgets.GIVE_UP_S)
        if end is None or not end.is_error:
            got = f"no answer in {budgets.GIVE_UP_S:g} s" if end is None else end.facts["result"]
            self.record.find("the next command is not refused", "ProxyCommandFailure", got)
            return
        self._check_failure(end)

    def check_rest(self, window_s: float = budgets.WINDOW_S) -> None:
        """Check CPU and wake-ups over the window that the strike opened, in seconds from there."""
        assert self._window is not None, "nothing was struck"
        self._window.close(window_s)
        cpu_fraction, wakeups = self._window.cpu_fraction, self._window.wakeups
        self.record.measured["cpu_fraction"] = round(cpu_fraction, 3)
        self.record.measured["wakeups"] = wakeups
        self.record.measured["window_s"] = round(self._window.length_s, 2)
        self.record.require(
            cpu_fraction <= budgets.CPU_FRACTION_BUDGET,
            "the dead session burns CPU",
            f"at most {budgets.CPU_FRACTION_BUDGET:.2f} of a core after the fault",
            f"{cpu_fraction:.2f}",
            "the reader spins at end of file (paramiko#1277)",
        )
        self.record.require(
            wakeups <= budgets.WAKEUPS_BUDGET,
            "the dead session keeps waking up",
            f"at most {budgets.WAKEUPS_BUDGET} wake-ups in {self._window.length_s:.1f} s",
            str(wakeups),
        )

    def check_release(self) -> None:
        """Close the client and check that nothing is left over."""
        sent_s = self.client.order("close")
        end = self.client.await_end("close", budgets.RELEASE_BUDGET_S)
        if end is None:
            self.record.find(
                "close() does not return", f"within {budgets.RELEASE_BUDGET_S:g} s", "no answer"
            )
        else:
            self.record.measured["close_s"] = round(end.at_s - sent_s, 4)
            if end.is_error:
                self.record.find(
                    "close() raises",
                    "nothing to be raised by close()",
                    f"{end.facts['class_name']}: {end.facts['text']}",
                )
        patience_s = SHORT_PATIENCE_S if self.record.findings else budgets.RELEASE_BUDGET_S
        left = measure.wait_until_released(self.client.pid, self._before, patience_s)
        self.record.measured["left_over"] = vars(left).copy()
        self.record.require(
            left.total == 0,
            "something is left over after close()",
            "nothing more than before the connection",
            str(left),
            "zombies and descriptors add up until the program cannot start another process",
        )

    def check_processes_gone(self, pids: list[int]) -> None:
        """Check that none of the proxies is left anywhere in the process table."""
        left = [pid for pid in pids if psutil.pid_exists(pid)]
        self.record.require(
            not left,
            "proxies are left in the process table",
            f"none of {len(pids)}",
            f"{len(left)} of {len(pids)}",
        )

    def check_answer(self, order: str, since_s: float) -> None:
        """Check that an order that nothing should disturb is answered in time."""
        budget_s = budgets.CHATTER_ANSWER_BUDGET_S
        end = self.client.await_event(order, ("done", "error"), since_s + budget_s)
        self.record.measured["answer_s"] = None if end is None else round(end.at_s - since_s, 4)
        if end is None or end.is_error:
            got = f"no answer in {budget_s:g} s" if end is None else end.facts["text"]
            self.record.find(
                "a chatty proxy freezes the session",
                f"an answer within {budget_s:g} s",
                got,
                "nobody reads the proxy's standard error, so it blocks when the pipe is full",
            )

    def check_failure_of(self, order: str, since_s: float, budget_s: float, says: str) -> None:
        """Check that an order fails within a budget, with given words of the proxy in its text."""
        end = self.client.await_event(order, ("done", "error"), since_s + budget_s)
        self.record.measured["detect_s"] = None if end is None else round(end.at_s - since_s, 4)
        if end is None or not end.is_error:
            got = f"no answer in {budget_s:g} s" if end is None else "no error"
            self.record.find("a refused connect does not fail in time", "ProxyCommandFailure", got)
            return
        self._check_class(end)
        self.record.require(
            says in end.facts["text"],
            "the error does not repeat the proxy's own words",
            f"{says!r} in its text",
            repr(end.facts["text"]),
        )

    def _await_answer(self, order: str) -> Event | None:
        """Wait for an order to end after the strike; note how long it took, or that it did not."""
        until_s = self._struck_s + budgets.GIVE_UP_S
        end = self.client.await_event(order, ("done", "error"), until_s)
        if end is None:
            self.record.measured["detect_s"] = None
            self.record.find(
                "the caller is never told that the proxy is gone",
                f"an end within {budgets.DETECT_BUDGET_S:g} s",
                f"no answer in {budgets.GIVE_UP_S:g} s",
                "end of file on the proxy's output is taken for no news (paramiko#1277)",
            )
            return None
        detect_s = end.at_s - self._struck_s
        self.record.measured["detect_s"] = round(detect_s, 4)
        self.record.require(
            detect_s <= budgets.DETECT_BUDGET_S,
            "the caller is told too late",
            f"within {budgets.DETECT_BUDGET_S:g} s",
            f"{detect_s:.2f} s",
        )
        return end

    def _check_failure(self, end: Event) -> None:
        self._check_class(end)
        # Without the command, whose own words and numbers would pass for a reason.
        text = end.facts["text"].replace(self._proxy_command, "...")
        self.record.measured["error"] = f"{end.facts['class_name']}: {text}"
        self.record.require(
            bool(self._fault.reason.search(text)),
            "the error does not say why the proxy is gone",
            f"words for: {self._fault.reason_in_words}",
            repr(text),
        )
        self.record.require(
            not end.facts["is_active"],
            "the session looks alive to the caller who has just got the error",
            "is_active() to be False",
            "True",
            "a caller that asks before it reconnects does not reconnect",
        )

    def _check_class(self, end: Event) -> None:
        facts: dict[str, Any] = end.facts
        self.record.require(
            facts["is_proxy_failure"],
            "the caller gets another error",
            "ProxyCommandFailure",
            f"{facts['class_name']}: {facts['text']}",
        )
