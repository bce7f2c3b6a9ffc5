class ProxyCommandFailure:
    # adds after: __init__
    #: Exit status of the proxy, negative if it was killed by a signal.  `None`
    #: while it runs, or if another part of the program has taken the status.
    returncode = None

    # adds after: __init__
    #: The last bytes, 64 KiB at most, that the proxy wrote to its stderr.
    stderr = b""

    # wraps: 39479dfb0cb9e809 as __upstream_str
    def __str__(self):
        if not isinstance(self.error, str):
            return self.__upstream_str()
        return 'ProxyCommand("{}") {}'.format(self.command, self.error)
