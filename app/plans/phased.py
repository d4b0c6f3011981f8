"""Phases of tasks, which are boxes or headings: what the plan formats in Markdown have in common."""

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Final

from app.domain import limits
from app.domain.errors import AppError
from app.domain.plans import Plan, PlanFormat, PlanPhase, PlanStatus, PlanSubtask, PlanTask
from app.plans import ids, phases, remarks, titles
from app.plans.entries import Entry, entries_of
from app.plans.folding import is_folded, unfolded
from app.plans.lookalikes import warn_of_lookalikes
from app.plans.order import in_order
from app.plans.outline import Heading, Outline
from app.plans.outliner import outline_of
from app.plans.reading import Item, Order, Reading
from app.plans.refusals import refusal
from app.plans.text import Source

_MANY_MISSED: Final = 10
_SUGGESTION: Final = "Write tasks as boxes, `- [ ] …`, or as headings, `### Task 1.1 …`."
_FRONT_MATTER_TITLE = re.compile(r"title\s*:\s*[\"']?(.*?)[\"']?\s*")


def read_phased(source: Source, format: PlanFormat, order: Order = in_order) -> Plan:
    """`order` says what waits for what."""
    if source.text[:1000].lstrip().lower().startswith(("<!doctype html", "<html")):
        raise refusal(source.name, "this is an HTML page, not a plan.", line=1, suggestion=_SUGGESTION)
    folded = is_folded(source)
    outline = outline_of(unfolded(source) if folded else source)
    if folded:
        outline.warn(
            1,
            "The document has lost its line breaks. Headings and boxes were found inside its lines; check the result.",
        )
    missed = warn_of_lookalikes(outline)
    entries = entries_of(outline)
    if not entries:
        raise _nothing_found(outline)
    if len(entries) > limits.TASKS:
        raise limits.too_large(f"The plan {source.name}", limits.TASKS, "tasks", [])
    if missed >= max(_MANY_MISSED, len(entries)):
        outline.warn(
            1,
            f"{missed:,} lines look like tasks but cannot be read as such, {len(entries):,} can: the document has lost a"
            " part of its form. The warnings below name the lines.",
        )
    reading = _reading(outline, entries, format)
    plan = reading.plan
    plan.title = _title(outline, {phase.line for phase in plan.phases})
    order(reading)
    plan.warnings = remarks.in_order(outline.warnings)
    return plan


def _reading(outline: Outline, entries: Sequence[Entry], format: PlanFormat) -> Reading:
    level = phases.level_of_phases([entry.path for entry in entries])
    names = ids.named([entry.title for entry in entries])
    grouped: dict[Heading | None, list[tuple[Entry, ids.Named]]] = {}
    for entry, name in zip(entries, names, strict=True):
        grouped.setdefault(phases.phase_of(entry.path, level), []).append((entry, name))
    phase_titles = [phases.title_of(heading.text) if heading else "Tasks" for heading in grouped]
    prefixes = phases.prefixes(phase_titles)
    section_ids = {heading: ids.of_section(phases.title_of(heading.text)) for heading in outline.headings}
    task_keys = ids.Keys(_reserved(names, section_ids.values(), entries))
    phase_keys = ids.Keys()
    plan = Plan(format)
    items = []
    for place, (heading, title, prefix) in enumerate(zip(grouped, phase_titles, prefixes, strict=True)):
        line = outline.line_in_document(heading.line) if heading else 1
        phase = PlanPhase(phase_keys.take(phases.key_of(title, prefix)), titles.cut(title), line=line)
        for entry, name in grouped[heading]:
            section = next(
                (number for above in _below(entry.path, heading) if (number := section_ids[above])), prefix
            )
            key = task_keys.take(name.id) if name.id else task_keys.make(section)
            task = _task(outline, entry, key, name)
            phase.tasks.append(task)
            items.append(Item(entry, task, name.id, place))
        plan.phases.append(phase)
    items.sort(key=lambda item: item.entry.line)
    _warn_of_struck(outline, entries)
    return Reading(outline, plan, items)


def _warn_of_struck(outline: Outline, entries: Sequence[Entry]) -> None:
    """A line through a task changes nothing by the rules of any format; its author may think it does."""
    struck = [
        entry for entry in entries if entry.title.startswith("~~") and entry.status is not PlanStatus.DONE
    ]
    if struck:
        lines = ", ".join(str(outline.line_in_document(entry.line)) for entry in struck[:20])
        more = " …" if len(struck) > 20 else ""
        outline.warn(
            struck[0].line, f"Struck through, and read as still to do: {len(struck)} (lines {lines}{more})."
        )


def _below(path: Sequence[Heading], phase: Heading | None) -> list[Heading]:
    """The headings between a task and its phase, nearest first."""
    return [heading for heading in reversed(path) if phase is not None and heading.level > phase.level]


def _reserved(
    names: Sequence[ids.Named], section_ids: Iterable[str | None], entries: Sequence[Entry]
) -> Iterator[str]:
    """Everything the document calls by an id. A made key must not mean two things to its reader."""
    yield from (name.id for name in names if name.id)
    yield from (id for id in section_ids if id)
    for entry in entries:
        subtasks = ids.named([box.title for box in entry.subtasks]) if entry.subtasks else ()
        yield from (name.id for name in subtasks if name.id)


def _task(outline: Outline, entry: Entry, key: str, name: ids.Named) -> PlanTask:
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
                _titled(outline, box.line, box.title),
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
    warnings = remarks.in_order(outline.warnings)
    reason = "no tasks were found."
    if warnings:
        reason += f" {warnings[0].message}"
    if len(warnings) > 1:
        reason += f" Further remarks: {len(warnings) - 1}."
    details = {"warnings": [{"line": warning.line, "message": warning.message} for warning in warnings]}
    line = warnings[0].line if warnings else None
    return refusal(outline.source.name, reason, line=line, suggestion=_SUGGESTION, details=details)
