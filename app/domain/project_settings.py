"""What may be set for a project: a flag each, with its type, its default and what it does.

The fields of `ProjectSettings` are the only place where a flag is told of: the schema, the command line and the reference
take their words and bounds from here. A flag is added by adding a field; one whose meaning changes gets another name, so
that what an earlier version has stored is never taken for something else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Final

from app.domain import limits
from app.domain.conflicts import ConflictPolicy
from app.domain.errors import AppError, ErrorCode
from app.domain.runs import STALE_AFTER

Runtime = dict[str, Any]
"""As runs keep it."""


class FlagOrigin(StrEnum):
    """Who says what holds."""

    PROJECT = "PROJECT"
    SERVER = "SERVER"
    DEFAULT = "DEFAULT"


class FlagKind(StrEnum):
    """What a flag may be set to."""

    SWITCH = "SWITCH"
    NUMBER = "NUMBER"
    CHOICE = "CHOICE"
    RUNTIME = "RUNTIME"


@dataclass(frozen=True, slots=True)
class Flag:
    """`is_server` where a setting of the server with the same name is the default; `most` bounds a number from above,
    `choices` are those that there are.
    """

    name: str
    kind: FlagKind
    default: Any
    description: str
    is_server: bool
    most: int
    choices: type[StrEnum] | None

    @property
    def camel(self) -> str:
        """As the API calls it."""
        first, *rest = self.name.split("_")
        return first + "".join(part.capitalize() for part in rest)

    @property
    def fallback(self) -> str:
        """What holds where the project says nothing, in words."""
        if self.default is None:
            said = "none"
        elif self.kind is FlagKind.SWITCH:
            said = "on" if self.default else "off"
        else:
            said = str(self.default)
        return f"the server's TRACKSIDE_{self.name.upper()}, by itself {said}" if self.is_server else said


def _told(
    description: str,
    *,
    kind: FlagKind = FlagKind.SWITCH,
    is_server: bool = False,
    most: int = 0,
    choices: type[StrEnum] | None = None,
) -> Mapping[str, Any]:
    return {
        "kind": kind,
        "description": description,
        "is_server": is_server,
        "most": most,
        "choices": choices,
    }


@dataclass(frozen=True, slots=True)
class ProjectSettings:
    """What holds in a project. The first six are for runs that are made from then on; the others hold at once."""

    phase_guard: bool = field(
        default=False,
        metadata=_told(
            "Whether new runs leave phases only when somebody confirms, where neither they nor the phase say.",
            is_server=True,
        ),
    )
    auto_advance: bool = field(
        default=True,
        metadata=_told(
            "Whether new runs go on by themselves when the gate of a phase holds.", is_server=True
        ),
    )
    auto_complete: bool = field(
        default=True,
        metadata=_told(
            "Whether new runs complete by themselves behind their last gate, instead of waiting for checkCompletion.",
            is_server=True,
        ),
    )
    max_workers: int = field(
        default=4,
        metadata=_told(
            "How many workers a new run may have at once, where neither it nor its plan says.",
            kind=FlagKind.NUMBER,
            most=limits.WORKERS,
        ),
    )
    runtime: Runtime | None = field(
        default=None,
        metadata=_told(
            "What the tasks of a new run start, where neither they nor the run nor its plan say; a task with nothing to start "
            "waits for a person to complete it.",
            kind=FlagKind.RUNTIME,
        ),
    )
    conflict_policy: ConflictPolicy = field(
        default=ConflictPolicy.ASK,
        metadata=_told(
            "What becomes of ready tasks of a new run whose paths overlap, where neither it nor its plan says: ASK people, "
            "SERIALIZE them, or ALLOW them to run side by side.",
            kind=FlagKind.CHOICE,
            is_server=True,
            choices=ConflictPolicy,
        ),
    )
    stale_after_seconds: int = field(
        default=int(STALE_AFTER.total_seconds()),
        metadata=_told(
            "After how much silence a run is announced as stale, and shown as such where nothing else is asked.",
            kind=FlagKind.NUMBER,
            is_server=True,
            most=limits.SECONDS,
        ),
    )
    question_deadline_seconds: int | None = field(
        default=None,
        metadata=_told(
            "The deadline of questions that are asked without one.",
            kind=FlagKind.NUMBER,
            most=limits.SECONDS,
        ),
    )
    skills: bool = field(
        default=True,
        metadata=_told(
            "Whether workers are started with the skill that their task names. Where they are not, a plan may name skills "
            "that nobody has.",
        ),
    )
    index_files: bool = field(
        default=True,
        metadata=_told(
            "Whether the files of the project are read for the index that contextState tells. It is emptied when this is "
            "turned off; files and skeletons can be injected all the same.",
        ),
    )
    watch_plans: bool = field(
        default=True,
        metadata=_told("Whether PlanChanged is told when the file that an open run was made from is edited."),
    )


UNCHANGED: Final = ProjectSettings()
"""Where nobody has set anything."""

FLAGS: Final[Mapping[str, Flag]] = {
    one.name: Flag(name=one.name, default=one.default, **one.metadata) for one in fields(ProjectSettings)
}
BY_CAMEL: Final[Mapping[str, Flag]] = {flag.camel: flag for flag in FLAGS.values()}


def known(said: Mapping[str, Any]) -> dict[str, Any]:
    """Without what another version of this program has stored and this one knows nothing of."""
    return {name: value for name, value in said.items() if name in FLAGS}


def effective(said: Mapping[str, Any], server: ProjectSettings) -> ProjectSettings:
    """What holds: what the project says, and the server's settings and the defaults for the rest."""
    return replace(server, **known(said))


def origin(flag: Flag, said: Mapping[str, Any]) -> FlagOrigin:
    if flag.name in said:
        return FlagOrigin.PROJECT
    return FlagOrigin.SERVER if flag.is_server else FlagOrigin.DEFAULT


def named(names: Sequence[str], *path: str) -> list[str]:
    """Flags that a caller names as the API does."""
    unknown = sorted(set(names) - BY_CAMEL.keys())
    if unknown:
        raise AppError(
            ErrorCode.INVALID_INPUT,
            f"There is no setting {unknown[0]!r} of a project.",
            suggestion=f"There are {', '.join(BY_CAMEL)}.",
            path=list(path),
        )
    return [BY_CAMEL[name].name for name in names]
