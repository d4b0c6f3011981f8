"""Liveness and readiness, for whoever watches the process. No data, so no token."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

CHECK_SECONDS: Final = 2.0

Check = Callable[[], Awaitable[bool]]


def routes(checks: Mapping[str, Check]) -> list[Route]:
    """`/healthz` says that the process answers; `/readyz` that everything it needs works."""

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_request: Request) -> Response:
        found = dict(zip(checks, await asyncio.gather(*map(_passes, checks.values())), strict=True))
        ready = all(found.values())
        return JSONResponse(
            {"status": "ready" if ready else "not ready", "checks": found}, status_code=200 if ready else 503
        )

    return [Route("/healthz", healthz), Route("/readyz", readyz)]


async def _passes(check: Check) -> bool:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check()
    except Exception:
        return False
