"""
A client with proxied sessions that does as it is told and says what happened to it.

Role: started by `paramiko_gate.client`, one process for each case, with the interpreter and the
paramiko under test. Usage: session.py MODULE. Reads one JSON order a line from standard input and
writes one JSON event a line to standard output. Each order but ``state`` runs in a thread of its
own, so that one that never returns does not keep the next one from being heard.

It measures nothing about itself: that is done from outside. Between orders it is at rest and
wakes for nothing.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
from typing import Any, Callable

HERE = os.path.dirname(os.path.abspath(__file__))
STDERR_KEPT_BYTES = 2000


class Session:
    """
    Hold the clients that were connected and carry out orders on them.

    Thread-safety: `obey` is called by the main thread; each order then runs in its own.
    """

    def __init__(self, library: Any) -> None:
        self._library = library
        self._clients: list[Any] = []
        self._writing = threading.Lock()
        self._orders: dict[str, Callable[[dict[str, Any]], Any]] = {
            "connect": self._connect,
            "open": self._open,
            "receive": self._receive,
            "read": self._read,
            "run": self._run,
            "watch": self._watch,
            "close": self._close,
        }

    def emit(self, **event: Any) -> None:
        """Write one event; whole lines only, whichever thread it comes from."""
        line = json.dumps(event) + "\n"
        with self._writing:
            os.write(1, line.encode("ascii"))

    def obey(self, order: dict[str, Any]) -> None:
        """Carry out one order: at once for ``state``, otherwise in a thread of its own."""
        if order["do"] == "state":
            self.emit(event="done", do="state", result=self._state())
            return
        threading.Thread(target=self._carry_out, args=(order,), daemon=True).start()

    def _carry_out(self, order: dict[str, Any]) -> None:
        name = order["do"]
        self.emit(event="began", do=name, thread=threading.get_native_id())
        try:
            result = self._orders[name](order)
        except BaseException as error:
            # Asked at once, before anybody else runs: whoever is woken by a failure must already
            # see that the connection is over.
            active = self._is_active()
            self.emit(event="error", do=name, is_active=active, **self._describe(error))
        else:
            self.emit(event="done", do=name, result=result)

    def _connect(self, order: dict[str, Any]) -> Any:
        client = self._library.SSHClient()
        client.load_host_keys(order["known_hosts"])
        self._clients.append(client)
        client.connect(
            order["address"],
            port=order["port"],
            username=order["user"],
            key_filename=order["client_key"],
            sock=self._library.ProxyCommand(order["proxy_command"]),
            look_for_keys=False,
            allow_agent=False,
        )
        return {"proxy_pid": client.get_transport().sock.process.pid}

    def _open(self, order: dict[str, Any]) -> Any:
        """Run a command that says ``ready`` and then nothing; return when that was read."""
        # cat and not sleep: it ends with its session, whoever ends that.
        self._channel = self._clients[-1].get_transport().open_session()
        self._channel.exec_command("echo ready; exec cat")
        self._file = self._channel.makefile("rb")
        return self._file.readline().decode("ascii").strip()

    def _receive(self, order: dict[str, Any]) -> Any:
        return repr(self._channel.recv(100))

    def _read(self, order: dict[str, Any]) -> Any:
        return repr(self._file.read())

    def _run(self, order: dict[str, Any]) -> Any:
        _, output, _ = self._clients[-1].exec_command(order["command"])
        return output.read().decode("ascii", "replace").strip()

    def _watch(self, order: dict[str, Any]) -> Any:
        """Return when the transport's thread has ended; waits on a lock, so it costs nothing."""
        self._clients[-1].get_transport().join()
        return None

    def _close(self, order: dict[str, Any]) -> Any:
        # The proxy objects are kept, as a program does that keeps its connection objects or
        # their tracebacks: what close() leaves to the garbage collector is left over.
        self._kept = [self._socket(client) for client in self._clients]
        for client in self._clients:
            client.close()
        return None

    def _socket(self, client: Any) -> Any:
        transport = client.get_transport()
        return None if transport is None else transport.sock

    def _state(self) -> dict[str, Any]:
        return {"is_active": self._is_active()}

    def _is_active(self) -> bool:
        for client in self._clients[-1:]:
            transport = client.get_transport()
            if transport is not None and transport.is_active():
                return True
        return False

    def _describe(self, error: BaseException) -> dict[str, Any]:
        stderr = getattr(error, "stderr", None)
        kept = stderr[-STDERR_KEPT_BYTES:] if isinstance(stderr, bytes) else b""
        return {
            "class_name": type(error).__name__,
            "is_proxy_failure": isinstance(error, self._library.ProxyCommandFailure),
            "text": str(error),
            "returncode": getattr(error, "returncode", None),
            "stderr": kept.decode("utf-8", "replace"),
        }


def main(module: str) -> None:
    """Import the library under test and obey until standard input ends."""
    # Python puts the script's own directory first; a neighbour must not pass for the target.
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != HERE]
    session = Session(importlib.import_module(module))
    session.emit(event="started", pid=os.getpid())
    for line in sys.stdin:
        session.obey(json.loads(line))
    # Not a normal exit: threads of a library that hangs would keep the process for ever.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
