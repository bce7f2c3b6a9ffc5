"""
Run one command through the worker and print what came of it.

    python send.py HOST COMMAND ...
"""

from __future__ import annotations

import sys

# Celery gives an exception its own class, with its own text, if that class is imported.
import paramiko  # noqa: F401
from application import app, require_broker
from celery.exceptions import TimeoutError as NoAnswer

LIMIT_S = 300.0


def main(host: str, *command: str) -> int:
    """
    Return the command's exit status, or 255 where it has none.
    """
    require_broker()
    try:
        # By name: who sends a task needs no way to the host.
        task = app.send_task("run_command", [host, " ".join(command)])
        done = task.get(timeout=LIMIT_S)
    except NoAnswer:
        print(f"no answer within {LIMIT_S:g} s; is a worker running?", file=sys.stderr)
        return 255
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 255
    print(done["stdout"], end="")
    print(done["stderr"], end="", file=sys.stderr)
    return int(done["status"])


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
