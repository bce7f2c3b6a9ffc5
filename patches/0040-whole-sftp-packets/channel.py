class Channel:
    # adds after: _send
    #: What an SFTP session over a proxy command sends here, once it does.
    _sftp_packets = None
