"""How a row is shown: each noun's module says so for its own, so that nouns can link to each other in any direction."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

Shape = TypeVar("Shape", bound=type[Any])

_SHAPES: Final[dict[type[Any], Callable[[Any], Any]]] = {}


def shape_of(row: type[Any]) -> Callable[[Shape], Shape]:
    """Class decorator: this GraphQL type, by its `of`, shows rows of that table."""

    def register(shape: Shape) -> Shape:
        _SHAPES[row] = shape.of
        return shape

    return register


def shown(row: Any) -> Any:
    """The GraphQL object of a row; None of None."""
    return None if row is None else _SHAPES[type(row)](row)
