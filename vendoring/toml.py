"""
One TOML reader for every Python the build runs on.
"""

from __future__ import annotations

import sys
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    try:
        import tomli as tomllib
    except ModuleNotFoundError:
        # A build asks its front end for it; only `python -m vendoring` can get here.
        raise SystemExit(
            "vendoring cannot read TOML on this Python\n"
            "  wanted: Python 3.11 or newer, or the package tomli\n"
            "  hint: pip install tomli"
        ) from None

__all__ = ["TomlError", "parse_toml"]

TomlError = tomllib.TOMLDecodeError


def parse_toml(text: str) -> dict[str, Any]:
    """
    Return a TOML document.

    :raises TomlError: it is none; the message says where
    """
    return tomllib.loads(text)
