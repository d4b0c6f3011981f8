"""Which tasks and phases of a document are those that a run has."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar


class _Named(Protocol):
    @property
    def key(self) -> str: ...
    @property
    def title(self) -> str: ...


Mine = TypeVar("Mine", bound=_Named)
Theirs = TypeVar("Theirs", bound=_Named)


def match(
    wanted: Sequence[Mine],
    there: Sequence[Theirs],
    same: Callable[[Mine, Theirs], bool] = lambda one, other: True,
) -> dict[str, Theirs]:
    """Which of `there` each of `wanted` is, by key of the wanted one.

    Keys of documents without ids are made by counting, so that an inserted task moves all behind it: key and title together
    decide first, then a title that only one on each side has, and then the key alone, where `same` agrees.
    """
    found: dict[str, Theirs] = {}
    left = {other.key: other for other in there}
    for one in wanted:
        other = left.get(one.key)
        if other is not None and other.title == one.title:
            found[one.key] = left.pop(one.key)
    by_title = _by_title([one for one in wanted if one.key not in found])
    for title, other in _by_title(list(left.values())).items():
        mine = by_title.get(title)
        if mine is not None and other is not None:
            found[mine.key] = left.pop(other.key)
    for one in wanted:
        other = left.get(one.key)
        if one.key not in found and other is not None and same(one, other):
            found[one.key] = left.pop(one.key)
    return found


def _by_title(named: Sequence[Mine]) -> dict[str, Mine | None]:
    """None for a title that several have."""
    found: dict[str, Mine | None] = {}
    for one in named:
        found[one.title] = None if one.title in found else one
    return found
