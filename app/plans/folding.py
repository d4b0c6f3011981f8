"""A Markdown document whose line breaks have become spaces, made readable again.

Its indentation is gone, so the words have to tell: a box that says `Task:` is a task, any other box after it in the
same section a subtask.
"""

import re
from typing import Final

from app.plans.commonmark import BOX, BOX_ITEM
from app.plans.text import Source

_LONG: Final = 200
_HEADING: Final = r"#{1,6} +\S"
_ITEM: Final = rf"(?:[-*+]|\d{{1,9}}[.)]) {BOX} "
# Starts of a heading or a box inside a line: at its beginning or after a blank.
_START = re.compile(rf"(?:(?<=\s)|^)(?={_HEADING}|{_ITEM})")
_IS_HEADING = re.compile(_HEADING)
_SAYS_TASK = re.compile(rf"[-*+\d.)]+ {BOX} (?:\*\*|__)?Task\b", re.IGNORECASE)


def is_folded(source: Source) -> bool:
    """Most of the boxes lie inside long lines."""
    inside = sum(_boxes_inside(line) for line in source.lines if len(line) >= _LONG)
    if inside < 2:
        return False
    return inside > sum(1 for line in source.lines if BOX_ITEM.match(line.lstrip()))


def unfolded(source: Source) -> Source:
    says_task = any(_SAYS_TASK.search(line) for line in source.lines)
    lines: list[str] = []
    origin: list[int] = []
    below_task = False
    for number, line in enumerate(source.lines, start=1):
        for piece in _pieces(line):
            if _IS_HEADING.match(piece):
                below_task = False
            elif BOX_ITEM.match(piece):
                is_task = not says_task or _SAYS_TASK.match(piece) is not None
                indent = "" if is_task or not below_task else "  "
                below_task = below_task or is_task
                piece = indent + piece
            lines.append(piece)
            origin.append(number)
    return Source(source.name, "\n".join(lines), lines, origin)


def _boxes_inside(line: str) -> int:
    """Boxes other than one the line starts with. Prose that only shows boxes has no heading and starts with neither."""
    pieces = _pieces(line)
    inside = sum(1 for piece in pieces[1:] if BOX_ITEM.match(piece))
    starts = BOX_ITEM.match(pieces[0]) or any(_IS_HEADING.match(piece) for piece in pieces)
    return inside if starts else 0


def _pieces(line: str) -> list[str]:
    if len(line) < _LONG:
        return [line]
    return [piece.strip() for piece in _START.split(line) if piece.strip()] or [line]
