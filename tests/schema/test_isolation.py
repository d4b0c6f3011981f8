"""What belongs to another project is as unknown as what never was, by whatever way of the schema it is asked for.

The schema itself says what is asked: a field, an argument or a type that these tests cannot reach makes them fail.
"""

import json
import re
from collections.abc import Callable
from typing import Any, Final

import pytest
from sqlalchemy import delete

from app import store
from app.domain.events import EventKind
from app.domain.reports import Used
from app.domain.usage import UNITS, Amounts
from app.engine import indexing
from app.store.db import Tx
from app.store.tables import EventRow
from tests.factories import a_task
from tests.schema import places
from tests.schema.api import Api
from tests.schema.conftest import MakeTheirs
from tests.schema.examples import AT, EXAMPLES, sender
from tests.schema.places import Place, document, of_mutations, readable, unknown, value
from tests.schema.walking import Walk, links
from tests.schema.world import World

HEAD: Final = re.compile(r'"(cursor|cursor__of__Query)": "[0-9]+"')
ID: Final = re.compile(r"\b[a-z]+_[0-9a-hjkmnp-tv-z]{26}\b")

NOT_WALKED: Final = {
    ("HostChanged", "host"),  # machines belong to no project, and say nothing of one
    ("Dashboard", "stale"),  # no time passes here: test_dashboard.py lets it
    ("StaleRun", "run"),
    ("Supervisor", "worker"),  # nothing is started while the pipeline is paused: test_supervisors.py lets it
}
"""Links that give nothing in these worlds, and why that is well."""

HAPPENS: Final = (
    "addFinding",
    "configureProject",
    "configureRun",
    "createToken",
    "injectContext",
    "reportProgress",
    "answerAttention",
    "askQuestion",
    "createRun",
    "spawnWorker",
    "pausePipeline",
    "mutateDag",
    "completeDeliverable",
    "heartbeat",
)
"""Mutations that leave something of every kind to be linked to."""


# ---------------------------------------------------------------- reading by id


async def asked(api: Api, place: Place, parent: World, id: str) -> str:
    """The answer, to the byte, but for the id."""
    result = await api.answer(document(place, parent), it=value(place, id))
    errors = [(error.message, error.extensions) for error in result.errors or []]
    return json.dumps([result.data, errors], default=str).replace(id, "IT")


async def leaks(us: Api, world: World, theirs: World) -> list[str]:
    """Places where what is hidden is told from what never was."""
    return [
        str(place)
        for place in readable()
        if await asked(us, place, world, hidden := getattr(theirs, place.kind))
        != await asked(us, place, world, unknown(hidden))
    ]


async def test_no_query_tells_hidden_from_missing(world: World, theirs: World, us: Api) -> None:
    assert len(readable()) > 25
    assert await leaks(us, world, theirs) == []


async def test_every_query_that_takes_an_id_shows_what_may_be_seen(
    world: World, theirs: World, us: Api
) -> None:
    for place in readable():
        hidden = getattr(theirs, place.kind)
        missing = await asked(us, place, world, unknown(hidden))
        assert await asked(us, place, world, getattr(world, place.kind)) != missing, f"{place}: not even ours"
        assert await asked(world.api, place, theirs, hidden) != missing, f"{place}: nobody sees anything"


# ---------------------------------------------------------------- reading everything


def kinds(ids: set[str]) -> set[str]:
    return {id.partition("_")[0] for id in ids}


async def ids_of(world: World) -> set[str]:
    return {id for rows in (await world.dump()).values() for row in rows for id in ID.findall(row)}


def without_head(walk: Walk, what: str) -> str:
    """An answer but for how far the log has come: one log has the positions of everybody."""
    return HEAD.sub("HEAD", walk.answers.get(what, ""))


async def noticed(us: Api, world: World, make_theirs: MakeTheirs) -> tuple[list[str], str]:
    """What reads otherwise for us since they are there, and all that we can read then."""
    before = await Walk(us, world).everything()
    await make_theirs()
    after = await Walk(us, world).everything()
    every = before.answers.keys() | after.answers.keys()
    changed = [one for one in sorted(every) if without_head(before, one) != without_head(after, one)]
    return changed, after.text


async def test_what_others_have_changes_nothing_in_all_that_we_can_read(
    world: World, us: Api, make_theirs: MakeTheirs
) -> None:
    known = await ids_of(world)
    changed, text = await noticed(us, world, make_theirs)
    assert changed == []
    hidden = await ids_of(world) - known
    assert len(hidden) > 15
    assert not set(ID.findall(text)) & hidden
    assert "theirs" not in text
    assert "canary" not in text


async def an_agent_brought_back(world: World) -> None:
    orchestrator = await world.orchestrator_of(world.run)
    await world.api.do("restartSupervisor", runId=world.run)  # others may have been its supervisor before
    await orchestrator.do("heartbeat", runId=world.run, state="WORKING", pendingTaskIds=[world.later_task])
    await orchestrator.do("askQuestion", runId=world.run, question="May I go on?")
    await world.api.do("restartSupervisor", runId=world.run)


async def a_budget_nearly_used_up(world: World) -> None:
    run = await world.a_run(a_task("dear", budget=UNITS))
    worker = await world.fleet.working(run, "dear")
    await world.fleet.report(worker, Used("m-1", Amounts(cost=UNITS * 9 // 10)))


def forget_the_log(tx: Tx) -> None:
    tx.session.execute(delete(EventRow))


async def test_the_walk_comes_everywhere(world: World) -> None:
    (world.root / "plan.md").write_text("# A plan\n\n- [ ] One\n")
    (world.root / "code.py").write_text("def main():\n    pass\n")
    runner = await world.runner_of(await world.a_worker())
    bodies: list[dict[str, object]] = [
        {"lines": [{"stream": "STDOUT", "text": "hello", "at": AT}]},
        {"toolStarted": {"call": "1", "name": "Read"}},
        {"toolEnded": {"call": "1"}},
        {"usage": {"model": "m-1", "inputTokens": 1}},
    ]
    reports = [{"n": n, "at": AT, **body} for n, body in enumerate(bodies, 2)]
    await runner.do("reportWorker", workerId=runner.actor.worker_id, fence=1, reports=reports)
    await a_budget_nearly_used_up(world)
    reached: set[tuple[str, str]] = set()
    for start in range(0, len(HAPPENS), 5):
        for mutation in HAPPENS[start : start + 5]:
            for example in EXAMPLES[mutation]:
                await (await sender(world, mutation)).do(mutation, **await example(world))
        reached |= (await Walk(world.api, world).everything()).reached
        await world.fleet.db.write(forget_the_log)  # a page of events is not long enough for all of them
    await an_agent_brought_back(world)
    await indexing.run_once(world.api.services.db)
    walk = await Walk(world.api, world).everything()
    assert kinds(await ids_of(world)) <= kinds(set(ID.findall(walk.text)))
    reached |= walk.reached
    assert {kind for kind, name in reached if name == "run"} > {"TaskStatusChanged", "CommandChanged"}
    of_every_event = {(kind, "run") for kind in set(EventKind)}
    assert links() - reached - of_every_event <= NOT_WALKED | {
        ("Query", "telemetry")
    }  # which has measured nothing yet


async def test_no_query_writes_anything(world: World) -> None:
    before = await world.dump()
    await Walk(world.api, world).everything()
    assert await world.dump() == before


# ---------------------------------------------------------------- flawed variants


def unscoped(function: Callable[..., Any]) -> Callable[..., Any]:
    """The flaw: the scope is forgotten for the time of one statement."""

    def flawed(tx: Tx, *args: Any, **kwargs: Any) -> Any:
        scope, tx.scope = tx.scope, None
        try:
            return function(tx, *args, **kwargs)
        finally:
            tx.scope = scope

    return flawed


LOOKED_UP: Final = [
    (store.projects, "by_ids"),
    (store.runs, "by_ids"),
    (store.tasks, "by_ids"),
    (store.workers, "by_ids"),
    (store.attention, "by_ids"),
    (store.commands, "by_ids"),
    (store.tokens, "by_ids"),
    (store.projects, "find"),
    (store.runs, "find"),
    (store.tasks, "find"),
    (store.workers, "find"),
    (store.runs, "select_all"),
    (store.workers, "select_all"),
    (store.attention, "select_all"),
    (store.commands, "select_all"),
    (store.usage, "buckets"),
]


@pytest.mark.parametrize(
    ("module", "name"), LOOKED_UP, ids=[f"{module.__name__[10:]}.{name}" for module, name in LOOKED_UP]
)
async def test_a_look_up_without_its_scope_is_caught(
    world: World, theirs: World, us: Api, monkeypatch: pytest.MonkeyPatch, module: Any, name: str
) -> None:
    monkeypatch.setattr(module, name, unscoped(getattr(module, name)))
    assert await leaks(us, world, theirs) != []


@pytest.mark.parametrize(
    "change",
    [
        (store.tokens, "select_all"),
        (store.projects, "select_all"),
        (store.runs, "count_ready"),
        (store.workers, "count_live"),
    ],
    ids=lambda change: change[1],
)
async def test_a_list_or_a_count_without_its_scope_is_caught(
    world: World,
    us: Api,
    make_theirs: MakeTheirs,
    monkeypatch: pytest.MonkeyPatch,
    change: tuple[Any, str],
) -> None:
    monkeypatch.setattr(*change, unscoped(getattr(*change)))
    changed, _ = await noticed(us, world, make_theirs)
    assert changed != []


@pytest.mark.parametrize("name", ["tokenId", "runIds", "projectId"])
def test_an_id_that_nobody_has_said_anything_about_is_noticed(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delitem(places.KINDS, name)
    with pytest.raises(places.Unknown, match=name):
        (readable(), of_mutations())
