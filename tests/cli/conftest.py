from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli import examples
from tests.cli.program import Trackside
from tests.e2e.served import Served


@pytest.fixture(scope="session")
def state_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="session")
def server(state_home: Path) -> Iterator[Served]:
    """The server of this machine, as its user finds it: by the files in the usual place."""
    agents = examples.agents(state_home / "agents")
    served = Served(
        state_home / "trackside", env={"TRACKSIDE_TOKEN": "", "TRACKSIDE_HOST_LABELS": "gpu", **agents}
    )
    served.start()
    yield served
    assert served.stop() == 0, served.log()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    return root


@pytest.fixture
def trackside(server: Served, state_home: Path, project: Path) -> Iterator[Trackside]:
    """A user with a server."""
    program = Trackside(state_home, project)
    yield program
    program.close()


@pytest.fixture
def alone(tmp_path: Path, project: Path) -> Iterator[Trackside]:
    """A user without one."""
    program = Trackside(tmp_path / "state", project)
    yield program
    program.close()
