"""What the address of a server may look like, and who is trusted to stand behind it."""

from typing import Final
from urllib.parse import SplitResult, urlsplit

from app.client.errors import TracksideError

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def graphql_url(url: str) -> str:
    """Where requests are posted to: no path means /graphql."""
    parts = _checked(url)
    path = parts.path if parts.path not in ("", "/") else "/graphql"
    return f"{parts.scheme}://{parts.netloc}{path}"


def is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in LOOPBACK


def same_server(one: str, other: str) -> bool:
    """Whether two addresses name the same server; the names of the loopback interface are one."""
    first, second = _place(one), _place(other)
    return first is not None and first == second


def _place(url: str) -> tuple[str, str, int] | None:
    try:
        parts = _checked(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except (TracksideError, ValueError):
        return None
    host = str(parts.hostname)
    return parts.scheme, "localhost" if host in LOOPBACK else host, port


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise TracksideError(
            "INVALID_INPUT",
            f"{url!r} is not the address of a server.",
            suggestion="It looks like http://127.0.0.1:8642.",
        )
    if parts.username is not None or parts.query:
        raise TracksideError(
            "INVALID_INPUT",
            "Credentials do not belong into an address: it ends up in logs.",
            suggestion="Give the token with --token or TRACKSIDE_TOKEN.",
        )
    return parts
