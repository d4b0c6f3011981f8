"""A dispatch that starts nothing and remembers what it was asked for."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from app import store
from app.domain.errors import AppError
from app.store.db import Database


@dataclass
class RecordingDispatch:
    """What the engine sees of a LocalDispatch. `failing` says what to raise for which worker."""

    calls: list[str] = field(default_factory=list)
    launched: list[tuple[str, int, str]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    failing: dict[str, AppError | OSError] = field(default_factory=dict)
    holding_out: set[str] = field(default_factory=set)
    directories: list[str] = field(default_factory=list)
    on_launch: Callable[[str], None] = lambda worker_id: None
    on_end: Callable[[str], None] = lambda worker_id: None

    @property
    def workers(self) -> list[str]:
        return [worker_id for worker_id, _, _ in self.launched]

    async def start(self) -> None:
        self.calls.append("start")

    async def stop(self) -> None:
        self.calls.append("stop")

    async def launch(self, *, worker_id: str, fence: int, token: str) -> None:
        self.calls.append("launch")
        self.on_launch(worker_id)
        if worker_id in self.failing:
            raise self.failing[worker_id]
        self.launched.append((worker_id, fence, token))

    async def end_hung(self, worker_id: str) -> bool:
        self.calls.append("end_hung")
        self.on_end(worker_id)
        if worker_id in self.failing:
            raise self.failing[worker_id]
        self.ended.append(worker_id)
        return worker_id not in self.holding_out

    def known(self) -> list[str]:
        return list(self.directories)

    def forget(self, worker_id: str) -> bool:
        if worker_id in self.holding_out:
            return False
        self.forgotten.append(worker_id)
        return True


@pytest.fixture
def dispatch() -> RecordingDispatch:
    return RecordingDispatch()


@pytest.fixture
async def key(db: Database) -> bytes:
    return await db.write(store.tokens.signing_key)
