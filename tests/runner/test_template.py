"""The process runners are forked from: it goes with the server, they do not."""

import os
import signal
from pathlib import Path

import pytest

from tests.runner.control_plane import ControlPlane, Worker
from tests.runner.support import Template, alive, exists, gone, template, until

SLEEP = ["sh", "-c", "echo up; exec sleep 60"]


async def test_end_of_input_ends_it_but_not_the_runners(plane: ControlPlane, tmp_path: Path) -> None:
    worker = plane.add(Worker("wrk_eof", SLEEP, str(tmp_path)))
    warm = Template()
    try:
        runner = warm.launch(worker, tmp_path / worker.id, plane.server_file)
        await plane.until(lambda: worker.log() == ["up"])
        assert warm.process.stdin is not None
        warm.process.stdin.close()
        assert warm.process.wait(10) == 0
        assert warm.process.stdout is not None
        assert warm.process.stdout.read() == b""  # no runner holds the other end
        plane.order(worker, desired="STOP")
        assert (await plane.ended(worker))["reason"] == "KILLED"
        await gone(runner)
    finally:
        warm.close()


async def test_killed(plane: ControlPlane, tmp_path: Path) -> None:
    worker = plane.add(Worker("wrk_kill", SLEEP, str(tmp_path)))
    warm = Template()
    try:
        runner = warm.launch(worker, tmp_path / worker.id, plane.server_file)
        await plane.until(lambda: worker.log() == ["up"])
        os.kill(warm.process.pid, signal.SIGKILL)
        warm.process.wait(10)
        plane.order(worker, desired="PAUSE")
        await plane.until(lambda: worker.facts("paused"))
        plane.order(worker, desired="STOP")
        await plane.ended(worker)
        await gone(runner)
    finally:
        warm.close()


async def test_ended_runners_are_no_zombies(plane: ControlPlane, tmp_path: Path) -> None:
    with template() as warm:
        worker = plane.add(Worker("wrk_reaped", ["true"], str(tmp_path)))
        runner = warm.launch(worker, tmp_path / worker.id, plane.server_file)
        await gone(runner)
        await until(lambda: not exists(runner), "the runner to be reaped")


@pytest.mark.parametrize(
    "request_",
    [
        "x",
        {},
        {"workerId": "../x", "fence": 1, "token": "t", "directory": "/tmp/x", "url": "http://127.0.0.1:1"},
        {"workerId": "w", "fence": "1", "token": "t", "directory": "/tmp/x", "url": "http://127.0.0.1:1"},
        {"workerId": "w", "fence": 1, "token": "t", "directory": "x", "url": "http://127.0.0.1:1"},
        {"workerId": "w", "fence": 1, "token": "t", "directory": "/tmp/x"},
        {"workerId": "w", "fence": 1, "token": "", "directory": "/tmp/x", "url": "http://127.0.0.1:1"},
    ],
)
def test_a_bad_launch_is_answered(warm: Template, request_: object) -> None:
    assert "error" in warm.ask(request_)
    assert alive(warm.process.pid)


async def test_the_token_is_on_no_command_line(plane: ControlPlane, warm: Template, tmp_path: Path) -> None:
    worker = plane.add(Worker("wrk_quiet", SLEEP, str(tmp_path)))
    runner = warm.launch(worker, tmp_path / worker.id, plane.server_file)
    await plane.until(lambda: worker.log() == ["up"])
    assert plane.token.encode() not in visible_to_others(runner)
    assert os.getsid(runner) == runner
    plane.order(worker, desired="STOP")
    await plane.ended(worker)
    for path in (tmp_path / worker.id).iterdir():
        if path.is_file():
            assert plane.token.encode() not in path.read_bytes()


@pytest.mark.skipif(
    not os.path.exists("/proc/self/schedstat"), reason="the kernel does not count nanoseconds"
)
async def test_what_a_runner_costs(plane: ControlPlane, warm: Template, tmp_path: Path) -> None:
    """The processor time of a whole runner whose agent does nothing, read while it waits for the last answer."""
    costs: list[float] = []
    for i in range(7):
        worker = plane.add(Worker(f"wrk_cost{i}", ["true"], str(tmp_path)))
        runner, spent = [0], [0.0]

        def measure(
            report: dict[str, object], runner: list[int] = runner, spent: list[float] = spent
        ) -> None:
            if "exited" in report:
                spent[0] = runner_seconds(runner[0])

        worker.refuses = measure
        runner[0] = warm.launch(worker, tmp_path / worker.id, plane.server_file)
        await plane.ended(worker)
        await gone(runner[0])
        costs += spent
    print("CPU seconds per runner:", sorted(costs))
    assert sorted(costs)[len(costs) // 2] < 0.030


def visible_to_others(pid: int) -> bytes:
    return b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))


def runner_seconds(pid: int) -> float:
    """In nanoseconds, unlike the clock ticks of /proc/PID/stat."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
