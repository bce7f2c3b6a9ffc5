# adds after: SSHException
from paramiko._peer_limits import read_count


class AuthHandler:
    # replaces statement: eac3878341e08c01
    def _parse_userauth_info_request(self):
        prompts = read_count(m, "USERAUTH_INFO_REQUEST", 5)

    # replaces statement: 543285e6e963f2cf
    def _parse_userauth_info_response(self):
        n = read_count(m, "USERAUTH_INFO_RESPONSE", 4)
