"""Arguments and options that several commands have, told in the same words everywhere."""

from typing import Annotated, Final

import typer

from app.cli import completion, text
from app.client.errors import TracksideError
from app.domain.conflicts import ConflictPolicy

RunArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="Its id, a unique beginning or end of it, or its name.",
        autocompletion=completion.run,
    ),
]
TaskArgument = Annotated[
    str,
    typer.Argument(metavar="TASK", help="RUN/KEY, or the id of the task.", autocompletion=completion.task),
]
WorkerArgument = Annotated[
    str,
    typer.Argument(
        metavar="WORKER", help="Its id, or a unique beginning or end of it.", autocompletion=completion.worker
    ),
]
ItemArgument = Annotated[
    str,
    typer.Argument(
        metavar="ITEM", help="Its id, or a unique beginning or end of it.", autocompletion=completion.item
    ),
]
RunOption = Annotated[
    str | None, typer.Option("--run", metavar="RUN", help="Of this run.", autocompletion=completion.run)
]
TaskOption = Annotated[
    str | None,
    typer.Option(
        "--task", metavar="TASK", help="Of this task: RUN/KEY, or its id.", autocompletion=completion.task
    ),
]
WorkerOption = Annotated[
    str | None,
    typer.Option("--worker", metavar="WORKER", help="Of this worker.", autocompletion=completion.worker),
]
ProjectOption = Annotated[
    str | None,
    typer.Option(
        "--project",
        metavar="PROJECT",
        help="Of this project: its id, name or directory.",
        autocompletion=completion.project,
    ),
]
ConflictsOption = Annotated[
    ConflictPolicy | None,
    typer.Option(
        "--conflicts",
        case_sensitive=False,
        help="What becomes of tasks that mean to change the same paths: ask people, one after the other, or side by side.",
    ),
]
Reason = Annotated[str | None, typer.Option(help="Why, for the audit trail.")]
Expect = Annotated[
    int | None,
    typer.Option(
        "--expected-version", metavar="VERSION", help="Refuse where the run is no longer at this version."
    ),
]
Since = Annotated[
    str | None,
    typer.Option(metavar="WHEN", help="At or after: 15m, 2h, 3d ago, or a date, with or without a time."),
]
Until = Annotated[str | None, typer.Option(metavar="WHEN", help="Before, written in the same way.")]
AutoAdvance = Annotated[
    bool | None,
    typer.Option("--auto-advance/--no-auto-advance", help="Whether it goes on by itself where a gate holds."),
]
AutoComplete = Annotated[
    bool | None,
    typer.Option("--auto-complete/--no-auto-complete", help="Whether it completes by itself at the end."),
]
Threshold = Annotated[
    str | None,
    typer.Option(
        metavar="SPAN",
        help="After how much silence a run is stale, such as 90s, 30m or 2h; what the server is set to otherwise.",
    ),
]
_LONGEST: Final = 20 * 366 * 86_400
"""Of a span, in seconds: before that there is no calendar to count back to, and no number that the API takes."""


def span(words: str | None, option: str) -> int | None:
    """Seconds."""
    if words is None:
        return None
    found = text.seconds(words)
    if found is None or found > _LONGEST:
        raise TracksideError(
            "INVALID_INPUT",
            f"{option} {text.printable(words[:50])!r} is no span of time{'' if found is None else ' up to 20 years'}.",
            suggestion=f"Say {option} 30m for half an hour; s, h and d are seconds, hours and days.",
        )
    return found


def instant(words: str | None, option: str) -> str | None:
    """An instant as the API takes it."""
    if words is None:
        return None
    try:
        return text.instant(words, text.now())
    except (ValueError, OverflowError) as error:
        raise TracksideError(
            "INVALID_INPUT",
            f"{option} {words!r} is no time.",
            suggestion=f"Say {option} 2h for two hours ago, or {option} 2026-03-01T12:00.",
        ) from error
