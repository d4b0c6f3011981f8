"""How much one caller may ask for: operations in time, mutations, sockets, tokens that are no good."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from app.domain.access import Actor, Role
from app.store.db import Database
from app.transport.limits import mutations_in
from app.transport.rates import Rate
from tests.live.waiting import until
from tests.transport.serving import ADMIN, VIEWER, Served, closed, heard, say, serving, subscribe

WORK = "mutation{work}"


class Watch:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_holds_ten_seconds_worth_and_fills_again() -> None:
    clock = Watch()
    rate = Rate(2.0, clock=clock)
    assert [rate.take("a") for _ in range(20)] == [0] * 20
    assert rate.take("a") == 1
    assert rate.take("b") == 0
    clock.now = 0.5
    assert rate.take("a") == 0
    assert rate.take("a", 10) == 5
    clock.now = 5.5
    assert rate.take("a", 10) == 0
    assert rate.empty_for("a") == 1
    clock.now = 1000.0
    assert rate.empty_for("a") == 0
    assert [rate.take("a") for _ in range(21)] == [0] * 20 + [1]


def test_who_asks_for_more_than_a_bucket_holds_waits_for_a_full_one() -> None:
    clock = Watch()
    rate = Rate(1.0, clock=clock)
    assert rate.take("a", 30) == 0
    assert rate.take("a") > 1
    clock.now = 31.0
    assert rate.take("a", 30) == 0


def test_no_limit_is_no_limit() -> None:
    rate = Rate(0)
    assert {rate.take("a", 100) for _ in range(1000)} == {0}
    assert rate.empty_for("a") == 0


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("{hello}", 0),
        ("subscription{ticks{cursor}}", 0),
        ("mutation{work}", 1),
        ("mutation{a:work b:work ...{work}}", 3),
        ("mutation{...f ...f} fragment f on Mutation{work a:work}", 4),
        ("mutation{...f} fragment f on Mutation{...f work}", 1),
        ("mutation{", 0),
    ],
)
def test_every_field_of_a_document_counts(query: str, count: int) -> None:
    assert mutations_in(query, None) == count


def test_doubled_fragments_are_counted_once_each() -> None:
    body = " ".join(f"fragment f{n} on Mutation{{...f{n + 1} ...f{n + 1}}}" for n in range(60))
    assert mutations_in(f"mutation{{...f0}} {body} fragment f60 on Mutation{{work}}", None) == 1001


def only(answer: httpx.Response) -> dict[str, Any]:
    (error,) = answer.json()["errors"]
    extensions: dict[str, Any] = error["extensions"]
    return extensions


async def test_too_many_mutations_are_told_when_to_come_again(sqlite_db: Database) -> None:
    async with serving(sqlite_db, mutations_per_second=0.1) as served:
        served.state.release.set()
        assert (await served.ask(WORK)).status_code == 200
        refused = await served.ask(WORK)
        assert refused.status_code == 429
        assert only(refused)["code"] == "RATE_LIMITED"
        assert only(refused)["retryAfterSeconds"] == int(refused.headers["retry-after"]) == 10
        assert (await served.ask("{hello}")).status_code == 200
        async with served.client(VIEWER) as client:  # another token, another bucket
            assert (await client.post("/graphql", json={"query": WORK})).status_code == 200
        async with served.socket() as socket:
            await subscribe(socket, WORK)
            message = await heard(socket)
            assert message["type"] == "error"
            assert message["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
            await subscribe(socket, "{hello}")
            assert (await heard(socket))["type"] == "next"


async def test_runners_report_as_much_as_they_have_to(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(
        sqlite_db,
        mutations_per_second=0.1,
        max_sockets=1,
        max_sockets_per_token=1,
        max_operations_per_socket=1,
        request_timeout_seconds=0.1,
    ) as served:
        runner = Actor(id="runner:w", name="runner:w", role=Role.RUNNER, worker_id="w", fence=1)

        known = served.service.authenticator.identify

        async def identify(secret: str | None) -> Actor | None:
            return runner if secret == "runner" else await known(secret)

        monkeypatch.setattr(served.service.authenticator, "identify", identify)
        as_runner = {"token": "runner"}
        async with (
            served.socket(**as_runner) as one,
            served.socket(**as_runner) as two,
            served.socket(**as_runner) as three,
        ):
            await subscribe(one, WORK, id="first")
            await subscribe(one, WORK, id="second")
            await asyncio.wait_for(served.state.started.wait(), 10)
            late = await served.ask(WORK)  # somebody else's is given up meanwhile
            assert late.status_code == 503
            async with served.socket():
                pass  # runners take no room from people
            served.state.release.set()
            answers = [(await heard(one))["type"] for _ in range(4)]
            assert sorted(answers) == ["complete", "complete", "next", "next"]
            for socket in (two, three, two, three):
                await subscribe(socket, WORK)
                assert [(await heard(socket))["type"] for _ in range(2)] == ["next", "complete"]


async def test_what_takes_too_long_is_given_up(sqlite_db: Database) -> None:
    async with serving(sqlite_db, request_timeout_seconds=0.2) as served:
        late = await served.ask(WORK)
        assert late.status_code == 503
        assert only(late)["code"] == "UNAVAILABLE"
        assert "has changed nothing" in late.json()["errors"][0]["message"]
        async with served.socket() as socket:
            await subscribe(socket, "subscription{forever{cursor}}", id="s")
            assert (await heard(socket))["type"] == "next"
            await subscribe(socket, WORK, id="m")
            message = await heard(socket)
            assert (message["id"], message["type"]) == ("m", "error")
            assert message["payload"][0]["extensions"]["code"] == "UNAVAILABLE"
            await subscribe(socket, "{hello}", id="q")
            assert (await heard(socket))["type"] == "next"
            assert served.state.ended == 0  # what is followed goes on


async def test_a_write_that_has_begun_is_waited_for_and_the_next_one_with_it(sqlite_db: Database) -> None:
    async with serving(sqlite_db, request_timeout_seconds=0.1) as served, served.socket() as socket:
        asked = asyncio.create_task(served.ask('mutation{a:write(name:"a") b:write(name:"b")}'))
        await until(served.state.begun.is_set)
        await subscribe(
            socket, "mutation{work}"
        )  # begins nothing, and is given up: so is the other one's time
        assert (await heard(socket))["type"] == "error"
        assert not asked.done()
        served.state.commit.set()
        assert (await asked).json() == {"data": {"a": "a", "b": "b"}}


async def test_a_write_that_is_given_up_while_it_waits_never_happens(sqlite_db: Database) -> None:
    async with serving(sqlite_db, request_timeout_seconds=0.1) as served:
        ahead = asyncio.create_task(sqlite_db.write(lambda _tx: served.state.commit.wait(20)))
        late = await served.ask('mutation{write(name:"late")}')
        assert (late.status_code, only(late)["code"]) == (503, "UNAVAILABLE")
        served.state.commit.set()
        assert await ahead
        assert (await served.ask('mutation{write(name:"next")}')).json() == {"data": {"write": "next"}}
        assert served.state.written == ["next"]


async def test_sockets_are_counted(sqlite_db: Database) -> None:
    async with serving(sqlite_db, max_sockets=3, max_sockets_per_token=2) as served:
        async with served.socket(), served.socket():
            async with served.socket(hello=False) as third:
                await say(third, "connection_init", payload={"token": ADMIN})
                assert await closed(third) == (4429, "Too many sockets with this token")
            async with served.socket(token=VIEWER), served.socket(hello=False) as fourth:
                await say(fourth, "connection_init", payload={"token": VIEWER})
                assert await closed(fourth) == (4429, "Too many sockets on this server")
        await until(lambda: len(served.service.sockets) == 0)
        async with served.socket(), served.socket():
            pass  # those that are closed are not counted


async def test_who_has_not_said_who_it_is_takes_no_room_for_ever(sqlite_db: Database) -> None:
    async with (
        serving(sqlite_db, max_sockets=1) as served,
        served.socket(),
        served.socket(hello=False),
    ):
        with pytest.raises(InvalidStatus) as refused:
            async with served.socket():
                pass
        response = refused.value.response
        assert (response.status_code, response.headers["retry-after"]) == (503, "5")
        assert json.loads(response.body or b"")["errors"][0]["extensions"]["code"] == "UNAVAILABLE"


async def test_a_socket_has_as_many_operations_as_are_set(sqlite_db: Database) -> None:
    async with serving(sqlite_db, max_operations_per_socket=2) as served, served.socket() as socket:
        for number in range(3):
            await subscribe(socket, "subscription{forever{cursor}}", id=str(number))
        messages = [await heard(socket) for _ in range(3)]
        assert [one["id"] for one in messages if one["type"] == "error"] == ["2"]


async def status(served: Served, token: str) -> int:
    async with served.client(token) as client:
        return (await client.post("/graphql", json={"query": "{who}"})).status_code


async def test_who_presents_bad_tokens_is_not_looked_up_for_ever(sqlite_db: Database) -> None:
    async with serving(sqlite_db, failed_logins_per_second=0.1) as served:
        assert await status(served, ADMIN) == 200
        assert await status(served, "wrong") == 401
        assert await status(served, "wrong") == 429
        assert await status(served, VIEWER) == 429  # nobody knows yet whether it is good
        assert await status(served, ADMIN) == 200
        assert await status(served, "trw_RUNNER.wrk_1.1.abc") == 401
        async with served.socket(hello=False) as socket:
            await say(socket, "connection_init", payload={"token": "wrong"})
            code, reason = await closed(socket)
            assert code == 4429
            assert "try again in" in str(reason)
