"""
Waiting costs nothing: a blocked or a dead proxy uses no processor time and wakes nobody.

Each measurement is made in a program of its own, from its own accounts in /proc. It is taken in
several windows and the quietest one counts: a start-up that still runs in the first window is no
polling, while polling shows in every window.
"""

from __future__ import annotations

import json

import children
import pytest
from together import side_by_side

#: They count, or look at the clock: nothing else may run beside them.
pytestmark = pytest.mark.measured

WINDOW_S = 0.5

#: One switch may be the window's own edge. Polling at 10 Hz, upstream's habit, gives five.
WAKEUPS_BUDGET = 1

#: Of one core; measured: 0.000 for the fork when idle, 0.9 and more for stock after a death.
CPU_FRACTION_BUDGET = 0.02

MEASURE = """
    import json, os, socket, threading, time
    proxy = paramiko.ProxyCommand({command!r})
    proxy.settimeout({timeout_s!r})

    def read():
        try:
            proxy.recv(1)
        except (socket.timeout, paramiko.ProxyCommandFailure):
            pass

    threading.Thread(target=read, daemon=True).start()

    def count_wakeups():
        # Of all threads but this one, which wakes up to measure.
        total = 0
        for task in set(os.listdir("/proc/self/task")) - {{str(threading.get_native_id())}}:
            try:
                with open("/proc/self/task/" + task + "/status") as status:
                    fields = dict(line.split(":", 1) for line in status)
            except (FileNotFoundError, ProcessLookupError):
                continue  # a thread that has just ended
            total += int(fields["voluntary_ctxt_switches"])
        return total

    windows = []
    for _ in range(3):
        wakeups, cpu_s = count_wakeups(), time.process_time()
        time.sleep({window_s})
        windows.append((count_wakeups() - wakeups, time.process_time() - cpu_s))
    wakeups, cpu_s = zip(*windows)
    print(json.dumps({{"wakeups": min(wakeups), "cpu_s": min(cpu_s)}}))
    proxy.close()
"""


@pytest.mark.parametrize("timeout_s", [None, 60.0], ids=["no-limit", "limit"])
@pytest.mark.parametrize(
    "command",
    [
        children.RELAY,
        children.exits(255),
        children.CLOSES_OUTPUT,
        children.sh("echo words >&2; exec cat"),
        children.sh("exec 2>&-; exec cat"),
    ],
    ids=[
        "alive",
        "exited",
        "closed-output",
        "alive-with-unread-stderr",
        "alive-with-closed-stderr",
    ],
)
def test_recv_wakes_nobody_when_nothing_happens(
    request: pytest.FixtureRequest, target: str, command: str, timeout_s: float | None
) -> None:
    """
    A proxy that is waited for, or that is dead, costs no wake-ups and no processor time.

    Reproduces paramiko#1277.
    """

    def measure(command: str, timeout_s: float | None) -> str:
        source = MEASURE.format(command=command, timeout_s=timeout_s, window_s=WINDOW_S)
        return children.run_program(source, target)

    # Each counts what is its own, which the others do not add to.
    output = side_by_side(request, 5, measure)
    measured = json.loads(output)
    assert measured["wakeups"] <= WAKEUPS_BUDGET
    assert measured["cpu_s"] <= CPU_FRACTION_BUDGET * WINDOW_S
