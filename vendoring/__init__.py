"""
Build time only: make the fork out of a pinned upstream release.

The modules carry the names of the stages, in this order: `acquire` finds the
release, `verify` compares it with ``upstream.toml``, `splice` applies
``patches/series``, `overlay` puts in the modules we own, `rename` gives the
package its import name, `stage` writes the result. Nothing here is shipped in
a wheel. ``setup.py`` and ``python -m vendoring`` are the only callers.
"""

import sys

# Older ones cannot even read the modules below, whatever line is asked for.
if sys.version_info < (3, 9):  # noqa: UP036
    raise SystemExit(
        "paramiko-patched is not built on this Python\n"
        "  wanted: 3.9 or newer\n"
        "  got: {}.{}\n"
        "  hint: run the build with another interpreter".format(*sys.version_info)
    )
