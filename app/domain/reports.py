"""What a runner reports of its worker: numbered, each number taken once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.usage import Amounts
from app.domain.workers import ExitReason


class LogStream(StrEnum):
    STDOUT = "STDOUT"
    STDERR = "STDERR"
    AGENT = "AGENT"
    SYSTEM = "SYSTEM"


@dataclass(frozen=True, slots=True)
class Started:
    """`created` is the process's creation time in seconds since 1970: with the pid it names one process for ever."""

    pid: int
    created: float


@dataclass(frozen=True, slots=True)
class Line:
    stream: LogStream
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Lines:
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Paused:
    pass


@dataclass(frozen=True, slots=True)
class Resumed:
    pass


@dataclass(frozen=True, slots=True)
class Seen:
    """The runner has read its orders up to this revision."""

    revision: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """These context items lie in the worker's inbox."""

    items: Sequence[str]


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """`call` is what the agent names the call by."""

    call: str
    name: str
    input_summary: str | None = None


@dataclass(frozen=True, slots=True)
class ToolEnded:
    """With an `error` it has failed."""

    call: str
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Used:
    """What came on top since the report before it: never a sum of both."""

    model: str
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class Doing:
    """What the agent says it is doing; `progress` is 0 to 100, where it can tell."""

    activity: str | None = None
    progress: int | None = None


@dataclass(frozen=True, slots=True)
class InSession:
    """The agent has this session of its own: one that it began, or that of a process before it."""

    session: str


@dataclass(frozen=True, slots=True)
class Asked:
    """The agent waits until somebody has chosen one of the options. `request` is what its runner numbers it by."""

    request: str
    title: str
    detail: str | None
    options: Sequence[str]


@dataclass(frozen=True, slots=True)
class Answered:
    """The agent has the answers to these requests."""

    requests: Sequence[str]


@dataclass(frozen=True, slots=True)
class Exited:
    """The whole process tree is gone."""

    reason: ExitReason
    exit_code: int | None = None
    signal: int | None = None
    message: str | None = None

    def succeeded(self) -> bool:
        if self.reason is ExitReason.EXITED:
            return self.exit_code == 0
        return self.reason is ExitReason.FINISHED

    def words(self) -> str:
        match self.reason:
            case ExitReason.EXITED if self.signal is not None:
                return f"The process was ended by signal {self.signal}."
            case ExitReason.EXITED:
                return f"The process ended with exit code {self.exit_code}."
            case ExitReason.FINISHED:
                return self.message or "The agent has finished."
            case ExitReason.FAILED:
                return self.message or "The agent has given up."
            case ExitReason.KILLED:
                return self.message or "The process tree was ended."
            case ExitReason.TIMED_OUT:
                return self.message or "The time-out was reached."
            case ExitReason.CANNOT_START:
                return self.message or "The process could not be started."
            case ExitReason.RUNNER_LOST:
                return self.message or "The runner died; what was left of the process tree was ended."


Told = ToolStarted | ToolEnded | Used | Doing | InSession | Asked | Answered
"""What an agent tells of itself while it works."""

Body = Started | Lines | Paused | Resumed | Seen | Delivered | Told | Exited


@dataclass(frozen=True, slots=True)
class Report:
    n: int
    at: datetime
    body: Body
