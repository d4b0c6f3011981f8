"""Stop, pause, time limits: orders against real process trees."""

import os
import signal
from pathlib import Path

import pytest

from app.processes.identity import Identity
from app.processes.table import SYSTEM
from tests.runner.conftest import Launch
from tests.runner.control_plane import ControlPlane, Worker
from tests.runner.support import PYTHON, alive, child, cpu_seconds, gone, pids_in, state, tagged, until
from tests.runner.trees import stubborn_tree

BUSY = "import os\nwhile True: os.getpid()"


async def tree_of_four(plane: ControlPlane, worker: Worker, pids: Path) -> list[int]:
    await until(lambda: len(pids_in(pids)) == 4, "four processes")
    return pids_in(pids)


@pytest.mark.parametrize("grace", [0.0, 0.2])
async def test_stop_ends_the_whole_tree(
    plane: ControlPlane, launch: Launch, tmp_path: Path, grace: float
) -> None:
    pids = tmp_path / "pids"
    worker = Worker("wrk_tree", stubborn_tree(pids), str(tmp_path), grace_seconds=grace)
    runner = launch(worker)
    tree = await tree_of_four(plane, worker, pids)
    plane.order(worker, desired="STOP")
    exited = await plane.ended(worker)
    assert [pid for pid in tree if alive(pid)] == []  # at the very moment it is reported, not some time later
    assert (exited["reason"], exited["signal"]) == ("KILLED", signal.SIGKILL)
    assert worker.kinds == ["started", "seen", "exited"]
    await gone(runner)


async def test_the_check_catches_a_group_kill(tmp_path: Path) -> None:
    """What killpg alone leaves behind: the reason for all of the above."""
    pids = tmp_path / "pids"
    with child(*stubborn_tree(pids)) as leader:
        await until(lambda: len(pids_in(pids)) == 4, "four processes")
        known: list[Identity] = [identity for pid in pids_in(pids) if (identity := SYSTEM.identify(pid))]
        try:
            os.killpg(leader, signal.SIGKILL)
            await gone(leader)
            await until(
                lambda: len([pid for pid in pids_in(pids) if alive(pid)]) == 2, "half of them to be left"
            )
        finally:
            for identity in known:
                if SYSTEM.look(identity):
                    os.kill(identity.pid, signal.SIGKILL)


async def test_stop_asks_first(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    script = "trap 'echo goodbye; exit 3' TERM; echo ready; while :; do sleep 0.02; done"
    worker = Worker("wrk_polite", ["sh", "-c", script], str(tmp_path), grace_seconds=20)
    launch(worker)
    await plane.until(lambda: worker.log() == ["ready"])
    plane.order(worker, desired="STOP")
    exited = await plane.ended(worker)
    assert (exited["reason"], exited["exitCode"]) == ("KILLED", 3)
    assert worker.log() == ["ready", "goodbye"]


async def test_a_second_stop_shortens_the_grace(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    script = "trap 'echo no' TERM; echo ready; while :; do sleep 0.02; done"
    worker = Worker("wrk_hurry", ["sh", "-c", script], str(tmp_path), grace_seconds=600)
    launch(worker)
    await plane.until(lambda: worker.log() == ["ready"])
    plane.order(worker, desired="STOP")
    await plane.until(lambda: "no" in worker.log())
    plane.order(worker, grace_seconds=0)
    assert (await plane.ended(worker))["reason"] == "KILLED"


async def test_a_fork_bomb_ends(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    """A chain that never stands still: each process forks the next and exits."""
    script = "import os\nprint('go', flush=True)\nwhile True:\n if os.fork(): os._exit(0)\n os.setsid()"
    keeper = f"import os,time\nif os.fork() == 0:\n exec({script!r})\ntime.sleep(60)"
    worker = Worker("wrk_bomb", [*PYTHON, keeper], str(tmp_path))
    launch(worker)
    await plane.until(lambda: worker.log())
    plane.order(worker, desired="STOP")
    assert (await plane.ended(worker))["reason"] == "KILLED"
    assert tagged(worker) == []


async def test_pause_and_resume(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"import os\nos.fork()\nopen({str(pids)!r}, 'a').write('%d\\n' % os.getpid())\n{BUSY}"
    worker = Worker("wrk_pause", [*PYTHON, script], str(tmp_path), heartbeat_seconds=0.05)
    launch(worker)
    await until(lambda: len(pids_in(pids)) == 2, "two busy processes")
    plane.order(worker, desired="PAUSE")
    await plane.until(lambda: worker.facts("paused"))
    used = [cpu_seconds(pid) for pid in pids_in(pids)]
    assert [state(pid) for pid in pids_in(pids)] == ["T", "T"]
    beats = worker.beats
    await plane.until(
        lambda: worker.beats >= beats + 6
    )  # 0.3 s in which two busy processes would have used as much
    assert [cpu_seconds(pid) for pid in pids_in(pids)] == used
    plane.order(worker, desired="RUN")
    await plane.until(lambda: worker.facts("resumed"))
    await until(
        lambda: all(cpu_seconds(pid) > before for pid, before in zip(pids_in(pids), used, strict=True)),
        "progress",
    )
    plane.order(worker, desired="STOP")
    await plane.ended(worker)
    assert worker.kinds == ["started", "seen", "paused", "seen", "resumed", "seen", "exited"]


async def test_a_paused_tree_can_be_stopped(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    worker = Worker("wrk_frozen", stubborn_tree(pids), str(tmp_path), grace_seconds=0.1)
    launch(worker)
    tree = await tree_of_four(plane, worker, pids)
    plane.order(worker, desired="PAUSE")
    await plane.until(lambda: worker.facts("paused"))
    plane.order(worker, desired="STOP")
    assert (await plane.ended(worker))["reason"] == "KILLED"
    assert [pid for pid in tree if alive(pid)] == []


async def test_a_paused_agent_is_asked_too(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    script = "trap 'exit 3' TERM; echo ready; while :; do sleep 0.02; done"
    worker = Worker("wrk_thawed", ["sh", "-c", script], str(tmp_path), grace_seconds=20)
    launch(worker)
    await plane.until(lambda: worker.log() == ["ready"])
    plane.order(worker, desired="PAUSE")
    await plane.until(lambda: worker.facts("paused"))
    plane.order(worker, desired="STOP")
    assert (await plane.ended(worker))["exitCode"] == 3


async def test_timeout(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    worker = Worker("wrk_slow", ["sleep", "60"], str(tmp_path), timeout_seconds=0.2)
    launch(worker)
    exited = await plane.ended(worker)
    assert exited["reason"] == "TIMED_OUT"
    assert tagged(worker) == []


@pytest.mark.parametrize("change", [{"desired": "PAUSE"}, {"waiting": True}])
async def test_the_clock_stands(
    plane: ControlPlane, launch: Launch, tmp_path: Path, change: dict[str, object]
) -> None:
    """Paused or waiting for longer than the limit, then going on to the limit's end."""
    worker = Worker("wrk_stands", ["sleep", "60"], str(tmp_path), timeout_seconds=0.5, heartbeat_seconds=0.05)
    launch(worker)
    await plane.until(lambda: worker.facts("started"))
    plane.order(worker, **change)
    before = worker.beats
    await plane.until(lambda: worker.beats >= before + 16)  # 0.8 s of the runner's own time
    assert worker.exited is None
    plane.order(worker, desired="RUN", waiting=False)
    assert (await plane.ended(worker))["reason"] == "TIMED_OUT"


async def test_stale_fence_ends_the_tree(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    """The place was given to another attempt: nothing more is sent, nothing is left."""
    pids = tmp_path / "pids"
    worker = Worker("wrk_stale", stubborn_tree(pids), str(tmp_path))
    runner = launch(worker)
    tree = await tree_of_four(plane, worker, pids)
    plane.order(worker, fence=2)
    await gone(runner)
    assert [pid for pid in tree if alive(pid)] == []
    assert worker.exited is None


async def test_stale_fence_in_the_answer_to_a_report(
    plane: ControlPlane, launch: Launch, tmp_path: Path
) -> None:
    worker = Worker("wrk_talker", ["sh", "-c", "while :; do echo x; sleep 0.02; done"], str(tmp_path))
    runner = launch(worker)
    await plane.until(lambda: worker.log())
    worker.reports_fenced = True
    await gone(runner)
    assert tagged(worker) == []


async def test_unknown_worker(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    worker = Worker("wrk_unknown", ["touch", "born"], str(tmp_path), ended_with="NOT_FOUND")
    await gone(launch(worker))
    assert not (tmp_path / "born").exists()


async def test_inbox(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    worker = Worker("wrk_inbox", ["sleep", "60"], str(tmp_path))
    launch(worker)
    await plane.until(lambda: worker.facts("started"))
    items = [
        {"id": "ctx_1", "name": "notes.md", "content": "line\nü"},
        {"id": "ctx_2", "name": "../../escape.txt", "content": "no"},
    ]
    plane.order(worker, inbox=items)
    await plane.until(lambda: worker.inbox == [])
    inbox = tmp_path / worker.id / "inbox"
    assert {path.name: path.read_text() for path in inbox.iterdir()} == {
        "notes.md": "line\nü",
        "_.._escape.txt": "no",
    }
    assert (inbox / "notes.md").stat().st_mode & 0o777 == 0o600
    assert worker.facts("delivered") == [["ctx_1", "ctx_2"]]
    assert worker.facts("seen") == [worker.revision]
    plane.order(worker, inbox=[{"id": "ctx_3", "name": "notes.md", "content": "newer"}], keeps_inbox=True)
    await plane.until(lambda: len(worker.facts("delivered")) == 2)
    assert (inbox / "notes.md").read_text() == "newer"
    plane.order(worker, waiting=True)  # the same item once more, while the server still believes it is wanted
    plane.order(worker, inbox=[*worker.inbox, {"id": "ctx_4", "name": "last.md", "content": ""}])
    await plane.until(lambda: len(worker.facts("delivered")) == 3)
    assert worker.facts("delivered")[1:] == [["ctx_3"], ["ctx_4"]]
    plane.order(worker, desired="STOP")
    await plane.ended(worker)
