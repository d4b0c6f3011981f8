"""Tokens while they are in use: revoked, past their time, and when they were last used."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from app.domain.access import Role
from app.store import tokens
from app.store.db import Database, Tx
from app.store.token_tables import TokenRow
from app.transport.identity import Authenticator
from tests.conftest import Clock
from tests.transport.serving import VIEWER, Served, closed, heard, serving, subscribe

FOREVER = "subscription{forever{cursor}}"


class Word:
    """Of tokens that were revoked, as it comes from the log."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[str] = asyncio.Queue()

    def say(self, token_id: str) -> None:
        self._queue.put_nowait(token_id)

    async def __call__(self) -> AsyncIterator[str]:
        while True:
            yield await self._queue.get()


def viewer(tx: Tx) -> TokenRow:
    return tx.session.exec(select(TokenRow).where(col(TokenRow.name) == "viewer")).one()


def revoke(tx: Tx) -> str:
    row = viewer(tx)
    row.revoked_at = tx.now
    return row.id


def end_in_an_hour(tx: Tx) -> None:
    viewer(tx).expires_at = tx.now + timedelta(hours=1)


async def status(served: Served) -> int:
    async with served.client(VIEWER) as client:
        return (await client.post("/graphql", json={"query": "{who}"})).status_code


async def test_word_of_a_revocation_ends_sockets_and_requests_at_once(
    sqlite_db: Database,
) -> None:
    word = Word()
    async with serving(sqlite_db, revoked=word) as served:
        served.service.sockets._recheck = served.service.authenticator._keep = 1e9
        async with served.socket(token=VIEWER) as socket, served.socket() as other:
            await subscribe(socket, FOREVER)
            assert (await heard(socket))["type"] == "next"
            assert await status(served) == 200
            id = await served.db.write(revoke)
            assert await status(served) == 200  # nobody has said so yet
            word.say(id)
            assert await closed(socket) == (4411, "Token expired or revoked")
            assert await status(served) == 401
            await subscribe(other, "{who}")
            assert (await heard(other))["payload"]["data"] == {"who": "admin"}


async def test_what_was_being_looked_up_meanwhile_is_not_remembered(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sqlite_db.write(tokens.ensure, name="viewer", role=Role.VIEWER, secret=VIEWER)
    authenticator = Authenticator(sqlite_db, keep=1e9)
    read, answered, go_on = sqlite_db.read, asyncio.Event(), asyncio.Event()

    async def slow(*arguments: Any) -> Any:
        found = await read(*arguments)
        answered.set()
        await go_on.wait()
        return found

    monkeypatch.setattr(sqlite_db, "read", slow)
    asking = asyncio.ensure_future(authenticator.look_up([VIEWER]))
    await answered.wait()  # the store has answered, and who asked does not know yet
    id = await sqlite_db.write(revoke)
    authenticator.forget(id)
    go_on.set()
    assert await asking != [None]
    assert await authenticator.identify(VIEWER) is None


async def test_a_token_ends_at_its_time_for_requests_and_for_open_sockets(
    sqlite_db: Database, clock: Clock
) -> None:
    async with serving(sqlite_db) as served:
        served.service.sockets._recheck = served.service.authenticator._keep = 1e9
        await served.db.write(end_in_an_hour)
        async with served.socket(token=VIEWER) as socket:
            await subscribe(socket, FOREVER)
            assert (await heard(socket))["type"] == "next"
            clock.advance(minutes=59)
            assert await status(served) == 200
            clock.advance(minutes=1)
            assert await status(served) == 401
            assert await closed(socket) == (4411, "Token expired or revoked")


async def test_a_last_use_costs_a_write_a_minute_at_most(sqlite_db: Database, clock: Clock) -> None:
    async def last() -> object:
        return await sqlite_db.read(lambda tx: viewer(tx).last_used_at)

    async with serving(sqlite_db) as served:
        uses = served.service.authenticator.uses
        assert await uses.write_due() == 0
        assert await status(served) == 200
        first = clock()
        assert await uses.write_due() == 1
        assert await last() == first
        for _ in range(3):
            clock.advance(seconds=15)
            assert await status(served) == 200
            assert await uses.write_due() == 0
        assert await last() == first
        clock.advance(seconds=15)
        assert await status(served) == 200
        assert await uses.write_due() == 1
        assert await last() == clock()
        clock.advance(seconds=1)
        assert await status(served) == 200
    assert await last() == clock()  # what is known when the server goes is written then
