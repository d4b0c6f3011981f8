"""What Task Master's tasks and subtasks wait for: ids to keys, and what a task waits for because of its subtasks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from app.domain.dag import Dag, find_cycle
from app.plans.dependencies import Need

Warn = Callable[[int, str], None]

_CIRCLES_TOLD: Final = 20
_STEPS: Final = 1_000_000
"""How far all searches for what a task waits for anyway may go together."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of `dependencies`, as text."""

    text: str
    line: int


@dataclass(slots=True)
class Part:
    """A subtask. `id` is its number below its task, `key` what it is called here: `4.2`."""

    id: str
    key: str
    line: int
    entries: Sequence[Entry]


@dataclass(slots=True)
class Whole:
    """A task."""

    id: str
    key: str
    line: int
    entries: Sequence[Entry]
    parts: Sequence[Part] = ()


@dataclass(slots=True)
class Links:
    """`needs` of tasks, without repetitions; `of_parts` by the keys of subtasks."""

    needs: list[Need] = field(default_factory=list)
    of_parts: dict[str, list[str]] = field(default_factory=dict)


def links_of(wholes: Sequence[Whole], warn: Warn) -> Links:
    """Within one tag: tags know nothing of each other."""
    return _Linking(wholes, warn).links()


class _Linking:
    def __init__(self, wholes: Sequence[Whole], warn: Warn) -> None:
        self._wholes = wholes
        self._warn = warn
        self._tasks: dict[str, Whole] = {}
        self._parts: dict[tuple[str, str], Part] = {}
        self._owners: dict[str, str] = {}
        for whole in wholes:
            self._tasks.setdefault(whole.id, whole)
            self._owners[whole.key] = whole.key
            for part in whole.parts:
                self._parts.setdefault((whole.key, part.id), part)
                self._owners[part.key] = whole.key

    def links(self) -> Links:
        found = Links()
        for whole in self._wholes:
            needed = self._distinct(whole.key, whole.entries, partial(self._task, whole))
            found.needs += (Need(whole.key, key, line) for key, line in needed.items())
        of_parts = self._of_parts()
        self._tell_circles(of_parts)
        found.of_parts = {key: list(needed) for key, needed in of_parts.items()}
        found.needs += self._lifted(found.needs, of_parts)
        return found

    def _distinct(
        self, key: str, entries: Sequence[Entry], find: Callable[[str], str | None]
    ) -> dict[str, int]:
        """Each key once with its line; what cannot be waited for is told and left out."""
        needed: dict[str, int] = {}
        for entry in entries:
            on = find(entry.text)
            if on is None:
                self._warn(entry.line, f"{key} depends on {entry.text!r}, which is not there: left out.")
            elif on == key:
                self._warn(entry.line, f"{key} depends on itself: left out.")
            elif on in needed:
                self._warn(entry.line, f"{key} depends on {on} twice.")
            else:
                needed[on] = entry.line
        return needed

    # ------------------------------------------------------------------ ids

    def _task(self, whole: Whole, text: str) -> str | None:
        """In a task an id is that of a task; one of a subtask stands for the task it belongs to."""
        if text in self._tasks:
            return self._tasks[text].key
        part = self._dotted(text)
        if part is None:
            return None
        owner = self._owners[part.key]
        self._warn(
            whole.line, f"{whole.key} depends on the subtask {part.key}, so it waits for all of {owner}."
        )
        return owner

    def _dotted(self, text: str) -> Part | None:
        task, _, part = text.rpartition(".")
        owner = self._tasks.get(task)
        return self._parts.get((owner.key, part)) if owner is not None else None

    def _of_part(self, whole: Whole, text: str, *, tasks_first: bool) -> str | None:
        """A dotted id is a subtask anywhere, a bare one a sibling, or a task where the subtask says so."""
        if (dotted := self._dotted(text)) is not None:
            return dotted.key
        sibling, task = self._parts.get((whole.key, text)), self._tasks.get(text)
        choices = (task, sibling) if tasks_first else (sibling, task if "." in text else None)
        return next((choice.key for choice in choices if choice is not None), None)

    def _means_tasks(self, whole: Whole, part: Part) -> bool:
        """One number that can be no sibling tells that the author wrote numbers of tasks."""
        bare = [entry.text for entry in part.entries if "." not in entry.text]
        is_odd = any((whole.key, text) not in self._parts or text == part.id for text in bare)
        return is_odd and any(text in self._tasks for text in bare)

    # ------------------------------------------------------------------ subtasks

    def _of_parts(self) -> dict[str, dict[str, int]]:
        found = {}
        for whole in self._wholes:
            for part in whole.parts:
                tasks_first = self._means_tasks(whole, part)
                if tasks_first:
                    self._warn(
                        part.line, f"The numbers that {part.key} depends on are read as tasks, not subtasks."
                    )
                find = partial(self._of_part, whole, tasks_first=tasks_first)
                found[part.key] = self._distinct(part.key, part.entries, find)
        return found

    def _tell_circles(self, of_parts: Mapping[str, Mapping[str, int]]) -> None:
        """Subtasks are boxes of one worker: a circle among them is odd, and holds back nobody."""
        graph = {key: [on for on in needed if on in of_parts] for key, needed in of_parts.items()}
        for _ in range(_CIRCLES_TOLD):
            circle = find_cycle(graph)
            if circle is None:
                return
            line = of_parts[circle[0]][circle[1]]
            steps = " → ".join(circle)
            self._warn(
                line, f"These subtasks wait for each other: {steps}. They are boxes, which hold back nothing."
            )
            inside = set(circle)
            graph = {
                key: [on for on in needed if on not in inside]
                for key, needed in graph.items()
                if key not in inside
            }

    def _lifted(self, needs: Sequence[Need], of_parts: Mapping[str, Mapping[str, int]]) -> Iterator[Need]:
        """A worker does a task with all its subtasks: it waits for what one of them waits for in another task."""
        graph: dict[str, list[str]] = {whole.key: [] for whole in self._wholes}
        for need in needs:
            graph[need.task].append(need.on)
        wanted = self._wanted(graph, of_parts)
        together = {key: [*needed, *wanted.get(key, {})] for key, needed in graph.items()}
        order = Dag(together).order()
        if len(order) < len(graph):
            order = Dag(graph).order()
        places = {key: place for place, key in enumerate(order)}
        steps = _STEPS
        for task, reasons in wanted.items():
            # what comes last first: it waits for most of the others itself
            for on, (part, line) in sorted(reasons.items(), key=lambda reason: -places.get(reason[0], 0)):
                if places.get(on, 0) >= places.get(task, 0):
                    self._warn(
                        line,
                        f"{part} depends on {on}, but {task} cannot wait for it: that would be a circle.",
                    )
                    continue
                implied, steps = _waits_anyway(graph, task, on, steps)
                if not implied:
                    self._warn(
                        line, f"{part} depends on {on}, so all of {task} waits for {self._owners[on]}."
                    )
                    graph[task].append(on)
                    yield Need(task, on, line)

    def _wanted(
        self, graph: Mapping[str, Sequence[str]], of_parts: Mapping[str, Mapping[str, int]]
    ) -> dict[str, dict[str, tuple[str, int]]]:
        """By task, the other tasks that its subtasks wait for, with the first subtask that says so and its line."""
        wanted: dict[str, dict[str, tuple[str, int]]] = {}
        for part, needed in of_parts.items():
            task = self._owners[part]
            for key, line in needed.items():
                on = self._owners[key]
                if on != task and on not in graph[task]:
                    wanted.setdefault(task, {}).setdefault(on, (part, line))
        return wanted


def _waits_anyway(graph: Mapping[str, Sequence[str]], task: str, on: str, steps: int) -> tuple[bool, int]:
    """Whether a task waits for another already, through others; and how many steps are left."""
    seen = {task}
    stack = [task]
    while stack and steps > 0:
        for needed in graph[stack.pop()]:
            steps -= 1
            if needed == on:
                return True, steps
            if needed not in seen:
                seen.add(needed)
                stack.append(needed)
    return False, steps
