"""What runners report of their workers, as input."""

from datetime import datetime
from decimal import Decimal

import strawberry

from app.domain import limits
from app.domain.reports import (
    Answered,
    Asked,
    Body,
    Delivered,
    Doing,
    Exited,
    InSession,
    Line,
    Lines,
    Paused,
    Report,
    Resumed,
    Seen,
    Started,
    ToolEnded,
    ToolStarted,
    Used,
)
from app.domain.usage import Amounts
from app.schema.enums import ExitReason, LogStream
from app.schema.inputs import given, optional, storable
from app.schema.scalars import Int53


@strawberry.input(description="The agent's process is up.")
class StartedReport:
    pid: int = strawberry.field(description="Process id.")
    create_time: float = strawberry.field(description="When it was created, in seconds since 1970.")


@strawberry.input(description="A line that the agent wrote.")
class LineReport:
    stream: LogStream = strawberry.field(description="Where it comes from.")
    text: str = strawberry.field(description="The line, without its end.")
    at: datetime = strawberry.field(description="When it was read.")


@strawberry.input(description="The agent called a tool.")
class ToolStartedReport:
    call: str = strawberry.field(description="What the agent names the call by.")
    name: str = strawberry.field(description="What it calls the tool; the rest of a long one is cut.")
    input_summary: str | None = optional("What it was called with, in short; the rest is cut.")


@strawberry.input(description="A call of a tool has come back.")
class ToolEndedReport:
    call: str = strawberry.field(description="What the agent names the call by.")
    error: str | None = optional("Why it failed; left out where it did not.")


@strawberry.input(
    description="What the agent has used since the report before it: what comes on top, never a running total."
)
class UsageReport:
    model: str = strawberry.field(description="The model, as the agent names it.")
    input_tokens: Int53 | None = optional("Tokens that went in and were read from no cache.")
    output_tokens: Int53 | None = optional("Tokens that came out.")
    cache_read_tokens: Int53 | None = optional("Tokens that went in and were read from a cache.")
    cache_write_tokens: Int53 | None = optional("Tokens that were put into a cache.")
    cost_usd: Decimal | None = optional("US dollars; left out where the agent does not say.")


@strawberry.input(description="What the agent says it is doing.")
class ActivityReport:
    text: str | None = optional("In a line; the rest is cut.")
    progress: int | None = optional("How far it says it is, 0 to 100.")


@strawberry.input(description="The agent asks for permission and waits for the answer.")
class AskedReport:
    request: str = strawberry.field(description="What the runner numbers it by.")
    title: str = strawberry.field(description="What it wants to do, in a line; the rest is cut.")
    detail: str | None = optional("All of it; the rest is cut.")
    options: list[str] = strawberry.field(description="What may be answered.")


@strawberry.input(description="The whole process tree is gone.")
class ExitedReport:
    reason: ExitReason = strawberry.field(description="Why.")
    exit_code: int | None = optional("What the main process ended with.")
    signal: int | None = optional("The signal that ended it.")
    message: str | None = optional("More, for people.")


@strawberry.input(description="One numbered report: exactly one of its facts.")
class RunnerReportInput:
    n: int = strawberry.field(description="Its number; each is taken once, in order.")
    at: datetime = strawberry.field(description="When it was made.")
    started: StartedReport | None = optional("The process is up.")
    lines: list[LineReport] | None = optional("What it wrote.")
    paused: bool | None = optional("The tree is stopped.")
    resumed: bool | None = optional("The tree goes on.")
    seen: int | None = optional("The orders were read up to this revision.")
    delivered: list[strawberry.ID] | None = optional("These items lie in the inbox.")
    tool_started: ToolStartedReport | None = optional("A tool was called.")
    tool_ended: ToolEndedReport | None = optional("A tool has come back.")
    usage: UsageReport | None = optional("Something was used.")
    activity: ActivityReport | None = optional("The agent is doing something else.")
    session: str | None = optional("The agent has this session of its own, begun or resumed.")
    asked: AskedReport | None = optional("The agent asks for permission.")
    answered: list[str] | None = optional("These requests for permission have their answers.")
    exited: ExitedReport | None = optional("The tree is gone.")

    def report(self) -> Report:
        bodies = [body for body in self._bodies() if body is not None]
        if len(bodies) != 1:
            raise limits.invalid("A report holds exactly one fact.", ["input", "reports"])
        return Report(self.n, self.at, bodies[0])

    def _bodies(self) -> list[Body | None]:
        started, lines, exited = given(self.started), given(self.lines), given(self.exited)
        delivered, seen = given(self.delivered), given(self.seen)
        return [
            Started(started.pid, started.create_time) if started is not None else None,
            Lines([Line(line.stream, storable(line.text), line.at) for line in lines])
            if lines is not None
            else None,
            Paused() if given(self.paused) else None,
            Resumed() if given(self.resumed) else None,
            Seen(seen) if seen is not None else None,
            Delivered([str(id) for id in delivered]) if delivered is not None else None,
            *self._tools(),
            _used(used) if (used := given(self.usage)) is not None else None,
            *self._words(),
            _exited(exited) if exited is not None else None,
        ]

    def _words(self) -> list[Body | None]:
        doing, session = given(self.activity), given(self.session)
        asked, answered = given(self.asked), given(self.answered)
        return [
            Doing(given(doing.text), given(doing.progress)) if doing is not None else None,
            InSession(session) if session is not None else None,
            Asked(asked.request, asked.title, given(asked.detail), asked.options)
            if asked is not None
            else None,
            Answered(answered) if answered is not None else None,
        ]

    def _tools(self) -> list[Body | None]:
        started, ended = given(self.tool_started), given(self.tool_ended)
        return [
            ToolStarted(started.call, started.name, given(started.input_summary))
            if started is not None
            else None,
            ToolEnded(ended.call, given(ended.error)) if ended is not None else None,
        ]


def _used(report: UsageReport) -> Used:
    tokens = {
        "input_tokens": given(report.input_tokens) or 0,
        "output_tokens": given(report.output_tokens) or 0,
        "cache_read_tokens": given(report.cache_read_tokens) or 0,
        "cache_write_tokens": given(report.cache_write_tokens) or 0,
    }
    return Used(report.model, Amounts.reported(tokens, given(report.cost_usd)))


def _exited(report: ExitedReport) -> Exited:
    message = given(report.message)
    return Exited(
        reason=report.reason,
        exit_code=given(report.exit_code),
        signal=given(report.signal),
        message=storable(message)[: limits.TITLE] if message is not None else None,
    )
