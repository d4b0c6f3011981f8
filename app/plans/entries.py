"""What of an outline is a task: the boxes that are work, and the headings that are tasks themselves."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.domain.plans import PlanStatus
from app.plans import titles
from app.plans.checklists import without_checklists
from app.plans.details import Details
from app.plans.heading_tasks import heading_tasks
from app.plans.outline import Box, Heading, Outline


@dataclass(slots=True)
class Entry:
    """Something that is one task. All that belongs to it is `[line, end)`."""

    line: int
    end: int
    text: str
    title: str
    """The text as a person would say it."""
    status: PlanStatus
    path: Sequence[Heading]
    description: str
    subtasks: Sequence[Box] = field(default_factory=list)


def entries_of(outline: Outline) -> list[Entry]:
    boxes = without_checklists(outline)
    details = Details(outline)
    entries: list[Entry] = []
    inside_headings: set[Box] = set()
    for task in heading_tasks(outline, boxes):
        inside_headings.update(task.boxes)
        heading = task.heading
        # what stands between two boxes of a section belongs to the first, so the boxes stay where they are
        description = details.of(heading.line + 1, heading.end, task.boxes, with_subtasks=True)
        entries.append(
            Entry(
                heading.line,
                heading.end,
                task.text,
                titles.clean(task.text, done=task.status is PlanStatus.DONE),
                task.status,
                task.path,
                description,
                task.boxes,
            )
        )
    paths: dict[Heading | None, Sequence[Heading]] = {None: ()}
    for box in boxes:
        if box.parent is None and box not in inside_headings:
            path = paths.setdefault(box.heading, box.heading.path() if box.heading else ())
            subtasks = list(box.descendants())
            description = details.of(box.text_end, box.end, subtasks)
            entries.append(
                Entry(box.line, box.end, box.text, box.title, box.status, path, description, subtasks)
            )
    _warn_of_bare_bullets(outline, boxes)
    return sorted(entries, key=lambda entry: entry.line)


def _warn_of_bare_bullets(outline: Outline, boxes: Sequence[Box]) -> None:
    """Only where they are dropped: inside a task they are its details."""
    covered = {line for box in boxes if box.parent is None for line in range(box.line, box.end)}
    told = {warning.line for warning in outline.warnings}
    for line in outline.bare_bullets:
        if line not in covered and outline.line_in_document(line) not in told:
            outline.warn(line, "This bullet stands among boxes but has none, so it is no task.")
