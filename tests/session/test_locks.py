"""
The library's locks, where a signal handler's exception cuts in while one is taken.

Where it is chosen when a handler cuts in, it is after each call of a built-in function: that is
where the interpreter lets handlers run.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import children
import interrupts
import pytest
from interrupts import run_until
from waiting import Call

Source = Callable[[str], str]

#: More calls than any of the methods makes.
MOST_CALLS = 100

PIPE_CALLS: dict[str, Callable[[Any], object]] = {
    "feed": lambda pipe: pipe.feed(b"abc"),
    "read": lambda pipe: pipe.read(1),
    "read-and-wait": lambda pipe: (pipe.read(10), pipe.read(1, 0.01)),
    "read-ready": lambda pipe: pipe.read_ready(),
    "empty": lambda pipe: pipe.empty(),
    "length": len,
    "close": lambda pipe: pipe.close(),
}


@pytest.mark.parametrize("call", PIPE_CALLS.values(), ids=PIPE_CALLS)
def test_interrupted_call_leaves_the_buffer_to_others(
    paramiko: ModuleType, call: Callable[[Any], object]
) -> None:
    """
    Wherever it is interrupted: another thread gets in. Stock keeps the lock, for ever.
    """
    module = importlib.import_module(paramiko.__name__ + ".buffered_pipe")
    modules = [module, threading]
    if hasattr(module, "new_lock"):
        modules.append(importlib.import_module(paramiko.__name__ + "._lock"))
    for cut in range(1, MOST_CALLS):
        pipe = module.BufferedPipe()
        pipe.feed(b"abcdef")
        try:
            was_cut = run_until(modules, cut, lambda pipe=pipe: call(pipe))  # type: ignore[misc]
        except module.PipeTimeout:
            was_cut = False
        Call(pipe.feed, b"x").result()
        assert pipe.read(10).endswith(b"x")
        if not was_cut:
            assert cut > 1
            return
    pytest.fail("more calls are made than are tried")


#: Where a call is on its way, but for the packets on their way out.
MODULES = [
    "buffered_pipe",
    "channel",
    "sftp",
    "sftp_client",
    "sftp_file",
    "transport",
    "_arrived_bytes",
    "_lock",
    "_prefetches",
    "_sftp_answers",
]

SESSION_CALLS = {
    "echo": "(channel.sendall(b'x'), channel.recv(1))",
    "exec": "client.exec_command('exit 3')[1].channel.recv_exit_status()",
    "stat": "sftp.stat('.')",
    "listdir-iter": "list(sftp.listdir_iter(folder, 2))",
    "read": "(file.seek(0), file.read(100))",
    "prefetch": "(file.prefetch(len(DATA)), file.seek(0), file.read())",
    "write": "sftp.open(folder + '/other', 'wb').write(b'abc')",
    "close": "transport.open_session().close()",
}


@pytest.mark.slow
@pytest.mark.parametrize("call", SESSION_CALLS.values(), ids=SESSION_CALLS)
def test_interrupted_call_leaves_the_session_to_others(
    target: str, client_source: Source, tmp_path: Path, call: str
) -> None:
    """
    Wherever it is interrupted: a second thread's call works, and so does close.

    Stock keeps a lock, and close waits for it for ever.
    """
    source = client_source(
        f"""
        import faulthandler
        sys.path.insert(0, {str(Path(interrupts.__file__).parent)!r})
        from interrupts import run_until
        names = [paramiko.__name__ + "." + name for name in {MODULES!r}]
        modules = [sys.modules[name] for name in names if name in sys.modules]
        folder, DATA = {str(tmp_path)!r}, os.urandom(40_000)
        with open(folder + "/data", "wb") as file:
            file.write(DATA)

        def run(work):
            thread = threading.Thread(target=work, daemon=True)
            thread.start()
            thread.join(5)
            if thread.is_alive():
                faulthandler.dump_traceback()
                print("a call hangs after cut", cut, flush=True)
                os._exit(1)

        def work():
            global status, size, content
            status = client.exec_command("exit 4")[1].channel.recv_exit_status()
            size = sftp.stat(folder + "/data").st_size
            file.seek(10)
            content = file.read()

        client, cut = None, 1
        while True:
            if client is None:
                client = connect()
                transport = client.get_transport()
                sftp = client.open_sftp()
                channel = transport.open_session()
                channel.exec_command("exec cat")
                file = sftp.open(folder + "/data")
            was_cut = run_until(modules, cut, lambda: {call})
            status = size = content = None
            run(work)
            assert (status, size) == (4, len(DATA))
            assert content == DATA[10:], len(content)
            if not was_cut:
                break
            cut += 1
            if cut % 50 == 0:
                run(client.close)
                client = None
        assert cut > 20, cut
        print(cut, "calls")
        client.close()
        """
    )
    children.run_program(source, target, timeout_s=50)


INTERACTION = """
    import random
    class Limit(Exception):
        pass
    def exceed(*_):
        raise Limit
    signal.signal(signal.SIGALRM, exceed)
    def watch():
        while True:
            time.sleep(0.1)
            if closing and time.monotonic() - closing[-1] > 5:
                print("close hangs", flush=True)
                os._exit(1)
    closing = []
    threading.Thread(target=watch, daemon=True).start()
    for _ in range(5):
        client = connect()
        channel = client.get_transport().open_session()
        channel.exec_command("exec cat")
        ended = False
        try:
            signal.setitimer(signal.ITIMER_REAL, random.uniform(0.001, 0.06))
            while True:
                channel.sendall(b"x")
                channel.recv(1)
        except Limit:
            ended = True
        assert ended
        closing.append(time.monotonic())
        client.close()
        closing.clear()
"""


@pytest.mark.race
def test_close_works_when_a_handler_raised_at_any_moment(
    target: str, client_source: Source
) -> None:
    """
    A Ctrl-C in the midst of a conversation, and the ``close`` in its ``finally``.

    Stock's may hang, and stock makes an `EOFError` of what the handler raises.
    """
    children.run_program(client_source(INTERACTION), target)
