"""Refuses what a browser may have been tricked into sending, before any route sees it.

A server on loopback is reachable from every web page the user opens: a foreign Host means that a name was rebound to
this machine, a foreign Origin that another site's page is asking.
"""

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.transport.draining import Drain, going_away
from app.transport.media import header
from app.transport.refusals import Refused, TransportCode, refuse

_HOST: Final = re.compile(r"(\[[0-9a-f:.]{2,}\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?")
_SECRET_NAMES: Final = frozenset({"token", "access_token", "authorization"})
_DEFAULT_PORTS: Final = {"http": "80", "https": "443", "ws": "80", "wss": "443"}


@dataclass(frozen=True)
class Addresses:
    """Under which names this server is asked for, and pages of which other origins may ask."""

    bound: str
    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    _names: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        names = {"localhost", _plain(self.bound), *map(_plain, self.hosts)}
        object.__setattr__(self, "_names", frozenset(names))

    def is_ours(self, host: str) -> bool:
        name = _plain(host)
        if name in self._names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        # an address cannot be rebound: whoever names it has connected to it
        return address.is_loopback or _is_everywhere(self.bound)

    def is_allowed(self, origin: str) -> bool:
        return origin.rstrip("/").lower() in {one.rstrip("/").lower() for one in self.origins}


class Gate:
    """Wraps the app: Host, Origin, tokens in URLs, and the end of the day."""

    def __init__(self, app: ASGIApp, addresses: Addresses, drain: Drain) -> None:
        self._app = app
        self._addresses = addresses
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            origin = self._check(scope)
            if scope["type"] == "websocket":
                if self._drain.begun:
                    raise going_away()
                await self._app(scope, receive, send)
                return
            with self._drain.request():
                if origin is not None:
                    send = _with_origin(origin, send)
                    if scope["method"] == "OPTIONS":
                        await _preflight(scope, receive, send)
                        return
                await self._app(scope, receive, send)
        except Refused as refused:
            await refuse(refused, scope, receive, send)

    def _check(self, scope: Scope) -> str | None:
        """The origin to be named in the answer, if the caller is a page of another one that is allowed."""
        if _SECRET_NAMES & {
            name.lower() for name, _ in parse_qsl(scope["query_string"].decode("latin-1"), True)
        }:
            raise Refused(
                400,
                TransportCode.BAD_REQUEST,
                "A token must not be part of an address: addresses are logged.",
                suggestion="Send the header `Authorization: Bearer TOKEN`.",
            )
        host = _HOST.fullmatch((header(scope, b"host") or "").lower())
        if host is None:
            raise Refused(400, TransportCode.BAD_REQUEST, "The request names no host.")
        if not self._addresses.is_ours(host[1]):
            raise Refused(
                421,
                TransportCode.MISDIRECTED_REQUEST,
                "This server does not answer for that host.",
                suggestion="Add the name to TRACKSIDE_ALLOWED_HOSTS if it should.",
            )
        if not any(key == b"origin" for key, _ in scope["headers"]):
            return None
        origin = header(scope, b"origin") or ""
        if _is_same(origin, host[1], host[2]):
            return None
        if not self._addresses.is_allowed(origin):
            raise Refused(
                403,
                TransportCode.FORBIDDEN,
                "Pages of that origin may not use this server.",
                suggestion="Add the origin to TRACKSIDE_ALLOWED_ORIGINS if they should.",
            )
        return origin


def _plain(host: str) -> str:
    return host.lower().strip("[]").rstrip(".")


def _is_everywhere(host: str) -> bool:
    return _plain(host) in ("", "0.0.0.0", "::")


def _is_same(origin: str, host: str, port: str | None) -> bool:
    """Compares names and ports only: a proxy may end TLS before this server."""
    try:
        parts = urlsplit(origin.lower())
        origin_port = str(parts.port) if parts.port is not None else _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return False
    default = _DEFAULT_PORTS.get(parts.scheme)
    return parts.hostname == _plain(host) and origin_port == (port or default)


def _with_origin(origin: str, send: Send) -> Send:
    async def named(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            headers["access-control-allow-origin"] = origin
            headers.add_vary_header("Origin")
        await send(message)

    return named


async def _preflight(scope: Scope, receive: Receive, send: Send) -> None:
    """Tell a browser what a page of an allowed origin may send."""
    headers = {
        "access-control-allow-methods": "GET, POST",
        "access-control-allow-headers": "accept, authorization, content-type",
        "access-control-max-age": "600",
    }
    await Response(status_code=204, headers=headers)(scope, receive, send)
