"""
A Celery application in the style of Fabric 1 (Fabric3 1.14.post1, on the line 2.12.0).

    celery -A worker_fabric1 worker --pool prefork --concurrency 4

Fabric 1 keeps its settings and its connections in globals, so a process runs one task at a time:
the pools ``prefork`` and ``solo``. Settings come from the environment.
"""

from __future__ import annotations

import os
from typing import Any

import paramiko
from application import app, require_file
from celery import signals
from fabric.api import env, hide, run, settings
from fabric.network import disconnect_all

#: What was done before: connections stay in Fabric's cache, one for each host and process.
KEEP_CONNECTIONS = os.environ.get("KEEP_CONNECTIONS", "") == "1"


class CommandFailed(Exception):
    """
    Say why Fabric gave up. Without a class of its own it ends the whole process.
    """


env.use_ssh_config = True
env.ssh_config_path = str(require_file("SSH_CONFIG", "~/.ssh/config"))
env.system_known_hosts = str(require_file("KNOWN_HOSTS", "~/.ssh/known_hosts"))
env.disable_known_hosts = True  # only those of KNOWN_HOSTS count
env.reject_unknown_hosts = True
env.abort_on_prompts = True
env.abort_exception = CommandFailed
env.keepalive = 15
# With a terminal, what a command writes to stderr is in its output, and lines end in CR LF.
env.always_use_pty = False
env.combine_stderr = False


@app.task(name="run_command")
def run_command(host: str, command: str) -> dict[str, Any]:
    """
    Run a command on a host and return its exit status and what it wrote.

    :raises paramiko.ProxyCommandFailure: the proxy died, before or while the command ran
    :raises CommandFailed: Fabric gave up for another reason
    """
    try:
        with settings(hide("everything"), host_string=host, warn_only=True):
            result = run(command, shell=False)
    except CommandFailed as error:
        raise find_cause(error) from error
    return {"status": result.return_code, "stdout": str(result), "stderr": result.stderr}


def find_cause(error: BaseException) -> BaseException:
    """
    Return the failure of the proxy for which Fabric wanted to ask for a password, or the error.

    Fabric 1 takes every SSH error of a connect for a password that is missing.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, paramiko.ProxyCommandFailure):
            return cause
        cause = cause.__cause__ or cause.__context__
    return error


@signals.task_postrun.connect
def close_connections(**_: Any) -> None:
    """
    Leave no proxy behind, and nothing dead in the cache, also when the task has failed.

    Fabric 1 never closes what it has cached, and never replaces a connection that was lost.
    """
    if not KEEP_CONNECTIONS:
        with hide("everything"):
            disconnect_all()
