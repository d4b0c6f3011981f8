"""Who is let in: tokens, hosts, origins."""

import logging
from typing import Any

import httpx
import pytest
from sqlmodel import select
from websockets.exceptions import InvalidStatus

from app.domain.access import Actor, Role
from app.store import tokens
from app.store.db import Database, Tx
from app.store.token_tables import TokenRow
from app.transport.gate import Addresses
from app.transport.identity import Authenticator
from tests.live.waiting import until
from tests.transport.serving import ADMIN, VIEWER, Served, closed, heard, say, serving, subscribe

QUERY = {"query": "{who}"}


def code(answer: httpx.Response) -> str:
    (error,) = answer.json()["errors"]
    return str(error["extensions"]["code"])


async def test_without_a_good_token_nothing_is_read(served: Served) -> None:
    values = [
        None,
        "",
        "Bearer",
        "Basic abc",
        f"Token {ADMIN}",
        "Bearer wrong",
        f"Bearer {ADMIN} x",
        "Bearer é",
    ]
    async with served.client(token=None) as client:
        for value in values:
            headers = {} if value is None else {"authorization": value.encode()}
            answer = await client.post("/graphql", content=b"{not json", headers=headers)
            assert (answer.status_code, code(answer)) == (401, "UNAUTHENTICATED"), value
            assert answer.headers["www-authenticate"] == "Bearer"


async def test_two_tokens_are_none(served: Served) -> None:
    async with served.client(token=None) as client:
        headers = [("authorization", f"Bearer {ADMIN}"), ("authorization", f"Bearer {VIEWER}")]
        assert (await client.post("/graphql", json=QUERY, headers=headers)).status_code == 401


async def test_the_scheme_may_be_written_in_any_way(served: Served) -> None:
    async with served.client(token=None, authorization=f"bearer  {VIEWER}") as client:
        assert (await client.post("/graphql", json=QUERY)).json() == {"data": {"who": "viewer"}}


@pytest.mark.parametrize("name", ["token", "access_token", "Authorization"])
async def test_a_token_in_the_address_is_refused(served: Served, name: str) -> None:
    async with served.client() as client:
        answer = await client.post("/graphql", params={name: ADMIN}, json=QUERY)
    assert (answer.status_code, code(answer)) == (400, "BAD_REQUEST")
    with pytest.raises(InvalidStatus) as refusal:
        async with served.socket(query=f"?{name}={ADMIN}"):
            pass
    assert refusal.value.response.status_code == 400


HOSTS = [
    ("localhost", 200),
    ("localhost:9999", 200),
    ("127.0.0.1", 200),
    ("127.9.9.9:1", 200),
    ("[::1]:8642", 200),
    ("LOCALHOST", 200),
    ("evil.test", 421),
    ("evil.test:8642", 421),
    ("localhost.evil.test", 421),
    ("10.0.0.1", 421),
    ("localhost@evil.test", 400),
    ("a b", 400),
    ("", 400),
]


async def test_hosts(served: Served) -> None:
    async with served.client() as client:
        for host, status in HOSTS:
            answer = await client.post("/graphql", json=QUERY, headers={"host": host})
            assert answer.status_code == status, host
            if status == 421:
                assert code(answer) == "MISDIRECTED_REQUEST"


def test_a_server_for_everybody_takes_addresses_but_no_names() -> None:
    addresses = Addresses("0.0.0.0", hosts=frozenset({"trackside.example"}))
    assert addresses.is_ours("192.168.1.7")
    assert addresses.is_ours("[fe80::1]")
    assert addresses.is_ours("Trackside.Example")
    assert not addresses.is_ours("evil.test")
    assert Addresses("build-host").is_ours("build-host")


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("same", True),
        ("https://app.example", True),
        ("null", False),
        ("http://evil.test", False),
        ("http://[", False),
    ],
)
async def test_origins(sqlite_db: Database, origin: str, allowed: bool) -> None:
    async with serving(sqlite_db, allowed_origins=frozenset({"https://app.example"})) as served:
        value = served.url if origin == "same" else origin
        async with served.client(origin=value) as client:
            answer = await client.post("/graphql", json=QUERY)
        assert answer.status_code == (200 if allowed else 403)
        foreign = allowed and origin != "same"
        assert answer.headers.get("access-control-allow-origin") == (value if foreign else None)
        if allowed:
            async with served.socket(additional_headers={"origin": value}) as socket:
                await subscribe(socket, "{hello}")
                assert (await heard(socket))["type"] == "next"
        else:
            assert code(answer) == "FORBIDDEN"
            with pytest.raises(InvalidStatus) as refusal:
                async with served.socket(additional_headers={"origin": value}):
                    pass
            assert refusal.value.response.status_code == 403


async def test_a_refused_handshake_is_no_error_of_the_server(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(InvalidStatus):
        async with served.socket(additional_headers={"origin": "https://evil.test"}):
            pass
    await until(lambda: not served.server.server_state.tasks)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_a_browser_may_ask_before_it_sends(sqlite_db: Database) -> None:
    async with (
        serving(sqlite_db, allowed_origins=frozenset({"https://app.example"})) as served,
        served.client(token=None, origin="https://app.example") as client,
    ):
        answer = await client.options("/graphql", headers={"access-control-request-method": "POST"})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert "authorization" in answer.headers["access-control-allow-headers"]


# ---------------------------------------------------------------- sockets


async def test_a_token_in_the_handshake_or_in_the_first_message(served: Served) -> None:
    for options in (
        {"token": VIEWER},
        {"token": None, "additional_headers": {"authorization": f"Bearer {VIEWER}"}},
        {"token": VIEWER, "additional_headers": {"authorization": "Bearer wrong"}},
    ):
        async with served.socket(**options) as socket:
            await subscribe(socket, "{who}")
            assert (await heard(socket))["payload"]["data"] == {"who": "viewer"}


async def test_a_bad_token_closes_the_socket(served: Served) -> None:
    for payload in (None, {}, {"token": ""}, {"token": "wrong"}, {"token": "é"}, {"other": 1}):
        async with served.socket(hello=False) as socket:
            await say(socket, "connection_init", payload=payload)
            assert await closed(socket) == (4403, "Forbidden"), payload


async def test_the_token_in_the_first_message_wins_even_if_it_is_bad(served: Served) -> None:
    headers = {"authorization": f"Bearer {ADMIN}"}
    async with served.socket(hello=False, additional_headers=headers) as socket:
        await say(socket, "connection_init", payload={"token": "wrong"})
        assert (await closed(socket))[0] == 4403


async def test_nothing_is_run_before_the_first_message(served: Served) -> None:
    async with served.socket(hello=False) as socket:
        await subscribe(socket, "{who}")
        assert await closed(socket) == (4401, "Unauthorized")


def revoke(tx: Tx, secret: str) -> None:
    row = tx.session.exec(select(TokenRow).where(TokenRow.digest == tokens.digest(secret))).one()
    row.revoked_at = tx.now
    tx.session.add(row)


async def test_a_revoked_token_ends_its_sockets(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    served.service.sockets._recheck = 0.0
    async with served.socket(token=VIEWER) as socket, served.socket() as other:
        await subscribe(socket, "subscription{forever{cursor}}")
        assert (await heard(socket))["type"] == "next"
        await served.db.write(revoke, VIEWER)
        assert await closed(socket) == (4411, "Token expired or revoked")
        await subscribe(other, "{who}")
        assert (await heard(other))["payload"]["data"] == {"who": "admin"}


async def test_good_tokens_are_remembered_for_a_moment_and_bad_ones_never(sqlite_db: Database) -> None:
    now, reads = 0.0, 0

    class Counting:
        clock = sqlite_db.clock

        async def read(self, *args: Any) -> Any:
            nonlocal reads
            reads += 1
            return await sqlite_db.read(*args)

    counting: Any = Counting()
    authenticator = Authenticator(counting, keep=2.0, clock=lambda: now)
    await sqlite_db.write(tokens.signing_key)
    assert await authenticator.identify("trk_late") is None
    await sqlite_db.write(tokens.ensure, name="late", role=Role.VIEWER, secret="trk_late")
    found = await authenticator.identify("trk_late")
    assert isinstance(found, Actor)
    assert await authenticator.identify("trk_late") == found
    assert reads == 2
    await sqlite_db.write(revoke, "trk_late")
    now = 1.9
    assert await authenticator.identify("trk_late") == found
    now = 2.1
    assert await authenticator.identify("trk_late") is None
    assert reads == 3
