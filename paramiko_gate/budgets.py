"""
Every number the gate judges by, with where it comes from.

Role: read by the cases, the checks and the report. A budget that is not here is not a budget.
"""

from __future__ import annotations

DETECT_BUDGET_S = 2.0
"""
From the fault to the error in the caller's hands.

The patched paramiko needs milliseconds, stock never answers; 2 s leaves room for a loaded
machine and is still far below every time limit that could hide the defect (banner 15 s).
"""

GIVE_UP_S = 2.5
"""
How long a case waits for an answer before it writes "no answer".

Half a second past `DETECT_BUDGET_S`, so that a late answer is told from none.
"""

IDLE_WINDOW_S = 2.0
"""
From the fault on, where the session was at rest; long against the 10 ms in which the kernel
accounts CPU time, and long enough for a loop that polls ten times a second to show.
"""

WINDOW_S = 1.0
"""The same in all other cases; half as long, so that the whole run stays within four minutes."""

CPU_FRACTION_BUDGET = 0.15
"""
Of one core, over the window.

Stock burns 0.65 to 1.0 after the death of its proxy, a session that is at rest about 0.001. The
error itself, with its traceback, costs a few hundredths; the budget lies well clear of both.
"""

WAKEUPS_BUDGET = 15
"""
Voluntary context switches of all threads over the window, whatever its length.

A dead connection has nothing to wait for. Telling everybody takes up to half a dozen; a loop
that polls ten times a second adds 20 in `IDLE_WINDOW_S`. Counted beside the CPU fraction because
a slow poll burns little, and because a busy machine lowers the fraction of a process that spins.
"""

RELEASE_BUDGET_S = 2.0
"""
From ``close()`` until children, descriptors and threads are back to where they were.

The proxy is dead already, so nothing has to be waited for; the budget is for the scheduler.
"""

CHATTER_BYTES = 1024 * 1024
"""What a chatty proxy writes to standard error: sixteen times what a pipe holds."""

CHATTER_ANSWER_BUDGET_S = 5.0
"""For a connect, or a command, behind that much chatter; half of it is the proxy's own login."""

REFUSAL_BUDGET_S = 5.0
"""
From the start of connect until the bastion's refusal is reported.

The login at the bastion itself takes up to a second; stock waits for its banner time limit, 15 s.
"""

CROWD = 20
"""Connections opened at once for the count of what is left over: enough to tell one from each."""

WAVE = 5
"""Of which this many log in at the same time; divides `CROWD`."""

SETUP_TIMEOUT_S = 30.0
"""For what is no part of a case: a client's start, a connect that nobody disturbs."""
