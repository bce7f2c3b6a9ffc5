"""
Rows of the matrix: from the banner to the end of the authentication.

Where the server's words stop is the place of the cut, so the other cuts have no column here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matrix.faults import HANDSHAKE, LENGTH
from matrix.moment import LIMIT_S, Moment
from matrix.password_server import PASSWORD
from matrix.scene import Scene


def stop(place: str) -> Callable[[Scene], Scene]:
    """Return how to reach a place in the handshake: the proxy will stop there by itself."""

    def reach(scene: Scene) -> Scene:
        scene.prepare(place)
        return scene

    return reach


def unauthenticated(scene: Scene) -> Scene:
    """Exchange keys, then have the answers held back."""
    scene.negotiated()
    scene.stand_in.do("hold")
    return scene


def asking_for_service(scene: Scene) -> Scene:
    """Do the same with the transport that asks for the service by itself."""
    scene.negotiated("ServiceRequestingTransport")
    scene.stand_in.do("hold")
    return scene


def known_by_password(scene: Scene) -> Scene:
    """Do the same with a server that takes a password."""
    scene.use_password_server()
    return unauthenticated(scene)


def connect(scene: Scene) -> Any:
    """Connect without a limit of the caller's own."""
    scene.connect()
    return scene.transport.is_authenticated()


def with_banner_timeout(scene: Scene) -> Any:
    """Connect with a limit for the banner."""
    scene.connect(banner_timeout=LIMIT_S)


def with_timeout(scene: Scene) -> Any:
    """Connect with a limit for all that comes before the authentication."""
    scene.connect(timeout=LIMIT_S)


def with_auth_timeout(scene: Scene) -> Any:
    """Connect with a limit for the authentication."""
    scene.connect(auth_timeout=LIMIT_S)


def publickey(scene: Scene) -> Any:
    """Log in with the right key."""
    key = scene.paramiko.Ed25519Key(filename=str(scene.host.client_key))
    return scene.transport.auth_publickey(scene.host.user, key)


def password(scene: Scene) -> Any:
    """Try a password, which the server does not take from anybody."""
    return scene.transport.auth_password(scene.host.user, "wrong", fallback=False)


def right_password(scene: Scene) -> Any:
    """Give the password."""
    return scene.transport.auth_password(scene.host.user, PASSWORD, fallback=False)


def right_answer(scene: Scene) -> Any:
    """Give it as the answer to a question."""
    return scene.transport.auth_interactive(
        scene.host.user, lambda _title, _words, questions: [PASSWORD for _ in questions]
    )


def interactive(scene: Scene) -> Any:
    """Offer to answer questions; the server has none."""
    return scene.transport.auth_interactive(scene.host.user, lambda *_: [])


def none(scene: Scene) -> Any:
    """Ask to be let in without anything."""
    return scene.transport.auth_none(scene.host.user)


def limited_auth(call: Callable[[Scene], Any]) -> Callable[[Scene], Any]:
    """Return the same authentication under a limit."""

    def limited(scene: Scene) -> Any:
        scene.transport.auth_timeout = LIMIT_S
        return call(scene)

    return limited


def place(name: str, where: str, limited: Callable[[Scene], Any], **options: Any) -> Moment:
    """Make the row of a place in the handshake."""
    options = {"on_limit": "SSHException", "faults": HANDSHAKE, **options}
    return Moment(name, stop(where), connect, True, limited, answered=False, **options)


def auth(name: str, call: Callable[[Scene], Any], **options: Any) -> Moment:
    """Make the row of a kind of authentication."""
    options = {"reach": unauthenticated, "on_limit": "AuthenticationException", **options}
    return Moment(name=name, call=call, limited=limited_auth(call), **options)


REFUSED = {"refusal": "BadAuthenticationType"}

HANDSHAKE_MOMENTS = [
    place("before-banner", "bytes:0", with_banner_timeout),
    place("in-banner", "bytes:10", with_banner_timeout),
    place("after-banner", "banner:0", with_timeout, faults=LENGTH),
    place("kex-in-header", "banner:2", with_timeout),
    place("kex-in-packet", "banner:20", with_timeout),
    place("kex-begun", "message:1", with_timeout, faults=LENGTH),
    place("kex-reply-in-packet", "message:1+20", with_timeout),
    place("kex-replied", "message:2", with_timeout),
    place("connect-in-auth", "message:3", with_auth_timeout, on_limit="AuthenticationException"),
    auth("auth-publickey", publickey, value=[]),
    auth("auth-password", password, **REFUSED),
    auth("auth-interactive", interactive, **REFUSED),
    auth("auth-password-accepted", right_password, value=[], reach=known_by_password),
    auth("auth-interactive-accepted", right_answer, value=[], reach=known_by_password),
    auth("auth-none", none, **REFUSED),
    auth(
        "auth-service-request",
        password,
        reach=asking_for_service,
        needs_api="service-request",
        **REFUSED,
    ),
]
