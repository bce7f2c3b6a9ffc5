class SSHClient:
    # replaces statement: ccd91e2f06c3396a
    def close(self):
        # Another thread may close it as well, between any two lines.
        transport, agent = self._transport, self._agent
        if transport is None:
            return

    # replaces statement: 16152e95b418ff06
    def close(self):
        transport.close()

    # replaces statement: e70b92290dcd70eb
    def close(self):
        if self._transport is transport:
            self._transport = None

    # replaces statement: db330cd7df4053ea
    def close(self):
        if agent is not None:
            agent.close()
            self._agent = None
