from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.runner.control_plane import ControlPlane, Worker
from tests.runner.support import Template, template


@pytest.fixture(scope="session")
def warm() -> Iterator[Template]:
    with template() as process:
        yield process


@pytest.fixture
async def plane(tmp_path: Path) -> AsyncIterator[ControlPlane]:
    control_plane = ControlPlane(tmp_path)
    await control_plane.start()
    yield control_plane
    await control_plane.kill()


Launch = Callable[..., int]


@pytest.fixture
def launch(warm: Template, plane: ControlPlane, tmp_path: Path) -> Iterator[Launch]:
    """Starts a runner for a worker in its own directory; may be asked again."""

    def start(worker: Worker, **more: Any) -> int:
        plane.add(worker)
        return warm.launch(worker, tmp_path / worker.id, plane.server_file, **more)

    yield start
    warm.clean()
