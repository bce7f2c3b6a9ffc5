# This module is part of paramiko-patched, which adds it to paramiko.  It is
# distributed under the same licence, the GNU Lesser General Public License,
# version 2.1 or (at your option) any later one.

"""
SFTP: requests, answers and transfers.

Requests are numbered and sent here, each answer is handed to whoever asked,
and whole files go over as streams of requests.
"""
