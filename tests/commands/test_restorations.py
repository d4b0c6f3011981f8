"""Agents that look after runs are saved with whatever they do, and brought back from that step by step."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text

from app import commands, store
from app.commands import saved_states
from app.commands.audit import Receipt
from app.domain.access import Actor, Role
from app.domain.errors import AppError
from app.domain.events import EventKind
from app.domain.saved_states import KEPT, SavedState, SavePoint, unseal
from app.domain.supervisors import SupervisorState
from app.store.db import Tx
from app.store.restorations import Restored
from app.store.supervisor_tables import SupervisorRow
from tests.conftest import Clock
from tests.factories import COMMAND, an_actor
from tests.fleet import Fleet

S = SupervisorState
SPAWN = {"runtime": COMMAND, "name": "scout"}


def agent_of(run: str, name: str = "one") -> Actor:
    return an_actor(Role.ORCHESTRATOR, id=f"tok_{name}", run_id=run)


async def beat(fleet: Fleet, run: str, state: S = S.WORKING, *, name: str = "one", **said: Any) -> Any:
    return await fleet.db.write(
        commands.supervisors.beat, actor=agent_of(run, name), run_id=run, state=state, **said
    )


async def looked_after(fleet: Fleet, *entries: Any, **said: Any) -> str:
    """A run with an agent that has been heard once."""
    run = await fleet.a_run(*(entries or ("a", "b < a")))
    await beat(fleet, run, **said)
    return run


async def ask(fleet: Fleet, run: str, question: str = "Which colour?", *, name: str = "one") -> str:
    done = await fleet.do(commands.attention.ask, by=agent_of(run, name), run_id=run, question=question)
    return str(done.refs["item"])


async def restart(fleet: Fleet, run: str) -> None:
    await fleet.do(commands.supervisors.restart, run_id=run)


async def supervisor(fleet: Fleet, run: str) -> SupervisorRow:
    return await fleet.db.read(store.supervisors.of_run, run)


async def kept(fleet: Fleet, run: str) -> list[SavedState]:
    """What is saved of a run's agent, newest first."""
    row = await supervisor(fleet, run)
    found = await fleet.db.read(store.saved_states.newest, row.id)
    return [unseal(one, supervisor=row.id) for one in found]


async def told(fleet: Fleet, run: str) -> Restored:
    def look(tx: Tx) -> Restored:
        return store.restorations.context(tx, store.runs.get(tx, run), store.supervisors.of_run(tx, run))

    return await fleet.db.read(look)


async def steps(fleet: Fleet, run: str) -> dict[str, str | None]:
    """The steps of the last restoration with what they say."""
    return {one["step"]: one["detail"] for one in (await supervisor(fleet, run)).restoration}


async def spoil(fleet: Fleet, statement: str, **values: Any) -> None:
    """What a bad disk, or somebody with a database client, does."""

    def spoiling(tx: Tx) -> None:
        tx.session.connection().execute(text(statement), values)

    await fleet.db.write(spoiling)


# ---------------------------------------------------------------- saving

Doing = Callable[[Fleet, str], Awaitable[Any]]


async def spawn(fleet: Fleet, run: str, *, name: str = "one", **more: Any) -> Receipt:
    return await fleet.do(commands.workers.spawn, by=agent_of(run, name), run_id=run, **SPAWN, **more)


async def configure(fleet: Fleet, run: str) -> None:
    await fleet.do(commands.runs.configure, by=agent_of(run), run_id=run, max_workers=3)


async def sync(fleet: Fleet, run: str) -> None:
    await fleet.do(commands.supervisors.sync, by=agent_of(run), run_id=run)


async def remark(fleet: Fleet, run: str) -> None:
    await beat(fleet, run, memo="Red.")


async def go_on_to_another_phase(fleet: Fleet, run: str) -> None:
    await fleet.finish(run, "a")


@pytest.mark.parametrize(
    ("do", "point"),
    [
        (configure, SavePoint.RESPONSE),
        (remark, SavePoint.RESPONSE),
        (spawn, SavePoint.SPAWN),
        (ask, SavePoint.QUESTION),
        (go_on_to_another_phase, SavePoint.PHASE_CHANGE),
        (beat, SavePoint.HEARTBEAT),
        (sync, SavePoint.SYNC),
    ],
)
async def test_it_is_saved_with_whatever_it_does(
    fleet: Fleet, clock: Clock, do: Doing, point: SavePoint
) -> None:
    run = await looked_after(fleet, ["a"], ["b"], activity="Reading", progress=7)
    before = (await supervisor(fleet, run)).saves
    at = clock.advance(seconds=1)
    head = await fleet.db.read(store.events.head)
    await do(fleet, run)
    newest = (await kept(fleet, run))[0]
    assert (newest.point, newest.at, newest.n) == (point, at, before + 1)
    assert (newest.state, newest.activity, newest.progress) == (
        S.WORKING,
        "Reading",
        7,
    )
    assert newest.phase == ("phase-2" if point is SavePoint.PHASE_CHANGE else "phase-1")
    assert newest.position >= head
    assert (await supervisor(fleet, run)).saved_at == at


async def test_what_is_refused_or_rehearsed_saves_nothing(fleet: Fleet) -> None:
    run = await looked_after(fleet)
    before = await kept(fleet, run)
    await fleet.refused(commands.runs.resume, by=agent_of(run), run_id=run)
    await fleet.db.rehearse(
        commands.audit.rehearse, agent_of(run), commands.runs.configure, run_id=run, max_workers=2
    )
    assert await kept(fleet, run) == before


async def test_neither_is_there_without_the_other(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    run = await looked_after(fleet)
    before, workers = await kept(fleet, run), len(await fleet.live(run))

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr(store.saved_states, "put", fail)
    for do in (spawn, ask, configure, beat):
        with pytest.raises(RuntimeError, match="killed"):
            await do(fleet, run)
    assert await kept(fleet, run) == before
    assert len(await fleet.live(run)) == workers
    assert (await fleet.run(run)).open_attention == 0


async def test_others_and_the_built_in_one_are_not_saved(fleet: Fleet) -> None:
    run = await fleet.a_run("a")
    for do in (spawn, ask, configure, sync, go_on_to_another_phase):
        await do(fleet, run)
    assert await kept(fleet, run) == []
    other = await looked_after(fleet)
    before = await kept(fleet, other)
    await fleet.do(commands.runs.configure, run_id=other, max_workers=3)
    assert await kept(fleet, other) == before


async def test_a_heartbeat_is_light_and_takes_no_place_from_the_others(fleet: Fleet, clock: Clock) -> None:
    run = await looked_after(fleet, memo="Red.", session_id="ses_1")
    for _ in range(KEPT + 3):
        await beat(fleet, run)
    newest, first = await kept(fleet, run)
    assert (newest.point, newest.conversation) == (SavePoint.HEARTBEAT, None)
    assert first.conversation is not None
    assert (first.point, first.conversation.memo) == (SavePoint.RESPONSE, "Red.")


async def test_the_last_few_are_kept_and_the_notes_go_with_them(fleet: Fleet) -> None:
    run = await looked_after(fleet, memo="Red.", session_id="ses_1")
    for _ in range(2 * KEPT):
        await configure(fleet, run)
    found = await kept(fleet, run)
    assert [one.n for one in found] == list(range(2 * KEPT + 1, KEPT + 1, -1))
    notes = {one.conversation for one in found}
    assert [(note.memo, note.session_id) for note in notes if note] == [("Red.", "ses_1")]
    await beat(fleet, run, session_id="ses_2")
    note = (await kept(fleet, run))[0].conversation
    assert note is not None
    assert (note.memo, note.session_id) == ("Red.", "ses_2")


# ---------------------------------------------------------------- bringing back


async def test_who_never_was_saved_starts_fresh_and_that_is_said(fleet: Fleet) -> None:
    run = await looked_after(fleet)
    await spoil(fleet, "DELETE FROM saved_state")
    await restart(fleet, run)
    assert await steps(fleet, run) == {
        "STATE_LOADED": "There is none to go on from.",
        "STARTED_FRESH": "Nothing was saved.",
    }
    assert "Nothing is known" in (await told(fleet, run)).context
    await beat(fleet, run)


async def test_all_eight_steps_but_one_in_their_order(fleet: Fleet, clock: Clock) -> None:
    run = await looked_after(fleet, "a", "b < a", memo="Red, not blue.", session_id="ses_1")
    task = (await fleet.task(run, "a")).id
    done = (await fleet.task(run, "b")).id
    await fleet.do(commands.tasks.skip, task_id=done)
    item = await ask(fleet, run)
    await beat(fleet, run, S.WAITING_FOR_TASKS, activity="Waiting", progress=40, pending_tasks=[task, done])
    await restart(fleet, run)
    row = await supervisor(fleet, run)
    assert (row.state, row.activity, row.progress, row.pending_tasks) == (
        S.INITIALIZING,
        "Waiting",
        40,
        [task],
    )
    heard = await beat(fleet, run, name="two")
    assert heard.restored is not None
    assert heard.restored.session_id == "ses_1"
    for words in ("Red, not blue.", f"{item}: Which colour?", f"a ({task}): READY", "askQuestion: EFFECTIVE"):
        assert words in heard.restored.context
    assert (await beat(fleet, run, name="two")).restored is None
    assert await steps(fleet, run) == {
        "STATE_LOADED": "State 3 of 2026-01-01 12:00:00Z, saved with a heartbeat.",
        "CONVERSATION_RESTORED": "Notes of 14 characters, session ses_1.",
        "QUESTIONS_DELIVERED": "1 waits for an answer.",
        "TASKS_AWAITED": "a",
        "CONTEXT_HANDED_OVER": "In the answer to its first heartbeat.",
        "RESUMED": None,
    }
    events = await fleet.events(EventKind.SUPERVISOR_RESTORED)
    assert [event.data["step"] for event in events] == list(await steps(fleet, run))
    assert [event.data["questions"] for event in events if event.data["questions"]] == [[item]]
    assert [event.data["tasks"] for event in events if event.data["tasks"]] == [[task]]


async def test_what_is_restarted_while_it_is_brought_back_begins_anew(fleet: Fleet) -> None:
    run = await looked_after(fleet)
    await restart(fleet, run)
    await restart(fleet, run)
    assert list(await steps(fleet, run)) == ["STATE_LOADED", "CONVERSATION_RESTORED"]
    await beat(fleet, run)
    assert list(await steps(fleet, run))[-1] == "RESUMED"


async def test_the_built_in_one_has_nothing_to_be_brought_back(fleet: Fleet) -> None:
    run = await fleet.a_run("a")
    await restart(fleet, run)
    assert await fleet.events(EventKind.SUPERVISOR_RESTORED) == []


async def test_what_happened_meanwhile_is_told(fleet: Fleet, clock: Clock) -> None:
    run = await looked_after(fleet, ["a", "b"], ["c"], memo="Two of three.")
    before = (await told(fleet, run)).context
    assert "## What has happened since" not in before
    await fleet.finish(run, "a", "b")
    context = (await told(fleet, run)).context
    assert "- task a was COMPLETED\n" in context
    assert "- phase phase-2 began\n" in context
    assert "task a was RUNNING" not in context


# ---------------------------------------------------------------- answers and tasks


async def test_no_answer_is_asked_for_twice(fleet: Fleet, clock: Clock) -> None:
    run = await looked_after(fleet)
    item = await ask(fleet, run)
    await restart(fleet, run)
    assert await ask(fleet, run, name="two") == item, "it still waits"
    clock.advance(seconds=1)
    await fleet.do(commands.attention.answer, item_id=item, answer="red")
    restored = (await beat(fleet, run, name="two")).restored
    assert f"{item}: Which colour? → red, by olga, since then" in restored.context
    await restart(fleet, run)
    assert await ask(fleet, run, name="three") == item, "it was answered while nobody was there"
    await beat(fleet, run, name="three")
    assert (await fleet.item(item)).answer == "red"


async def test_a_question_of_the_same_life_is_a_new_one(fleet: Fleet) -> None:
    """'May I go on?' is asked more than once, and each time it is meant."""
    run = await looked_after(fleet)
    items = []
    for _ in range(2):
        items.append(await ask(fleet, run, "May I go on?"))
        await fleet.do(commands.attention.answer, item_id=items[-1], answer="yes")
    assert items[0] != items[1]
    await restart(fleet, run)
    await beat(fleet, run)
    assert await ask(fleet, run, "May I go on?") == items[1]
    assert await ask(fleet, run, "May I go on?") not in items


async def test_who_is_not_the_supervisor_asks_anew(fleet: Fleet) -> None:
    run = await looked_after(fleet)
    item = await ask(fleet, run)
    await fleet.do(commands.attention.answer, item_id=item, answer="red")
    await restart(fleet, run)
    await beat(fleet, run)
    assert await ask(fleet, run, name="two") != item
    done = await fleet.do(commands.attention.ask, run_id=run, question="Which colour?")
    assert done.refs["item"] != item


async def test_a_pending_question_is_put_to_people_again(fleet: Fleet) -> None:
    run = await looked_after(fleet)
    item = await ask(fleet, run)
    await spoil(fleet, "DELETE FROM saved_state")
    await restart(fleet, run)
    assert list(await steps(fleet, run)) == ["STATE_LOADED", "STARTED_FRESH", "QUESTIONS_DELIVERED"]
    assert f"{item}: Which colour?" in (await told(fleet, run)).context
    assert (await fleet.item(item)).status == "OPEN"
    await beat(fleet, run)


async def test_nothing_is_started_twice(fleet: Fleet) -> None:
    run = await looked_after(fleet, "a")
    task = (await fleet.task(run, "a")).id
    first = await spawn(fleet, run, task_id=task, key="start-a")
    scout = await spawn(fleet, run, key="scout")
    await restart(fleet, run)
    heard = await beat(fleet, run, name="two")
    assert "idempotency key start-a, task a is READY, worker" in heard.restored.context
    for earlier, arguments in ((first, {"task_id": task, "key": "start-a"}), (scout, {"key": "scout"})):
        again = await spawn(fleet, run, name="two", **arguments)
        assert (again.command_id, again.refs) == (earlier.command_id, earlier.refs)
    with pytest.raises(AppError, match="already has a worker"):
        await spawn(fleet, run, name="two", task_id=task)
    assert len(await fleet.live(run)) == 2


async def test_the_keys_of_others_are_their_own(fleet: Fleet) -> None:
    run = await looked_after(fleet)
    mine = await spawn(fleet, run, key="scout")
    theirs = await spawn(fleet, run, name="two", key="scout")
    assert mine.refs != theirs.refs


async def test_a_restoration_that_forgets_answers_is_noticed(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The flaw that the tests of answers are there for."""
    monkeypatch.setattr(store.attention, "find_answer_before_restart", lambda *_: None)
    with pytest.raises(AssertionError, match="while nobody was there"):
        await test_no_answer_is_asked_for_twice(fleet, fleet.clock)  # type: ignore[arg-type]


# ---------------------------------------------------------------- damage


async def two_checkpoints(fleet: Fleet) -> tuple[str, int]:
    """A run, and the number of the newer state."""
    run = await looked_after(fleet, memo="Older.")
    task = (await fleet.task(run, "a")).id
    await beat(fleet, run, memo="Newer.", pending_tasks=[task])
    return run, 2


DAMAGE = {
    "altered": "UPDATE saved_state SET body = digest WHERE n = :n",
    "cut": "UPDATE saved_state SET body = substr(body, 1, 20) WHERE n = :n",
    "emptied": "UPDATE saved_state SET body = substr(body, 1, 0) WHERE n = :n",
    "digest": "UPDATE saved_state SET digest = body WHERE n = :n",
    "renumbered": "UPDATE saved_state SET n = 9 WHERE n = :n",
    "swapped": "UPDATE saved_state SET body = (SELECT body FROM saved_state WHERE n = 1),"
    " digest = (SELECT digest FROM saved_state WHERE n = 1) WHERE n = :n",
}


@pytest.mark.parametrize("damage", DAMAGE)
async def test_the_last_good_checkpoint_is_gone_on_from(fleet: Fleet, damage: str) -> None:
    run, n = await two_checkpoints(fleet)
    await spoil(fleet, DAMAGE[damage], n=n)
    await restart(fleet, run)
    found = await steps(fleet, run)
    assert list(found) == ["STATE_LOADED", "CHECKPOINT_TAKEN", "CONVERSATION_RESTORED"]
    assert str(found["CHECKPOINT_TAKEN"]).startswith("State ")
    assert "Older." in (await told(fleet, run)).context
    await spoil(fleet, "UPDATE saved_state SET n = :n WHERE n = 9", n=n)
    assert (await beat(fleet, run)).restored is not None
    await configure(fleet, run)


async def test_text_where_bytes_should_be_is_damage_too(own_sqlite_db: Any, clock: Clock) -> None:
    """SQLite keeps in a column whatever it is given."""
    fleet = Fleet(own_sqlite_db, clock)
    run, n = await two_checkpoints(fleet)
    for nonsense in ("'text'", "17", "CAST(X'FFFE' AS TEXT)"):
        await spoil(fleet, f"UPDATE saved_state SET body = {nonsense}, digest = {nonsense} WHERE n = :n", n=n)
        await restart(fleet, run)
        assert "Older." in (await told(fleet, run)).context


async def test_what_waits_for_tasks_that_are_gone_is_passed_over(fleet: Fleet) -> None:
    run, _ = await two_checkpoints(fleet)
    other = await fleet.a_run("x")
    stranger = (await fleet.task(other, "x")).id
    await fleet.db.write(_wait_for, run, [stranger])
    await restart(fleet, run)
    assert (await steps(fleet, run))["CHECKPOINT_TAKEN"] == "State 3 waits for tasks that are not there."
    await beat(fleet, run)


def _wait_for(tx: Tx, run_id: str, tasks: list[str]) -> None:
    """Past the rules of a heartbeat."""
    run, row = store.runs.get(tx, run_id), store.supervisors.of_run(tx, run_id)
    row.pending_tasks = tasks
    saved_states.save(tx, run, row, SavePoint.RESPONSE)


async def test_where_all_is_damaged_it_starts_fresh_and_saves_anew(fleet: Fleet) -> None:
    run, _ = await two_checkpoints(fleet)
    await spoil(fleet, "UPDATE saved_state SET body = digest")
    await restart(fleet, run)
    found = await steps(fleet, run)
    assert list(found) == ["STATE_LOADED", "STARTED_FRESH"]
    assert found["STARTED_FRESH"] == (
        "State 2 was altered after it was written. State 1 was altered after it was written."
    )
    await beat(fleet, run, memo="Anew.")
    await restart(fleet, run)
    assert "Anew." in (await told(fleet, run)).context
    assert list(await steps(fleet, run)) == ["STATE_LOADED", "CONVERSATION_RESTORED"]
    await beat(fleet, run)


# ---------------------------------------------------------------- processes


async def a_process(fleet: Fleet) -> tuple[str, Actor]:
    """A run that an agent was started for, and that agent."""
    run = await fleet.a_run("a", supervisor=COMMAND)
    await fleet.claim()
    return run, await process_of(fleet, run)


async def process_of(fleet: Fleet, run: str) -> Actor:
    worker = (await supervisor(fleet, run)).worker_id
    assert worker is not None
    await fleet.up(worker)
    agent = an_actor(Role.ORCHESTRATOR, id=f"orchestrator:{worker}", run_id=run)
    await fleet.db.write(commands.supervisors.beat, actor=agent, run_id=run, state=S.WORKING, memo="Red.")
    return agent


async def dies(fleet: Fleet, clock: Clock, run: str) -> None:
    worker = (await supervisor(fleet, run)).worker_id
    assert worker is not None
    await fleet.exit(worker, 9)
    clock.advance(minutes=1)


async def test_a_new_process_is_told_in_its_prompt_where_the_one_before_left_off(
    fleet: Fleet, clock: Clock
) -> None:
    run, _ = await a_process(fleet)
    assert await fleet.events(EventKind.SUPERVISOR_RESTORED) == []
    await dies(fleet, clock, run)
    await fleet.claim()
    worker = await fleet.worker(str((await supervisor(fleet, run)).worker_id))
    assert "# Look after the run" in worker.prompt
    assert "## Your notes\n\nRed." in worker.prompt
    found = await steps(fleet, run)
    assert list(found) == ["STATE_LOADED", "CONVERSATION_RESTORED", "CONTEXT_HANDED_OVER"]
    assert found["CONTEXT_HANDED_OVER"] == "In its prompt."
    await process_of(fleet, run)
    assert list(await steps(fleet, run))[-1] == "RESUMED"


async def test_what_a_process_has_sent_before_it_died_does_nothing_afterwards(
    fleet: Fleet, clock: Clock
) -> None:
    """Its successor could not know of it, and would do it again."""
    run, agent = await a_process(fleet)
    spawning = {"run_id": run, **SPAWN, "key": "scout"}
    await dies(fleet, clock, run)
    assert (await fleet.refused(commands.workers.spawn, by=agent, **spawning)).code == "SUPERVISOR_DEAD"
    await fleet.claim()
    assert (await fleet.refused(commands.workers.spawn, by=agent, **spawning)).code == "SUPERVISOR_DEAD"
    successor = await process_of(fleet, run)
    await fleet.do(commands.workers.spawn, by=successor, **spawning)


async def test_what_a_process_waits_for_outlives_it(fleet: Fleet, clock: Clock) -> None:
    run, agent = await a_process(fleet)
    worker = (await supervisor(fleet, run)).worker_id
    question = {"run_id": run, "question": "Which colour?"}
    done = await fleet.do(commands.attention.ask, by=agent, worker_id=worker, **question)
    await dies(fleet, clock, run)
    assert (await fleet.item(done.refs["item"])).status == "OPEN"
    await fleet.do(commands.attention.answer, item_id=done.refs["item"], answer="red")
    await fleet.claim()
    successor = await process_of(fleet, run)
    worker = (await supervisor(fleet, run)).worker_id
    again = await fleet.do(commands.attention.ask, by=successor, worker_id=worker, **question)
    assert again.refs == done.refs


# ---------------------------------------------------------------- flaws that these tests are there for


async def test_a_save_that_comes_later_is_noticed(
    fleet: Fleet, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who saves after the commit can be killed in between: that is the same as never."""
    monkeypatch.setattr(saved_states, "after", lambda *_: None)
    with pytest.raises(AssertionError):
        await test_it_is_saved_with_whatever_it_does(fleet, clock, configure, SavePoint.RESPONSE)


async def test_a_door_that_stays_open_for_the_dead_is_noticed(
    fleet: Fleet, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.tokens, "is_process", lambda _: False)
    with pytest.raises(AssertionError, match="was not refused"):
        await test_what_a_process_has_sent_before_it_died_does_nothing_afterwards(fleet, clock)
