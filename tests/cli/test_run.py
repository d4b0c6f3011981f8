"""`trackside run` on a server of its own: what it shows, how it ends, what it leaves."""

import re
import signal
from pathlib import Path

import psutil
import pytest

from tests.cli.program import PATIENCE, Done, Trackside, held, let_go, shell, task, write_plan


def nothing_is_left(alone: Trackside) -> bool:
    return alone.processes() == []


def run(alone: Trackside, *arguments: str) -> Done:
    return alone.start("run", *arguments).end()


def test_what_the_plan_marks_as_done_is_told_apart(alone: Trackside, project: Path) -> None:
    plan = write_plan(project, "The rest", {**task("a", "true"), "status": "done"}, task("b", "true"))

    done = run(alone, plan)

    assert done.lines[0] == "The rest: 2 tasks, 1 of them done already"
    assert re.fullmatch(
        r"✓ The rest: COMPLETED, 2 of 2 tasks completed in .*, 1 of them before", done.lines[-1]
    )


def test_a_plan_is_carried_out_and_nothing_is_left(alone: Trackside, project: Path) -> None:
    plan = write_plan(
        project,
        "All of it",
        task("a", "sh", "-c", "pwd > where"),
        shell("b", "test -e flag || { touch flag; echo oh no; exit 3; }", dependsOn=["a"], retries=1),
    )

    done = run(alone, plan)

    assert done.status == 0, done.err
    assert done.lines[0] == "All of it: 2 tasks"
    assert any(line.startswith("↻ b  Do b") for line in done.lines)
    assert "    | oh no" in done.lines
    assert "▶ b  Do b  attempt 2 of 2" in done.lines
    assert done.lines[-1].startswith("✓ All of it: COMPLETED, 2 of 2 tasks completed")
    assert (project / "where").read_text().strip() == str(project)
    assert alone.kept() == []
    assert nothing_is_left(alone)


def test_a_failed_run_is_kept_and_can_be_gone_on_with(alone: Trackside, project: Path) -> None:
    plan = write_plan(project, "Fails", shell("a", "test -e repaired"), task("b", "true", dependsOn=["a"]))

    done = run(alone, plan, "--output", "json")

    assert done.status == done.json["exitCode"] == 1
    assert done.json["run"]["status"] == "FAILED"
    assert [task["status"] for task in done.json["run"]["tasks"]] == ["FAILED", "PENDING"]
    assert [str(path) for path in alone.kept()] == [done.json["dataDir"]]
    assert nothing_is_left(alone)

    (project / "repaired").touch()
    again = alone.start("serve", "--port", "0", "--data-dir", done.json["dataDir"])
    again.until_said("trackside: serving")
    run_id = done.json["run"]["id"]
    assert alone("runs", "retry", run_id).status == 0  # the only server of this machine is found
    monitor = alone("monitor", run_id, "--after", "0")
    assert "run COMPLETING → COMPLETED" in monitor.out
    assert again.end(signal.SIGTERM).status == 0


def test_what_has_to_be_done_by_hand_blocks_the_run(alone: Trackside, project: Path) -> None:
    done = run(alone, write_plan(project, "By hand", task("sign"), task("build", "true")))

    assert done.status == 3
    assert "✓ build" in done.out
    assert "■ By hand: BLOCKED" in done.out
    assert "sign waits to be done by hand" in done.out
    assert "unless --agent or --command says what to run" in done.err
    assert str(alone.kept()[0]) in done.err
    assert nothing_is_left(alone)


def test_a_question_that_no_deadline_answers_ends_the_run(alone: Trackside, project: Path) -> None:
    plan = write_plan(project, "Asks", shell("a", "trackside ask 'Which?' --option x --option y"))

    done = run(alone, plan)

    assert done.status == 4
    assert "? Asks: WAITING_FOR_INPUT" in done.out
    assert "? Which?" in done.out
    assert "--wait" in done.err
    assert nothing_is_left(alone)


def test_with_wait_a_question_is_answered_while_it_runs(alone: Trackside, project: Path) -> None:
    plan = write_plan(project, "Asks", shell("a", "trackside ask 'Which?' --option x --option y > answer"))
    running = alone.start("run", plan, "--wait")
    hint = running.until_said("Answer it: trackside answer").split()

    answered = alone("answer", hint[-4], "y", *hint[-2:])

    assert answered.status == 0, answered.err
    assert running.end().status == 0
    assert (project / "answer").read_text() == "y\n"


def test_a_default_at_the_deadline_is_waited_for(alone: Trackside, project: Path) -> None:
    plan = write_plan(project, "Waits", shell("a", "trackside ask 'Now?' --default no --expires 1 > answer"))

    done = run(alone, plan)

    assert done.status == 0, done.err
    assert "! Now?  its deadline has passed: no" in done.lines
    assert (project / "answer").read_text() == "no\n"


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]
)
def test_a_signal_stops_the_run_and_leaves_no_process(
    alone: Trackside, project: Path, number: signal.Signals, status: int
) -> None:
    background = shell("a", "setsid sleep 1000 & exec sleep 1001")
    running = alone.start(
        "run", write_plan(project, "Stopped", background, task("b", "true", dependsOn=["a"]))
    )
    running.until_said("▶ a")

    done = running.end(number)

    assert done.status == status
    assert "CANCELLED" in done.out
    assert nothing_is_left(alone)


def test_a_second_ctrl_c_does_not_wait_for_workers_that_will_not_end(alone: Trackside, project: Path) -> None:
    stubborn = shell("a", "trap '' TERM; echo armed; while :; do sleep 1; done")
    running = alone.start("run", write_plan(project, "Stubborn", stubborn))
    running.until_said("▶ a")
    running.signal(signal.SIGINT)
    running.until_said("Ctrl-C again")

    done = running.end(signal.SIGINT)

    assert done.status == 130
    assert "Killing its workers." in done.lines
    assert nothing_is_left(alone)


def test_a_signal_while_the_server_starts_leaves_nothing(alone: Trackside, project: Path) -> None:
    running = alone.start("run", write_plan(project, "Too soon", task("a", "true")))
    while not alone.kept():  # the directory is made just before the server
        assert running.process.poll() is None

    assert running.end(signal.SIGTERM).status == 143
    assert alone.kept() == []
    assert nothing_is_left(alone)


def test_where_it_is_killed_itself_its_server_ends_everything(alone: Trackside, project: Path) -> None:
    running = alone.start(
        "run", write_plan(project, "Orphaned", shell("a", "setsid sleep 1000 & sleep 1001"))
    )
    running.until_said("▶ a")
    left = [process for process in alone.processes() if process.pid != running.process.pid]
    assert len(left) >= 4  # server, template, runner, agent

    running.end(signal.SIGKILL)

    _, alive = psutil.wait_procs(left, timeout=PATIENCE)
    assert alive == []
    assert nothing_is_left(alone)


def test_a_server_that_crashes_is_started_again_and_goes_on(alone: Trackside, project: Path) -> None:
    running = alone.start(
        "run", write_plan(project, "Crashed", held("a", project), task("b", "true", dependsOn=["a"]))
    )
    running.until_said("▶ a")
    (server,) = (one for one in alone.processes() if "serve" in one.cmdline())

    server.kill()
    running.until_said("Connection lost")
    let_go(project, "a")

    done = running.end()
    assert done.status == 0, done.err
    assert done.lines[-1].startswith("✓ Crashed: COMPLETED, 2 of 2")
    assert nothing_is_left(alone)


def test_what_is_refused_leaves_nothing_behind(alone: Trackside, project: Path) -> None:
    plan = write_plan(project, "Refused", task("a"))

    unknown = run(alone, plan, "--command", "no-such-program", "--output", "json")
    assert (unknown.status, unknown.error["code"]) == (2, "INVALID_INPUT")
    assert unknown.error["suggestion"]
    assert alone.kept() == []
    (project / "plan.json").write_text("{}")
    assert run(alone, plan).status == 2
    assert run(alone, "missing.md").status == 2
    assert run(alone, plan, "--max-workers", "0").status == 2
    assert nothing_is_left(alone)


def test_inside_a_worker_it_is_a_run_of_its_own(alone: Trackside, project: Path) -> None:
    inner = project / "inner"
    inner.mkdir()
    write_plan(inner, "Inner", task("i", "true"))
    plan = write_plan(
        project, "Outer", shell("o", "cd inner && env -u TRACKSIDE_URL trackside run plan.json")
    )

    done = run(alone, plan)

    assert done.status == 0, done.out
    assert alone.kept() == []
