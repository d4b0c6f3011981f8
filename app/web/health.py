"""Liveness and readiness, for whoever watches the process. No data, so no token."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

CHECK_SECONDS: Final = 2.0

Check = Callable[[], Awaitable[bool]]


def routes(checks: Mapping[str, Check], helps: Mapping[str, Check] = MappingProxyType({})) -> list[Route]:
    """`/healthz` says that the process answers; `/readyz` that everything it needs works.

    Without one of `helps` it goes on all the same, only slower: that is told as degraded, and fails nothing.
    """

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_request: Request) -> Response:
        asked = {**checks, **helps}
        found = dict(zip(asked, await asyncio.gather(*map(_passes, asked.values())), strict=True))
        ready = all(found[name] for name in checks)
        status = "not ready" if not ready else "ready" if all(found.values()) else "degraded"
        return JSONResponse({"status": status, "checks": found}, status_code=200 if ready else 503)

    return [Route("/healthz", healthz), Route("/readyz", readyz)]


async def _passes(check: Check) -> bool:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check()
    except Exception:
        return False
