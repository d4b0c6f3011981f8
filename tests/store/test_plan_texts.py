"""The text of a run's plan is large: it is read by those who ask for it."""

from typing import Any

from sqlalchemy import inspect

from app import commands, store
from app.commands.runs import PlanSource
from app.store.db import Tx
from tests.factories import a_plan, a_task
from tests.fleet import Fleet


async def test_a_run_is_read_and_locked_without_the_text_of_its_plan(fleet: Fleet) -> None:
    made = await fleet.do(
        commands.runs.create,
        project_id=await fleet.a_project(),
        plan=a_plan(a_task("one")),
        source=PlanSource("plan.yaml", "TRACKSIDE", "h", "the text"),
    )
    run_id = made.refs["run"]

    def unread(run: Any) -> bool:
        return "plan_text" in inspect(run).unloaded

    def look(tx: Tx) -> list[bool]:
        listed = tx.session.exec(store.runs.select_all(tx)).one()
        tx.session.expunge_all()
        return [unread(listed), unread(store.runs.get(tx, run_id))]

    def lock(tx: Tx) -> bool:
        return unread(store.runs.lock(tx, run_id))

    assert await fleet.db.read(look) == [True, True]
    assert await fleet.db.write(lock)
    assert await fleet.db.read(store.runs.plan_texts, [run_id, "run_none"]) == {run_id: "the text"}

    def elsewhere(tx: Tx) -> dict[str, str]:
        tx.scope = "prj_other"
        return store.runs.plan_texts(tx, [run_id])

    assert await fleet.db.read(elsewhere) == {}
