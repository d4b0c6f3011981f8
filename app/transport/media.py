"""What a client wants to be answered with, and what headers say."""

from typing import Final

from starlette.types import Scope

GRAPHQL: Final = "application/graphql-response+json"
JSON: Final = "application/json"

_KNOWN: Final = {GRAPHQL: GRAPHQL, JSON: JSON, "*/*": JSON, "application/*": JSON}


def header(scope: Scope, name: bytes) -> str | None:
    """The value of a header that may be sent once; None where it is missing or sent twice."""
    found = [value for key, value in scope["headers"] if key == name]
    return found[0].decode("latin-1") if len(found) == 1 else None


def negotiated(accept: str | None) -> str:
    """The media type to answer with; JSON for a client that wants neither, which HTTP allows."""
    best, best_quality = JSON, 0.0
    for part in (accept or "").split(","):
        media, *parameters = (bit.strip().lower() for bit in part.split(";"))
        quality = _quality(parameters)
        if media in _KNOWN and quality > best_quality:
            best, best_quality = _KNOWN[media], quality
    return best


def is_json(content_type: str | None) -> bool:
    """Only application/json, and UTF-8 if it says."""
    media, *parameters = (bit.strip().lower() for bit in (content_type or "").split(";"))
    charsets = [bit.partition("=")[2].strip('"') for bit in parameters if bit.startswith("charset")]
    return media == JSON and all(charset in ("utf-8", "utf8") for charset in charsets)


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0
