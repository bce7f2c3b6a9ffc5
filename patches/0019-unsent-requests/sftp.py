class BaseSFTP:
    # wraps: d48d5825e25089d4 as __upstream_write_all
    def _write_all(self, out):
        try:
            self.__upstream_write_all(out)
        except EOFError:
            if is_proxied(self.sock):
                raise socket.error("Socket is closed")
            raise
