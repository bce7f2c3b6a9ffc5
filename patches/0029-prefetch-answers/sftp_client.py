class SFTPClient:
    # replaces statement: a3ed6b02340c29d3
    def _async_request(self):
        self._expecting[num] = fileobj
        if isinstance(fileobj, SFTPFile):
            fileobj._prefetches.ask(num)
