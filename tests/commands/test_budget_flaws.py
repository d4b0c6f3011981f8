"""Control planes that keep budgets badly are noticed by the tests of budgets."""

from inspect import signature
from typing import Any

import pytest

from app import store
from app.commands import ledgers
from app.domain.budgets import Ledger, Need
from app.store.db import Database, Tx
from app.store.tables import RunRow, WorkerRow
from tests.commands import test_budget_reservations, test_budgets, test_spend_caps
from tests.conftest import Clock
from tests.fleet import Fleet


def reserves_nothing(_run: RunRow, worker: WorkerRow, wanted: Need) -> None:
    worker.budget = wanted.budget


def forgets_that_it_warned(tx: Tx, run: RunRow, row: Any, ledger: Ledger, **named: Any) -> None:
    row.budget_warned = False
    WARN(tx, run, row, ledger, **named)


WARN = ledgers.warn
FLAWS: dict[str, tuple[Any, str, Any, Any]] = {
    "reserves nothing": (
        ledgers,
        "reserve",
        reserves_nothing,
        test_budget_reservations.test_of_twenty_spawns_at_once_as_many_start_as_the_budget_has_room_for,
    ),
    "resumes past the budget": (
        store.budgets,
        "stopped_by",
        lambda _tx, _run, _worker: None,
        test_spend_caps.test_unblocking_a_task_does_not_resume_a_worker_past_its_budget,
    ),
    "gives every attempt the whole budget anew": (
        ledgers,
        "_handed_on",
        lambda _tx, _task, _of_task: None,
        test_spend_caps.test_auto_recovery_does_not_resume_a_session_past_its_spend_cap,
    ),
    "warns twice": (
        ledgers,
        "warn",
        forgets_that_it_warned,
        test_budgets.test_most_of_a_budget_is_warned_of_once_until_the_limit_is_another,
    ),
}


@pytest.mark.parametrize("flaw", FLAWS)
async def test_a_flaw_is_caught(
    sqlite_db: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch, flaw: str
) -> None:
    module, name, flawed, test = FLAWS[flaw]
    monkeypatch.setattr(module, name, flawed)
    arguments = {"fleet": Fleet(sqlite_db, clock), "clock": clock}
    with pytest.raises((AssertionError, ValueError)):  # the latter where there is more than one
        await test(**{one: arguments[one] for one in signature(test).parameters})
