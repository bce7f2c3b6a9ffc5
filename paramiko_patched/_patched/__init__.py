# This module is part of paramiko-patched, which adds it to paramiko.  It is
# distributed under the same licence, the GNU Lesser General Public License,
# version 2.1 or (at your option) any later one.

"""
What the fork adds to upstream's modules, by what it is about.

`wire`
    The byte path: packets in and out, and waiting for them.
`sftp`
    SFTP: requests, their answers, and transfers.
`__main__`
    What is installed? ``python -m paramiko._patched`` prints it.

What takes the place of an upstream module as a whole stands where that module
stood, such as `paramiko.proxy`. Nothing is imported here, and nothing here is
an interface for programs.
"""
