"""
A devpi-server as its own client sets it up.
"""

from __future__ import annotations

from pathlib import Path

from index.servers import PASSWORD, USER, Server
from index.tools import run

COMMAND_LIMIT_S = 60.0


class Devpi:
    """
    The client's side of a server, logged in as root.

    Making one blocks for some seconds.

    :param server: a new devpi-server
    :param folder: where the client keeps its login
    """

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self._run("use", server.url)
        self._run("login", "root", "--password", "")

    def user(self, name: str = USER) -> None:
        """
        Make a user, whose password is everybody's.
        """
        self._run("user", "-c", name, f"password={PASSWORD}")

    def mirror(self, name: str, url: str) -> None:
        """
        Make an index of root's that mirrors another one.
        """
        # Its list of projects would be fetched at once, and again and again.
        settings = ["type=mirror", f"mirror_url={url}", "mirror_no_project_list=True"]
        self._run("index", "-c", f"root/{name}", *settings)

    def index(self, name: str, *settings: str, user: str = USER) -> None:
        """
        Make an index of a user's, to which a file can be uploaded only once.
        """
        self._run("index", "-c", f"{user}/{name}", "volatile=False", *settings)

    def upload_url(self, name: str, user: str = USER) -> str:
        """
        Return where twine uploads to.
        """
        return f"{self.server.url}{user}/{name}/"

    def simple_url(self, name: str, user: str = USER) -> str:
        """
        Return what resolvers are given.
        """
        return f"{self.upload_url(name, user)}+simple/"

    def _run(self, subcommand: str, *arguments: str) -> None:
        where = ("--clientdir", str(self.folder))
        run("devpi", subcommand, *where, *arguments, limit_s=COMMAND_LIMIT_S)
