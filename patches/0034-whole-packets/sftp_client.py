# adds after: SFTPFile
from paramiko._whole_packets import piece_size


class SFTPClient:
    # replaces statement: 9ac4e9fad08ebb36
    def _transfer_with_callback(self):
        size, piece = 0, piece_size(writer)

    # replaces statement: 18a9d1c302bdfe0d
    def _transfer_with_callback(self):
        data = reader.read(piece)
