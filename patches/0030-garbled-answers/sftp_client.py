# adds after: SFTPFile
from paramiko._sftp_answers import parse_answer


class SFTPClient:
    # replaces statement: 18973985565352ce
    def _read_response(self):
        msg = parse_answer(self.sock, t, data)

    # replaces statement: b063d41d2a4f2ad1
    def listdir_iter(self):
        msg = parse_answer(self.sock, t, pkt_data)
