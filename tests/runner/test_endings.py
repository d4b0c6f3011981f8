"""How an agent may end, and what the server is told of it."""

import asyncio
import os
import signal
import stat
from pathlib import Path

import pytest

from tests.runner.conftest import Launch
from tests.runner.control_plane import ControlPlane, Worker
from tests.runner.support import PYTHON, alive, exists, gone, pids_in, tagged, template


def said(reason: str, *, code: int | None = None, number: int | None = None) -> dict[str, object]:
    return {"reason": reason, "exitCode": code, "signal": number, "message": None}


@pytest.mark.parametrize("code", [0, 1, 77, 255])
async def test_exit_code(plane: ControlPlane, launch: Launch, tmp_path: Path, code: int) -> None:
    worker = Worker("wrk_code", ["sh", "-c", f"exit {code}"], str(tmp_path))
    runner = launch(worker)
    assert await plane.ended(worker) == said("EXITED", code=code)
    assert worker.kinds == ["started", "exited"]
    await gone(runner)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV])
async def test_signal(plane: ControlPlane, launch: Launch, tmp_path: Path, number: int) -> None:
    worker = Worker("wrk_signal", ["sh", "-c", f"kill -{number:d} $$"], str(tmp_path))
    launch(worker)
    assert await plane.ended(worker) == said("EXITED", number=number)


async def test_started_names_the_process(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    worker = Worker("wrk_started", ["sh", "-c", "echo $$; exec sleep 60"], str(tmp_path))
    launch(worker)
    await plane.until(lambda: worker.log())
    (started,) = worker.facts("started")
    assert worker.log() == [str(started["pid"])]
    assert abs(started["createTime"] - os.stat(f"/proc/{started['pid']}").st_ctime) < 5
    assert tagged(worker) == [started["pid"]]
    plane.order(worker, desired="STOP")
    await plane.ended(worker)


@pytest.mark.parametrize(
    ("argv", "cwd", "words"),
    [
        (["no-such-program-here"], ".", "'no-such-program-here': No such file or directory"),
        (["./plain.txt"], ".", "'./plain.txt': Permission denied"),
        (["./directory"], ".", "'./directory': Permission denied"),
        (["true"], "missing", "missing': No such file or directory"),
        (["true"], "plain.txt", "plain.txt': Not a directory"),
        (["./garbage"], ".", "'./garbage': Exec format error"),
        (["true", "a\0b"], ".", "embedded null byte"),
        (["true", "x" * 3_000_000], ".", "Argument list too long"),
        ([], ".", "no command"),
    ],
)
async def test_cannot_start(
    plane: ControlPlane, launch: Launch, tmp_path: Path, argv: list[str], cwd: str, words: str
) -> None:
    (tmp_path / "plain.txt").write_text("no program")
    (tmp_path / "directory").mkdir()
    (tmp_path / "garbage").write_bytes(b"\x00\x01\x02\x03")
    (tmp_path / "garbage").chmod(0o755)
    worker = Worker("wrk_nostart", argv, str(tmp_path / cwd))
    runner = launch(worker)
    exited = await plane.ended(worker)
    assert exited["reason"] == "CANNOT_START"
    assert words in exited["message"]
    assert worker.kinds == ["exited"]
    await gone(runner)


async def test_unknown_runtime(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    worker = Worker("wrk_runtime", ["true"], str(tmp_path), runtime="telepathy")
    launch(worker)
    exited = await plane.ended(worker)
    assert exited["reason"] == "CANNOT_START"
    assert "telepathy" in exited["message"]


async def test_background_children_end_with_the_agent(
    plane: ControlPlane, launch: Launch, tmp_path: Path
) -> None:
    """Also those that left its session, and those that hold its pipes open."""
    pids = tmp_path / "pids"
    child = f"sh -c 'echo $$ >> {pids}; sleep 60'"
    both_there = f"until [ $(wc -l < {pids}) = 2 ]; do sleep 0.01; done"
    script = f"touch {pids}; {child} & setsid {child} & {both_there}; echo done"
    worker = Worker("wrk_background", ["sh", "-c", script], str(tmp_path), grace_seconds=0.5)
    runner = launch(worker)
    assert await plane.ended(worker) == said("EXITED", code=0)
    assert worker.log() == ["done"]
    assert len(pids_in(pids)) == 2
    assert [pid for pid in pids_in(pids) if alive(pid)] == []
    assert tagged(worker) == []
    await gone(runner)


async def test_what_the_agent_is_given(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    script = (
        "import os,signal,sys;"
        "print(open(os.environ['TRACKSIDE_PROMPT_FILE']).read());"
        "print(os.getcwd(), os.environ['GIVEN'], os.environ['TRACKSIDE_WORKER_ID']);"
        "print(os.listdir(os.environ['TRACKSIDE_INBOX']));"
        "print(os.getsid(0) == os.getpid(), os.read(0, 1));"
        "print(signal.pthread_sigmask(signal.SIG_BLOCK, []));"
        "print(sorted(os.listdir('/proc/self/fd')));"
        "print(open('/proc/self/status').read().split('SigIgn:')[1].split()[0])"
    )
    worker = Worker(
        "wrk_given",
        [*PYTHON, script],
        str(tmp_path),
        env={"GIVEN": "ü=1", "TRACKSIDE_WORKER_ID": "wrk_other"},
        prompt="Say 'hello' ✓",
        inbox=[{"id": "ctx_1", "name": "notes.md", "content": "x"}],
    )
    launch(worker)
    await plane.ended(worker)
    assert worker.log() == [
        "Say 'hello' ✓",
        f"{tmp_path} ü=1 wrk_given",
        "['notes.md']",
        "True b''",
        "set()",
        "['0', '1', '2', '3']",  # 3 is the directory being listed
        "0000000001001000",  # SIGPIPE and SIGXFSZ: Python's own, set at its start
    ]
    directory = tmp_path / worker.id
    for path, mode in (
        (directory, 0o700),
        (directory / "prompt.md", 0o600),
        (directory / "journal.jsonl", 0o600),
    ):
        assert stat.S_IMODE(path.stat().st_mode) == mode


async def test_environment_of_the_server_stays_there(plane: ControlPlane, tmp_path: Path) -> None:
    with template(TRACKSIDE_TOKEN="canary-one", TRACKSIDE_DATABASE_URL="canary-two", HARMLESS="yes") as warm:
        worker = plane.add(Worker("wrk_env", ["env"], str(tmp_path)))
        warm.launch(worker, tmp_path / worker.id, plane.server_file)
        await plane.ended(worker)
    assert "HARMLESS=yes" in worker.log()
    assert "canary" not in "".join(worker.log())


async def test_stop_before_the_start(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    worker = Worker("wrk_unborn", ["touch", "born"], str(tmp_path), desired="STOP")
    runner = launch(worker)
    assert (await plane.ended(worker))["reason"] == "KILLED"
    await gone(runner)
    assert not (tmp_path / "born").exists()
    assert "started" not in worker.kinds


async def test_pause_before_the_start(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    worker = Worker("wrk_later", ["true"], str(tmp_path), desired="PAUSE")
    launch(worker)
    await plane.until(lambda: worker.facts("seen"))
    assert worker.kinds == ["seen"]
    plane.order(worker, desired="RUN")
    assert await plane.ended(worker) == said("EXITED", code=0)


async def test_heartbeats(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    worker = Worker("wrk_beats", ["sleep", "60"], str(tmp_path), heartbeat_seconds=0.05)
    launch(worker)
    await plane.until(lambda: worker.beats >= 3)
    plane.order(worker, desired="STOP")
    await plane.ended(worker)


async def test_runner_told_to_end(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    """A machine that shuts down: the tree ends, and the server hears that nobody wished it."""
    worker = Worker("wrk_shutdown", ["sleep", "60"], str(tmp_path))
    runner = launch(worker)
    await plane.until(lambda: worker.facts("started"))
    os.kill(runner, signal.SIGTERM)
    assert (await plane.ended(worker))["reason"] == "RUNNER_LOST"
    await gone(runner)
    assert tagged(worker) == []


async def test_a_hundred_leave_nothing(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    workers = [Worker(f"wrk_many{i}", ["true"], str(tmp_path)) for i in range(100)]
    runners = [launch(worker) for worker in workers]
    for worker in workers:
        assert await plane.ended(worker, 30) == said("EXITED", code=0)
    await asyncio.gather(*(gone(runner) for runner in runners))
    for worker in workers:
        assert tagged(worker) == []
        assert not exists(worker.facts("started")[0]["pid"])  # not even as a zombie
    assert [pid for pid in runners if exists(pid)] == []
