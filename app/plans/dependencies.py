"""Dependencies that can never be met: on what is not there, on oneself, on a later phase, in a circle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise
from typing import Final

from app.domain.dag import find_cycle
from app.domain.plans import Plan
from app.plans.schema_problems import Problem

_SHOWN_OF_CYCLE: Final = 20


@dataclass(frozen=True, slots=True)
class Need:
    """One entry of `dependsOn`, with its line."""

    task: str
    on: str
    line: int


def dependency_problems(plan: Plan, needs: Sequence[Need]) -> tuple[list[Problem], list[str]]:
    """The problems, and the circle among them, if there is one."""
    places = {task.key: place for place, phase in enumerate(plan.phases) for task in phase.tasks}
    graph: dict[str, list[str]] = {key: [] for key in places}
    problems = []
    for need in needs:
        message = _problem(plan, need, places)
        if message is not None:
            problems.append(Problem(need.line, message))
        else:
            graph[need.task].append(need.on)
    cycle = find_cycle(graph)
    if cycle is None:
        return problems, []
    lines = {(need.task, need.on): need.line for need in needs}
    problems.append(Problem(lines[cycle[0], cycle[1]], circle_in_words(cycle, lines)))
    return problems, cycle


def circle_in_words(cycle: Sequence[str], lines: Mapping[tuple[str, str], int]) -> str:
    """`lines` has for each pair of a task and what it waits for the line that says so."""
    steps = " → ".join(f"{task} (line {lines[task, on]})" for task, on in pairwise(cycle))
    if len(cycle) > _SHOWN_OF_CYCLE:
        steps = f"{len(cycle) - 1} tasks, from {cycle[0]} (line {lines[cycle[0], cycle[1]]}) round to itself"
    return f"these tasks wait for each other: {steps} → {cycle[0]}."


def _problem(plan: Plan, need: Need, places: dict[str, int]) -> str | None:
    if need.on not in places:
        close = get_close_matches(need.on, list(places)[:1_000], n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        return f"task {need.task!r} depends on {need.on!r}, which is no task of this plan.{hint}"
    if need.on == need.task:
        return f"task {need.task!r} depends on itself."
    mine, theirs = places[need.task], places[need.on]
    if theirs > mine:
        later, own = plan.phases[theirs].key, plan.phases[mine].key
        return (
            f"task {need.task!r} of phase {own!r} depends on {need.on!r} of the later phase {later!r}, which starts"
            f" only when {own!r} is completed: it could never run."
        )
    return None
