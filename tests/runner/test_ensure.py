"""Asking for a runner is safe at any time: twice at once, after a crash, after the end."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from app.processes.locks import holder
from tests.runner.conftest import Launch
from tests.runner.control_plane import ControlPlane, Worker
from tests.runner.support import Template, alive, child, gone, pids_in, tagged, template, until
from tests.runner.trees import stubborn_tree

STARTS = "echo $$ >> starts; exec sleep 60"


class NotOne(AssertionError):
    """More than one runner took the attempt for its own."""


async def check_one_start(plane: ControlPlane, warm: Template, tmp_path: Path) -> None:
    """Two runners asked for at the same moment, while no server is there that could tell them apart."""
    await plane.kill()
    worker = plane.add(Worker("wrk_once", ["sh", "-c", STARTS], str(tmp_path)))
    directory = tmp_path / worker.id
    runners = [warm.launch(worker, directory, plane.server_file) for _ in range(2)]
    await until(
        lambda: all(not alive(pid) or at_work(pid) for pid in runners), "both to have made up their minds"
    )
    await plane.start()
    await until(lambda: len(pids_in(tmp_path / "starts")) >= sum(map(alive, runners)), "the agents to start")
    starts = pids_in(tmp_path / "starts")
    plane.order(worker, desired="STOP")
    for runner in runners:
        await gone(runner)
    if len(starts) != 1 or worker.kinds != ["started", "seen", "exited"]:
        raise NotOne(starts, worker.kinds)
    assert (await plane.ended(worker))["reason"] == "KILLED"


def at_work(pid: int) -> bool:
    """It has read the journal and keeps it open."""
    try:
        return any("journal.jsonl" in os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir())
    except FileNotFoundError:  # a descriptor, or all of them, closed while we looked
        return False


async def test_two_launches_at_once_start_one_agent(
    plane: ControlPlane, warm: Template, tmp_path: Path
) -> None:
    await check_one_start(plane, warm, tmp_path)


async def test_the_check_catches_a_missing_lock(plane: ControlPlane, tmp_path: Path) -> None:
    with template(sys.executable, "-m", "tests.runner.flawed_template") as flawed, pytest.raises(NotOne):
        await check_one_start(plane, flawed, tmp_path)


async def test_launched_again_while_it_runs(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    worker = Worker("wrk_again", ["sh", "-c", STARTS], str(tmp_path))
    launch(worker)
    await plane.until(lambda: worker.facts("started"))
    await gone(launch(worker))
    assert len(tagged(worker)) == 1
    plane.order(worker, desired="STOP")
    await plane.ended(worker)
    assert worker.subscriptions == 1


async def test_a_killed_runner(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    """What is left of its tree is found by tag and by identity, ended, and reported after what it had not sent."""
    pids = tmp_path / "pids"
    worker = Worker("wrk_orphan", stubborn_tree(pids, disguised=False), str(tmp_path))
    runner = launch(worker)
    await until(lambda: len(pids_in(pids)) == 4, "four processes")
    await plane.until(lambda: worker.log() == ["complete"])
    os.kill(runner, signal.SIGKILL)
    await gone(runner)
    assert all(alive(pid) for pid in pids_in(pids))
    second = launch(worker)
    exited = await plane.ended(worker)
    assert exited["reason"] == "RUNNER_LOST"
    assert [pid for pid in pids_in(pids) if alive(pid)] == []
    assert worker.kinds == ["started", "exited"]
    await gone(second)
    await gone(launch(worker))
    assert worker.kinds == ["started", "exited"]


async def test_recovery_without_a_server_still_ends_the_tree(
    plane: ControlPlane, launch: Launch, tmp_path: Path
) -> None:
    worker = Worker("wrk_dark", ["sh", "-c", STARTS], str(tmp_path))
    runner = launch(worker)
    await plane.until(lambda: worker.facts("started"))
    await plane.kill()
    os.kill(runner, signal.SIGKILL)
    await gone(runner)
    second = launch(worker, giveUpSeconds=0.2)
    await gone(second)
    assert tagged(worker) == []
    await plane.start()
    launch(worker)
    assert (await plane.ended(worker))["reason"] == "RUNNER_LOST"


async def test_reports_of_a_killed_runner_are_delivered_first(
    plane: ControlPlane, launch: Launch, tmp_path: Path
) -> None:
    script = "echo one; until [ -e go ]; do sleep 0.01; done; echo two; sleep 60"
    worker = Worker("wrk_unsent", ["sh", "-c", script], str(tmp_path))
    runner = launch(worker)
    await plane.until(lambda: worker.log() == ["one"])
    await plane.kill()
    (tmp_path / "go").touch()
    journal = tmp_path / worker.id / "journal.jsonl"
    await until(lambda: '"two"' in journal.read_text(), "the journal to have it")
    os.kill(runner, signal.SIGKILL)
    await gone(runner)
    with journal.open("a") as file:
        file.write('{"report":{"n":99,"at":"2026')  # torn in the middle of a write
    await plane.start()
    launch(worker)
    assert (await plane.ended(worker))["reason"] == "RUNNER_LOST"
    assert worker.log() == ["one", "two"]


async def test_a_reused_pid_is_nobody_of_ours(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    """The journal names a pid that now is a stranger's: the stranger lives on."""
    worker = Worker("wrk_reused", ["true"], str(tmp_path))
    directory = tmp_path / worker.id
    directory.mkdir()
    with child("sleep", "60") as stranger:
        agent = {"pid": stranger, "createTime": 1.0, "boot": ""}
        records = [{"starting": True}, {"agent": agent}]
        (directory / "journal.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
        launch(worker)
        assert (await plane.ended(worker))["reason"] == "RUNNER_LOST"
        assert alive(stranger)


async def test_a_lost_journal(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    """The server has reports of this attempt that the disk knows nothing of: its agent is not started again."""
    worker = Worker("wrk_amnesia", ["touch", "born"], str(tmp_path), accepted=3)
    launch(worker)
    assert (await plane.ended(worker))["reason"] == "RUNNER_LOST"
    assert not (tmp_path / "born").exists()
    assert worker.reports[0]["n"] == 4


async def test_a_report_missing_from_the_journal(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    """The end is heard although something before it is lost for good."""
    worker = Worker("wrk_gap", ["true"], str(tmp_path))
    directory = tmp_path / worker.id
    directory.mkdir()
    records = [{"starting": True}, {"report": {"n": 3, "at": "2026-01-01T00:00:00Z", "paused": True}}]
    (directory / "journal.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    launch(worker)
    assert (await plane.ended(worker))["reason"] == "RUNNER_LOST"
    assert [report["n"] for report in worker.reports] == [1, 2, 3, 4]


async def test_the_lock_names_its_holder(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    worker = Worker("wrk_signed", ["sleep", "60"], str(tmp_path))
    runner = launch(worker)
    await plane.until(lambda: worker.facts("started"))
    signed = holder(tmp_path / worker.id / "lock")
    assert signed is not None
    assert signed.pid == runner
    plane.order(worker, desired="STOP")
    await plane.ended(worker)
