"""
Fork: a forked child never ends, signals or reaps what its parent started.

Each case is a program of its own. The forked child does one thing and exits, normally or not; the
parent then uses its proxy as if nothing had happened.
"""

from __future__ import annotations

import children
import pytest

PARENT = """
    import gc, os, signal, sys, threading, time, warnings
    # Newer interpreters warn of forking beside threads, which is just what is tried here.
    warnings.simplefilter("ignore", DeprecationWarning)
    proxy = paramiko.ProxyCommand({command!r})
    proxy.settimeout(5)

    def echo(text):
        assert proxy.send(text) == len(text)
        received = b""
        while len(received) < len(text):
            piece = proxy.recv(len(text) - len(received))
            assert piece
            received += piece
        assert received == text, received

    def wait_for(child):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                assert status == 0, status
                return
            time.sleep(0.01)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise AssertionError("the forked child hangs")

    echo(b"before")
    child = os.fork()
    if child == 0:
        {in_child}
    wait_for(child)
    # A child that had ended the proxy would have done so by now: its whole exit is over.
    echo(b"after")
    assert proxy.process.poll() is None
    proxy.close()
    deadline = time.monotonic() + 5
    while proxy.process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert proxy.process.returncode is not None
"""

IN_CHILD = {
    "exits-with-hooks": "sys.exit(0)",
    "exits-at-once": "os._exit(0)",
    "closes": "proxy.close(); os._exit(0)",
    "closes-and-exits-with-hooks": "proxy.close(); proxy.close(); sys.exit(0)",
    "drops": "del proxy; gc.collect(); os._exit(0)",
    "drops-and-exits-with-hooks": "del proxy; gc.collect(); sys.exit(0)",
    "shuts-down": "proxy.shutdown(2); os._exit(0)",
    "asks-closed": "proxy.closed; proxy._closed; os._exit(0)",
}


@pytest.mark.parametrize("in_child", IN_CHILD.values(), ids=IN_CHILD)
def test_parent_goes_on_when_forked_child(target: str, in_child: str) -> None:
    """
    Whatever a forked child does with the proxy, the parent's connection works on.
    """
    children.run_program(PARENT.format(command=children.RELAY, in_child=in_child), target)


@pytest.mark.parametrize("in_child", ["exits-with-hooks", "closes", "drops"])
def test_parent_goes_on_when_forked_child_of_a_stubborn_proxy(target: str, in_child: str) -> None:
    """
    Nor does the child's clean-up go on in the background, as it would for a proxy of its own.
    """
    stubborn = children.python(
        """
        import os, signal
        signal.signal(signal.SIGTERM, lambda *_: os._exit(1))
        while True:
            text = os.read(0, 100)
            if not text:
                signal.pause()
            os.write(1, text)
        """
    )
    children.run_program(PARENT.format(command=stubborn, in_child=IN_CHILD[in_child]), target)


def test_forked_child_warns_of_nothing_when_it_drops_the_proxy(target: str) -> None:
    """
    A process that does not own the proxy has nothing to be warned of.
    """
    ended = children.end_program(
        PARENT.format(command=children.RELAY, in_child=IN_CHILD["drops-and-exits-with-hooks"]),
        target,
        "-W",
        "always::ResourceWarning",
    )
    assert ended.returncode == 0, children.report(ended)
    assert "ResourceWarning" not in ended.stderr


def test_parent_goes_on_when_multiprocessing_forks(target: str) -> None:
    """
    A worker of multiprocessing that exits does not take the parent's connection with it.
    """
    children.run_program(
        f"""
        import multiprocessing, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        proxy = paramiko.ProxyCommand({children.RELAY!r})
        proxy.settimeout(5)
        worker = multiprocessing.get_context("fork").Process(target=proxy.close)
        worker.start()
        worker.join(10)
        assert worker.exitcode == 0, worker.exitcode
        proxy.send(b"abc")
        assert proxy.recv(3) == b"abc"
        proxy.close()
        """,
        target,
    )


def test_close_ends_the_proxy_when_a_forked_child_holds_its_input(target: str) -> None:
    """
    The end of input cannot reach a proxy whose input a forked child holds; a signal does.
    """
    children.run_program(
        f"""
        import os, signal, time, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        proxy = paramiko.ProxyCommand({children.RELAY!r})
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            signal.pause()
        try:
            started = time.monotonic()
            proxy.close()
            assert time.monotonic() - started < 1
            while os.path.exists("/proc/%d" % proxy.process.pid):
                assert time.monotonic() - started < 5, "the proxy outlived its close"
                time.sleep(0.01)
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        """,
        target,
    )


@pytest.mark.race
def test_forked_child_can_close_when_other_threads_were_busy(target: str) -> None:
    """
    A fork in the midst of reads and sends of other threads leaves no lock behind for the child.
    """
    children.run_program(
        f"""
        import os, signal, socket, threading, time, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        proxy = paramiko.ProxyCommand({children.RELAY!r})
        proxy.settimeout(0.001)
        busy = True

        def repeat(function, argument):
            while busy:
                try:
                    function(argument)
                except socket.timeout:
                    pass

        threads = [
            threading.Thread(target=repeat, args=(proxy.recv, 10)),
            threading.Thread(target=repeat, args=(proxy.send, b"x")),
        ]
        for thread in threads:
            thread.start()
        try:
            for _ in range(10):
                child = os.fork()
                if child == 0:
                    signal.alarm(5)  # kills this child if it blocks
                    proxy.closed
                    proxy.close()
                    os._exit(0)
                assert os.waitpid(child, 0)[1] == 0
        finally:
            busy = False
            for thread in threads:
                thread.join(5)
        proxy.close()
        """,
        target,
    )


@pytest.mark.race
def test_forked_child_can_have_a_proxy_when_other_threads_were_opening_some(target: str) -> None:
    """
    A fork in the midst of another thread's start leaves no lock behind for the child either.
    """
    children.run_program(
        f"""
        import os, signal, threading, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        busy = True

        def churn():
            while busy:
                with paramiko.ProxyCommand({children.RELAY!r}):
                    pass

        threads = [threading.Thread(target=churn) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(20):
                child = os.fork()
                if child == 0:
                    signal.alarm(10)  # kills this child if it blocks
                    with paramiko.ProxyCommand({children.RELAY!r}) as own:
                        own.settimeout(5)
                        own.send(b"x")
                        os._exit(own.recv(1) != b"x")
                assert os.waitpid(child, 0)[1] == 0
        finally:
            busy = False
            for thread in threads:
                thread.join(5)
        """,
        target,
    )


def test_forked_child_can_have_a_proxy_of_its_own(target: str) -> None:
    """
    What the library keeps in the background starts anew in a child: draining, death and close.
    """
    chatty = children.python(
        """
        import os, signal, sys, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for _ in range(20):
            os.write(2, b"x" * 65536)
        os.write(1, b"ready")
        time.sleep(60)
        """
    )
    children.run_program(
        f"""
        import os, time, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        first = paramiko.ProxyCommand({children.IGNORES_SIGTERM!r})
        first.settimeout(5)
        assert first.recv(5) == b"ready"
        child = os.fork()
        if child == 0:
            status = 1
            try:
                own = paramiko.ProxyCommand({chatty!r})
                own.settimeout(10)
                assert own.recv(5) == b"ready"
                dead = paramiko.ProxyCommand({children.exits(3)!r})
                dead.settimeout(5)
                try:
                    dead.recv(1)
                except paramiko.ProxyCommandFailure as error:
                    assert error.returncode == 3
                started = time.monotonic()
                own.close()
                while os.path.exists("/proc/%d" % own.process.pid):
                    assert time.monotonic() - started < 5, "the proxy outlived its close"
                    time.sleep(0.01)
                status = 0
            finally:
                if status:
                    import traceback
                    traceback.print_exc()
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        assert first.process.poll() is None
        first.close()
        started = time.monotonic()
        while os.path.exists("/proc/%d" % first.process.pid):
            assert time.monotonic() - started < 5, "the proxy outlived its close"
            time.sleep(0.01)
        """,
        target,
    )


def test_parent_ends_its_proxy_when_forked_in_the_middle_of_a_close(target: str) -> None:
    """
    A fork between the request and the kill neither stops the parent's clean-up nor starts a second.
    """
    children.run_program(
        f"""
        import os, signal, time, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        proxy = paramiko.ProxyCommand({children.IGNORES_SIGTERM!r})
        proxy.settimeout(5)
        assert proxy.recv(5) == b"ready"
        proxy.close()
        child = os.fork()
        if child == 0:
            os.sys.exit(0)
        assert os.waitpid(child, 0)[1] == 0
        started = time.monotonic()
        while os.path.exists("/proc/%d" % proxy.process.pid):
            assert time.monotonic() - started < 5, "the proxy outlived its close"
            time.sleep(0.01)
        """,
        target,
    )
