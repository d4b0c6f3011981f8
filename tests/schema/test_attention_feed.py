"""Following what waits for a person."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from app import commands
from app.domain.access import Role
from tests.conftest import BOTH
from tests.factories import an_actor
from tests.schema.api import Refused
from tests.schema.world import World

FEED: Final = """subscription($project: ID, $it: AttentionFilter) {
  attention(projectId: $project, filter: $it) { id title status answer run { id } }
}"""

Stream = AsyncIterator[dict[str, Any]]


async def titles(stream: Stream, count: int) -> list[tuple[str, str]]:
    async with asyncio.timeout(20):
        found = [(await anext(stream))["attention"] for _ in range(count)]
    return [(one["title"], one["status"]) for one in found]


async def asked(world: World, question: str, run: str | None = None) -> str:
    receipt = await world.fleet.do(commands.attention.ask, run_id=run or world.run, question=question)
    return str(receipt.refs["item"])


async def answered(world: World, item: str) -> None:
    await world.fleet.do(commands.attention.answer, item_id=item, answer="red")


@pytest.mark.parametrize("db", BOTH, indirect=True)
async def test_what_is_open_comes_first_and_then_each_as_it_opens_or_is_settled(world: World) -> None:
    stream = world.api.follow(FEED)
    assert await titles(stream, 1) == [("Which colour?", "OPEN")]
    item = await asked(world, "Which size?")
    assert await titles(stream, 1) == [("Which size?", "OPEN")]
    await answered(world, item)
    assert await titles(stream, 1) == [("Which size?", "ANSWERED")]
    await asked(world, "Which form?")
    assert await titles(stream, 1) == [("Which form?", "OPEN")]
    await stream.aclose()  # type: ignore[attr-defined]


async def test_only_what_the_filter_selects_is_told(world: World) -> None:
    other = await world.a_run("one")
    ours = world.api.follow(FEED, it={"runId": other})
    opened = world.api.follow(FEED, it={"statuses": ["OPEN"]})
    settled = world.api.follow(FEED, it={"statuses": ["ANSWERED"]})
    reviews = world.api.follow(FEED, it={"kinds": ["PHASE_CONFIRMATION"]})
    waiting = [asyncio.ensure_future(anext(stream)) for stream in (ours, settled, reviews)]
    assert await titles(opened, 1) == [("Which colour?", "OPEN")]
    await answered(world, await asked(world, "Here?"))
    await asked(world, "There?", other)
    first, second = await asyncio.wait_for(waiting[0], 20), await asyncio.wait_for(waiting[1], 20)
    assert first["attention"]["title"] == "There?"
    assert (second["attention"]["title"], second["attention"]["status"]) == ("Here?", "ANSWERED")
    told = await titles(opened, 1)
    if told[-1][0] != "There?":  # it was looked at before it was answered
        told += await titles(opened, 1)
    assert {status for _, status in told} == {"OPEN"}
    assert told[-1] == ("There?", "OPEN")
    assert not waiting[2].done()
    waiting[2].cancel()


async def test_a_project_sees_its_own_alone(world: World) -> None:
    elsewhere = await world.fleet.a_run("one", name="elsewhere")
    us = world.api.by(an_actor(Role.VIEWER, project_id=world.project))
    for stream in (us.follow(FEED), world.api.follow(FEED, project=world.project)):
        assert await titles(stream, 1) == [("Which colour?", "OPEN")]
        told = asyncio.ensure_future(titles(stream, 1))
        await asked(world, "Not yours?", elsewhere)
        await answered(world, await asked(world, "Yours?"))
        assert [title for title, _ in await told] == ["Yours?"]
    with pytest.raises(Refused, match="NOT_FOUND"):
        await anext(us.follow(FEED, project="prj_of_nobody"))
