"""Programs with their arguments, as they are given in one word of a command line."""

import shlex

from app.client.errors import TracksideError
from app.domain import limits
from app.domain.errors import AppError


def split(command: str) -> list[str]:
    """Into a program and its arguments, as a shell would; no shell runs it."""
    try:
        return limits.argv(shlex.split(command), "--command")
    except ValueError as error:
        raise _no_command(command, str(error).lower()) from error
    except AppError as error:
        raise _no_command(command, error.message.lower().rstrip(".")) from error


def _no_command(command: str, why: str) -> TracksideError:
    return TracksideError(
        "INVALID_INPUT",
        f"--command {command!r} cannot be run: {why}.",
        suggestion="Give a program and its arguments: --command 'make test'.",
    )
