"""The end of the day: nothing new, what is under way is finished, every socket gets a reason."""

import asyncio

import pytest
from websockets.exceptions import InvalidStatus

from app.transport.messages import fault
from tests.live.waiting import until
from tests.transport.serving import Served, closed, heard, say, subscribe


async def test_work_is_finished_and_everything_else_is_sent_away(served: Served) -> None:
    async with served.client() as client, served.socket() as follower, served.socket() as worker:
        await subscribe(follower, "subscription{forever{cursor}}")
        assert (await heard(follower))["type"] == "next"
        await subscribe(worker, "subscription{forever{cursor}}", id="followed")
        assert (await heard(worker))["type"] == "next"
        await subscribe(worker, "mutation{work}", id="work")
        await served.state.started.wait()
        posted = asyncio.ensure_future(client.post("/graphql", json={"query": "mutation{work}"}))
        await until(lambda: served.service._drain.under_way == 1)

        served.server.should_exit = True
        assert await closed(follower) == (1001, "going away")
        await subscribe(worker, "{hello}", id="late")
        message = await heard(worker)
        assert (message["id"], message["type"]) == ("late", "error")
        assert message["payload"][0]["extensions"]["code"] == "UNAVAILABLE"
        answer = await client.post("/graphql", json={"query": "{hello}"})
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        with pytest.raises(InvalidStatus) as refusal:
            async with served.socket():
                pass
        assert refusal.value.response.status_code == 503

        served.state.release.set()
        assert (await heard(worker))["payload"] == {"data": {"work": "done"}}
        assert await heard(worker) == {"id": "work", "type": "complete"}
        assert await closed(worker) == (1001, "going away")
        assert (await posted).json() == {"data": {"work": "done"}}
        await until(lambda: not served.server.server_state.connections)


async def test_a_drain_ends_although_work_does_not(served: Served) -> None:
    async with served.socket() as worker:
        await subscribe(worker, "mutation{work}")
        await served.state.started.wait()
        async with asyncio.timeout(5):
            await served.service.drain(0.2)
        assert await closed(worker) == (1001, "going away")


async def test_a_socket_that_never_greeted_is_sent_away_too(served: Served) -> None:
    async with served.socket(hello=False) as silent:
        await say(silent, "ping")
        await heard(silent)
        async with asyncio.timeout(5):
            await served.service.drain(1)
        assert await closed(silent) == (1001, "going away")


def test_a_good_message_has_no_fault() -> None:
    assert fault({"type": "subscribe", "id": "1", "payload": {"query": "{a}", "variables": None}}) is None
