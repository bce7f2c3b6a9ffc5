"""
What tox does first: say what is missing, before anything is made or run.

tox loads this file because of its name.
"""

import os
import sys

from tox.config.sets import ConfigSet
from tox.plugin import impl
from tox.session.state import State

from paramiko_gate.errors import GateError
from paramiko_gate.servers.openssh_tools import INSTALL_HINT, require_all


@impl
def tox_add_core_config(core_conf: ConfigSet, state: State) -> None:
    """
    Look for OpenSSH once, before any environment is made.
    """
    try:
        require_all()
    except GateError as error:
        becomes = "fail, since this is CI" if os.environ.get("CI") else "are left out"
        print(f"{error.what}: the tests that need OpenSSH {becomes}", file=sys.stderr)
        print(f"  hint: {INSTALL_HINT}", file=sys.stderr, flush=True)
