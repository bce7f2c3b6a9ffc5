"""
gevent: under a patched standard library no call of a proxy blocks the hub.

Each case is a program of its own that patches before anything else is imported. A greenlet ticks
while another one waits on the proxy; a hub that is blocked does not tick.
"""

from __future__ import annotations

import textwrap

import children
import pytest
from together import side_by_side

#: They count, or look at the clock: nothing else may run beside them.
pytestmark = pytest.mark.measured

PATCH = "import gevent.monkey; gevent.monkey.patch_all(); import gevent"

#: A hub that a waiting call blocks stands still for as long as that call waits: 1 s and more. The
#: end of a body counts as a tick, for one that ends before the ticker's turn comes.
LONGEST_GAP_S = 0.5

BEFORE = """
import os, socket, time
ticks = []

def tick():
    while True:
        ticks.append(time.monotonic())
        gevent.sleep(0.01)

ticker = gevent.spawn(tick)
gevent.sleep(0)
with gevent.Timeout(15):
"""

AFTER = f"""
ticker.kill()
ticks.append(time.monotonic())
gap_s = max(later - earlier for earlier, later in zip(ticks, ticks[1:]))
assert gap_s < {LONGEST_GAP_S}, gap_s
"""

#: First more than a pipe holds, which never ends when nobody drains it; then a second without a
#: pause, which is long enough for a ticker that gets no turn to be missed.
FLOOD = "head -c 3000000 /dev/zero >&2; timeout 1 cat /dev/zero >&2; echo done; exec cat"

BODIES = {
    "recv-that-waits": f"""
        proxy = paramiko.ProxyCommand({children.RELAY!r})
        reader = gevent.spawn(proxy.recv, 3)
        gevent.sleep(1.0)
        assert not reader.ready()
        proxy.send(b"abc")
        assert reader.get() == b"abc"
        proxy.close()
    """,
    "recv-that-times-out": f"""
        proxy = paramiko.ProxyCommand({children.RELAY!r})
        proxy.settimeout(1.0)
        try:
            proxy.recv(1)
            raise AssertionError("no timeout")
        except socket.timeout:
            pass
        proxy.close()
    """,
    "send-that-waits": f"""
        proxy = paramiko.ProxyCommand({children.STALLED!r})
        proxy.settimeout(1.0)
        try:
            for _ in range(100):
                proxy.send(b"x" * 65536)
            raise AssertionError("no timeout")
        except socket.timeout:
            pass
        proxy.close()
    """,
    "recv-of-a-dead-proxy": f"""
        proxy = paramiko.ProxyCommand({children.sh("sleep 1.0; echo words >&2; exit 3")!r})
        try:
            proxy.recv(1)
            raise AssertionError("no failure")
        except paramiko.ProxyCommandFailure as error:
            assert error.error == "exited with status 3: words", error.error
        proxy.close()
    """,
    "recv-of-a-closed-output": f"""
        proxy = paramiko.ProxyCommand({children.CLOSES_OUTPUT!r})
        for _ in range(3):
            try:
                proxy.recv(1)
                raise AssertionError("no failure")
            except paramiko.ProxyCommandFailure as error:
                assert error.error.endswith("still running"), error.error
        proxy.close()
    """,
    "close-that-wakes-a-reader": f"""
        proxy = paramiko.ProxyCommand({children.STALLED!r})
        reader = gevent.spawn(proxy.recv, 1)
        gevent.sleep(0.1)
        proxy.close()
        assert reader.get() == b""
    """,
    "close-of-a-stubborn-proxy": f"""
        proxy = paramiko.ProxyCommand({children.IGNORES_SIGTERM!r})
        assert proxy.recv(5) == b"ready"
        proxy.close()
        deadline = time.monotonic() + 5
        while os.path.exists("/proc/%d" % proxy.process.pid):
            assert time.monotonic() < deadline, "the proxy outlived its close"
            gevent.sleep(0.01)
    """,
    "flooded-stderr": f"""
        proxy = paramiko.ProxyCommand(
            {children.sh(FLOOD)!r})
        assert proxy.recv(5) == b"done\\n"
        proxy.close()
    """,
    "twenty-relays-at-once": f"""
        def use(number):
            with paramiko.ProxyCommand({children.RELAY!r}) as proxy:
                proxy.settimeout(10)
                for _ in range(20):
                    proxy.send(b"%02d" % number)
                    assert proxy.recv(2) == b"%02d" % number
                    gevent.sleep(0)
        users = [gevent.spawn(use, number) for number in range(20)]
        gevent.joinall(users, raise_error=True)
    """,
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_hub_runs_on_during(request: pytest.FixtureRequest, target: str, body: str) -> None:
    """
    Other greenlets run while a call of a proxy waits, and the call does what it does elsewhere.
    """

    def run(body: str) -> None:
        inside = textwrap.indent(textwrap.dedent(body), "    ")
        children.run_program(BEFORE + inside + AFTER, target, first=PATCH)

    # Two processors serve three that mostly wait in much less than the gap that is looked for.
    side_by_side(request, 3, run)
