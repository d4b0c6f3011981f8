"""The graph of tasks: in-degree counters, order, circles, and how much waits behind a task.

Works on keys of any kind. A completed task lowers the counters of its dependents; nothing is ever rescanned.
"""

from collections import deque
from collections.abc import Hashable, Iterable, Mapping
from typing import Generic, TypeVar

from app.domain.errors import AppError, ErrorCode

Key = TypeVar("Key", bound=Hashable)


class Dag(Generic[Key]):
    """Tasks and what they wait for. `dependencies` may name only tasks that are in the mapping."""

    __slots__ = ("_dependents", "_waiting")

    def __init__(self, dependencies: Mapping[Key, Iterable[Key]]) -> None:
        self._dependents: dict[Key, list[Key]] = {key: [] for key in dependencies}
        self._waiting: dict[Key, int] = dict.fromkeys(dependencies, 0)
        for key, needed in dependencies.items():
            for dependency in set(needed):
                self._dependents[dependency].append(key)
                self._waiting[key] += 1

    def ready(self) -> list[Key]:
        """What waits for nothing."""
        return [key for key, count in self._waiting.items() if count == 0]

    def complete(self, key: Key) -> list[Key]:
        """Note that a task is done and return what became ready by it."""
        waiting = self._waiting
        freed = []
        for dependent in self._dependents[key]:
            waiting[dependent] -= 1
            if waiting[dependent] == 0:
                freed.append(dependent)
        return freed

    def waiting(self, key: Key) -> int:
        return self._waiting[key]

    def dependents(self, key: Key) -> list[Key]:
        return list(self._dependents[key])

    def order(self) -> list[Key]:
        """Every key after what it waits for, otherwise as given. Shorter than the graph where there is a circle."""
        waiting = dict(self._waiting)
        queue = deque(key for key, count in waiting.items() if count == 0)
        ordered = []
        while queue:
            key = queue.popleft()
            ordered.append(key)
            for dependent in self._dependents[key]:
                waiting[dependent] -= 1
                if waiting[dependent] == 0:
                    queue.append(dependent)
        return ordered

    def depths(self) -> dict[Key, int]:
        """For each key the length of the longest chain before it: 0 where it waits for nothing."""
        found = dict.fromkeys(self._waiting, 0)
        for key in self.order():
            deeper = found[key] + 1
            for dependent in self._dependents[key]:
                if found[dependent] < deeper:
                    found[dependent] = deeper
        return found

    def count_behind(self, counted: Iterable[Key]) -> dict[Key, int]:
        """For each key how many of `counted` wait for it, directly or not, itself included.

        Each key's set is a number with a bit for each of `counted`, forgotten as soon as nothing asks for it.
        """
        places = {key: place for place, key in enumerate(counted)}
        asked_for = dict(self._waiting)
        behind: dict[Key, int] = {}
        found: dict[Key, int] = {}
        for key in reversed(self.order()):
            bits = 1 << places[key] if key in places else 0
            for dependent in self._dependents[key]:
                bits |= behind[dependent]
                asked_for[dependent] -= 1
                if not asked_for[dependent]:
                    del behind[dependent]
            found[key] = bits.bit_count()
            if asked_for[key]:
                behind[key] = bits
        return found


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
