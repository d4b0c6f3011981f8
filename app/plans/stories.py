"""Which phases of a spec-kit plan are user stories, and what prose says about their order."""

import re
from collections import Counter
from typing import Final

from app.domain.plans import PlanStatus
from app.plans import phases, sections, statements
from app.plans.claims import Claims
from app.plans.order import PhaseNeed
from app.plans.reading import Reading
from app.plans.references import Mention

_STORY: Final = r"(?:US-?|User\s?Story\s?|Story\s?)(\d{1,3})\b"
_LABEL = re.compile(_STORY, re.IGNORECASE)
_NAME = re.compile(rf"\b(?:{_STORY}|Phase\s?(\d{{1,3}}(?:\.\d{{1,2}})?)\b)(?!\s?[+-])", re.IGNORECASE)
_SUBJECT = re.compile(r"(?:[-*+]\s+)?(?P<subject>[^:\uff1a→]{1,100}?)\**\s*[:\uff1a]\**\s*(?P<rest>.+)")
_SENTENCE = re.compile(
    r"(?:[-*+]\s+)?(?P<subject>[^:\uff1a→.]{1,60}?)\**\s+(?P<rest>(?:depends?|requires?|needs?|must|can)\b.+)",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"\s[-\u2013—]\s|[.;\uff1b。]")
_NEEDS = re.compile(
    r"(?:\b(?:depends?\s+on|requires?|needs?|(?:start|begin|run|done|starts?)\s+(?:\w+\s+){0,2}after|blocked\s+by|waits?\s+for"
    r"|depende[mn]?\s+d[aeo]s?|requier(?:e|en)|requer(?:em)?|tras|después\s+de|após)\b|依赖于?)(?P<what>.{1,200})",
    re.IGNORECASE,
)
_ASIDE = re.compile(r"[(\uff08][^()\uff08\uff09]{0,200}(?:[)\uff09]|$)")
_END = re.compile(r"\b(?:but|may|can|should|though|blocks)\b|→", re.IGNORECASE)


def places(reading: Reading) -> set[int]:
    """The phases that are stories, which may change places."""
    labelled: dict[int, int] = Counter()
    counts: dict[int, int] = Counter()
    for item in reading.items:
        counts[item.phase] += 1
        labelled[item.phase] += bool(_LABEL.search(item.entry.text[:60]))
    return {
        place
        for place, phase in enumerate(reading.plan.phases)
        if _LABEL.search(phase.title) or 2 * labelled[place] > counts[place]
    }


def needs(reading: Reading, claims: Claims) -> list[PhaseNeed]:
    """What is said of whole stories: `US1 (Phase 7): depends on US2, US6`.

    Where a story waits for a task, `User Story 3: can start after US1 T018`, that is a claim of its first tasks.
    """
    named = _named_phases(reading)
    found = []
    for number, text in sections.lines_about_order(reading):
        text = text.strip(" \t>")
        statement = _SUBJECT.fullmatch(text) or _SENTENCE.fullmatch(text)
        subject = _subject(statement["subject"], named) if statement is not None else None
        if statement is None or subject is None:
            continue
        for clause in _CLAUSE.split(statement["rest"]):
            need = _NEEDS.search(clause)
            if need is None or statements.is_negated(clause, need.start()):
                continue
            if _names_tasks(claims, clause[: need.start()]):
                continue  # `US1: … but T014 depends on T012` speaks of T014
            what = _END.split(need["what"], maxsplit=1)[0]
            # what stands in brackets explains: `depends on US1 (it reuses what T010 makes)`
            plain = _ASIDE.sub("", what)
            others = _phases_in(plain, named)
            tasks = _names_tasks(claims, plain) or ([] if others else _names_tasks(claims, what))
            for mention in tasks:
                claims.add_all(_heads(reading, subject), mention.keys, number, certain=False)
            if not tasks:
                places = others or _phases_in(what, named)
                found += [PhaseNeed(subject, place, number) for place in places if place != subject]
    return found


def _names_tasks(claims: Claims, text: str) -> list[Mention]:
    return [mention for mention in claims.references.in_text(text) if mention.is_certain and mention.keys]


def _subject(text: str, named: dict[str, int]) -> int | None:
    """The one phase that a statement begins with."""
    places = _phases_in(text, named)
    begins = _NAME.match(text.lstrip("*_` ")) is not None or "(" in text
    return places[0] if len(places) == 1 and begins else None


def _named_phases(reading: Reading) -> dict[str, int]:
    """`us3` and `phase 5` of a document."""
    named: dict[str, int] = {}
    for place, phase in enumerate(reading.plan.phases):
        number = phases.number_of(phase.title)
        if number is not None:
            named.setdefault(f"phase {number}", place)
        story = _LABEL.search(phase.title)
        if story is not None:
            named.setdefault(f"us{story[1]}", place)
    return named


def _phases_in(text: str, named: dict[str, int]) -> list[int]:
    found: dict[int, None] = {}
    for name in _NAME.finditer(text):
        place = named.get(f"us{name[1]}" if name[1] else f"phase {name[2]}")
        if place is not None:
            found[place] = None
    return list(found)


def _heads(reading: Reading, place: int) -> list[str]:
    """The task a phase begins with, and the first unfinished one."""
    tasks = reading.plan.phases[place].tasks
    first_open = next((task for task in tasks if task.status is not PlanStatus.DONE), tasks[0])
    return list(dict.fromkeys([tasks[0].key, first_open.key]))
