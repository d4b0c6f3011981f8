import asyncio

import httpx
import pytest
from starlette.applications import Starlette

from app.web import health


async def ask(path: str, **checks: health.Check) -> httpx.Response:
    transport = httpx.ASGITransport(Starlette(routes=health.routes(checks)))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get(path)


async def good() -> bool:
    return True


async def bad() -> bool:
    return False


async def broken() -> bool:
    raise OSError("password=hunter2")


async def hanging() -> bool:
    await asyncio.Event().wait()
    return True


async def test_alive_says_nothing_about_the_database() -> None:
    answer = await ask("/healthz", database=broken)
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


async def test_ready_when_everything_is() -> None:
    answer = await ask("/readyz", database=good, engine=good)
    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "checks": {"database": True, "engine": True}}


async def test_not_ready_says_what_is_missing_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.05)
    answer = await ask("/readyz", database=broken, log=good, engine=bad, other=hanging)
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": False, "log": True, "engine": False, "other": False}
    assert "hunter2" not in answer.text


async def test_what_only_helps_degrades_and_fails_nothing() -> None:
    transport = httpx.ASGITransport(Starlette(routes=health.routes({"database": good}, {"wakeUps": bad})))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "degraded", "checks": {"database": True, "wakeUps": False}}
