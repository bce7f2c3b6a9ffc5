"""
A Celery application that runs commands on hosts behind a bastion.

    celery -A worker worker --pool prefork --concurrency 4

Broker and result backend come from ``BROKER_URL`` (``redis://localhost:6379/0``), everything about
SSH from `connections.Settings.from_environment`.
"""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, signals
from connections import Connections, Settings

BROKER_URL = os.environ.get("BROKER_URL", "redis://localhost:6379/0")

app = Celery("celery_fabric", broker=BROKER_URL, backend=BROKER_URL)
app.conf.update(
    # The reason of a failure must come through, whatever reads the result.
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    # A task whose worker is killed is run again by another: only for commands that bear it.
    task_acks_late=os.environ.get("ACKS_LATE", "") == "1",
    task_reject_on_worker_lost=os.environ.get("ACKS_LATE", "") == "1",
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=False,
)

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
