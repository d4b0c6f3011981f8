"""The template with its lock broken, for the one test that shows what the lock is for."""

import os
from pathlib import Path

from app.processes.locks import Lock
from app.runner import main as runner, template


class NoLock(Lock):
    @classmethod
    def take(cls, path: Path) -> "Lock | None":
        return super().take(path.with_name(f"lock-{os.getpid()}"))


if __name__ == "__main__":
    runner.Lock = NoLock  # type: ignore[misc]
    template.main()
