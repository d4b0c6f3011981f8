"""What can go wrong between a client and its server, told in the same four things whatever the cause."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

_SUGGESTIONS: Final = {
    "UNAUTHENTICATED": "Give a token that this server knows, with --token or TRACKSIDE_TOKEN.",
    "CURSOR_EXPIRED": "This part of the log is no longer kept. Start from a later cursor.",
}


class TracksideError(Exception):
    """`code` is for programs, `message` says why, `suggestion` what to do instead, `path` where in the input."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        suggestion: str | None = None,
        path: Sequence[str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.suggestion = suggestion
        self.path = list(path) if path is not None else None


class Refused(TracksideError):
    """The server understood the request and said no. `errors` holds its userErrors, the first of them told here."""

    def __init__(self, errors: Sequence[Mapping[str, Any]]) -> None:
        first = errors[0]
        super().__init__(
            str(first["code"]),
            str(first["message"]),
            suggestion=first.get("suggestion"),
            path=first.get("path"),
        )
        self.errors = [dict(error) for error in errors]


class RequestFailed(TracksideError):
    """The server answered, but not with what was asked for."""


class NotAllowed(RequestFailed):
    """The token is missing, unknown, or may not do this."""


class Unreachable(TracksideError):
    """No server answered, however often it was tried."""

    def __init__(self, message: str, *, suggestion: str | None = None) -> None:
        super().__init__("UNREACHABLE", message, suggestion=suggestion)


class NoServer(Unreachable):
    """Nothing says where a server could be, or the one that it names has ended."""


def failure(errors: Sequence[Mapping[str, Any]], status: int = 200) -> RequestFailed:
    """The error that a GraphQL answer stands for."""
    first = errors[0] if errors else {}
    extensions = first.get("extensions")
    extensions = extensions if isinstance(extensions, Mapping) else {}
    code = str(extensions.get("code") or ("UNAUTHENTICATED" if status == 401 else "FAILED"))
    kind = NotAllowed if code in ("UNAUTHENTICATED", "FORBIDDEN") else RequestFailed
    message = str(first.get("message") or f"the server answered with status {status}")
    path = first.get("path")
    return kind(
        code,
        message,
        suggestion=str(extensions["suggestion"]) if extensions.get("suggestion") else _SUGGESTIONS.get(code),
        path=[str(part) for part in path] if isinstance(path, list) else None,
    )
