from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.e2e.served import Client, Served


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    server = Served(tmp_path / "data")
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
