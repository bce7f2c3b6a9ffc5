# adds after: SSHException
from paramiko._key_pairs import make_key_pair


class KexCurve25519:
    # replaces statement: 8bf72bdb3e20826a
    def start_kex(self):
        self.key = make_key_pair(self, X25519PrivateKey.generate)
