"""Phases of boxes, done one after the other: what Conductor's plans and general Markdown plans have in common."""

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from app.domain import limits
from app.domain.errors import AppError
from app.domain.plans import Plan, PlanFormat, PlanPhase, PlanStatus, PlanSubtask, PlanTask
from app.plans import ids, phases, titles
from app.plans.checklists import without_checklists
from app.plans.details import Details
from app.plans.folding import is_folded, unfolded
from app.plans.heading_tasks import heading_tasks
from app.plans.lookalikes import warn_of_lookalikes
from app.plans.outline import Box, Heading, Outline
from app.plans.outliner import outline_of
from app.plans.refusals import refusal
from app.plans.remarks import in_order
from app.plans.text import Source

_SUGGESTION: Final = "Write tasks as boxes, `- [ ] …`, or as headings, `### Task 1.1 …`."
_FRONT_MATTER_TITLE = re.compile(r"title\s*:\s*[\"']?(.*?)[\"']?\s*")


@dataclass(slots=True)
class _Entry:
    """Something that is one task."""

    line: int
    text: str
    status: PlanStatus
    path: Sequence[Heading]
    description: str
    subtasks: Sequence[Box] = field(default_factory=list)


def read_phased(source: Source, format: PlanFormat) -> Plan:
    if source.text[:1000].lstrip().lower().startswith(("<!doctype html", "<html")):
        raise refusal(source.name, "this is an HTML page, not a plan.", line=1, suggestion=_SUGGESTION)
    folded = is_folded(source)
    outline = outline_of(unfolded(source) if folded else source)
    if folded:
        outline.warn(
            1,
            "The document has lost its line breaks. Headings and boxes were found inside its lines; check the result.",
        )
    warn_of_lookalikes(outline)
    entries = _entries(outline)
    if not entries:
        raise _nothing_found(outline)
    if len(entries) > limits.TASKS:
        raise limits.too_large(f"The plan {source.name}", limits.TASKS, "tasks", [])
    plan = Plan(format, phases=_phases(outline, entries))
    plan.title = _title(outline, {phase.line for phase in plan.phases})
    plan.warnings = in_order(outline.warnings)
    return plan


def _entries(outline: Outline) -> list[_Entry]:
    boxes = without_checklists(outline)
    details = Details(outline)
    entries = []
    inside_headings: set[Box] = set()
    for task in heading_tasks(outline, boxes):
        inside_headings.update(task.boxes)
        heading = task.heading
        # what stands between two boxes of a section belongs to the first, so the boxes stay where they are
        description = details.of(heading.line + 1, heading.end, task.boxes, with_subtasks=True)
        entries.append(_Entry(heading.line, task.text, task.status, task.path, description, task.boxes))
    paths: dict[Heading | None, Sequence[Heading]] = {None: ()}
    for box in boxes:
        if box.parent is None and box not in inside_headings:
            path = paths.setdefault(box.heading, box.heading.path() if box.heading else ())
            subtasks = list(box.descendants())
            description = details.of(box.text_end, box.end, subtasks)
            entries.append(_Entry(box.line, box.text, box.status, path, description, subtasks))
    _warn_of_bare_bullets(outline, boxes)
    return sorted(entries, key=lambda entry: entry.line)


def _warn_of_bare_bullets(outline: Outline, boxes: Sequence[Box]) -> None:
    """Only where they are dropped: inside a task they are its details."""
    covered = {line for box in boxes if box.parent is None for line in range(box.line, box.end)}
    told = {warning.line for warning in outline.warnings}
    for line in outline.bare_bullets:
        if line not in covered and outline.line_in_document(line) not in told:
            outline.warn(line, "This bullet stands among boxes but has none, so it is no task.")


def _phases(outline: Outline, entries: Sequence[_Entry]) -> list[PlanPhase]:
    level = phases.level_of_phases([entry.path for entry in entries])
    names = ids.named([titles.clean(entry.text, done=entry.status is PlanStatus.DONE) for entry in entries])
    grouped: dict[Heading | None, list[tuple[_Entry, ids.Named]]] = {}
    for entry, name in zip(entries, names, strict=True):
        grouped.setdefault(phases.phase_of(entry.path, level), []).append((entry, name))
    phase_titles = [phases.title_of(heading.text) if heading else "Tasks" for heading in grouped]
    prefixes = phases.prefixes(phase_titles)
    section_ids = {heading: ids.of_section(phases.title_of(heading.text)) for heading in outline.headings}
    task_keys = ids.Keys(_reserved(names, section_ids.values(), entries))
    phase_keys = ids.Keys()
    found = []
    for heading, title, prefix in zip(grouped, phase_titles, prefixes, strict=True):
        line = outline.line_in_document(heading.line) if heading else 1
        phase = PlanPhase(phase_keys.take(phases.key_of(title, prefix)), titles.cut(title), line=line)
        for entry, name in grouped[heading]:
            section = next(
                (number for above in _below(entry.path, heading) if (number := section_ids[above])), prefix
            )
            key = task_keys.take(name.id) if name.id else task_keys.make(section)
            task = _task(outline, entry, key, name)
            task.depends_on = [phase.tasks[-1].key] if phase.tasks else []
            phase.tasks.append(task)
        found.append(phase)
    return found


def _below(path: Sequence[Heading], phase: Heading | None) -> list[Heading]:
    """The headings between a task and its phase, nearest first."""
    return [heading for heading in reversed(path) if phase is not None and heading.level > phase.level]


def _reserved(
    names: Sequence[ids.Named], section_ids: Iterable[str | None], entries: Sequence[_Entry]
) -> Iterator[str]:
    """Everything the document calls by an id. A made key must not mean two things to its reader."""
    yield from (name.id for name in names if name.id)
    yield from (id for id in section_ids if id)
    for entry in entries:
        subtasks = ids.named([titles.clean(box.text) for box in entry.subtasks])
        yield from (name.id for name in subtasks if name.id)


def _task(outline: Outline, entry: _Entry, key: str, name: ids.Named) -> PlanTask:
    if name.id is not None and key != name.id:
        outline.warn(entry.line, f"The id {name.id} has been used before; this task is called {key}.")
    description = entry.description
    if titles.is_too_long(name.title):
        description = f"{entry.text}\n\n{description}".rstrip()
    if len(description) > limits.TEXT:
        outline.warn(entry.line, f"The text below task {key} is over {limits.TEXT:,} characters and was cut.")
        description = description[: limits.TEXT - 1] + "…"
    return PlanTask(
        key=key,
        title=_titled(outline, entry.line, name.title),
        description=description,
        status=entry.status,
        subtasks=[
            PlanSubtask(
                _titled(outline, box.line, titles.clean(box.text, done=box.status is PlanStatus.DONE)),
                box.status,
                outline.line_in_document(box.line),
            )
            for box in entry.subtasks
        ],
        line=outline.line_in_document(entry.line),
    )


def _titled(outline: Outline, line: int, title: str) -> str:
    if not title:
        outline.warn(line, "This box has no text.")
    return titles.cut(title) or "Untitled"


def _title(outline: Outline, phase_lines: Container[int]) -> str | None:
    heading = next((heading for heading in outline.headings if heading.level == 1), None)
    if heading is not None and not (phases.is_phase_name(heading.text) and heading.line in phase_lines):
        return titles.cut(phases.title_of(heading.text)) or None
    for line in outline.lines[: outline.front_matter_end - 1]:
        found = _FRONT_MATTER_TITLE.fullmatch(line)
        if found is not None and found[1]:
            return titles.cut(found[1])
    return None


def _nothing_found(outline: Outline) -> AppError:
    warnings = in_order(outline.warnings)
    reason = "no tasks were found."
    if warnings:
        reason += f" {warnings[0].message}"
    if len(warnings) > 1:
        reason += f" Further remarks: {len(warnings) - 1}."
    details = {"warnings": [{"line": warning.line, "message": warning.message} for warning in warnings]}
    line = warnings[0].line if warnings else None
    return refusal(outline.source.name, reason, line=line, suggestion=_SUGGESTION, details=details)
