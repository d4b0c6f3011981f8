"""Checks a recorded history against the promises: what a subscriber saw, what the log holds, what really ran."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

Event = dict[str, Any]
LIFE = ["READY", "RUNNING", "COMPLETED"]


@dataclass(slots=True)
class Verdict:
    """Counts of broken promises; all zero is what must hold."""

    lost: int = 0
    duplicated: int = 0
    out_of_order: int = 0
    ran_not_once: int = 0
    ended_not_once: int = 0
    state_without_event: int = 0
    processes_left: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def broken(self) -> int:
        return (
            self.lost
            + self.duplicated
            + self.out_of_order
            + self.ran_not_once
            + self.ended_not_once
            + self.state_without_event
            + self.processes_left
        )

    def blame(self, promise: str, example: str) -> None:
        setattr(self, promise, getattr(self, promise) + 1)
        if len(self.examples) < 10:
            self.examples.append(f"{promise}: {example}")

    def __str__(self) -> str:
        counts = (
            f"{self.lost} lost, {self.duplicated} duplicated, {self.out_of_order} out of order; "
            f"{self.ran_not_once} tasks not run once, {self.ended_not_once} not ended once, "
            f"{self.state_without_event} states without their event, {self.processes_left} processes left"
        )
        return "\n  ".join([counts, *self.examples])


def judge(
    *,
    seen: Sequence[Event],
    log: Sequence[Event],
    tasks: dict[str, str],
    ran: Sequence[str],
    processes_left: int,
) -> Verdict:
    """`seen` is what the subscriber got, `log` the whole log, `tasks` the final status by id, `ran` the ids of tasks
    in the order in which their processes started."""
    verdict = Verdict(processes_left=processes_left)
    _delivery(verdict, [int(event["cursor"]) for event in seen], [int(event["cursor"]) for event in log])
    times = Counter(ran)
    for task_id in tasks:
        if times[task_id] != 1:
            verdict.blame("ran_not_once", f"{task_id} ran {times[task_id]} times")
    lives: dict[str, list[str]] = defaultdict(list)
    for event in log:
        if event["__typename"] == "TaskStatusChanged":
            lives[event["task"]["id"]].append(event["newTaskStatus"])
    for task_id, status in tasks.items():
        if lives[task_id][-1:] != [status]:
            verdict.blame("state_without_event", f"{task_id} is {status}, its events say {lives[task_id]}")
        if lives[task_id] != LIFE:
            verdict.blame("ended_not_once", f"{task_id} went {lives[task_id]}")
    return verdict


def _delivery(verdict: Verdict, seen: list[int], log: list[int]) -> None:
    for cursor, times in Counter(seen).items():
        if times > 1:
            verdict.blame("duplicated", f"event {cursor} came {times} times")
    for cursor in set(log) - set(seen):
        verdict.blame("lost", f"event {cursor} never came")
    for earlier, later in pairwise(seen):
        if later < earlier:
            verdict.blame("out_of_order", f"event {later} came after {earlier}")
