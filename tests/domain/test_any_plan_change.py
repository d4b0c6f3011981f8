"""Applying what an import would do to the run that was made of the old plan gives the new plan: any plan, any change."""

import random
from dataclasses import replace
from typing import Any

import pytest

from app.domain.plan_changes import difference
from app.domain.plans import (
    CommandRuntime,
    Plan,
    PlanFormat,
    PlanPhase,
    PlanTask,
)
from tests.domain.held_runs import applied, run_of, shown


class Author:
    """Writes a plan, and changes it as authors do."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.count = 0

    def title(self) -> str:
        self.count += 1
        return f"title {self.count}"

    def plan(self, phases: list[list[tuple[str, dict[str, Any]]]], titles: list[str]) -> Plan:
        """Tasks are named by their title; what they wait for too. Keys are those of the format: counted or of the author."""
        keys = {}
        counted = self.random.random() < 0.5
        for number, tasks in enumerate(phases, 1):
            for place, (title, _) in enumerate(tasks, 1):
                keys[title] = (
                    f"{number}.{place}" if counted else self.known.setdefault(title, f"T{len(self.known)}")
                )
        return Plan(
            PlanFormat.TRACKSIDE,
            "x",
            [
                PlanPhase(
                    f"phase-{number}",
                    phase_title,
                    [
                        PlanTask(
                            keys[title],
                            title,
                            depends_on=[keys[on] for on in said["needs"] if on in keys],
                            **{name: value for name, value in said.items() if name != "needs"},
                        )
                        for title, said in tasks
                    ],
                )
                for number, (phase_title, tasks) in enumerate(zip(titles, phases, strict=True), 1)
            ],
        )

    known: dict[str, str]

    def said(self, before: list[str]) -> dict[str, Any]:
        pick = self.random
        return {
            "needs": pick.sample(before, min(len(before), pick.randint(0, 2))),
            "description": pick.choice(["", "a", "b"]),
            "priority": pick.randint(-1, 1),
            "max_attempts": pick.choice([None, 1, 2]),
            "paths": pick.choice([[], ["src"]]),
            "runtime": pick.choice([None, CommandRuntime(("make",))]),
        }

    def two(self) -> tuple[Plan, Plan]:
        self.known = {}
        pick = self.random
        phases: list[list[tuple[str, dict[str, Any]]]] = []
        before: list[str] = []
        titles = []
        for _ in range(pick.randint(1, 4)):
            titles.append(self.title())
            tasks = []
            for _ in range(pick.randint(0, 5)):
                title = self.title()
                tasks.append((title, self.said(before)))
                before.append(title)
            phases.append(tasks)
        state = pick.getstate()
        old = self.plan(phases, titles)
        for _ in range(pick.randint(0, 6)):
            self.change(phases, titles)
        after = pick.getstate()
        pick.setstate(state)  # the same author: keys are counted in both or in none
        new = self.plan(phases, titles)
        pick.setstate(after)
        return old, new

    def change(self, phases: list[list[tuple[str, dict[str, Any]]]], titles: list[str]) -> None:
        pick = self.random
        place = pick.randrange(len(phases))
        tasks = phases[place]
        before = [title for some in phases[:place] for title, _ in some]
        match pick.randint(0, 5):
            case 0:
                tasks.insert(
                    at := pick.randint(0, len(tasks)),
                    (self.title(), self.said(before + [one for one, _ in tasks[:at]])),
                )
            case 1 if tasks:
                tasks.pop(pick.randrange(len(tasks)))
            case 2 if tasks:
                at = pick.randrange(len(tasks))
                tasks[at] = (tasks[at][0], self.said(before + [one for one, _ in tasks[:at]]))
            case 3:
                titles[place] = self.title()
            case 4:
                phases.insert(place, [(self.title(), self.said(before))])
                titles.insert(place, self.title())
            case 5 if len(phases) > 1:
                phases.pop(place)
                titles.pop(place)


@pytest.mark.parametrize("seed", range(400))
def test_a_run_of_the_old_plan_becomes_one_of_the_new(seed: int) -> None:
    old, new = Author(seed).two()
    held = run_of(old)
    after = applied(held, difference(held, old, new))
    assert shown(after) == shown(run_of(new))
    again = difference(after, new, new)
    assert (again.size, [one.message for one in again.remarks if one.task]) == (0, [])


@pytest.mark.parametrize("seed", range(50))
def test_what_was_done_by_hand_stays(seed: int) -> None:
    old, new = Author(seed).two()
    held = run_of(old)
    if not held.tasks:
        return
    own = replace(held.tasks[0], key="own", title="by hand", needs=frozenset({held.tasks[0].key}))
    by_hand = replace(
        held,
        tasks=[
            replace(held.tasks[0], values={**held.tasks[0].values, "skill": "mine"}),
            *held.tasks[1:],
            own,
        ],
    )
    tasks = {task.title: task for task in applied(by_hand, difference(by_hand, old, new)).tasks}
    assert "by hand" in tasks
    if held.tasks[0].title in tasks:
        assert tasks[held.tasks[0].title].values["skill"] == "mine"
