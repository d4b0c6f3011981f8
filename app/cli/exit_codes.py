"""The exit statuses of every command. Stable: scripts switch on them."""

from enum import IntEnum
from typing import Final


class ExitCode(IntEnum):
    COMPLETED = 0
    FAILED = 1
    REFUSED = 2
    BLOCKED = 3
    WAITING = 4
    CANCELLED = 5
    UNANSWERED = 6
    UNREACHABLE = 7
    UNHEALTHY = 8
    INTERRUPTED = 130
    PIPE_CLOSED = 141
    TERMINATED = 143


MEANINGS: Final[dict[ExitCode, str]] = {
    ExitCode.COMPLETED: "done; a run is COMPLETED, a question is answered",
    ExitCode.FAILED: "the run FAILED, or something broke",
    ExitCode.REFUSED: "wrong usage, or the request was refused",
    ExitCode.BLOCKED: "the run is BLOCKED: what is left has to be done by hand or unblocked",
    ExitCode.WAITING: "the run waits for an answer that no deadline will give",
    ExitCode.CANCELLED: "the run was stopped by somebody else",
    ExitCode.UNANSWERED: "the question was dismissed, or expired without a default",
    ExitCode.UNREACHABLE: "no server could be reached",
    ExitCode.UNHEALTHY: "a run is stale, or nothing looks after it any more",
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C; what was started is stopped",
    ExitCode.PIPE_CLOSED: "whoever read the output wanted no more of it, as `head` does",
    ExitCode.TERMINATED: "ended by SIGTERM or a closed terminal; what was started is stopped",
}


def table(*codes: ExitCode) -> str:
    """For --help: one line each, all of them where none is named."""
    return "\n".join(f"{code:>3}  {MEANINGS[code]}" for code in codes or MEANINGS)
