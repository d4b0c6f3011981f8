"""OpenSpec's `tasks.md`: numbered sections of numbered boxes, done in the order of the document."""

import re
from typing import Final

from app.domain.plans import Plan, PlanFormat
from app.plans import sections
from app.plans.claims import Claims
from app.plans.commonmark import BOX
from app.plans.order import Rules, arrange
from app.plans.phased import read_phased
from app.plans.reading import Reading
from app.plans.text import Source

PLACE: Final = re.compile(r"(?:^|[/\\])openspec[/\\]", re.IGNORECASE)
_SECTION = re.compile(r"^#{2,3} +(\d{1,3})[.)] +\S", re.MULTILINE)
_NUMBERED_BOX = re.compile(rf"^[ \t]{{0,8}}[-*] {BOX}\s{{0,2}}(\d{{1,3}})\.\d", re.MULTILINE)
_ANY_BOX = re.compile(rf"^[ \t]{{0,8}}(?:[-*+]|\d{{1,9}}[.)]) {BOX}", re.MULTILINE)


def recognises(source: Source) -> bool:
    """Sections `## 1. Title`, and in them boxes that carry their numbers."""
    sections = set(_SECTION.findall(source.text))
    if not sections:
        return False
    numbered = sum(1 for number in _NUMBERED_BOX.findall(source.text) if number in sections)
    return numbered > 0 and 2 * numbered >= len(_ANY_BOX.findall(source.text))


def read(source: Source) -> Plan:
    return read_phased(source, PlanFormat.OPENSPEC, _order)


def _order(reading: Reading) -> None:
    """In the order of the document, except that a task which lists its dependencies waits for those alone."""
    claims = Claims(reading)
    claims.of_tasks()
    claims.of_groups()
    sections.read(claims)
    arrange(reading, claims.found, Rules(declaring=claims.declaring))
