# adds after: SSHException
from paramiko._key_pairs import make_key_pair


class KexMLKEM768X25519:
    # replaces statement: 7711de71ee2e9e20
    def start_kex(self):
        self.x25519_key = make_key_pair(self, X25519PrivateKey.generate)

    # replaces statement: 2873a0e0915a4840
    def start_kex(self):
        self.mlkem_key = make_key_pair(self, mlkem.MLKEM768PrivateKey.generate)
