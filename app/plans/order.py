"""What waits for what: the order of a document, with what it says beyond that."""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Final

from app.domain.dag import Dag, find_cycle
from app.domain.plans import PlanPhase, PlanStatus, PlanTask, PlanWarning
from app.plans.claims import Claim
from app.plans.dependencies import circle_in_words
from app.plans.reading import Reading
from app.plans.refusals import refusal

_MOST_MOVES: Final = 200
"""Pairs of phases that are looked at to put phases in another order."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How tasks of one phase follow each other where nothing is said: each waits for all before it, except these."""

    parallel: Container[str] = ()
    """Wait for what stands before their group only; what follows waits for all of the group."""
    declaring: Container[str] = ()
    """Say themselves what they wait for."""
    aside: Container[str] = ()
    """Nothing waits for them."""


@dataclass(frozen=True, slots=True)
class PhaseNeed:
    """What prose in a line says: the phase of one place waits for that of another."""

    phase: int
    on: int
    line: int


def in_order(reading: Reading) -> None:
    """Phases in order, and in each the tasks one after the other."""
    arrange(reading, [], Rules())


def arrange(
    reading: Reading,
    claims: Sequence[Claim],
    rules: Rules,
    *,
    needs: Sequence[PhaseNeed] = (),
    movable: Container[int] = (),
) -> None:
    """Fill `depends_on` of every task.

    `movable` are the places of phases whose order among each other needs and claims may change.
    """
    plan = reading.plan
    kept = _without_circles(reading, list(dict.fromkeys(claims)))
    home = {item.task.key: item.phase for item in reading.items}
    order = _order_of_phases(reading, [*needs, *_later_phases(kept, home)], movable)
    place = {phase: place for place, phase in enumerate(order)}
    if order != sorted(order):
        first = plan.phases[next(phase for at, phase in enumerate(order) if phase != at)]
        message = (
            f"By what is said about dependencies “{first.title}” comes before phases that stand above it."
        )
        reading.outline.warnings.append(PlanWarning(first.line, message))
    needed: dict[str, dict[str, None]] = {}
    for claim in kept:
        if place[home[claim.on]] <= place[home[claim.task]]:
            needed.setdefault(claim.task, {})[claim.on] = None
        else:
            _warn_of_later_phase(reading, claim, plan.phases[home[claim.on]])
    plan.phases = [plan.phases[phase] for phase in order]
    for phase in plan.phases:
        _order_phase(phase, needed, rules)


def _order_phase(phase: PlanPhase, needed: Mapping[str, Mapping[str, None]], rules: Rules) -> None:
    line = _Line(rules)
    for task in _effective_order(phase.tasks, needed):
        own = needed.get(task.key, {})
        task.depends_on = list(dict.fromkeys([*line.before(task), *own]))
        line.take(task)


@dataclass(slots=True)
class _Line:
    """The tasks of a phase that have been passed, as what the next one must wait for.

    What is done holds nothing back, so tasks wait as well for what is unfinished before it. Every task is named by a
    bounded number of later ones, except in front of a parallel group: the edges stay as many as the tasks.
    """

    rules: Rules
    last: PlanTask | None = None
    """The last one that is not parallel, aside or declaring."""
    group: list[PlanTask] = field(default_factory=list)
    """What came after it."""
    group_waits: bool = True
    """Everything in the group waits for `last`."""
    open_last: str | None = None
    """The same, of unfinished tasks."""
    open_group: list[str] = field(default_factory=list)
    open_group_waits: bool = True

    def before(self, task: PlanTask) -> Iterator[str]:
        if task.key in self.rules.declaring:
            return
        side_by_side = task.key in self.rules.parallel or task.key in self.rules.aside
        if not side_by_side:
            yield from (one.key for one in self.group)
        if self.last is not None and (side_by_side or not self.group or not self.group_waits):
            yield self.last.key
        if task.status is PlanStatus.DONE or self.last is None or self.last.status is not PlanStatus.DONE:
            return
        if not side_by_side:
            yield from self.open_group
        if self.open_last is not None and (side_by_side or not self.open_group or not self.open_group_waits):
            yield self.open_last

    def take(self, task: PlanTask) -> None:
        is_open = task.status is not PlanStatus.DONE
        if task.key in self.rules.aside:
            return
        if task.key in self.rules.parallel or task.key in self.rules.declaring:
            waits = task.key not in self.rules.declaring
            self.group.append(task)
            self.group_waits = self.group_waits and waits
            if is_open:
                self.open_group.append(task.key)
                self.open_group_waits = self.open_group_waits and waits
            return
        self.last, self.group, self.group_waits = task, [], True
        if is_open:
            self.open_last, self.open_group, self.open_group_waits = task.key, [], True


def _effective_order(
    tasks: Sequence[PlanTask], needed: Mapping[str, Mapping[str, None]]
) -> Iterator[PlanTask]:
    """As in the document, but everything after what it is said to wait for."""
    places = {task.key: place for place, task in enumerate(tasks)}
    after = {
        place: [places[on] for on in needed[task.key] if on in places]
        for place, task in enumerate(tasks)
        if task.key in needed
    }
    return (tasks[place] for place in _stable_order(len(tasks), after))


def _stable_order(count: int, after: Mapping[int, Sequence[int]]) -> Iterator[int]:
    """The numbers below `count`, each behind those it is mapped to, otherwise in their order."""
    waiting = [len(after.get(place, ())) for place in range(count)]
    dependents: dict[int, list[int]] = {}
    for place, needed in after.items():
        for on in needed:
            dependents.setdefault(on, []).append(place)
    free = [place for place in range(count) if not waiting[place]]
    while free:
        place = heappop(free)
        yield place
        for dependent in dependents.get(place, ()):
            waiting[dependent] -= 1
            if not waiting[dependent]:
                heappush(free, dependent)


# ---------------------------------------------------------------- circles


def _without_circles(reading: Reading, claims: Sequence[Claim]) -> list[Claim]:
    """A circle of what is said plainly is refused; prose that would close one is left out."""
    certain = [claim for claim in claims if claim.certain]
    _refuse_circle(reading, certain)
    places = {item.task.key: place for place, item in enumerate(reading.items)}
    prose = [claim for claim in claims if not claim.certain]
    backwards = {claim for claim in prose if places[claim.on] > places[claim.task]}
    kept = list(claims)
    for doubtful in (backwards, set(prose)):
        knot = _knot(_graph(kept))
        dropped = {claim for claim in doubtful if claim.task in knot and claim.on in knot}
        kept = [claim for claim in kept if claim not in dropped]
        for claim in dropped:
            reading.outline.warn(
                claim.line,
                f"That {claim.task} waits for {claim.on} is left out: these tasks would wait for each other.",
            )
    return kept


def _refuse_circle(reading: Reading, claims: Sequence[Claim]) -> None:
    cycle = find_cycle(_graph(claims))
    if cycle is None:
        return
    lines = {
        (claim.task, claim.on): reading.outline.line_in_document(claim.line) for claim in reversed(claims)
    }
    raise refusal(
        reading.outline.source.name,
        circle_in_words(cycle, lines),
        line=lines[cycle[0], cycle[1]],
        suggestion="Remove one of these dependencies from the document.",
        details={"cycle": cycle},
    )


def _graph(claims: Sequence[Claim]) -> dict[str, list[str]]:
    graph: dict[str, list[str]] = {}
    for claim in claims:
        graph.setdefault(claim.task, []).append(claim.on)
        graph.setdefault(claim.on, [])
    return graph


def _knot(graph: Mapping[str, Sequence[str]]) -> set[str]:
    """The tasks that lie in circles or between them; empty where there is none."""
    knot = set(graph).difference(Dag(graph).order())
    backwards: dict[str, list[str]] = {key: [] for key in knot}
    for key in knot:
        for on in graph[key]:
            if on in knot:
                backwards[on].append(key)
    return knot.difference(Dag(backwards).order())


# ---------------------------------------------------------------- phases


def _later_phases(claims: Sequence[Claim], home: Mapping[str, int]) -> list[PhaseNeed]:
    """Phases with a task that waits for one of a later phase."""
    pairs: dict[tuple[int, int], int] = {}
    for claim in claims:
        if home[claim.on] > home[claim.task]:
            pairs.setdefault((home[claim.task], home[claim.on]), claim.line)
    return [PhaseNeed(phase, on, line) for (phase, on), line in pairs.items()]


def _order_of_phases(reading: Reading, needs: Sequence[PhaseNeed], movable: Container[int]) -> list[int]:
    """That of the document, with phases moved behind the later ones they need, where they may be and no circle forbids."""
    phases = reading.plan.phases
    after: dict[int, list[int]] = {}
    for need in needs[:_MOST_MOVES]:
        low, high = sorted((need.phase, need.on))
        if high - low > _MOST_MOVES or not all(place in movable for place in range(low, high + 1)):
            continue
        if _reaches(after, need.on, need.phase):
            reading.outline.warn(
                need.line,
                f"That “{phases[need.phase].title}” waits for “{phases[need.on].title}” is left out: these phases would"
                " wait for each other.",
            )
        else:
            after.setdefault(need.phase, []).append(need.on)
    return list(_stable_order(len(phases), after))


def _reaches(needs: Mapping[int, Sequence[int]], start: int, goal: int) -> bool:
    seen, stack = {start}, [start]
    while stack:
        phase = stack.pop()
        if phase == goal:
            return True
        for later in needs.get(phase, ()):
            if later not in seen:
                seen.add(later)
                stack.append(later)
    return False


def _warn_of_later_phase(reading: Reading, claim: Claim, phase: PlanPhase) -> None:
    reading.outline.warn(
        claim.line,
        f"That {claim.task} waits for {claim.on} is left out: “{phase.title}” is a later phase, which starts only when the"
        " one before it is completed.",
    )
