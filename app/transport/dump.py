"""`/state.ndjson`: everything the control plane knows, streamed line by line.

Each page is read in a transaction of its own and turned into text on the database's thread, so that neither the database
nor the event loop is held by somebody who reads for minutes. What was there at the cursor of the first line and is there
still is in the dump, no older than that cursor; what happens meanwhile may be in it or not. The events after the cursor
bring it up to date. Without the last line it was cut off.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from app.domain.access import Actor, Role
from app.store import dump, projects
from app.store.db import Database
from app.transport.refusals import Refused, TransportCode, refuse

log = logging.getLogger(__name__)

AT_A_TIME: Final = 2
"""Dumps that are written at a time."""


class Dump:
    """An app for callers that are known already: `request.state.actor`."""

    def __init__(self, db: Database, *, slow_seconds: float) -> None:
        self._db = db
        self._slow_seconds = slow_seconds
        self.under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            project_id, include = await self._asked_for(Request(scope))
        except Refused as refused:
            await refuse(refused, scope, receive, send)
            return
        self.under_way += 1
        try:
            body = self._lines(project_id, include)
            await _Stream(body, self._slow_seconds)(scope, receive, send)
        finally:
            self.under_way -= 1

    async def _asked_for(self, request: Request) -> tuple[str | None, list[str]]:
        if request.method != "GET":
            raise Refused(
                405,
                TransportCode.METHOD_NOT_ALLOWED,
                "A dump is asked for with GET.",
                headers={"allow": "GET"},
            )
        actor: Actor = request.state.actor
        if actor.role is not Role.ADMIN:
            raise Refused(
                403,
                TransportCode.FORBIDDEN,
                f"The role {actor.role} may not do this.",
                suggestion="Use a token with the role ADMIN.",
            )
        unknown = set(request.query_params) - {"projectId", "include"}
        include = [part for part in request.query_params.get("include", "").split(",") if part]
        if unknown or set(include) - set(dump.HISTORY):
            raise Refused(
                400,
                TransportCode.BAD_REQUEST,
                "Only `projectId` and `include` can be given.",
                suggestion=f"`include` names any of {', '.join(dump.HISTORY)}, with commas between them.",
            )
        project_id = await self._project(actor, request.query_params.get("projectId"))
        if self.under_way >= AT_A_TIME:
            raise Refused(
                429,
                TransportCode.LIMIT_EXCEEDED,
                f"{AT_A_TIME} dumps are being written already.",
                suggestion="Wait until one of them is done.",
                headers={"retry-after": "5"},
            )
        return project_id, list(dict.fromkeys(include))

    async def _project(self, actor: Actor, wanted: str | None) -> str | None:
        if wanted is None or wanted == actor.project_id:
            return actor.project_id
        known = wanted.isascii() and wanted.isprintable()
        if actor.project_id is not None or not known or await self._db.read(projects.find, wanted) is None:
            raise Refused(
                404,
                TransportCode.BAD_REQUEST,
                f"There is no project {wanted!r}.",
                suggestion="Check the id, or list what there is.",
            )
        return wanted

    async def _lines(self, project_id: str | None, include: Sequence[str]) -> AsyncIterator[bytes]:
        began = await self._db.read(dump.begin, project_id=project_id, include=include)
        yield dump.encoded(began)
        counts: dict[str, int] = {}
        for section in (*dump.SECTIONS, *(dump.HISTORY[part] for part in include)):
            counts[section.name] = 0
            after: tuple[Any, ...] | None = None
            while True:
                page = await self._db.read(_joined, section, after, project_id=project_id)
                text, count, after = page
                counts[section.name] += count
                if text:
                    yield text
                if after is None:
                    break
        yield dump.encoded({"type": "End", "at": self._db.clock().astimezone(UTC), "counts": counts})


def _joined(tx: Any, section: dump.Section, after: tuple[Any, ...] | None, *, project_id: str | None) -> Any:
    """A page as the bytes that are sent: put together on the database's thread, like everything that takes long."""
    page = dump.page(tx, section, after, project_id=project_id)
    return b"".join(page.lines), len(page.lines), page.last


class _Stream(StreamingResponse):
    """Ends where its reader takes nothing for too long; a client that has gone away ends it at once."""

    def __init__(self, body: AsyncIterator[bytes], slow_seconds: float) -> None:
        headers: Mapping[str, str] = {
            "cache-control": "no-store",
            "content-disposition": 'attachment; filename="state.ndjson"',
        }
        super().__init__(body, 200, headers, "application/x-ndjson")
        self._slow_seconds = slow_seconds

    async def stream_response(self, send: Send) -> None:
        async def patient(message: Any) -> None:
            async with asyncio.timeout(self._slow_seconds):
                await send(message)

        try:
            await super().stream_response(patient)
        except TimeoutError:
            log.warning("a dump was cut off: its reader took nothing for %s seconds", self._slow_seconds)
