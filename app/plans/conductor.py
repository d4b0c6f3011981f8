"""Conductor's `plan.md`: phases as headings, `Task:` boxes done in order, commit hashes behind what is done."""

import re
from typing import Final

from app.domain.plans import Plan, PlanFormat
from app.plans.commonmark import BOX
from app.plans.phased import read_phased
from app.plans.text import Source

_TASK_BOX = re.compile(rf"(?:^|\s)(?:[-*+]|\d{{1,9}}[.)]) {BOX}\s?(?:\*\*|__)?Task:", re.MULTILINE)
_VERIFICATION = re.compile(r"Conductor - (?:User Manual|Automated) Verification")
PLACE: Final = re.compile(r"(?:^|[/\\])conductor[/\\]", re.IGNORECASE)


def recognises(source: Source) -> bool:
    return any(pattern.search(source.text) for pattern in (_VERIFICATION, _TASK_BOX))


def read(source: Source) -> Plan:
    return read_phased(source, PlanFormat.CONDUCTOR)
