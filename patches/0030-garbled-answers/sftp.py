class BaseSFTP:
    # replaces statement: fa12a898d4347a21
    def _send_version(self):
        if len(data) < 4 and is_proxied(self.sock):
            raise SFTPError("Incomplete packet received")
        version = struct.unpack(">I", data[:4])[0]
