"""Kiro's `tasks.md`: numbered boxes with their requirements, done in the order of the document.

As cc-sdd writes it too: `(P)` for what may run beside its neighbours, `_Depends: 1.1_` for what waits for more.
"""

import json
import re
from collections.abc import Container
from dataclasses import replace
from itertools import pairwise
from typing import Final

from app.domain.plans import Plan, PlanFormat
from app.plans import sections, titles
from app.plans.claims import Claims
from app.plans.order import Rules, arrange
from app.plans.phased import read_phased
from app.plans.reading import Reading
from app.plans.text import Source

PLACE: Final = re.compile(r"(?:^|[/\\])\.kiro[/\\]", re.IGNORECASE)
_REQUIREMENTS = re.compile(
    r"^[ \t]{2,12}[-*] _(?:Requirements?|要件|需求|要求|요구사항|Requisitos|Exigences|Anforderungen|Требования)\s?[:\uff1a][^\n]{1,300}_[ \t]*$",
    re.MULTILINE,
)
_OPTIONAL_BOX = re.compile(r"^[ \t]{0,12}[-*] \[[ xX~-]\]\* ", re.MULTILINE)
_UNDER_WAY = re.compile(r"^([ \t]{0,40}[-*] )\[-\](?=[ *])", re.MULTILINE)
_OPTIONAL = re.compile(r"^([ \t]{0,40}[-*] \[[ xX~]\])[ \t]?\*(?=\s|\d)", re.MULTILINE)
_PARALLEL = re.compile(r"(?:\*\*)?(?:\d+(?:\.\d+)*\.?)?\s{0,2}\(P\)(?:\s|$)|.{0,500}\s\(P\)$")
_SUFFIX: Final = " (optional)"
_MOST_OF_WAVES: Final = 200_000


def recognises(source: Source) -> bool:
    return any(pattern.search(source.text) for pattern in (_OPTIONAL_BOX, _REQUIREMENTS))


def read(source: Source) -> Plan:
    # Kiro writes `[-]` for a task that is under way, and a star behind the box of one that may be left out.
    text = _UNDER_WAY.sub(r"\1[~]", source.text)
    stars = {text.count("\n", 0, star.start(1)) + 1 for star in _OPTIONAL.finditer(text)}
    text = _OPTIONAL.sub(r"\1", text)
    plain = replace(source, text=text, lines=text.split("\n"))

    def order(reading: Reading) -> None:
        claims = Claims(reading)
        claims.of_tasks()
        sections.read(claims)
        waves = _waves(reading, claims)
        parallel = {item.task.key for item in reading.items if _PARALLEL.match(item.entry.text)}
        rules = Rules(parallel=parallel, declaring=waves, aside=_optional(reading, stars))
        arrange(reading, claims.found, rules)

    return read_phased(plain, PlanFormat.KIRO, order)


def _optional(reading: Reading, stars: Container[int]) -> set[str]:
    """Tasks with a star. They and subtasks with one are told by their titles."""
    optional = []
    for item in reading.items:
        task = item.task
        if item.entry.line in stars:
            task.title = titles.cut(f"{task.title}{_SUFFIX}")
            task.priority = -1
            optional.append(item)
        for place, box in enumerate(item.entry.subtasks):
            if box.line in stars:
                part = task.subtasks[place]
                task.subtasks[place] = replace(part, title=titles.cut(f"{part.title}{_SUFFIX}"))
    if optional:
        lines = ", ".join(str(item.task.line) for item in optional[:20]) + (
            " …" if len(optional) > 20 else ""
        )
        reading.outline.warn(
            optional[0].entry.line,
            f"Optional tasks (`[ ]*`): {len(optional)} (lines {lines}). They are read as tasks that nothing waits for but"
            " the end of the phase; skip those that shall not be done.",
        )
    return {item.task.key for item in optional}


def _waves(reading: Reading, claims: Claims) -> set[str]:
    """The task dependency graph, where it has one: each wave waits for the one before it."""
    for literal in reading.outline.literals:
        if literal.kind != "fence":
            continue
        text = "\n".join(reading.outline.lines[literal.line : literal.end - 2])
        if '"waves"' not in text[:_MOST_OF_WAVES]:
            continue
        waves = [claims.references.keys_of(ids) for ids in _ids_of_waves(text)]
        keys = [key for wave in waves for key in wave]
        if len(keys) != len(set(keys)):
            reading.outline.warn(
                literal.line,
                "The waves of this graph divide the subtasks of a task, which is one piece of work here. The tasks are done"
                " in the order of the document.",
            )
            return set()
        for before, wave in pairwise(wave for wave in waves if wave):
            claims.add_all(wave, before, literal.line, certain=False)
        return set(keys)
    return set()


def _ids_of_waves(text: str) -> list[list[str]]:
    """The ids wave by wave; empty where the graph is not as Kiro writes it."""
    try:
        waves = json.loads(text)["waves"]
        return [[str(id) for id in wave["tasks"]] for wave in waves]
    except (ValueError, TypeError, KeyError, RecursionError):
        return []
