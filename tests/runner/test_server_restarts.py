"""The control plane is killed and comes back elsewhere; the agent and its runner go on."""

from pathlib import Path

from tests.runner.conftest import Launch
from tests.runner.control_plane import ControlPlane, Worker
from tests.runner.support import PYTHON, gone, tagged, until

COUNT = """
import os, time
i = 0
while not os.path.exists('enough'):
    print(i, flush=True)
    i += 1
    time.sleep(0.002)
"""


async def test_every_report_arrives_once_and_in_order(
    plane: ControlPlane, launch: Launch, tmp_path: Path
) -> None:
    worker = Worker("wrk_restart", [*PYTHON, COUNT], str(tmp_path))
    runner = launch(worker)
    for _ in range(4):
        seen = len(worker.log())
        await plane.until(lambda seen=seen: len(worker.log()) > seen + 20)
        await plane.kill()
        await plane.start()
    (tmp_path / "enough").touch()
    assert (await plane.ended(worker))["reason"] == "EXITED"
    assert worker.log() == [str(i) for i in range(len(worker.log()))]
    assert worker.kinds == ["started", "exited"]
    await gone(runner)
    assert worker.subscriptions == 5


async def test_what_was_taken_before_the_kill_is_not_sent_again(
    plane: ControlPlane, launch: Launch, tmp_path: Path
) -> None:
    """Committed, but not answered: the orders of the next connection tell."""
    worker = Worker("wrk_unanswered", [*PYTHON, COUNT], str(tmp_path))
    launch(worker)
    await plane.until(lambda: worker.log())
    plane.mute = True
    accepted = worker.accepted
    await plane.until(lambda: worker.accepted > accepted)
    await plane.kill()
    plane.mute = False
    await plane.start()
    (tmp_path / "enough").touch()
    await plane.ended(worker)
    assert (worker.needless, worker.repeats) == (0, 0)
    assert worker.log() == [str(i) for i in range(len(worker.log()))]


async def test_an_agent_that_ends_while_nobody_listens(
    plane: ControlPlane, launch: Launch, tmp_path: Path
) -> None:
    worker = Worker("wrk_alone", [*PYTHON, COUNT], str(tmp_path))
    runner = launch(worker)
    await plane.until(lambda: worker.log())
    await plane.kill()
    (tmp_path / "enough").touch()
    await until(lambda: not tagged(worker), "the agent's end")
    await plane.start()
    assert (await plane.ended(worker))["exitCode"] == 0
    assert worker.log() == [str(i) for i in range(len(worker.log()))]
    await gone(runner)


async def test_the_server_starts_after_the_runner(
    plane: ControlPlane, launch: Launch, tmp_path: Path
) -> None:
    await plane.kill()
    plane.server_file.unlink()
    worker = Worker("wrk_early", ["true"], str(tmp_path))
    launch(worker)
    await plane.start()
    assert (await plane.ended(worker))["exitCode"] == 0


async def test_orders_given_while_disconnected(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    worker = Worker("wrk_late_stop", ["sleep", "60"], str(tmp_path))
    launch(worker)
    await plane.until(lambda: worker.facts("started"))
    await plane.kill()
    plane.order(worker, desired="STOP")
    await plane.start()
    assert (await plane.ended(worker))["reason"] == "KILLED"


async def test_a_refused_token_is_no_reason_to_end_the_agent_at_once(
    plane: ControlPlane, launch: Launch, tmp_path: Path
) -> None:
    worker = Worker("wrk_token", [*PYTHON, COUNT], str(tmp_path))
    launch(worker)
    await plane.until(lambda: worker.log())
    good, plane.token = plane.token, "another"
    await plane.kill()
    await plane.start()
    refused = len(worker.log())
    await plane.until(lambda: plane.refused >= 2)
    plane.token = good
    await plane.until(lambda: len(worker.log()) > refused)
    (tmp_path / "enough").touch()
    assert (await plane.ended(worker))["exitCode"] == 0


async def test_giving_up_and_delivering_later(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    """No server for too long: the runner leaves the journal, and whoever asks next delivers it."""
    worker = Worker("wrk_patience", [*PYTHON, COUNT], str(tmp_path))
    runner = launch(worker, giveUpSeconds=0.2)
    await plane.until(lambda: worker.log())
    await plane.kill()
    (tmp_path / "enough").touch()
    await gone(runner)
    assert worker.exited is None
    await plane.start()
    (tmp_path / "enough").unlink()  # a second start of the agent would show
    await gone(launch(worker))
    assert worker.exited is not None
    assert worker.exited["reason"] == "EXITED"
    assert worker.log() == [str(i) for i in range(len(worker.log()))]
    assert worker.kinds == ["started", "exited"]


async def test_asked_again_after_the_end(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    worker = Worker("wrk_over", ["sh", "-c", "echo once"], str(tmp_path))
    await gone(launch(worker))
    await gone(launch(worker))
    assert worker.log() == ["once"]
    assert worker.kinds == ["started", "exited"]
