"""
Choose between real OpenSSH and the embedded server.

Role: the one place that knows what ``auto`` means. Called by the plugin's fixture and, for the
first line of its output, by the command.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from paramiko_gate.servers.endpoint import Site


def choose_kind(wanted: str) -> str:
    """
    Return ``openssh`` or ``embedded``.

    :param str wanted: ``auto``, ``openssh`` or ``embedded``
    :raises GateError: OpenSSH was asked for by name and is not on this machine
    """
    from paramiko_gate.servers import openssh_tools

    if wanted == "auto":
        return "openssh" if openssh_tools.is_present() else "embedded"
    if wanted == "openssh":
        openssh_tools.require_all()
    return wanted


def run_chosen_site(wanted: str, directory: Path) -> AbstractContextManager[Site]:
    """Return the context manager that runs the chosen bastion and host in ``directory``."""
    if choose_kind(wanted) == "openssh":
        from paramiko_gate.servers import openssh

        return openssh.run_site(directory)
    from paramiko_gate.servers import embedded

    return embedded.run_site(directory)
