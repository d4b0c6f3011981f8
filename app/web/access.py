"""The outermost layer: counts every request, gives it an id, and says at DEBUG what became of it."""

import logging
import secrets
import time
from collections.abc import Collection
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.domain.observation import Observer
from app.logs import about

log = logging.getLogger(__name__)

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "OPTIONS"})


class Access:
    """What is asked for by an unknown path or method is told as `other`: clients choose both."""

    def __init__(self, app: ASGIApp, observer: Observer, routes: Collection[str]) -> None:
        self._app = app
        self._observer = observer
        self._routes = frozenset(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        with about(request_id=request_id):
            if scope["type"] == "websocket":
                await self._socket(scope, receive, send)
            else:
                await self._request(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, status = time.perf_counter(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            seconds = time.perf_counter() - began
            method = scope["method"] if scope["method"] in _METHODS else "other"
            route = scope["path"] if scope["path"] in self._routes else "other"
            self._observer.request(method, route, status, seconds)
            log.debug(
                "request",
                extra={"method": method, "route": route, "status": status, "ms": round(seconds * 1000, 1)},
            )

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, opened, code = time.perf_counter(), False, None

        async def noted(message: Message) -> None:
            nonlocal opened, code
            if message["type"] == "websocket.accept":
                opened = True
                self._observer.socket_opened()
                log.debug("socket opened")
            elif message["type"] == "websocket.close":
                code = message.get("code", 1000)
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            if opened:
                self._observer.socket_closed(code)
                log.debug(
                    "socket closed", extra={"code": code, "seconds": round(time.perf_counter() - began, 1)}
                )
