"""Directories of old servers of `trackside run` are removed; nothing else is, and nothing that is in use."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.dispatch import leftovers
from app.processes.locks import Lock

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NAME = "20260101-120000-0a1b2c"


def a_directory(local: Path, name: str = NAME, *, days: float = 40) -> Path:
    directory = local / name
    (directory / "workers" / "wrk_1").mkdir(parents=True)
    for file in ("serve.log", "trackside.db", "workers/wrk_1/journal"):
        (directory / file).write_text("x" * 100)
        at = (NOW - timedelta(days=days)).timestamp()
        os.utime(directory / file, (at, at))
    return directory


def clear(local: Path) -> int:
    return leftovers.clear(local, kept_for=timedelta(days=30), now=NOW)


def test_what_is_old_is_removed_whole(tmp_path: Path) -> None:
    old, young = a_directory(tmp_path), a_directory(tmp_path, "20260215-120000-0a1b2c", days=29.9)
    (found,) = leftovers.find(tmp_path, before=NOW - timedelta(days=30))
    assert (found.path, found.size >= 300) == (old, True)

    assert clear(tmp_path) == 1

    assert (old.exists(), young.exists()) == (False, True)
    assert clear(tmp_path) == 0


@pytest.mark.parametrize("lock", ["server.lock", "workers/wrk_1/lock"])
def test_where_somebody_is_at_work_nothing_is_removed(tmp_path: Path, lock: str) -> None:
    directory = a_directory(tmp_path)
    held = Lock.take(directory / lock)
    assert held is not None

    assert clear(tmp_path) == 0
    assert (directory / "trackside.db").exists()

    held.close()
    assert clear(tmp_path) == 1


@pytest.mark.parametrize(
    "name", ["backup", "20260101-120000", "20260101-120000-0a1b2c.old", "20260101-120000-XYZXYZ"]
)
def test_what_is_called_otherwise_is_not_ours(tmp_path: Path, name: str) -> None:
    a_directory(tmp_path, name)
    assert clear(tmp_path) == 0


def test_what_no_server_has_written_to_is_not_ours(tmp_path: Path) -> None:
    directory = a_directory(tmp_path)
    (directory / "serve.log").unlink()
    target = a_directory(tmp_path / "elsewhere")
    (tmp_path / "20260102-120000-0a1b2c").symlink_to(target)

    assert clear(tmp_path) == 0
    assert clear(tmp_path / "nowhere") == 0
    assert target.exists()


def test_a_server_looks_below_its_directory_and_one_of_a_run_beside_its_own(tmp_path: Path) -> None:
    assert leftovers.place(tmp_path) == tmp_path / "local"
    assert leftovers.place(tmp_path / "local" / NAME) == tmp_path / "local"
    assert leftovers.place(tmp_path / "local" / "trackside") == tmp_path / "local" / "trackside" / "local"
