# adds after: SSHException
from paramiko._key_pairs import make_key_pair


class KexMLKEM768X25519:
    # replaces statement: 7711de71ee2e9e20
    def start_kex(self):
        self.x25519_key, mlkem_key = make_key_pair(self, self._make_both)

    # replaces statement: 2873a0e0915a4840
    def start_kex(self):
        self.mlkem_key = mlkem_key

    # adds after: start_kex
    def _make_both(self):
        # Together, for the sake of one thread; a server needs no second.
        classical = X25519PrivateKey.generate()
        if self.transport.server_mode:
            return classical, None
        return classical, mlkem.MLKEM768PrivateKey.generate()
