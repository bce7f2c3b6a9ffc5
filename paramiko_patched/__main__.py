# This module is part of paramiko-patched, which adds it to paramiko.  It is
# distributed under the same licence, the GNU Lesser General Public License,
# version 2.1 or (at your option) any later one.

"""
``python -m paramiko_patched``: see `_patched.__main__`.
"""

import sys

from paramiko._patched.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
