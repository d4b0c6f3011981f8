"""The graph of tasks: in-degree counters, order, circles, and how much waits behind a task.

A completed task lowers the counters of its dependents; nothing is ever rescanned.
"""

from collections import deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Final, Generic, TypeVar

from app.domain.errors import AppError, ErrorCode

Key = TypeVar("Key", bound=Hashable)

BITS: Final = 16_384
"""How many tasks are counted at a time: 2 KiB for each of them that has to be remembered."""


class Schedule:
    """Tasks as numbers from 0, and what they wait for: nothing but lists of numbers, for very many of them."""

    __slots__ = ("dependents", "waiting")

    def __init__(self, needs: Sequence[Iterable[int]]) -> None:
        self.dependents: list[list[int]] = [[] for _ in needs]
        self.waiting = [0] * len(needs)
        for number, needed in enumerate(needs):
            for dependency in set(needed):
                self.dependents[dependency].append(number)
                self.waiting[number] += 1

    def ready(self) -> list[int]:
        """What waits for nothing."""
        return [number for number, count in enumerate(self.waiting) if not count]

    def complete(self, number: int) -> list[int]:
        """Note that a task is done and return what became ready by it."""
        waiting = self.waiting
        freed = []
        for dependent in self.dependents[number]:
            left = waiting[dependent] - 1
            waiting[dependent] = left
            if not left:
                freed.append(dependent)
        return freed

    def order(self) -> list[int]:
        """Every number after what it waits for, first come first. Shorter than the graph where there is a circle."""
        waiting = self.waiting.copy()
        ordered = [number for number, count in enumerate(waiting) if not count]
        for number in ordered:  # which grows meanwhile
            for dependent in self.dependents[number]:
                left = waiting[dependent] - 1
                waiting[dependent] = left
                if not left:
                    ordered.append(dependent)
        return ordered


class Dag(Generic[Key]):
    """A schedule of tasks by their keys. `dependencies` may name only tasks that are in the mapping."""

    __slots__ = ("_keys", "_numbers", "_schedule")

    def __init__(self, dependencies: Mapping[Key, Iterable[Key]]) -> None:
        self._keys = list(dependencies)
        self._numbers = {key: number for number, key in enumerate(self._keys)}
        number_of = self._numbers.__getitem__
        self._schedule = Schedule([[*map(number_of, needed)] for needed in dependencies.values()])

    def ready(self) -> list[Key]:
        """What waits for nothing."""
        return self._named(self._schedule.ready())

    def complete(self, key: Key) -> list[Key]:
        """Note that a task is done and return what became ready by it."""
        return self._named(self._schedule.complete(self._numbers[key]))

    def waiting(self, key: Key) -> int:
        return self._schedule.waiting[self._numbers[key]]

    def dependents(self, key: Key) -> list[Key]:
        return self._named(self._schedule.dependents[self._numbers[key]])

    def order(self) -> list[Key]:
        """Every key after what it waits for, otherwise as given. Shorter than the graph where there is a circle."""
        return self._named(self._schedule.order())

    def depths(self) -> dict[Key, int]:
        """For each key the length of the longest chain before it: 0 where it waits for nothing."""
        dependents = self._schedule.dependents
        found = [0] * len(self._keys)
        for number in self._schedule.order():
            deeper = found[number] + 1
            for dependent in dependents[number]:
                if found[dependent] < deeper:
                    found[dependent] = deeper
        return dict(zip(self._keys, found, strict=True))

    def count_behind(self, counted: Iterable[Key]) -> dict[Key, int]:
        """For each key how many of `counted` wait for it, directly or not, itself included.

        Each key's set is a number with a bit for each of `counted`, forgotten as soon as nothing asks for it. `BITS` of
        them at a time, so that what is not yet forgotten stays small however large the graph is.
        """
        numbers = [self._numbers[key] for key in counted]
        backward = self._schedule.order()[::-1]
        found = [0] * len(self._keys)
        for start in range(0, len(numbers), BITS):
            self._count_some(numbers[start : start + BITS], backward, found)
        return {self._keys[number]: found[number] for number in backward}

    def _count_some(self, counted: Sequence[int], backward: Sequence[int], found: list[int]) -> None:
        dependents = self._schedule.dependents
        bit = {number: 1 << place for place, number in enumerate(counted)}
        asked_for = self._schedule.waiting.copy()
        behind: dict[int, int] = {}
        for number in backward:
            bits = bit.get(number, 0)
            for dependent in dependents[number]:
                bits |= behind[dependent]
                asked_for[dependent] -= 1
                if not asked_for[dependent]:
                    del behind[dependent]
            found[number] += bits.bit_count()
            if asked_for[number]:
                behind[number] = bits

    def _named(self, numbers: Iterable[int]) -> list[Key]:
        keys = self._keys
        return [keys[number] for number in numbers]


def find_cycle(dependencies: Mapping[Key, Iterable[Key]]) -> list[Key] | None:
    """A circle as `[a, b, c, a]`, each waiting for the next, or None."""
    ordered = Dag(dependencies).order()
    if len(ordered) == len(dependencies):
        return None
    # what is left waits, directly or not, for a circle: following any open dependency must come round
    stuck = set(dependencies).difference(ordered)
    key = next(key for key in dependencies if key in stuck)
    seen: dict[Key, int] = {}
    path: list[Key] = []
    while key not in seen:
        seen[key] = len(path)
        path.append(key)
        key = next(needed for needed in dependencies[key] if needed in stuck)
    return [*path[seen[key] :], key]


def refuse_cycle(dependencies: Mapping[str, Iterable[str]], *path: str) -> None:
    cycle = find_cycle(dependencies)
    if cycle is not None:
        raise AppError(
            ErrorCode.DAG_CYCLE,
            f"These tasks would wait for each other: {' → '.join(cycle)}.",
            suggestion="Remove one of these dependencies in the same change.",
            path=path,
            details={"cycle": cycle},
        )


def downstream(dependents: Mapping[Key, Iterable[Key]], start: Iterable[Key]) -> set[Key]:
    """Everything that waits, directly or not, for one of `start`, without `start` itself."""
    start = set(start)
    found: set[Key] = set()
    queue = deque(start)
    while queue:
        for dependent in dependents.get(queue.popleft(), ()):
            if dependent not in found and dependent not in start:
                found.add(dependent)
                queue.append(dependent)
    return found
