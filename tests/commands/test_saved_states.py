"""Agents that look after runs are saved with whatever they do, in the same transaction."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app import commands, store
from app.commands import saved_states
from app.domain.saved_states import KEPT, SavePoint
from app.domain.supervisors import SupervisorState
from tests.commands.supervising import agent_of, ask, beat, configure, kept, looked_after, spawn
from tests.conftest import Clock
from tests.fleet import Fleet

S = SupervisorState


Doing = Callable[[Fleet, str], Awaitable[Any]]


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
    before = (await fleet.supervisor(run)).saves
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
    assert (await fleet.supervisor(run)).saved_at == at


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


async def test_a_save_that_comes_later_is_noticed(
    fleet: Fleet, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who saves after the commit can be killed in between: that is the same as never."""
    monkeypatch.setattr(saved_states, "after", lambda *_: None)
    with pytest.raises(AssertionError):
        await test_it_is_saved_with_whatever_it_does(fleet, clock, configure, SavePoint.RESPONSE)
