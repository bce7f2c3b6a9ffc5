"""
Say which paramiko an interpreter would import under a name, without and then with importing it.

Role: asked by `paramiko_gate.target` before anything is judged. Usage: identify.py MODULE.
Prints one JSON object.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import sys
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))


def identify(module: str) -> dict[str, Any]:
    """Return what is known of a module; ``found`` and ``error`` tell how far it got."""
    facts: dict[str, Any] = {
        "module": module,
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "found": False,
        "error": "",
        "version": "",
        "directory": "",
        "distribution": "",
        "distribution_version": "",
        "provenance": None,
    }
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        # A dotted name whose parent is not there, or no name at all.
        return facts
    # A folder without __init__.py, such as a checkout in the current directory, is found as a
    # namespace package; it has no origin and is no library.
    if spec is None or spec.origin is None:
        return facts
    facts["found"] = True
    facts["directory"] = os.path.dirname(spec.origin)
    provenance = os.path.join(facts["directory"], "_patched.json")
    if os.path.exists(provenance):
        with open(provenance, encoding="utf-8") as file:
            facts["provenance"] = json.load(file)
    for name in _distributions(module):
        facts["distribution"] = name
        facts["distribution_version"] = importlib.metadata.version(name)
    try:
        facts["version"] = str(getattr(importlib.import_module(module), "__version__", ""))
    except Exception as error:
        facts["error"] = f"{type(error).__name__}: {error}"
    return facts


def _distributions(module: str) -> list[str]:
    """Return the distributions that go by the module's name; a staged tree has none."""
    for name in (module, module.replace("_", "-")):
        try:
            return [importlib.metadata.distribution(name).metadata["Name"]]
        except importlib.metadata.PackageNotFoundError:
            continue
    return []


if __name__ == "__main__":
    # Python puts the script's own directory first; a neighbour must not pass for the target.
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != HERE]
    print(json.dumps(identify(sys.argv[1])))
