"""An application in the test's own process."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.web import metrics
from tests.main.application import Served, serving


@pytest.fixture
async def served(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    """What it counts is counted anew at every look."""
    monkeypatch.setattr(metrics, "KEEP_SECONDS", 0.0)
    monkeypatch.setattr("app.live.paced.SHARE", 1)
    async with serving(tmp_path / "data", database_url=sqlite_url) as served:
        yield served
