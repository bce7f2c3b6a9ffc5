"""
A Celery application that runs commands on hosts behind a bastion.

    celery -A worker worker --pool prefork --concurrency 4

Everything about the broker is in `application`, everything about SSH in `connections`.
"""

from __future__ import annotations

from typing import Any

from application import app
from celery import signals
from connections import Connections, Settings

connections = Connections(Settings.from_environment())


@app.task(name="run_command")
def run_command(host: str, command: str) -> dict[str, Any]:
    """
    Run a command on a host and return its exit status and what it wrote.

    :raises paramiko.ProxyCommandFailure: the proxy died while the command ran
    """
    result = connections.run(host, command)
    return {"status": result.exited, "stdout": result.stdout, "stderr": result.stderr}


@signals.worker_process_shutdown.connect
@signals.worker_shutdown.connect
def close_connections(**_: Any) -> None:
    """Leave no proxy behind: in each process of a prefork pool, and in the worker of the others."""
    connections.close()
