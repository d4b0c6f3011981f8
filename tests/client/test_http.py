"""One request, one answer: what is sent, what is repeated, and what every kind of answer is turned into."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from app.client.discovery import Located
from app.client.errors import NoServer, NotAllowed, Refused, RequestFailed, TracksideError, Unreachable
from app.client.http import At, Client
from app.client.retries import BackOff

QUERY = "query { cursor }"
MUTATION = "mutation ($input: PauseRunInput!) { pauseRun(input: $input) { userErrors { code } } }"
HERE = Located("http://127.0.0.1:1", None, 4242)
AT_ONCE = BackOff(first=0.0, limit=0.0)

Answer = httpx.Response | Exception


class Peer:
    """Answers with one thing after the other, the last one for ever; `asked` is what it was sent."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def inputs(self) -> list[dict[str, Any]]:
        return [json.loads(request.content)["variables"]["input"] for request in self.asked]


def data(**fields: Any) -> httpx.Response:
    return httpx.Response(200, json={"data": fields})


def errors(code: str, message: str = "No.", *, status: int = 200, **more: Any) -> httpx.Response:
    return httpx.Response(
        status, json={"errors": [{"message": message, "extensions": {"code": code, **more}}]}
    )


def a_client(peer: Peer, *, tries_again: int = 5, server: Any = None) -> Client:
    return Client(
        server or At("http://127.0.0.1:1", "secret"),
        tries_again=tries_again,
        back_off=AT_ONCE,
        transport=httpx.MockTransport(peer),
    )


async def test_a_query_is_posted_with_its_token_and_answered_with_its_data() -> None:
    peer = Peer(data(cursor="7"))

    async with a_client(peer) as client:
        assert await client.query(QUERY, {"a": "ä"}) == {"cursor": "7"}

    request = peer.asked[0]
    assert (request.method, str(request.url)) == ("POST", "http://127.0.0.1:1/graphql")
    assert request.headers["authorization"] == "Bearer secret"
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.content) == {"query": QUERY, "variables": {"a": "ä"}}


async def test_without_a_token_none_is_sent() -> None:
    peer = Peer(data(cursor="7"))

    async with a_client(peer, server=At("http://127.0.0.1:1")) as client:
        await client.query(QUERY)

    assert "authorization" not in peer.asked[0].headers


async def test_a_mutation_carries_a_key_of_its_own_and_no_nulls() -> None:
    peer = Peer(data(pauseRun={"run": {"id": "run_1"}, "userErrors": []}))

    async with a_client(peer) as client:
        payload = await client.mutate(MUTATION, {"runId": "run_1", "reason": None})
        await client.mutate(MUTATION, {"runId": "run_1"})
        await client.mutate(MUTATION, {"runId": "run_1", "idempotencyKey": "mine"})
        await client.mutate_as_given(MUTATION, {"answer": None})

    assert payload["run"] == {"id": "run_1"}
    first, second, third, given = peer.inputs
    assert set(first) == {"runId", "idempotencyKey"}
    assert first["idempotencyKey"] != second["idempotencyKey"]
    assert third["idempotencyKey"] == "mine"
    assert given["answer"] is None


async def test_half_a_surrogate_pair_is_left_to_the_server_to_refuse() -> None:
    peer = Peer(data(cursor="7"))

    async with a_client(peer) as client:
        await client.query(QUERY, {"a": "\ud800"})

    assert b"\\ud800" in peer.asked[0].content


# ---------------------------------------------------------------- asking again

LOST: list[Callable[[], Answer]] = [
    lambda: httpx.ConnectError("refused"),
    lambda: httpx.ReadError("reset"),
    lambda: httpx.RemoteProtocolError("closed"),
    lambda: httpx.ReadTimeout("slow"),
    lambda: httpx.Response(502),
    lambda: httpx.Response(503, text="<html>busy</html>"),
    lambda: httpx.Response(504),
    lambda: httpx.Response(429, headers={"retry-after": "0"}),
    lambda: errors("UNAVAILABLE"),
    lambda: errors("UNAVAILABLE", status=503),
]


@pytest.mark.parametrize("lost", LOST)
async def test_a_lost_connection_or_a_busy_server_is_asked_again(lost: Callable[[], Answer]) -> None:
    peer = Peer(lost(), lost(), data(cursor="7"))

    async with a_client(peer, tries_again=2) as client:
        assert await client.query(QUERY) == {"cursor": "7"}

    assert len(peer.asked) == 3


async def test_a_mutation_is_repeated_under_the_same_key() -> None:
    peer = Peer(httpx.ReadError("reset"), httpx.ReadError("reset"), data(pauseRun={"userErrors": []}))

    async with a_client(peer) as client:
        await client.mutate(MUTATION, {"runId": "run_1"})

    assert len(peer.inputs) == 3
    assert len({input["idempotencyKey"] for input in peer.inputs}) == 1


@pytest.mark.parametrize("tries_again", [0, 1, 5])
async def test_it_gives_up_after_as_many_tries_as_it_may(tries_again: int) -> None:
    peer = Peer(httpx.ConnectError("refused"))

    async with a_client(peer, tries_again=tries_again) as client:
        with pytest.raises(Unreachable) as error:
            await client.query(QUERY)

    assert len(peer.asked) == tries_again + 1
    assert "127.0.0.1:1" in error.value.message
    assert error.value.suggestion


async def test_a_server_that_stays_busy_is_told_in_its_own_words() -> None:
    async with a_client(Peer(errors("UNAVAILABLE", "Going away.")), tries_again=1) as client:
        with pytest.raises(RequestFailed, match="Going away"):
            await client.query(QUERY)


@pytest.mark.parametrize("code", ["INTERNAL", "NOT_FOUND", "CURSOR_EXPIRED", "GRAPHQL_VALIDATION_FAILED"])
async def test_what_would_fail_again_is_not_asked_again(code: str) -> None:
    peer = Peer(errors(code))

    async with a_client(peer) as client:
        with pytest.raises(RequestFailed) as error:
            await client.query(QUERY)

    assert error.value.code == code
    assert len(peer.asked) == 1


async def test_every_try_looks_for_the_server_anew() -> None:
    class Moving:
        def __init__(self) -> None:
            self.port = 1

        def locate(self) -> Located:
            self.port += 1
            return Located(f"http://127.0.0.1:{self.port}", f"token-{self.port}")

    peer = Peer(httpx.ConnectError("refused"), data(cursor="7"))

    async with a_client(peer, server=Moving()) as client:
        await client.query(QUERY)

    assert [(request.url.port, request.headers["authorization"]) for request in peer.asked] == [
        (2, "Bearer token-2"),
        (3, "Bearer token-3"),
    ]


async def test_a_server_that_is_known_to_have_ended_is_not_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Ended:
        def locate(self) -> Located:
            return HERE

    monkeypatch.setattr("app.client.discovery._alive", lambda pid: False)
    peer = Peer(httpx.ConnectError("refused"))

    async with a_client(peer, server=Ended()) as client:
        with pytest.raises(NoServer) as error:
            await client.query(QUERY)

    assert len(peer.asked) == 1
    assert "trackside serve" in str(error.value.suggestion)


async def test_a_server_that_has_answered_may_be_restarting(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [HERE, HERE, None, None, HERE]

    class Restarting:
        def locate(self) -> Located:
            found = files.pop(0)
            if found is None:
                raise NoServer("There is no file.")
            return found

    monkeypatch.setattr("app.client.discovery._alive", lambda pid: False)
    peer = Peer(data(cursor="7"), httpx.ConnectError("refused"), data(cursor="8"))

    async with a_client(peer, server=Restarting()) as client:
        assert await client.query(QUERY) == {"cursor": "7"}
        assert await client.query(QUERY) == {"cursor": "8"}


async def test_where_no_server_is_known_none_is_waited_for() -> None:
    class Nowhere:
        asked = 0

        def locate(self) -> Located:
            self.asked += 1
            raise NoServer("There is no file.")

    nowhere = Nowhere()

    async with a_client(Peer(data()), server=nowhere) as client:
        with pytest.raises(NoServer):
            await client.query(QUERY)

    assert nowhere.asked == 1


# ---------------------------------------------------------------- refusals and failures


async def test_user_errors_are_raised_with_everything_they_say() -> None:
    refusals = [
        {"code": "VERSION_CONFLICT", "message": "Moved on.", "path": ["input", "x"], "suggestion": "Read."},
        {"code": "INVALID_INPUT", "message": "Second.", "path": None, "suggestion": None},
    ]

    async with a_client(Peer(data(pauseRun={"userErrors": refusals}))) as client:
        with pytest.raises(Refused) as error:
            await client.mutate(MUTATION, {"runId": "run_1"})

    refused = error.value
    assert (refused.code, refused.message, refused.path, refused.suggestion) == (
        "VERSION_CONFLICT",
        "Moved on.",
        ["input", "x"],
        "Read.",
    )
    assert refused.errors == refusals


@pytest.mark.parametrize(
    "answer", [errors("UNAUTHENTICATED", status=401), errors("FORBIDDEN", status=403), httpx.Response(401)]
)
async def test_a_token_that_is_not_good_enough_is_an_error_of_its_own(answer: httpx.Response) -> None:
    async with a_client(Peer(answer)) as client:
        with pytest.raises(NotAllowed):
            await client.query(QUERY)


async def test_the_suggestion_of_a_failure_is_kept() -> None:
    async with a_client(Peer(errors("INVALID_INPUT", suggestion="Do that."))) as client:
        with pytest.raises(RequestFailed) as error:
            await client.query(QUERY)

    assert error.value.suggestion == "Do that."


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>hello</html>"),
        httpx.Response(404, text="not here"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"data": None}),
        httpx.Response(302, headers={"location": "http://127.0.0.1:2/graphql"}),
        httpx.Response(200, text="[" * 100_000),
    ],
)
async def test_what_is_no_answer_of_trackside_is_told_as_such(answer: httpx.Response) -> None:
    peer = Peer(answer)

    async with a_client(peer) as client:
        with pytest.raises(RequestFailed) as error:
            await client.query(QUERY)

    assert error.value.suggestion
    assert len(peer.asked) == 1  # a redirect would hand the token on


@pytest.mark.parametrize("token", ["two\nlines", "ünïcode", "with space", ""])
async def test_a_token_that_no_header_can_hold_is_never_sent(token: str) -> None:
    peer = Peer(data(cursor="7"))

    async with a_client(peer, server=At("http://127.0.0.1:1", token)) as client:
        with pytest.raises(NotAllowed) as error:
            await client.query(QUERY)

    assert peer.asked == []
    assert not token or token not in str(error.value)


async def test_a_mutation_that_is_answered_with_nothing_is_a_failure() -> None:
    async with a_client(Peer(data(pauseRun=None))) as client:
        with pytest.raises(TracksideError) as error:
            await client.mutate(MUTATION, {"runId": "run_1"})

    assert error.value.code == "FAILED"
