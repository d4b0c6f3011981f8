from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.conftest import BOTH
from tests.e2e.served import Client, Served


@pytest.fixture(params=BOTH)
def database_args(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """On each kind of database once: the file in the data directory, and a PostgreSQL that nobody has migrated."""
    if request.param == "sqlite":
        return ()
    return ("--database-url", request.getfixturevalue("a_postgresql_url"))


@pytest.fixture
def environment() -> dict[str, str]:
    """Of the server; who wants it told something has a fixture of this name."""
    return {}


@pytest.fixture
def served(tmp_path: Path, database_args: tuple[str, ...], environment: dict[str, str]) -> Iterator[Served]:
    server = Served(tmp_path / "data", env=environment, args=database_args)
    server.start()
    yield server
    assert server.stop() == 0, server.log()


@pytest.fixture
async def client(served: Served) -> AsyncIterator[Client]:
    client = Client(served.url)
    yield client
    await client.close()


@pytest.fixture
def project_root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    return root
