"""Taking reports: each number once, in order, and nothing from a worker that is over."""

import pytest

from app import commands
from app.domain.errors import AppError, ErrorCode
from app.domain.reports import Body, Exited, Line, Lines, LogStream, Paused, Report, Resumed, Seen, Started
from app.domain.workers import ExitReason
from tests.factories import a_task
from tests.fleet import Fleet


def said(fleet: Fleet, *texts: str) -> Lines:
    return Lines([Line(LogStream.STDOUT, text, fleet.clock()) for text in texts])


def numbered(fleet: Fleet, first: int, *bodies: Body) -> list[Report]:
    return [Report(n, fleet.clock(), body) for n, body in enumerate(bodies, first)]


async def log(fleet: Fleet, worker_id: str, after: int = 0) -> list[tuple[int, str]]:
    lines = await fleet.db.read(commands.reports.store.workers.log_lines, worker_id, after, 1_000)
    return [(line.n, line.text) for line in lines]


async def stale(fleet: Fleet, worker_id: str, fence: int, *reports: Report) -> None:
    with pytest.raises(AppError) as refused:
        await fleet.send(worker_id, fence, *reports)
    assert refused.value.code is ErrorCode.STALE_FENCE


async def test_reports_are_taken_once_whatever_is_sent_again(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    (worker,) = await fleet.claim()
    batch = numbered(fleet, 1, Started(5, 2.5), said(fleet, "one"), said(fleet, "two", "three"))
    assert await fleet.send(worker, 1, *batch) == 3
    assert await fleet.send(worker, 1, *batch) == 3
    assert await fleet.send(worker, 1, batch[1]) == 3
    assert await fleet.send(worker, 1) == 3
    more = numbered(fleet, 3, said(fleet, "again"), said(fleet, "four"))
    assert await fleet.send(worker, 1, *more) == 4
    assert await log(fleet, worker) == [(1, "one"), (2, "two"), (3, "three"), (4, "four")]
    assert await log(fleet, worker, after=2) == [(3, "three"), (4, "four")]
    row = await fleet.worker(worker)
    assert (row.reports, row.log_lines, row.pid, row.process_created) == (4, 4, 5, 2.5)
    assert (await fleet.task(run_id, "a")).status == "RUNNING"


async def test_what_follows_a_gap_waits_for_what_is_missing(fleet: Fleet) -> None:
    await fleet.a_run("a")
    (worker,) = await fleet.claim()
    assert await fleet.send(worker, 1, *numbered(fleet, 2, said(fleet, "two"))) == 0
    batch = [*numbered(fleet, 1, Started(5, 1.0)), *numbered(fleet, 3, said(fleet, "three"))]
    assert await fleet.send(worker, 1, *batch) == 1
    assert await log(fleet, worker) == []
    assert await fleet.send(worker, 1, *numbered(fleet, 2, said(fleet, "two"), said(fleet, "three"))) == 3
    assert await log(fleet, worker) == [(1, "two"), (2, "three")]


async def test_reports_of_a_batch_are_taken_in_the_order_of_their_numbers(fleet: Fleet) -> None:
    await fleet.a_run("a")
    (worker,) = await fleet.claim()
    batch = numbered(fleet, 1, Started(5, 1.0), said(fleet, "one"), said(fleet, "two"))
    assert await fleet.send(worker, 1, *reversed(batch)) == 3
    assert await log(fleet, worker) == [(1, "one"), (2, "two")]


@pytest.mark.parametrize("fence", [0, 2, -1])
async def test_another_fence_is_stale(fleet: Fleet, fence: int) -> None:
    await fleet.a_run("a")
    (worker,) = await fleet.claim()
    await stale(fleet, worker, fence, *numbered(fleet, 1, Started(5, 1.0)))
    await stale(fleet, worker, fence)
    assert (await fleet.worker(worker)).status == "SPAWNING"


async def test_a_replaced_worker_has_nothing_more_to_say(fleet: Fleet) -> None:
    run_id = await fleet.a_run(a_task("a", max_attempts=2))
    worker = await fleet.working(run_id, "a")
    await fleet.db.write(commands.reports.lose, worker_id=worker, fence=1, reason="It was silent.")
    fleet.clock.advance(seconds=1)
    follower = await fleet.working(run_id, "a")
    assert follower != worker
    await stale(fleet, worker, 1, *numbered(fleet, 2, Exited(ExitReason.EXITED, exit_code=0)))
    task = await fleet.task(run_id, "a")
    assert (task.status, task.worker_id) == ("RUNNING", follower)
    assert (
        await fleet.send(worker, 1, *numbered(fleet, 1, Started(5, 1.0))) == 1
    )  # it may hear that it was heard


async def test_a_last_report_sent_again_is_harmless(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    worker = await fleet.working(run_id, "a")
    last = numbered(fleet, 2, said(fleet, "bye"), Exited(ExitReason.EXITED, exit_code=0))
    assert await fleet.send(worker, 1, *last) == 3
    assert await fleet.send(worker, 1, *last) == 3
    await stale(fleet, worker, 1, *numbered(fleet, 4, said(fleet, "late")))
    assert await log(fleet, worker) == [(1, "bye")]


async def test_nothing_is_taken_behind_the_end(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    worker = await fleet.working(run_id, "a")
    batch = numbered(fleet, 2, Exited(ExitReason.EXITED, exit_code=0), said(fleet, "late"))
    assert await fleet.send(worker, 1, *batch) == 2
    assert await log(fleet, worker) == []


async def test_an_end_before_a_start_counts_as_both(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    (worker,) = await fleet.claim()
    await fleet.send(worker, 1, *numbered(fleet, 1, Exited(ExitReason.EXITED, exit_code=0)))
    assert (await fleet.worker(worker)).status == "SUCCEEDED"
    assert await fleet.statuses(run_id) == {"a": "COMPLETED"}


@pytest.mark.parametrize(
    ("exited", "status", "words"),
    [
        (Exited(ExitReason.EXITED, exit_code=0), "SUCCEEDED", None),
        (Exited(ExitReason.EXITED, exit_code=3), "FAILED", "exit code 3"),
        (Exited(ExitReason.EXITED, signal=11), "FAILED", "signal 11"),
        (Exited(ExitReason.TIMED_OUT), "FAILED", "time-out"),
        (Exited(ExitReason.KILLED), "FAILED", "ended"),
        (Exited(ExitReason.RUNNER_LOST), "LOST", "runner died"),
    ],
)
async def test_how_a_worker_ended_is_told(
    fleet: Fleet, exited: Exited, status: str, words: str | None
) -> None:
    run_id = await fleet.a_run("a")
    worker = await fleet.working(run_id, "a")
    await fleet.report(worker, exited)
    row = await fleet.worker(worker)
    assert (row.status, row.exit_code, row.ended_at) == (status, exited.exit_code, fleet.clock())
    assert row.status_reason is words is None or (words or "") in (row.status_reason or "")


@pytest.mark.parametrize("reason", list(ExitReason))
async def test_a_worker_that_is_being_killed_ends_as_killed(fleet: Fleet, reason: ExitReason) -> None:
    run_id = await fleet.a_run("a")
    worker = await fleet.working(run_id, "a")
    await fleet.do(commands.workers.kill, worker_id=worker)
    await fleet.exit(worker, reason=reason)
    assert (await fleet.worker(worker)).status == "KILLED"


async def test_reports_are_signs_of_life(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    worker = await fleet.working(run_id, "a")
    fleet.clock.advance(seconds=30)
    await fleet.report(worker, said(fleet, "still here"))
    assert (await fleet.worker(worker)).last_heartbeat_at == fleet.clock()


async def test_what_does_not_fit_the_state_changes_nothing(fleet: Fleet) -> None:
    await fleet.a_run("a")
    (worker,) = await fleet.claim()
    await fleet.report(worker, Paused(), Resumed(), Seen(0))
    assert (await fleet.worker(worker)).status == "SPAWNING"
    await fleet.up(worker)
    await fleet.report(worker, Resumed(), Started(6, 2.0))
    row = await fleet.worker(worker)
    assert (row.status, row.pid, row.reports) == ("RUNNING", 6, 6)


async def test_seen_revisions_do_not_fall(fleet: Fleet) -> None:
    await fleet.a_run("a")
    (worker,) = await fleet.claim()
    await fleet.report(worker, Seen(5), Seen(2))
    assert (await fleet.worker(worker)).seen == 5


async def test_an_unknown_worker_is_not_found(fleet: Fleet) -> None:
    with pytest.raises(AppError) as refused:
        await fleet.send("wrk_none", 1)
    assert refused.value.code is ErrorCode.NOT_FOUND


async def test_any_line_an_agent_can_print_is_kept(fleet: Fleet) -> None:
    run_id = await fleet.a_run("a")
    worker = await fleet.working(run_id, "a")
    texts = ["", " ", "a\tb", "\x1b[31mred\x1b[0m", "\u202etxt", "\U0001f600", "x" * 20_000, "a\0b", "\ud800"]
    await fleet.report(worker, said(fleet, *texts))
    kept = [text for _, text in await log(fleet, worker)]
    assert kept[:7] == texts[:7]
    assert kept[7:] == ["a\ufffdb", "\ufffd"]
    await fleet.report(worker, Exited(ExitReason.CANNOT_START, message="a\0b\ud800"))
    assert "\0" not in ((await fleet.worker(worker)).status_reason or "")
