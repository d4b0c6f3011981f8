"""Stands where runners are started, and remembers what it was asked for."""

from app.dispatch.local import LocalDispatch
from app.domain.errors import AppError, ErrorCode


class RecordingDispatch(LocalDispatch):
    """Starts nothing. `fails` makes launches fail, `stuck` names workers whose tree cannot be ended."""

    def __init__(self) -> None:
        self.launched: list[tuple[str, int]] = []
        self.tokens: dict[str, str] = {}
        self.ended: list[str] = []
        self.forgotten: list[str] = []
        self.directories: list[str] = []
        self.fails = False
        self.stuck: set[str] = set()
        self.running = False

    async def start(self) -> None:
        self.running = True

    async def stop(self) -> None:
        self.running = False

    async def launch(self, *, worker_id: str, fence: int, token: str) -> None:
        if self.fails:
            raise AppError(ErrorCode.UNAVAILABLE, "No runner could be started.")
        self.launched.append((worker_id, fence))
        self.tokens[worker_id] = token

    async def end_hung(self, worker_id: str) -> bool:
        self.ended.append(worker_id)
        return worker_id not in self.stuck

    def known(self) -> list[str]:
        return list(self.directories)

    def forget(self, worker_id: str) -> bool:
        self.forgotten.append(worker_id)
        return True
