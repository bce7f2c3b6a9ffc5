class ProxyCommandFailure:
    # adds after: stderr
    #: What a file-like read had taken when it met the failure.  The bytes are
    #: still in the file's buffer: a read that they can satisfy returns them.
    partial = b""
