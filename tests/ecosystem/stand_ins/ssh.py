"""
The module ``ssh`` of paramiko-expect's tests, which is not in its sdist.

Theirs starts a container and says where its server listens; this one says where ours does.
"""

from __future__ import annotations

import os


class SshContainer:
    """
    A machine to log in to, which somebody else has started and will end.
    """

    def __init__(self) -> None:
        # The tests print their container's log.
        self._container = self

    def __enter__(self) -> SshContainer:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def logs(self) -> bytes:
        """
        Return what there is to say of its start.
        """
        return b"a server of this machine\n"

    def get_address(self) -> tuple[str, int]:
        """
        Return where it listens.
        """
        return os.environ["CONTAINER_ADDRESS"], int(os.environ["CONTAINER_PORT"])
