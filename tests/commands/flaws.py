"""Flawed control planes, and for each the shortest way to where its flaw shows."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from app import commands, store
from app.commands import ledgers, moves, workers
from app.commands.dag import _Draft
from app.domain.edits import AddDependency, EditTask, RemoveTask
from app.domain.errors import AppError
from app.domain.phases import Gate, TaskRequirement
from app.domain.workers import ExitReason
from tests.commands.spending import cost, limit, obey, usd
from tests.factories import a_plan, a_task, gated
from tests.fleet import Fleet


def nothing(*_args: Any, **_named: Any) -> None:
    """Forgets to do it."""


async def a_run_begins(fleet: Fleet) -> None:
    await fleet.a_run("a")


async def a_task_is_worked_on(fleet: Fleet) -> None:
    await fleet.working(await fleet.a_run("a"), "a")


async def what_another_waits_for_is_done(fleet: Fleet) -> None:
    await fleet.finish(await fleet.a_run("a", "b < a"), "a")


async def the_last_task_is_done(fleet: Fleet) -> None:
    await fleet.finish(await fleet.a_run("a"), "a")


async def a_phase_is_done(fleet: Fleet) -> None:
    await fleet.finish(await fleet.a_run(["a"], ["b"]), "a")


async def a_guarded_phase_that_people_leave_is_done(fleet: Fleet) -> None:
    plan = gated(a_plan(["a"], ["b"]), guard=True)
    await fleet.finish(await fleet.a_run(plan=plan, auto_advance=False), "a")


async def a_phase_is_left_before_all_is_done(fleet: Fleet) -> None:
    plan = gated(a_plan(["a", "b < a"], ["c"]), Gate(TaskRequirement.MIN, 1))
    await fleet.finish(await fleet.a_run(plan=plan), "a")


async def what_a_gate_names_is_removed(fleet: Fleet) -> None:
    plan = gated(a_plan(["a", "b"], ["c"]), Gate(TaskRequirement.NAMED, None, ("a",)))
    run = await fleet.a_run(plan=plan, runtime=None)
    with suppress(AppError):
        await fleet.do(commands.dag.mutate, run_id=run, edits=[RemoveTask("a")])


async def one_more_is_waited_for(fleet: Fleet) -> None:
    run = await fleet.a_run("a", "b")
    await fleet.do(commands.dag.mutate, run_id=run, edits=[AddDependency("b", "a")])


async def a_worker_asks(fleet: Fleet) -> None:
    await fleet.asking(await fleet.a_run("a"), "a")


async def a_worker_is_answered(fleet: Fleet) -> None:
    item = await fleet.asking(await fleet.a_run("a"), "a")
    await fleet.do(commands.attention.answer, item_id=item, answer="this one")


async def a_worker_asks_in_the_only_place(fleet: Fleet) -> None:
    await fleet.asking(await fleet.a_run("a", "b", max_workers=1), "a")


async def a_worker_is_killed(fleet: Fleet) -> None:
    worker = await fleet.working(await fleet.a_run("a"), "a")
    await fleet.do(commands.workers.kill, worker_id=worker)
    await fleet.exit(worker, reason=ExitReason.KILLED)


async def a_task_with_a_budget(fleet: Fleet) -> tuple[str, str]:
    """Its run and its worker."""
    run = await fleet.a_run(plan=a_plan(a_task("a", budget=usd(5))), budget=usd(10))
    return run, await fleet.working(run, "a")


async def less_than_was_reserved_is_spent(fleet: Fleet) -> None:
    _, worker = await a_task_with_a_budget(fleet)
    await fleet.exit(worker)


async def a_budget_is_used_up(fleet: Fleet) -> None:
    _, worker = await a_task_with_a_budget(fleet)
    await fleet.report(worker, cost(5))


async def a_budget_that_was_used_up_is_raised(fleet: Fleet) -> None:
    run, worker = await a_task_with_a_budget(fleet)
    await fleet.report(worker, cost(5))
    await obey(fleet, worker)
    await fleet.do(commands.dag.mutate, run_id=run, edits=[EditTask("a", budget=limit(9))])


@dataclass(frozen=True)
class Flaw:
    module: Any
    name: str
    instead: Callable[..., Any]
    way: Callable[[Fleet], Awaitable[None]]
    complaint: str

    def bring_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(self.module, self.name, self.instead)


FLAWS = {
    "does not count": Flaw(moves, "count", nothing, a_run_begins, "counts 0 ready, but there are 1"),
    "does not tell dependents": Flaw(
        moves, "_tell_dependents", nothing, what_another_waits_for_is_done, "waits for 1, but 0 are unmet"
    ),
    "does not settle": Flaw(moves, "settle", nothing, the_last_task_is_done, "ACTIVE, but should COMPLETE"),
    "does not advance phases": Flaw(
        moves, "advance", nothing, a_phase_is_done, "phase-1 is ACTIVE, but should COMPLETE"
    ),
    "does not count in phases": Flaw(
        moves, "_count_in_phase", nothing, a_task_is_worked_on, "phase-1 counts 0 running, but there are 1"
    ),
    "leaves tasks behind": Flaw(
        store.tasks,
        "not_begun",
        lambda _tx, _phase_id: [],
        a_phase_is_left_before_all_is_done,
        "without a worker in a phase that is over",
    ),
    "goes on without asking": Flaw(
        store.gates,
        "is_guarded",
        lambda _run, _phase: False,
        a_guarded_phase_that_people_leave_is_done,
        "phase-1 is ACTIVE, but should AWAIT_CONFIRMATION",
    ),
    "lets gates be emptied": Flaw(
        _Draft,
        "refuse_gates_that_cannot_hold",
        nothing,
        what_a_gate_names_is_removed,
        "the gate of phase-1 can never hold",
    ),
    "does not count anew after an edit": Flaw(
        moves, "recount", nothing, one_more_is_waited_for, "waits for 0, but 1 are unmet"
    ),
    "does not wait for answers": Flaw(
        workers, "wait_if_asked", nothing, a_worker_asks, "goes on although its question is open"
    ),
    "takes every place for free": Flaw(
        moves,
        "is_crowded",
        lambda _tx, _run: False,
        a_worker_asks_in_the_only_place,
        "ACTIVE, but should AWAIT_INPUT",
    ),
    "does not close requests": Flaw(
        store.commands,
        "under_way",
        lambda _tx, _worker_id: [],
        a_worker_is_killed,
        "killWorker is REQUESTED, but its worker is KILLED",
    ),
    "goes on past budgets": Flaw(
        store.budgets,
        "stopped_by",
        lambda _tx, _run, _worker: None,
        a_budget_is_used_up,
        "is to go on, with its budget used up",
    ),
    "keeps what was reserved": Flaw(
        ledgers, "release", nothing, less_than_was_reserved_is_spent, "has 50+ reserved"
    ),
    "does not let go": Flaw(
        ledgers,
        "let_go",
        nothing,
        a_budget_that_was_used_up_is_raised,
        "paused by a budget that has something left",
    ),
    "does not release askers": Flaw(
        store.attention,
        "askers",
        lambda _tx, _item_id: [],
        a_worker_is_answered,
        "waits for an answer that nobody is asked for",
    ),
}
