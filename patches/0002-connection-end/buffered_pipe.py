# adds after: b
from paramiko._connection_end import reports_failure


class BufferedPipe:
    # adds after: read
    #: Why the connection ended before the stream did.  Set before the pipe is
    #: closed, so that no reader sees the close without it.
    _failure = None

    # adds after: read
    read = reports_failure(read, unanswered=b"")
