"""The formats a plan may be in, and which of them a document is in."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from app.domain.errors import AppError
from app.domain.plans import Plan, PlanFormat
from app.plans import conductor, kiro, markdown, openspec, spec_kit, task_master, trackside
from app.plans.json_tree import checked
from app.plans.refusals import refusal
from app.plans.text import Source


@dataclass(frozen=True, slots=True)
class Reader:
    format: PlanFormat
    recognises: Callable[[Source], bool]
    read: Callable[[Source], Plan]
    place: re.Pattern[str] | None = None
    """Where its tool keeps its plans."""


READERS: Final = (
    Reader(PlanFormat.TRACKSIDE, trackside.recognises, trackside.read),
    Reader(PlanFormat.TASK_MASTER, task_master.recognises, task_master.read),
    Reader(PlanFormat.CONDUCTOR, conductor.recognises, conductor.read, conductor.PLACE),
    Reader(PlanFormat.SPEC_KIT, spec_kit.recognises, spec_kit.read, spec_kit.PLACE),
    Reader(PlanFormat.KIRO, kiro.recognises, kiro.read, kiro.PLACE),
    Reader(PlanFormat.OPENSPEC, openspec.recognises, openspec.read, openspec.PLACE),
    # Takes nearly everything, so it stays last.
    Reader(PlanFormat.MARKDOWN, markdown.recognises, markdown.read),
)
"""Asked in this order; the first that recognises a document reads it, unless its place says more."""


def reader_for(source: Source) -> Reader:
    if markdown.recognises(source) and (reader := _reader_of_place(source)) is not None:
        return reader
    for reader in READERS:
        if reader.recognises(source):
            return reader
    raise _unknown(source)


def _reader_of_place(source: Source) -> Reader | None:
    """By the innermost folder that belongs to a tool: `conductor/openspec/changes/…` is OpenSpec's."""
    innermost, found = -1, None
    for reader in READERS:
        for folder in reader.place.finditer(source.name) if reader.place is not None else ():
            if folder.end() > innermost:
                innermost, found = folder.end(), reader
    return found


def reader_of(format: PlanFormat) -> Reader:
    return next(reader for reader in READERS if reader.format is format)


def _unknown(source: Source) -> AppError:
    suggestion = (
        "Plans are read from Markdown (.md), from Task Master's tasks.json, and from Trackside's own YAML or JSON"
        " (docs/reference/plan-file.md)."
    )
    try:
        checked(source, suggestion=suggestion)
    except AppError as refused:
        return refused
    return refusal(
        source.name,
        "a JSON document of this kind is no plan that is known here.",
        line=1,
        suggestion=suggestion,
    )
