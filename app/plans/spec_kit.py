"""spec-kit's `tasks.md`: phases in order, and in each the tasks in order but for those marked `[P]`."""

import re
from typing import Final

from app.domain.plans import Plan, PlanFormat
from app.plans import sections, stories
from app.plans.claims import Claims
from app.plans.commonmark import BOX
from app.plans.order import Rules, arrange
from app.plans.phased import read_phased
from app.plans.reading import Item, Reading
from app.plans.text import Source

PLACE: Final = re.compile(
    r"(?:^|[/\\])(?:spec-?kit|\.specify|(?<!\.kiro[/\\])specs[/\\]\d{3,}-[^/\\]{1,200})[/\\]", re.IGNORECASE
)
_ANY_BOX = re.compile(rf"^[ \t]{{0,8}}(?:[-*+]|\d{{1,9}}[.)]) {BOX}", re.MULTILINE)
_TASK_BOX = re.compile(
    rf"^[ \t]{{0,8}}[-*+] {BOX}\s{{0,2}}[*`\[]{{0,4}}(?:T-?\d{{3}}(?!\d)|[A-Z]{{2,8}}\d?-\d{{3}}\b[\]*` ]{{1,4}}\[?(?:P\]|P\d|US\d))",
    re.MULTILINE,
)
_FORMAT = re.compile(r"^## Format: `?\[ID\] \[P\??\]", re.MULTILINE)
# The labels behind an id: `[P] [US1]`, `[P][TE]`, `[P]:`
_PARALLEL = re.compile(r"(?:\s*[:.]?\s*[*`]{0,4}\[(?!P\])[^\]\[]{1,24}\][*`]{0,4})*\s*[:.]?\s*[*`]{0,4}\[P\]")


def recognises(source: Source) -> bool:
    """Most boxes begin with `T001`, or the document shows the template's line about its format."""
    boxes = len(_ANY_BOX.findall(source.text))
    tasks = len(_TASK_BOX.findall(source.text))
    return tasks > 0 and (2 * tasks >= boxes or _FORMAT.search(source.text) is not None)


def read(source: Source) -> Plan:
    return read_phased(source, PlanFormat.SPEC_KIT, _order)


def _order(reading: Reading) -> None:
    claims = Claims(reading)
    claims.of_tasks()
    claims.of_groups()
    sections.read(claims)
    needs = stories.needs(reading, claims)
    parallel = {item.task.key for item in reading.items if _is_parallel(item)}
    arrange(reading, claims.found, Rules(parallel=parallel), needs=needs, movable=stories.places(reading))


def _is_parallel(item: Item) -> bool:
    """`[P]` stands among the labels, before or after the id."""
    text = item.entry.text
    start = 0
    if item.id is not None:
        found = text.find(item.id, 0, 80)
        start = found + len(item.id) if found >= 0 else 0
    return (
        _PARALLEL.match(text.lstrip("*` ")) is not None
        or _PARALLEL.match(text, _after_closing(text, start)) is not None
    )


def _after_closing(text: str, position: int) -> int:
    while position < len(text) and text[position] in "*`]":
        position += 1
    return position
