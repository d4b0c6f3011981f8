"""Tasks that are written as headings, such as `### [x] Task 1.1 — …`, and headings that only look so."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from app.domain.plans import PlanStatus
from app.plans import ids, titles
from app.plans.checklists import is_checklist_name
from app.plans.commonmark import BOX_MARKS
from app.plans.fields import Field, field_in
from app.plans.outline import Box, Heading, Outline
from app.plans.outliner import STATUS_OF_MARK
from app.plans.phases import is_phase_name

_MARK: Final = rf"`?\[(?P<mark>[{BOX_MARKS}])\]`?"
_LEADING_MARK = re.compile(rf"{_MARK}\s*(?![(\[:])")
_TRAILING_MARK = re.compile(rf"\s*{_MARK}$")
_CHECK: Final = "[✅✔☑]\ufe0f?"
_CHECKED = re.compile(rf"{_CHECK}\s*|\s*{_CHECK}$")
_STEP = re.compile(r"(?:step|ステップ|步骤|步驟|단계|schritt|paso|passo|étape|шаг)\s*\d", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:\.\d+)+(?=[\s.:\uff1a])")
_FIRST_WORD = re.compile(r"[*`\[]*([\w.-]*\w)")
_PARTS = re.compile(
    r"[*_\s]*(?:sub-?tasks?|steps|子任务|子任務|子步骤|サブタスク|하위 작업|subtareas|subtarefas)[*_\s]*[:\uff1a][*_\s]*",
    re.IGNORECASE,
)
_STATUS = re.compile(
    r"[\s>]*(?:[-*+]\s+)?[*_`]*(?i:status|状态|狀態|ステータス|상태|estado|statut)[*_`]*\s*[:\uff1a][*_`\s]*"
    rf"(?:{_MARK}|(?P<check>{_CHECK}))"
)
_LONGEST: Final = 2_000
"""Of a line, what is looked at."""
_HEAD: Final = 12
"""Lines below a heading in which its fields are looked for."""
_BULLET = re.compile(r"\s*(?:>\s*)*(?:[-*+]|\d{1,9}[.)])\s+")


@dataclass(frozen=True, slots=True)
class HeadingTask:
    heading: Heading
    path: Sequence[Heading]
    """The headings it lies below."""
    text: str
    status: PlanStatus
    boxes: Sequence[Box]
    """All boxes of its section."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    heading: Heading
    text: str
    status: PlanStatus
    marked: bool
    id: str | None


def heading_tasks(outline: Outline, boxes: Sequence[Box]) -> list[HeadingTask]:
    """Headings that are tasks themselves. `boxes` are those that are work, in document order."""
    candidates = _innermost(
        [found for heading in outline.headings if (found := _candidate(outline, heading))]
    )
    if not candidates and not boxes:
        candidates = _numbered(outline)
    lines = [box.line for box in boxes]
    ids_of_boxes = frozenset(name.id for name in ids.named([box.title for box in boxes]) if name.id)
    marks_are_the_style = any(candidate.marked and candidate.id for candidate in candidates)
    marks_are_the_style = marks_are_the_style or _depend_on_each_other(outline, candidates)
    paths = _paths(outline.headings)
    tasks, sections = [], []
    for candidate in candidates:
        heading = candidate.heading
        inside = boxes[bisect_left(lines, heading.line) : bisect_left(lines, heading.end)]
        owns_boxes = candidate.id is not None and (
            marks_are_the_style or (ids.is_of_spec_kit(candidate.id) and not any(map(_has_own_id, inside)))
        )
        if _is_task(candidate, ids_of_boxes, owns_boxes=owns_boxes or not _has_work(outline, inside)):
            tasks.append(HeadingTask(heading, paths[heading], candidate.text, candidate.status, inside))
        elif candidate.id is not None:
            sections.append(heading)
    _warn(outline, sections)
    return tasks


def _candidate(outline: Outline, heading: Heading) -> _Candidate | None:
    text = titles.heading_title(heading.text)
    mark = _LEADING_MARK.match(text) or _TRAILING_MARK.search(text)
    if mark is not None:
        text = text[: mark.start()] + text[mark.end() :]
    checked = _CHECKED.match(text) or _CHECKED.search(text)
    bare = (text[: checked.start()] + text[checked.end() :]).strip() if checked else text
    id = ids.of_task(bare)
    if is_phase_name(bare) or is_checklist_name(bare) or (mark is None and id is None):
        return None
    if mark is not None:
        status = STATUS_OF_MARK[mark["mark"]]
    else:
        status = PlanStatus.DONE if checked else _status_below(outline, heading)
    return _Candidate(heading, bare, status, mark is not None or checked is not None, id)


def _innermost(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """Without those that hold others: they are sections."""
    starts = [candidate.heading.line for candidate in candidates[1:]]
    return [
        candidate
        for candidate, following in zip_longest(candidates, starts)
        if following is None or following >= candidate.heading.end
    ]


def _is_task(candidate: _Candidate, ids_of_boxes: frozenset[str], *, owns_boxes: bool) -> bool:
    if any(is_checklist_name(above.text) for above in candidate.heading.path()[:-1]):
        return False
    return owns_boxes and (candidate.marked or candidate.id not in ids_of_boxes)


def _status_below(outline: Outline, heading: Heading) -> PlanStatus:
    """What a field marks: `- **Status**: [x]`, `**Status**: ✅ Done`. Words alone are not read."""
    for line in outline.lines[heading.line : min(heading.end - 1, heading.line + _HEAD)]:
        found = _STATUS.match(line)
        if found is not None:
            return PlanStatus.DONE if found["check"] else STATUS_OF_MARK[found["mark"]]
    return PlanStatus.PENDING


def _numbered(outline: Outline) -> list[_Candidate]:
    """`### 1.1 Types` where there is no box: tasks if at least half of them have a field for what they depend on."""
    found = _innermost(
        [
            _Candidate(heading, text, _status_below(outline, heading), marked=False, id=number[0])
            for heading in outline.headings
            if (number := _NUMBER.match(text := titles.heading_title(heading.text))) is not None
        ]
    )
    with_field = sum(1 for candidate in found if next(_fields(outline, candidate), None) is not None)
    return found if with_field >= 2 and 2 * with_field >= len(found) else []


def _depend_on_each_other(outline: Outline, candidates: Sequence[_Candidate]) -> bool:
    """Whether one says below its heading that it depends on another by its number."""
    names = {candidate.id for candidate in candidates if candidate.id}
    if len(names) < 2:
        return False
    for candidate in candidates:
        for field in _fields(outline, candidate):
            first = _FIRST_WORD.match(field.rest)
            if ids.of_task(field.rest) in names or (first is not None and first[1] in names):
                return True
    return False


def _fields(outline: Outline, candidate: _Candidate) -> Iterator[Field]:
    for number in range(candidate.heading.line + 1, candidate.heading.end):
        field = field_in(outline.lines[number - 1][:_LONGEST])
        if field is not None and field.of_tasks:
            yield field


def _has_own_id(box: Box) -> bool:
    return ids.is_certain(box.title)


def _paths(headings: Sequence[Heading]) -> dict[Heading, Sequence[Heading]]:
    """What each heading lies below. A phase may be of the same rank as its tasks: then it ends at the next phase."""
    paths: dict[Heading, Sequence[Heading]] = {}
    phases: dict[Heading | None, Heading] = {}
    for heading in headings:
        path = heading.parent.path() if heading.parent else ()
        phase = phases.get(heading.parent)
        if is_phase_name(heading.text):
            phases[heading.parent] = heading
        elif phase is not None and phase.level == heading.level:
            path = (*path, phase)
        paths[heading] = path
    return paths


def _has_work(outline: Outline, boxes: Sequence[Box]) -> bool:
    """Whether there is a box that is neither a step of something nor below a label such as `Acceptance criteria:`."""
    previous: Box | None = None
    labelled = False
    for box in boxes:
        if box.parent is not None:
            continue
        above = box.line - 1
        while above > 0 and not outline.lines[above - 1].strip():
            above -= 1
        if previous is None or above >= previous.end:
            label = outline.lines[above - 1][:_LONGEST]
            bullet = _BULLET.match(label)
            label = label[bullet.end() :] if bullet is not None else label
            labelled = is_checklist_name(label) or _PARTS.fullmatch(label) is not None
        if not labelled and not _STEP.match(box.title):
            return True
        previous = box
    return False


def _warn(outline: Outline, sections: Sequence[Heading]) -> None:
    """Once for all of them: there is one for every few boxes."""
    if not sections:
        return
    lines = ", ".join(str(outline.line_in_document(heading.line)) for heading in sections[:20])
    more = " …" if len(sections) > 20 else ""
    outline.warn(
        sections[0].line,
        f"“{sections[0].text}” looks like a task but is read as a section: here the tasks are boxes."
        f" Headings of this kind: {len(sections)} (lines {lines}{more}).",
    )
