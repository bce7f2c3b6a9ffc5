# adds after: SSHException
from paramiko._key_pairs import make_key_pair


class KexNistp256:
    # replaces statement: 3629a0fcbf159234
    def _generate_key_pair(self):
        self.P = make_key_pair(
            self, ec.generate_private_key, self.curve, default_backend()
        )
