"""Conductor's `plan.md`: phases as headings, `Task:` boxes done in order, commit hashes behind what is done."""

import re

from app.domain.plans import Plan, PlanFormat
from app.plans.commonmark import BOX
from app.plans.phased import read_phased
from app.plans.text import Source

_TASK_BOX = re.compile(rf"(?:^|\s)(?:[-*+]|\d{{1,9}}[.)]) {BOX}\s?(?:\*\*|__)?Task:", re.MULTILINE)
_VERIFICATION = re.compile(r"Conductor - (?:User Manual|Automated) Verification")
_FOLDER = re.compile(r"(?:^|[/\\])conductor[/\\]", re.IGNORECASE)


def recognises(source: Source) -> bool:
    if source.name.lower().endswith((".json", ".yaml", ".yml")):
        return False
    return any(
        (_FOLDER.search(source.name), _VERIFICATION.search(source.text), _TASK_BOX.search(source.text))
    )


def read(source: Source) -> Plan:
    return read_phased(source, PlanFormat.CONDUCTOR)
