# adds after: SFTPFile
from paramiko._sftp_answers import is_awaited


class SFTPClient:
    # replaces statement: 385e01f705866ef7
    def _read_response(self):
        t, data = self._read_answer()

    # adds after: _read_response
    def _read_answer(self):
        # A handler may have cut in before it was known whose answer it is.
        packet = self._last_packet
        if is_awaited(packet, self._expecting):
            return packet
        return self._read_packet()
