"""
What becomes of the tests that need OpenSSH where it is missing.

On a person's machine they are skipped, and the report says so at its head and at its end. In CI
the first of them fails and ends the run: CI leaves nothing out.
"""

from __future__ import annotations

import os

import pytest

from paramiko_gate.errors import GateError
from paramiko_gate.servers.openssh_tools import INSTALL_HINT, require_all


def what_is_missing() -> str:
    """
    Return what of OpenSSH is missing and how to install it, in one line; empty if nothing is.
    """
    try:
        require_all()
    except GateError as error:
        return f"{error.what}: {INSTALL_HINT}"
    return ""


def require(session: pytest.Session) -> None:
    """
    Return if OpenSSH is on this machine; else skip, or in CI fail and end the session.
    """
    missing = what_is_missing()
    if not missing:
        return
    if os.environ.get("CI"):
        session.shouldfail = "CI leaves no test out, and OpenSSH is missing"
        pytest.fail(missing, pytrace=False)
    pytest.skip(missing)
