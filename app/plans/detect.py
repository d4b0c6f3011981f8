"""The formats a plan may be in, and which of them a document is in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from app.domain.errors import AppError
from app.domain.plans import Plan, PlanFormat
from app.plans import conductor, markdown, task_master, trackside
from app.plans.json_tree import checked
from app.plans.refusals import refusal
from app.plans.text import Source


@dataclass(frozen=True, slots=True)
class Reader:
    format: PlanFormat
    recognises: Callable[[Source], bool]
    read: Callable[[Source], Plan]


READERS: Final = (
    Reader(PlanFormat.TRACKSIDE, trackside.recognises, trackside.read),
    Reader(PlanFormat.TASK_MASTER, task_master.recognises, task_master.read),
    Reader(PlanFormat.CONDUCTOR, conductor.recognises, conductor.read),
    # Takes nearly everything, so it stays last.
    Reader(PlanFormat.MARKDOWN, markdown.recognises, markdown.read),
)
"""Asked in this order; the first that recognises a document reads it."""


def reader_for(source: Source) -> Reader:
    for reader in READERS:
        if reader.recognises(source):
            return reader
    raise _unknown(source)


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
