"""No subscription tells what belongs to another project from what never was."""

import asyncio
import json
from typing import Final

import pytest

from app import commands, store
from app.schema import event_log
from app.store.events import EVERYTHING
from tests.schema.api import Api, Refused, graphql_schema
from tests.schema.places import Place, of_type, unknown, value
from tests.schema.world import World


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


async def test_a_log_without_its_scope_is_caught(
    world: World, theirs: World, us: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "wanted", lambda _filter, _context: EVERYTHING)
    with pytest.raises(AssertionError):
        await stir(world, theirs, us)
    with pytest.raises(AssertionError):
        await test_no_subscription_tells_hidden_from_missing(world, theirs, us)
