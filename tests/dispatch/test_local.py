"""Starting runners as the server does, with everything that may die on the way."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.dispatch.local import LocalDispatch
from app.domain.errors import AppError, ErrorCode
from app.processes.locks import holder
from tests.runner.control_plane import TOKEN, ControlPlane, Worker
from tests.runner.support import alive, gone, pids_in, tagged, until
from tests.runner.trees import stubborn_tree


@pytest.fixture
async def plane(tmp_path: Path) -> AsyncIterator[ControlPlane]:
    control_plane = ControlPlane(tmp_path)
    await control_plane.start()
    yield control_plane
    for worker in control_plane.workers.values():  # whatever a failed test left running
        control_plane.order(worker, desired="STOP", fence=-1)
    await until(
        lambda: not any(tagged(worker) for worker in control_plane.workers.values()), "every agent's end"
    )
    await control_plane.kill()


@pytest.fixture
async def dispatch(plane: ControlPlane, tmp_path: Path) -> AsyncIterator[LocalDispatch]:
    async with LocalDispatch(tmp_path / "data", plane.server_file) as local:
        yield local


async def launch(dispatch: LocalDispatch, plane: ControlPlane, worker: Worker) -> Path:
    plane.add(worker)
    await dispatch.launch(worker_id=worker.id, fence=worker.fence, token=TOKEN)
    return dispatch._workers / worker.id


async def test_launch(dispatch: LocalDispatch, plane: ControlPlane, tmp_path: Path) -> None:
    worker = Worker("wrk_local", ["sh", "-c", "echo hello"], str(tmp_path))
    directory = await launch(dispatch, plane, worker)
    assert (await plane.ended(worker))["exitCode"] == 0
    assert worker.log() == ["hello"]
    assert directory == tmp_path / "data" / "workers" / "wrk_local"
    assert directory.stat().st_mode & 0o777 == 0o700
    assert not (directory / "runner.log").read_text()


async def test_runners_are_counted_with_all_below_them(
    dispatch: LocalDispatch, plane: ControlPlane, tmp_path: Path
) -> None:
    assert dispatch.count_processes() == 0
    worker = Worker("wrk_counted", ["sh", "-c", "sleep 60 & echo up; wait"], str(tmp_path))
    await launch(dispatch, plane, worker)
    await plane.until(lambda: worker.log() == ["up"])
    assert dispatch.count_processes() == 3, "the runner, its agent, and what that has started"
    plane.order(worker, desired="STOP")
    await plane.ended(worker)
    await until(lambda: dispatch.count_processes() == 0, "the runner's end")


async def test_many_at_once(dispatch: LocalDispatch, plane: ControlPlane, tmp_path: Path) -> None:
    workers = [Worker(f"wrk_wave{i}", ["true"], str(tmp_path)) for i in range(20)]
    await asyncio.gather(*(launch(dispatch, plane, worker) for worker in workers))
    for worker in workers:
        assert (await plane.ended(worker))["exitCode"] == 0


async def test_the_template_is_replaced(dispatch: LocalDispatch, plane: ControlPlane, tmp_path: Path) -> None:
    first = Worker("wrk_before", ["sh", "-c", "echo up; exec sleep 60"], str(tmp_path))
    await launch(dispatch, plane, first)
    await plane.until(lambda: first.log() == ["up"])
    assert dispatch._template is not None
    os.kill(dispatch._template.process.pid, signal.SIGKILL)
    second = Worker("wrk_after", ["true"], str(tmp_path))
    await launch(dispatch, plane, second)
    await plane.ended(second)
    plane.order(first, desired="STOP")
    assert (await plane.ended(first))["reason"] == "KILLED"


async def test_a_template_that_hangs(
    dispatch: LocalDispatch, plane: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.dispatch.local._ANSWER_SECONDS", 5.0)  # the next template answers within them
    assert dispatch._template is not None
    os.kill(dispatch._template.process.pid, signal.SIGSTOP)
    worker = Worker("wrk_hang", ["true"], str(tmp_path))
    await launch(dispatch, plane, worker)
    await plane.ended(worker)


@pytest.mark.parametrize(
    "command",
    [
        ["/no/such/python"],
        [sys.executable, "-c", "raise SystemExit(3)"],
        [sys.executable, "-c", "input(); print('Hello!', flush=True); input()"],
        [sys.executable, "-c", "input(); print('[]', flush=True); input()"],
    ],
)
async def test_no_template(plane: ControlPlane, tmp_path: Path, command: list[str]) -> None:
    dispatch = LocalDispatch(tmp_path / "data", plane.server_file, command=command)
    with pytest.raises(AppError) as raised:
        await dispatch.launch(worker_id="wrk_1", fence=1, token=TOKEN)
    assert raised.value.code is ErrorCode.UNAVAILABLE
    await dispatch.stop()


async def test_stop_leaves_runners_running(plane: ControlPlane, tmp_path: Path) -> None:
    dispatch = LocalDispatch(tmp_path / "data", plane.server_file)
    worker = Worker("wrk_stays", ["sh", "-c", "echo up; exec sleep 60"], str(tmp_path))
    await launch(dispatch, plane, worker)
    await plane.until(lambda: worker.log() == ["up"])
    await dispatch.stop()
    async with LocalDispatch(tmp_path / "data", plane.server_file) as restarted:
        await launch(restarted, plane, worker)  # what a restarted server asks for: it is there already
        plane.order(worker, desired="STOP")
        assert (await plane.ended(worker))["reason"] == "KILLED"
        assert worker.kinds == ["started", "seen", "exited"]


async def test_the_servers_secrets_stay_with_it(
    plane: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKSIDE_TOKEN", "canary")
    async with LocalDispatch(tmp_path / "data", plane.server_file) as dispatch:
        assert dispatch._template is not None
        worker = Worker(
            "wrk_secret",
            ["sh", "-c", f"env; tr '\\0' '\\n' < /proc/{dispatch._template.process.pid}/environ"],
            str(tmp_path),
        )
        await launch(dispatch, plane, worker)
        assert (await plane.ended(worker))["exitCode"] == 0
    assert "canary" not in "".join(worker.log("STDOUT", "STDERR"))


async def test_a_hung_runner(dispatch: LocalDispatch, plane: ControlPlane, tmp_path: Path) -> None:
    """Stopped, so that it holds its lock and says nothing; one of its tree has even cleared its environment."""
    pids = tmp_path / "pids"
    worker = Worker("wrk_hung", stubborn_tree(pids), str(tmp_path))
    directory = await launch(dispatch, plane, worker)
    await until(lambda: len(pids_in(pids)) == 4, "four processes")
    runner = holder(directory / "lock")
    assert runner is not None
    os.kill(runner.pid, signal.SIGSTOP)
    assert await dispatch.end_hung(worker.id)
    assert [pid for pid in [runner.pid, *pids_in(pids)] if alive(pid)] == []
    await gone(runner.pid)
    await launch(dispatch, plane, worker)
    assert (await plane.ended(worker))["reason"] == "RUNNER_LOST"


async def test_end_hung_of_nobody(dispatch: LocalDispatch) -> None:
    assert await dispatch.end_hung("wrk_nobody")


async def test_end_hung_that_does_not_succeed(
    dispatch: LocalDispatch, plane: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Worker("wrk_strong", ["sh", "-c", "echo up; exec sleep 60"], str(tmp_path))
    await launch(dispatch, plane, worker)
    await plane.until(lambda: worker.log() == ["up"])
    monkeypatch.setattr("app.dispatch.local._END_SECONDS", 0.2)
    monkeypatch.setattr("app.processes.signals.send", lambda *_, **__: False)
    assert not await dispatch.end_hung(worker.id)
    monkeypatch.undo()
    assert len(tagged(worker)) == 1


async def test_forget(dispatch: LocalDispatch, plane: ControlPlane, tmp_path: Path) -> None:
    worker = Worker("wrk_forget", ["sh", "-c", "echo up; exec sleep 60"], str(tmp_path))
    directory = await launch(dispatch, plane, worker)
    await plane.until(lambda: worker.log() == ["up"])
    assert not dispatch.forget(worker.id)
    assert dispatch.known() == [worker.id]
    plane.order(worker, desired="STOP")
    await plane.ended(worker)
    await until(lambda: dispatch.forget(worker.id), "the runner to let go")
    assert not directory.exists()
    assert dispatch.known() == []
    assert dispatch.forget(worker.id)


@pytest.mark.parametrize("worker_id", ["", "..", "a/b", "/etc", "x" * 200])
async def test_an_id_is_no_path(plane: ControlPlane, tmp_path: Path, worker_id: str) -> None:
    dispatch = LocalDispatch(tmp_path / "data", plane.server_file)
    with pytest.raises(AppError):
        dispatch.forget(worker_id)
    with pytest.raises(AppError):
        await dispatch.launch(worker_id=worker_id, fence=1, token=TOKEN)
