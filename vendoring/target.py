"""
The choice of line and kind that a source distribution was made for.

A checkout can make any of them and has no such file. Read by `backend`,
written by `commands`.
"""

from __future__ import annotations

from pathlib import Path

from vendoring.errors import Finding, StageError
from vendoring.toml import TomlError, parse_toml

__all__ = ["TARGET", "read_target", "target_text"]

TARGET = "target.toml"
KEYS = {"kind", "upstream"}


def read_target(root: Path) -> dict[str, str]:
    """
    Return the frozen settings, or nothing in a checkout.

    :raises StageError: the file is not what `target_text` wrote
    """
    path = root / TARGET
    if not path.exists():
        return {}
    try:
        target = parse_toml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, TomlError) as error:
        raise StageError(Finding(f"{TARGET} cannot be read", got=str(error))) from error
    if set(target) != KEYS or not all(isinstance(value, str) for value in target.values()):
        raise StageError(
            Finding(
                f"{TARGET} is not complete",
                wanted=" and ".join(sorted(KEYS)) + ", as strings",
                got=", ".join(sorted(target)) or "nothing",
            )
        )
    return target


def target_text(kind: str, upstream: str) -> str:
    """
    Return the file's text for one choice.
    """
    comment = "# This source distribution makes this one package."
    return f'{comment}\nkind = "{kind}"\nupstream = "{upstream}"\n'
