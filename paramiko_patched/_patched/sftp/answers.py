# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
Answers of an SFTP server that are not what they promise.

Upstream reads what an answer lacks as zeros: the bytes of a file, the success
of a call, or as many names as the server likes.  Here such an answer is an
`.SFTPError`.  Nothing here blocks or takes a lock.
"""

from __future__ import annotations

from typing import Any, cast

from paramiko.message import Message
from paramiko.sftp import CMD_STATUS, SFTPError

#: The request's number, with which every answer begins; and a status' code.
NUMBER_SIZE_BYTES = CODE_SIZE_BYTES = 4


class UndecodableText(SFTPError, UnicodeDecodeError):
    """
    A name or a message that is no UTF-8.

    Real servers have them, and there are programs that know upstream's error.
    """


def parse_answer(kind: int, content: bytes) -> Message:
    """
    Return what the fields of an answer are read from.

    :param int kind: what sort of answer it is, such as ``CMD_NAME``.
    :param bytes content: what follows the kind.
    :raises SFTPError:
        it does not even say what it answers, or is a status without a code.
    """
    least = NUMBER_SIZE_BYTES
    if kind == CMD_STATUS:
        least += CODE_SIZE_BYTES
    if len(content) < least:
        raise SFTPError("Incomplete packet received")
    form: Any = Status if kind == CMD_STATUS else Answer
    return cast(Message, form(content))


class Answer(Message):
    """
    An answer all of whose fields must be there.

    Lists of names and attributes end with it, whatever their lengths promise.
    """

    def get_bytes(self, n: int) -> bytes:
        """
        Return the next bytes.

        :raises SFTPError: there are less than so many.
        """
        data = bytes(self.packet.read(n))
        if len(data) < n:
            raise SFTPError("Incomplete packet received")
        return data

    def get_text(self) -> str:
        """
        Return the next string, decoded.

        :raises UndecodableText: it is no UTF-8.
        """
        fields: Any = super()
        try:
            return str(fields.get_text())
        except UnicodeDecodeError as error:
            raise UndecodableText(*error.args) from error


class Status(Answer):
    """
    An answer whose text may lack: old servers send none.
    """

    def get_string(self) -> bytes:
        """
        Return the text, which is taken to be all that is left.
        """
        return bytes(Message(self.packet.read()).get_string())
