# adds after: HMAC
from hmac import compare_digest


class Packetizer:
    # replaces statement: d6cb8243d11728eb each of 2
    def __upstream_read_message(self):
        if not compare_digest(my_mac, mac):
            raise SSHException("Mismatched MAC")
