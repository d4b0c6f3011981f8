"""`/state.ndjson` over HTTP: for whom, how it begins and ends, and what happens to those who read slowly or go away."""

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from app.domain.access import Role
from app.store import dump, tokens
from app.store.db import Database, Tx
from app.transport import dump as endpoint
from tests.fleet import Fleet
from tests.live.waiting import until
from tests.transport.serving import ADMIN, VIEWER, serving

PATH = "/state.ndjson"


def headers(token: str = ADMIN) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def read(url: str, path: str = PATH, token: str = ADMIN) -> list[dict[str, Any]]:
    async with httpx.AsyncClient(base_url=url) as client:
        response = await client.get(path, headers=headers(token))
        assert response.status_code == 200, response.text
        assert response.headers["content-type"].startswith("application/x-ndjson")
        return [json.loads(line) for line in response.text.splitlines()]


async def test_it_begins_with_its_cursor_and_ends_with_its_counts(db: Database, fleet: Fleet) -> None:
    await fleet.a_run("a", "b < a")
    async with serving(db) as served:
        lines = await read(served.url)
        first, last = lines[0], lines[-1]
        assert (first["type"], first["format"]) == ("Begin", dump.FORMAT)
        assert int(first["cursor"]) == max(event.seq or 0 for event in await fleet.events())
        assert last["type"] == "End"
        between = [line["type"] for line in lines[1:-1]]
        assert {name: between.count(name) for name in last["counts"]} == last["counts"]
        assert list(dict.fromkeys(between)) == [name for name in last["counts"] if last["counts"][name]]
        assert "Event" not in last["counts"]
        whole = await read(served.url, PATH + "?include=events,logs")
        assert whole[-1]["counts"]["Event"] == len(await fleet.events())
        assert whole[-1]["counts"]["LogLine"] == 0
        secrets = json.dumps(whole)
        assert not any(secret in secrets for secret in (ADMIN, VIEWER, tokens.digest(ADMIN)))


async def test_it_is_for_admins_and_for_their_project(db: Database, fleet: Fleet) -> None:
    ours, theirs = await fleet.a_project("ours"), await fleet.a_project("theirs")
    scoped = "trk_admin-of-one-project"

    def ensure(tx: Tx) -> None:
        tokens.ensure(tx, name="scoped", role=Role.ADMIN, secret=scoped)
        tx.session.flush()
        token = tx.session.get(tokens.TokenRow, tokens.actor_of(tx, scoped).id)  # type: ignore[union-attr]
        assert token is not None
        token.project_id = ours

    await db.write(ensure)
    async with serving(db) as served, httpx.AsyncClient(base_url=served.url) as client:

        async def status(token: str | None, query: str = "", method: str = "GET") -> int:
            asked = await client.request(method, PATH + query, headers=headers(token) if token else {})
            if asked.status_code != 200:
                assert asked.json()["errors"][0]["extensions"]["code"]
            return asked.status_code

        assert [await status(None), await status("trk_nobody"), await status(VIEWER)] == [401, 401, 403]
        assert await status(ADMIN, method="POST") == 405
        assert [await status(ADMIN, "?include=secrets"), await status(ADMIN, "?limit=1")] == [400, 400]
        assert [await status(ADMIN, "?projectId=proj_none"), await status(ADMIN, "?projectId=%00")] == [
            404,
            404,
        ]
        assert await status(scoped, f"?projectId={theirs}") == 404
        for token, query in ((ADMIN, f"?projectId={ours}"), (scoped, ""), (scoped, f"?projectId={ours}")):
            lines = await read(served.url, PATH + query, token)
            assert [line["id"] for line in lines if line["type"] == "Project"] == [ours]
            assert theirs not in json.dumps(lines)
            assert "Pipeline" not in {line["type"] for line in lines}


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A first section that never comes to its end."""

    def page(_tx: Tx, section: dump.Section, _after: Any, *, project_id: str | None) -> dump.Page:
        return dump.Page([b'{"type":"Project"}\n' * 50_000], ("on",))

    monkeypatch.setattr(endpoint.dump, "page", page)


async def test_a_client_that_goes_away_ends_it(
    endless: None, sqlite_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[endpoint.Dump] = []
    begin = endpoint.Dump.__init__

    def noting(self: endpoint.Dump, *args: Any, **named: Any) -> None:
        made.append(self)
        begin(self, *args, **named)

    monkeypatch.setattr(endpoint.Dump, "__init__", noting)
    async with serving(sqlite_db) as served, httpx.AsyncClient(base_url=served.url) as client:
        async with client.stream("GET", PATH, headers=headers()):
            await until(lambda: made[0].under_way == 1)
            async with client.stream("GET", PATH, headers=headers()) as second:
                assert second.status_code == 200
                third = await client.get(PATH, headers=headers())
                assert (third.status_code, third.headers["retry-after"]) == (429, "5")
        await until(lambda: made[0].under_way == 0)


async def test_a_reader_that_takes_nothing_is_cut_off(
    endless: None, sqlite_db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(sqlite_db, slow_reader_seconds=0.2) as served:
        address = urlsplit(served.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        request = f"GET {PATH} HTTP/1.1\r\nhost: {address.netloc}\r\nauthorization: Bearer {ADMIN}\r\n\r\n"
        writer.write(request.encode())
        await until(lambda: "took nothing" in caplog.text)
        rest = b""
        async with asyncio.timeout(10):
            while part := await reader.read(1 << 16):
                rest = part
        writer.close()
        assert b'"End"' not in rest
        assert not rest.endswith(b"0\r\n\r\n"), "a body that was cut off looks whole"
