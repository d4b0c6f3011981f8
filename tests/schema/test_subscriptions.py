"""What can be followed: the log, a run, a worker's lines."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from app import commands
from app.domain.runs import Urgency
from tests.conftest import BOTH
from tests.live.waiting import until
from tests.schema.api import Api, Refused
from tests.schema.world import World

AT: Final = "2026-01-01T12:00:00Z"
PATIENCE: Final = 10.0

Stream = AsyncIterator[dict[str, Any]]


async def take(stream: Stream, count: int) -> list[Any]:
    """The next so many things, each without the name of the field that sent it."""
    async with asyncio.timeout(PATIENCE):
        return [next(iter((await anext(stream)).values())) for _ in range(count)]


async def closed(stream: Stream) -> None:
    await stream.aclose()  # type: ignore[attr-defined]


async def configure(world: World, workers: int) -> None:
    await world.fleet.do(commands.runs.configure, run_id=world.run, max_workers=workers)


EVENTS: Final = "subscription($it: EventFilter, $after: Cursor) { events(filter: $it, after: $after) { cursor __typename } }"


async def log_of(api: Api) -> list[dict[str, str]]:
    found = await api.query("{ events { edges { node { cursor __typename } } } }")
    return [edge["node"] for edge in found["events"]["edges"]]


@pytest.mark.parametrize("db", BOTH, indirect=True)
async def test_events_are_the_past_and_then_the_present_without_gap_or_repeat(world: World) -> None:
    past = await log_of(world.api)
    stream = world.api.follow(EVENTS, after="0")
    seen = await take(stream, 3)
    for workers in range(2, 7):
        await configure(world, workers)
    whole = await log_of(world.api)
    assert len(whole) == len(past) + 10
    seen += await take(stream, len(whole) - 3)
    assert seen == whole
    await closed(stream)


async def test_events_go_on_from_a_cursor(world: World) -> None:
    whole = await log_of(world.api)
    for start in (0, 3, len(whole) - 2):
        stream = world.api.follow(EVENTS, after=whole[start]["cursor"])
        assert await take(stream, len(whole) - start - 1) == whole[start + 1 :]
        await closed(stream)


@pytest.mark.parametrize("after", [{}, {"after": None}])
async def test_events_begin_now_where_no_cursor_is_given(world: World, after: dict[str, Any]) -> None:
    await up_to_date(world)
    stream = world.api.follow(EVENTS, **after)
    first = asyncio.ensure_future(anext(stream))
    await until(lambda: world.api.services.tail.followers, "a follower")
    await configure(world, 2)
    assert (await first)["events"]["__typename"] == "RunConfigured"
    await closed(stream)


async def up_to_date(world: World) -> None:
    """The tail has read all there is."""
    head = int((await world.api.query("{ cursor }"))["cursor"])
    if world.api.services.tail.head < head:
        await world.api.services.tail.grown(head - 1)


async def test_events_are_filtered_by_every_field(world: World) -> None:
    other = await world.a_run("task")
    await world.fleet.working(other, "task")
    for filter, expected in (
        ({"projectId": world.project, "types": ["PhaseChanged"]}, ["PhaseChanged"] * 2),
        ({"runIds": [other], "types": ["PhaseChanged"]}, ["PhaseChanged"]),
        ({"taskIds": [world.task], "types": ["AttentionOpened"]}, ["AttentionOpened"]),
        ({"workerIds": [world.worker], "types": ["ContextInjected"]}, ["ContextInjected"]),
        ({"runStatuses": ["CREATED"]}, ["RunStatusChanged", "SupervisorStateChanged"] * 2),
        ({}, [event["__typename"] for event in await log_of(world.api)]),
    ):
        stream = world.api.follow(EVENTS, it=filter, after="0")
        assert [event["__typename"] for event in await take(stream, len(expected))] == expected
        if filter:
            rest = asyncio.ensure_future(anext(stream))
            await up_to_date(world)
            marker = world.api.follow(EVENTS, after=str(world.api.services.tail.head))
            await configure(world, 5)
            await take(marker, 2)  # the command and what it changed
            assert not rest.done()
            rest.cancel()


@pytest.mark.parametrize(
    ("after", "code"),
    [
        ("nonsense", "INVALID_INPUT"),
        ("-1", "INVALID_INPUT"),
        ("²", "INVALID_INPUT"),
        ("", "INVALID_INPUT"),
        (" 1", "INVALID_INPUT"),
        ("1" * 18, "INVALID_INPUT"),
        ("1" * 40, "INVALID_INPUT"),
        (str(2**63), "INVALID_INPUT"),
    ],
)
async def test_a_position_that_no_event_ever_had_is_refused(world: World, after: str, code: str) -> None:
    with pytest.raises(Refused, match=code):
        await take(world.api.follow(EVENTS, after=after), 1)
    document = "query($after: Cursor) { events(after: $after) { edges { cursor } } }"
    result = await world.api.answer(document, after=after)
    assert result.errors or result.data == {"events": {"edges": []}}


RUN: Final = "subscription($id: ID!) { run(id: $id) { status version openAttention } }"


async def test_a_run_is_sent_now_and_whenever_it_changes(world: World) -> None:
    stream = world.api.follow(RUN, id=world.run)
    assert await take(stream, 1) == [{"status": "WAITING_FOR_INPUT", "version": 2, "openAttention": 1}]
    elsewhere = await world.a_run()
    await world.fleet.do(commands.runs.configure, run_id=elsewhere, max_workers=2)
    await world.fleet.do(commands.runs.pause, run_id=world.run, mode=Urgency.DRAIN)
    assert await take(stream, 1) == [{"status": "PAUSING", "version": 3, "openAttention": 1}]
    await world.api.do("answerAttention", itemId=world.item, answer="red")
    assert await take(stream, 1) == [{"status": "PAUSING", "version": 3, "openAttention": 0}]
    await closed(stream)


async def test_many_changes_of_a_run_may_be_sent_as_one_but_the_last_is_never_missed(world: World) -> None:
    stream = world.api.follow(RUN, id=world.run)
    await take(stream, 1)
    for workers in range(2, 30):
        await configure(world, workers)
    version = (await world.fleet.run(world.run)).version
    while (await take(stream, 1))[0]["version"] != version:
        pass
    await closed(stream)


LOGS: Final = (
    "subscription($id: ID!, $after: String) { logs(workerId: $id, after: $after) "
    "{ cursor lines { cursor stream text at } } }"
)


async def write(world: World, n: int, *texts: str) -> None:
    runner = await world.runner_of(world.worker)
    lines = [{"stream": "STDERR", "text": text, "at": AT} for text in texts]
    report = {"n": n, "at": AT, "lines": lines}
    await runner.do("reportWorker", workerId=world.worker, fence=1, reports=[report])


async def end(world: World, n: int) -> None:
    runner = await world.runner_of(world.worker)
    report = {"n": n, "at": AT, "exited": {"reason": "EXITED", "exitCode": 0}}
    await runner.do("reportWorker", workerId=world.worker, fence=1, reports=[report])


async def rest_of(stream: Stream) -> list[Any]:
    async with asyncio.timeout(PATIENCE):
        return [one["logs"] async for one in stream]


async def test_lines_are_the_past_and_then_the_present_until_the_worker_has_ended(world: World) -> None:
    await write(world, 2, "one", "two")
    stream = world.api.follow(LOGS, id=world.worker)
    line = {"cursor": "1", "stream": "STDERR", "text": "one", "at": AT}
    (batch,) = await take(stream, 1)
    assert batch == {"cursor": "2", "lines": [line, {**line, "cursor": "2", "text": "two"}]}
    await write(world, 3, "three")
    (batch,) = await take(stream, 1)
    assert (batch["cursor"], [one["text"] for one in batch["lines"]]) == ("3", ["three"])
    await write(world, 4, "four")
    await end(world, 5)
    assert [one["text"] for batch in await rest_of(stream) for one in batch["lines"]] == ["four"]


async def test_lines_go_on_from_a_cursor(world: World) -> None:
    await write(world, 2, *(f"line {n}" for n in range(1, 1203)))
    await end(world, 3)
    batches = await rest_of(world.api.follow(LOGS, id=world.worker))
    assert [len(batch["lines"]) for batch in batches] == [500, 500, 202]
    for cursor in (batches[0]["cursor"], batches[0]["lines"][7]["cursor"]):
        rest = await rest_of(world.api.follow(LOGS, id=world.worker, after=cursor))
        assert rest[0]["lines"][0]["text"] == f"line {int(cursor) + 1}"
        assert rest[-1]["cursor"] == "1202"
    assert await rest_of(world.api.follow(LOGS, id=world.worker, after="1202")) == []


async def test_lines_of_a_worker_that_wrote_nothing_end_with_it(world: World) -> None:
    pending = asyncio.ensure_future(rest_of(world.api.follow(LOGS, id=world.worker)))
    await end(world, 2)
    assert await pending == []


@pytest.mark.parametrize("after", ["", "x", "-1", "٣", "1" * 19, "1.5"])
async def test_no_cursor_of_a_log_is_refused(world: World, after: str) -> None:
    with pytest.raises(Refused, match="INVALID_INPUT"):
        await take(world.api.follow(LOGS, id=world.worker, after=after), 1)


async def test_what_does_not_exist_cannot_be_followed(world: World) -> None:
    for document in (RUN, LOGS):
        with pytest.raises(Refused, match="NOT_FOUND"):
            await take(world.api.follow(document, id="none_1"), 1)


async def test_a_server_that_goes_away_says_so_to_every_follower(world: World) -> None:
    streams = [
        world.api.follow(EVENTS),
        world.api.follow(RUN, id=world.run),
        world.api.follow(LOGS, id=world.worker),
    ]
    waiting = [asyncio.ensure_future(take(stream, 1_000)) for stream in streams]
    await configure(world, 2)
    tail = world.api.services.tail
    await until(lambda: tail.followers, "a follower")
    await tail.__aexit__(None, None, None)
    for one in waiting:
        with pytest.raises((Refused, StopAsyncIteration, RuntimeError)) as ended:
            await one
        assert "UNAVAILABLE" in str(ended.value), ended.value
