"""`trackside serve` as a process: how it starts, what it says when it cannot, and how it ends."""

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from app.cli.serve import app
from app.client.socket import ConnectionLost, GraphQLSocket
from tests.e2e.served import TOKEN, Served


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    server = Served(tmp_path / "data")
    yield server
    if server.process is not None and server.process.poll() is None:
        server.stop()


def refused(*args: str, **env: str) -> tuple[int, str]:
    """The exit status and the words of a server that does not come up."""
    clean = {name: None for name in os.environ if name.startswith("TRACKSIDE_")}
    done = CliRunner().invoke(app, args, env={**clean, **env})
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.exit_code, done.stderr


def ask(served: Served, token: str, document: str = "{viewer{role}}") -> httpx.Response:
    return httpx.post(
        f"{served.url}/graphql", json={"query": document}, headers={"authorization": f"Bearer {token}"}
    )


async def read_on(events: AsyncIterator[Any]) -> None:
    async for _ in events:
        pass


def test_a_start_and_an_end(served: Served) -> None:
    served._env = {"TRACKSIDE_TOKEN": "", "TRACKSIDE_LOG_FORMAT": "json"}
    served.start()
    assert served.process is not None
    assert served.url.startswith("http://127.0.0.1:")

    address = json.loads((served.data_dir / "server.json").read_text())
    assert (address["url"], address["pid"]) == (served.url, served.process.pid)
    assert address["startedAt"].endswith("+00:00")
    token_file = served.data_dir / "token"
    assert token_file.stat().st_mode & 0o777 == 0o600
    assert served.data_dir.stat().st_mode & 0o777 == 0o700
    token = token_file.read_text().strip()

    assert ask(served, token).json() == {"data": {"viewer": {"role": "ADMIN"}}}
    assert ask(served, "wrong").status_code == 401
    assert httpx.get(f"{served.url}/healthz", headers={"host": "10.1.2.3"}).json() == {"status": "alive"}
    ready = httpx.get(f"{served.url}/readyz")
    assert ready.status_code == 200
    assert ready.json()["checks"] == {
        "database": True,
        "log": True,
        "engine": True,
        "wakeUps": True,
        "leader": True,
    }
    assert "type Query" in httpx.get(f"{served.url}/schema.graphql").text
    assert httpx.get(f"{served.url}/nothing").status_code == 404
    assert "server" not in ready.headers

    assert served.stop() == 0
    assert not (served.data_dir / "server.json").exists()
    for line in served.log().splitlines():
        assert list(json.loads(line))[:4] == ["time", "level", "logger", "event"]
        assert token not in line

    served.start()
    assert token_file.read_text().strip() == token
    assert ask(served, token).status_code == 200


def test_both_databases(served: Served, database_url: str) -> None:
    served._args = ("--database-url", database_url)
    served.start()
    assert ask(served, TOKEN).json() == {"data": {"viewer": {"role": "ADMIN"}}}
    assert served.stop() == 0


async def test_ctrl_c_tells_subscribers_and_ends_well(served: Served) -> None:
    served.start()
    assert served.process is not None
    async with await GraphQLSocket.open(served.url, token=TOKEN) as socket:
        events = socket.subscribe('subscription{events(after: "0"){cursor}}')
        await socket.execute('mutation{pausePipeline(input: {reason: "a test"}){userErrors{code}}}')
        await anext(events)
        began = time.monotonic()
        served.process.send_signal(signal.SIGINT)
        with pytest.raises(ConnectionLost) as lost:
            await read_on(events)
        assert (lost.value.code, lost.value.reason) == (1001, "going away")
    assert served._ended() == 0
    assert time.monotonic() - began < 10
    assert "Traceback" not in served.log()


def test_a_second_server_on_the_same_directory(served: Served) -> None:
    served.start()
    assert served.process is not None
    status, words = refused("--port", "0", "--data-dir", str(served.data_dir))
    assert status == 1
    assert f"Another server (process {served.process.pid}) is at work" in words
    assert "--data-dir" in words
    served.kill()
    served.start()  # the lock dies with its holder


def test_a_second_server_on_the_same_file(served: Served, tmp_path: Path) -> None:
    served.start()
    host = (served.data_dir / "host").read_text()
    database = f"sqlite:///{served.data_dir / 'trackside.db'}"
    status, words = refused(
        "--port", "0", "--data-dir", str(tmp_path / "elsewhere"), "--database-url", database
    )
    assert status == 1
    assert "Another server is at work on the database" in words
    assert "PostgreSQL" in words
    served.kill()
    served.start()
    assert (served.data_dir / "host").read_text() == host, "its workers belong to it after a restart too"
    assert httpx.get(f"{served.url}/readyz").json()["checks"]["leader"]
    numbers = httpx.get(f"{served.url}/metrics", headers={"authorization": f"Bearer {TOKEN}"}).text
    assert "trackside_leads 1.0" in numbers
    assert 'trackside_bus_connected{kind="memory"} 1.0' in numbers


def test_a_busy_port(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        status, words = refused("--port", str(port), "--data-dir", str(tmp_path / "data"))
    assert status == 1
    assert words.splitlines()[-2:] == [
        f"Error [UNAVAILABLE]: 127.0.0.1:{port} cannot be bound: Address already in use.",
        "  Try: Choose another --port; 0 picks a free one.",
    ]


@pytest.mark.parametrize(
    ("args", "env", "status", "words"),
    [
        (("--database-url", "postgresql://127.0.0.1:1/none"), {}, 1, "The database cannot be used"),
        (("--database-url", "nonsense"), {}, 2, "give sqlite:///path or postgresql://"),
        (("--events-url", "pigeon://post"), {}, 1, "no way to carry wake-ups over 'pigeon'"),
        (("--host", "no.such.host.invalid"), {}, 1, "cannot be bound"),
        (("--data-dir", "/proc/nothing"), {}, 1, "The data directory /proc/nothing cannot be used"),
        ((), {"TRACKSIDE_TOKEN": "two words"}, 1, "The token in TRACKSIDE_TOKEN cannot be sent"),
        ((), {"TRACKSIDE_SLOTS": "none"}, 2, "slots"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    tmp_path: Path, args: tuple[str, ...], env: dict[str, Any], status: int, words: str
) -> None:
    found = refused("--port", "0", "--data-dir", str(tmp_path / "data"), *args, **env)
    assert found[0] == status
    assert words in found[1]
    assert not (tmp_path / "data" / "server.json").exists()


def made(served: Served, role: str) -> tuple[str, str]:
    """A new token's id and its secret."""
    document = f'mutation{{createToken(input: {{name: "made", role: {role}}}){{secret token{{id}}}}}}'
    answer = ask(served, TOKEN, document).json()["data"]["createToken"]
    return answer["token"]["id"], answer["secret"]


def revoke(served: Served, token_id: str) -> None:
    document = f'mutation{{revokeToken(input: {{tokenId: "{token_id}"}}){{userErrors{{code}}}}}}'
    assert ask(served, TOKEN, document).json()["data"]["revokeToken"] == {"userErrors": []}


async def test_a_token_is_revoked_on_every_server(
    served: Served, tmp_path: Path, postgresql_url: str
) -> None:
    served._args = ("--database-url", postgresql_url)
    other = Served(tmp_path / "other" / "data", args=served._args)
    other.data_dir.parent.mkdir()
    served.start()
    other.start()
    try:
        id, secret = made(served, "VIEWER")
        async with await GraphQLSocket.open(other.url, token=secret) as socket:
            events = socket.subscribe("subscription{events{cursor}}")
            following = asyncio.ensure_future(read_on(events))
            assert ask(other, secret).status_code == 200
            began = time.monotonic()
            revoke(served, id)
            with pytest.raises(ConnectionLost) as lost:
                await following
            assert lost.value.code == 4411
            assert time.monotonic() - began < 4  # sooner than the look that needs no word
        assert ask(other, secret).status_code == 401
    finally:
        other.stop()


def test_a_first_token_that_was_revoked_is_replaced_or_refused(served: Served) -> None:
    served._env = {"TRACKSIDE_TOKEN": ""}
    served.start()
    first = (served.data_dir / "token").read_text().strip()
    (edge,) = ask(served, first, "{tokens{edges{node{id}}}}").json()["data"]["tokens"]["edges"]
    document = f'mutation{{revokeToken(input: {{tokenId: "{edge["node"]["id"]}"}}){{userErrors{{code}}}}}}'
    assert ask(served, first, document).status_code == 200
    served.stop()
    served.start()
    second = (served.data_dir / "token").read_text().strip()
    assert second != first
    assert (ask(served, first).status_code, ask(served, second).status_code) == (401, 200)
    assert "it was revoked. A new one takes its place." in served.log()
    assert second not in served.log()
    served.stop()
    status, words = refused("--port", "0", "--data-dir", str(served.data_dir), TRACKSIDE_TOKEN=first)
    assert status == 1
    assert "Error [INVALID_INPUT]: TRACKSIDE_TOKEN: This token cannot be the first one" in words
    assert "Try: Set another one, or none to have one made." in words
