# This module is part of paramiko-patched, which adds it to paramiko.  It is
# distributed under the same licence, the GNU Lesser General Public License,
# version 2.1 or (at your option) any later one.

"""
The byte path: packets in and out, and waiting.

What comes in is read, decrypted and cut into messages here; what goes out is
packed, encrypted and written. A thread that waits for either, for room or for
the carrier, waits here.
"""
