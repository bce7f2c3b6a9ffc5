"""
The Celery application without its tasks: broker, result store, and what both ways of running share.

Imports nothing of SSH, so that who only sends tasks needs no Fabric.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from celery import Celery, signals
from kombu.exceptions import OperationalError

BROKER_URL = os.environ.get("BROKER_URL", "redis://localhost:6379/0")
ACKS_LATE = os.environ.get("ACKS_LATE", "") == "1"
VISIBILITY_TIMEOUT_S = float(os.environ.get("VISIBILITY_TIMEOUT_S", "3600"))

app = Celery("celery_fabric", broker=BROKER_URL, backend=BROKER_URL)
app.conf.update(
    # The reason of a failure must come through, whatever reads the result.
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    # A task whose worker is killed is run again by another: only for commands that bear it.
    task_acks_late=ACKS_LATE,
    task_reject_on_worker_lost=ACKS_LATE,
    # When Redis gives away again what a worker took that has vanished.
    broker_transport_options={"visibility_timeout": VISIBILITY_TIMEOUT_S},
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=False,
)


def require_file(name: str, default: str) -> Path:
    """
    Return the file that a variable of the environment names.

    :raises SystemExit: it is not there
    """
    path = Path(os.environ.get(name, default)).expanduser()
    if not path.is_file():
        raise SystemExit(f"{name}: there is no file {path}")
    return path


@signals.worker_init.connect
def require_broker(**_: Any) -> None:
    """
    Look for the broker before anything is started.

    :raises SystemExit: it does not answer
    """
    with app.connection_for_read() as connection:
        try:
            connection.ensure_connection(max_retries=1, timeout=5)
        except OperationalError as error:
            raise SystemExit(f"BROKER_URL: no broker at {connection.as_uri()}: {error}") from error
