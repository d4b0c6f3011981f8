"""What belongs to another project is as unknown as what never was, by whatever way of the schema it is asked for.

The schema itself says what is asked: a field, an argument or a type that these tests cannot reach makes them fail.
"""

import asyncio
import json
import re
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

import pytest

from app import commands, store
from app.domain.access import Role
from app.domain.events import EventKind
from app.engine import indexing
from app.schema import event_log
from app.store.db import Tx
from app.store.events import EVERYTHING
from tests.conftest import Clock
from tests.factories import an_actor
from tests.schema import places
from tests.schema.api import Api, Refused, graphql_schema
from tests.schema.examples import AT, EXAMPLES, OF_RUNNERS
from tests.schema.places import Place, document, of_mutations, of_type, readable, value
from tests.schema.walking import Walk, links
from tests.schema.world import Dump, World

MakeTheirs = Callable[[], Coroutine[Any, Any, World]]
HEAD: Final = re.compile(r'"(cursor|cursor__of__Query)": "[0-9]+"')
ID: Final = re.compile(r"\b[a-z]+_[0-9a-hjkmnp-tv-z]{26}\b")

NOT_WALKED: Final = {
    ("HostChanged", "host"),  # machines belong to no project, and say nothing of one
    ("Dashboard", "stale"),  # no time passes here: test_dashboard.py lets it
    ("StaleRun", "run"),
}
"""Links that give nothing in these worlds, and why that is well."""

HAPPENS: Final = (
    "addFinding",
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


@pytest.fixture
def make_theirs(world: World, clock: Clock, tmp_path: Path) -> MakeTheirs:
    """Makes a second project with one of everything; `world` is ours."""

    async def make() -> World:
        root = tmp_path / "theirs"
        root.mkdir()
        (root / "hidden-canary.md").write_text("# Hidden canary\n\n- [ ] Be seen\n")
        theirs = await World.make(world.api, root.resolve(), clock)
        await theirs.a_run("ready")
        return theirs

    return make


@pytest.fixture
async def theirs(make_theirs: MakeTheirs) -> World:
    return await make_theirs()


@pytest.fixture
def us(world: World) -> Api:
    """As much as a token of one project can be."""
    return world.api.by(an_actor(Role.ADMIN, project_id=world.project))


def unknown(id: str) -> str:
    """An id that never was."""
    return f"{id[:-4]}zzzz"


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
    await Walk(us, world).everything()  # what is made when it is first asked for is there from here on
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
    for mutation in HAPPENS:
        for example in EXAMPLES[mutation]:
            await world.api.do(mutation, **await example(world))
    await Walk(world.api, world).everything()
    await indexing.run_once(world.api.services.db)
    walk = await Walk(world.api, world).everything()
    assert kinds(await ids_of(world)) <= kinds(set(ID.findall(walk.text)))
    assert {kind for kind, name in walk.reached if name == "run"} > {"TaskStatusChanged", "CommandChanged"}
    of_every_event = {(kind, "run") for kind in set(EventKind)}
    assert links() - walk.reached - of_every_event <= NOT_WALKED | {
        ("Query", "telemetry")
    }  # which has measured nothing yet


# ---------------------------------------------------------------- following


async def heard(api: Api, place: Place, id: str) -> str:
    """The first that a subscription sends, or why it is refused."""
    field = graphql_schema().type_map["Subscription"].fields[place.field]  # type: ignore[attr-defined]
    more = " ".join(f", {name}: {one}" for name, one in ALSO.get(place.field, {}).items())
    text = (
        f"subscription($it: {field.args[place.argument].type}) "
        f"{{ {place.field}({place.argument}: $it{more}) {{ __typename }} }}"
    )
    try:
        return json.dumps(await anext(api.follow(text, it=value(place, id)))).replace(id, "IT")
    except Refused as refused:
        return f"refused: {refused}"


ALSO: Final[dict[str, dict[str, str]]] = {
    "workerOrders": {"fence": "1"},
    "events": {"after": '"0"'},
    "activity": {"after": '"0"'},
}
"""What a subscription needs beside the id."""
QUIET: Final = {"logs", "activity"}
"""Nobody hears anything of these before an agent says something."""
OF_A_RUNNER: Final = {"workerOrders"}
FOR_NO_PROJECT: Final = {"telemetry"}


async def test_no_subscription_tells_hidden_from_missing(world: World, theirs: World, us: Api) -> None:
    taking = of_type("Subscription")
    assert {place.field for place in taking} | FOR_NO_PROJECT == set(
        graphql_schema().subscription_type.fields  # type: ignore[union-attr]
    )
    runner = await world.runner_of(world.worker)
    for place in taking:
        api = runner if place.field in OF_A_RUNNER else us
        hidden = getattr(theirs, place.kind)
        following = [asyncio.ensure_future(heard(api, place, id)) for id in (hidden, unknown(hidden))]
        await stir(world, theirs, us)
        done = [one.result() if one.done() else "silent" for one in following]
        for one in following:
            one.cancel()
        assert done[0] == done[1], str(place)
        assert done[0] == "silent" or done[0].startswith("refused"), str(place)
        everywhere = await heard(world.api, place, hidden) if api is us and place.field not in QUIET else "{"
        assert everywhere.startswith("{"), f"{place}: nobody hears anything"


async def stir(world: World, theirs: World, us: Api) -> None:
    """Something happens in both projects; returns when whoever follows has heard of it. Fails where we hear of theirs."""
    everything = us.follow('subscription { events(after: "0") { id } }')
    for one in (theirs, world):
        workers = (await one.fleet.run(one.run)).max_workers
        await one.fleet.do(commands.runs.configure, run_id=one.run, max_workers=workers + 1)
    head = (await world.api.query("{ cursor }"))["cursor"]
    seen = [(await anext(everything))["events"]]
    while seen[-1]["id"] != f"evt_{int(head):016d}":
        seen.append((await anext(everything))["events"])
    ours = store.events.Filter(project_id=world.project)
    rows = await world.api.services.db.read(store.events.after, 0, limit=10_000, only=ours)
    assert [event["id"] for event in seen] == [f"evt_{row.seq:016d}" for row in rows]
    await everything.aclose()  # type: ignore[attr-defined]


async def test_what_is_about_no_project_is_not_for_a_token_of_one(us: Api) -> None:
    for name in FOR_NO_PROJECT:
        with pytest.raises(Refused, match="FORBIDDEN"):
            await anext(us.follow(f"subscription {{ {name} {{ __typename }} }}"))


# ---------------------------------------------------------------- changing


CHANGED: Final = of_mutations()
NOT_REFUSED: Final = {
    ("reportWorker", "delivered"),
    ("batchRuns", "projectId"),  # a filter: it selects nothing, which is nothing to refuse
}
"""Where an id that is not there changes nothing, and is no mistake either."""


@pytest.mark.parametrize(
    ("mutation", "path", "kind"), CHANGED, ids=[f"{one}.{'.'.join(path)}" for one, path, _ in CHANGED]
)
async def test_a_mutation_does_not_tell_hidden_from_missing_and_changes_nothing_hidden(
    world: World, theirs: World, us: Api, mutation: str, path: tuple[str, ...], kind: str
) -> None:
    api = await world.runner_of(world.worker) if mutation in OF_RUNNERS else us
    inputs = [await example(world) for example in EXAMPLES[mutation]]
    input = next(one for one in inputs if holds(one, path))
    hidden = getattr(theirs, kind)
    before = rows_about(await world.dump("command"), theirs)
    answers = []
    for id in (hidden, unknown(hidden)):
        sent = {**input, "idempotencyKey": f"for-{id}"} if "idempotencyKey" in input else input
        payload = await api.attempt(mutation, replaced(sent, path, id))
        answers.append(json.dumps(payload).replace(id, "IT"))
        assert payload["userErrors"] or (mutation, path[-1]) in NOT_REFUSED
    assert answers[0] == answers[1]
    assert rows_about(await world.dump("command"), theirs) == before
    of_theirs = world.api.by(an_actor(Role.ADMIN, project_id=theirs.project))
    found = await of_theirs.query("{ commands { edges { node { actor verb status } } } }")
    assert all(edge["node"]["status"] != "REJECTED" for edge in found["commands"]["edges"])


def holds(value: Any, path: tuple[str, ...]) -> bool:
    """Whether an input gives something at this place."""
    if isinstance(value, list):
        return any(holds(one, path) for one in value)
    return not path or (path[0] in value and holds(value[path[0]], path[1:]))


def replaced(value: Any, path: tuple[str, ...], id: str) -> Any:
    if isinstance(value, list):
        return [replaced(one, path, id) for one in value] if path else [id]
    if not path:
        return id
    if path[0] not in value:
        return value
    return {**value, path[0]: replaced(value[path[0]], path[1:], id)}


def rows_about(dump: Dump, world: World) -> list[str]:
    ids = {one for one in vars(world).values() if isinstance(one, str)}
    return [row for rows in dump.values() for row in rows if any(id in row for id in ids)]


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


async def test_a_log_without_its_scope_is_caught(
    world: World, theirs: World, us: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "wanted", lambda _filter, _context: EVERYTHING)
    with pytest.raises(AssertionError):
        await stir(world, theirs, us)
    with pytest.raises(AssertionError):
        await test_no_subscription_tells_hidden_from_missing(world, theirs, us)


def test_every_mutation_that_takes_an_id_is_asked() -> None:
    assert {mutation for mutation, _, _ in CHANGED} <= set(EXAMPLES)
    assert len(CHANGED) > 30


@pytest.mark.parametrize("name", ["tokenId", "runIds", "projectId"])
def test_an_id_that_nobody_has_said_anything_about_is_noticed(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delitem(places.KINDS, name)
    with pytest.raises(places.Unknown, match=name):
        (readable(), of_mutations())
