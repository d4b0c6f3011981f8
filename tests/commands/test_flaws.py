"""What has to hold does complain of flaws: each is met for certain on its own way, whatever walks come across."""

import pytest

from app.store.db import Database
from tests.commands.flaws import FLAWS
from tests.conftest import Clock
from tests.fleet import Fleet
from tests.invariants import check


@pytest.mark.parametrize("flaw", FLAWS)
async def test_without_the_flaw_nothing_is_complained_of(fleet: Fleet, flaw: str) -> None:
    await FLAWS[flaw].way(fleet)
    await fleet.db.read(check)


@pytest.mark.parametrize("flaw", FLAWS)
async def test_with_the_flaw_it_is(
    sqlite_db: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch, flaw: str
) -> None:
    FLAWS[flaw].bring_in(monkeypatch)
    fleet = Fleet(sqlite_db, clock)
    await FLAWS[flaw].way(fleet)
    with pytest.raises(AssertionError, match=FLAWS[flaw].complaint):
        await fleet.db.read(check)
