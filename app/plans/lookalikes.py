"""What looks like a task to a person and is none by the rules, so that nothing is left out in silence."""

import re
from collections.abc import Iterable
from typing import Final

from app.plans.commonmark import BOX, BOX_ITEM, BOX_MARKS
from app.plans.outline import Literal, Outline

_BRACKET = re.compile(
    r"(?P<bullet>[-*+]|\d{1,9}[.)]|[•·\u2013—▪‣○●])?(?P<gap>[ \t]*)\[(?P<mark>[^\]]{0,4})\](?![(\[:])"
)
_BALLOT = re.compile(r"(?:(?:[-*+•]|\d{1,9}[.)])[ \t]*)?[☐☑☒]")
_GLUED_HEADING = re.compile(r"#{2,6}[^\s#!]")
_ATX_HEADING = re.compile(r"#{1,6}[ \t]")
_TABLE_BOX = re.compile(rf"\|\s?{BOX}\s?\|")
_ODD_BULLETS: Final = frozenset("•·\u2013—▪‣○●")
_READABLE: Final = frozenset(BOX_MARKS)
_KINDS: Final = {"fence": "code block", "comment": "HTML comment"}


def warn_of_lookalikes(outline: Outline) -> int:
    """The number of lines that look like a task and are none."""
    missed = 0
    skipped = _lines(outline)
    table_rows = []
    for number, line in enumerate(outline.lines, start=1):
        if number in skipped or not line:
            continue
        text = line.lstrip(" \t>")
        message = _about(text)
        if message is not None:
            outline.warn(number, message)
            missed += not text.startswith("#")
        elif text.startswith("|") and _TABLE_BOX.search(text):
            table_rows.append(number)
    if table_rows:
        rows = f"{len(table_rows)} table rows hold" if len(table_rows) > 1 else "A table row holds"
        outline.warn(table_rows[0], f"{rows} a box. Tables are not read as tasks.")
    for literal in outline.literals:
        if literal.kind in _KINDS:
            _warn_of_literal(outline, literal)
    return missed


def _lines(outline: Outline) -> set[int]:
    """Lines that have been read as boxes, or that their author marked as holding none."""
    skipped = {box.line for box in outline.boxes}
    skipped.update(range(1, outline.front_matter_end))
    for literal in outline.literals:
        if literal.kind in _KINDS:
            skipped.update(range(literal.line, literal.end))
    return skipped


def _about(text: str) -> str | None:
    if text.startswith("##") and _GLUED_HEADING.match(text):
        return f"{_quoted(text)} is no heading: a space is missing after the #."
    if _BALLOT.match(text):
        return f"{_quoted(text)} is not read as a task: a box is written `- [ ]`."
    bracket = _BRACKET.match(text)
    return _about_bracket(text, bracket["bullet"], bracket["gap"], bracket["mark"]) if bracket else None


def _about_bracket(text: str, bullet: str | None, gap: str, mark: str) -> str | None:
    if not bullet or not gap or bullet in _ODD_BULLETS:
        if mark in _READABLE or (bullet and not mark):
            return f"{_quoted(text)} looks like a task but is none: a task starts with `- [ ] `."
        return None
    if mark in _READABLE:
        return f"{_quoted(text)} is not read as a task: by its indentation it is no item of a list."
    if _could_be_mark(mark):
        return f"The mark [{mark}] is not known, so {_quoted(text)} is not read as a task. Known marks: [ ], [x], [~]."
    return None


def _could_be_mark(mark: str) -> bool:
    """Anything but a label such as [P], [US1] or [1]."""
    symbol = mark.strip()
    if len(symbol) <= 1:
        return (
            not symbol or not symbol.isascii() or not (symbol.isupper() or symbol.isdigit()) or symbol == "X"
        )
    return not any(character.isalnum() for character in symbol)


def _warn_of_literal(outline: Outline, literal: Literal) -> None:
    inside = [line.lstrip(" \t>") for line in outline.lines[literal.line - 1 : literal.end - 1]]
    boxes = _count(BOX_ITEM, inside)
    kind = _KINDS[literal.kind]
    if not literal.closed and (boxes or _count(_ATX_HEADING, inside)):
        outline.warn(
            literal.line,
            f"The {kind} that opens here is never closed, so what follows is not read: {boxes} boxes among it.",
        )
    elif boxes:
        outline.warn(literal.line, f"{_boxes(boxes)} inside the {kind} that opens here, not read as tasks.")


def _count(pattern: re.Pattern[str], lines: Iterable[str]) -> int:
    return sum(1 for line in lines if pattern.match(line))


def _boxes(count: int) -> str:
    return "1 box" if count == 1 else f"{count} boxes"


def _quoted(text: str) -> str:
    """The start of a line, for people to recognise it by."""
    return f"“{text[:60].rstrip()}…”" if len(text) > 60 else f"“{text.rstrip()}”"
