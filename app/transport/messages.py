"""The shape of what a client may send over graphql-transport-ws, looked at before anything relies on it."""

from typing import Any, Final

ID_LENGTH: Final = 64

_TYPES: Final = frozenset({"connection_init", "ping", "pong", "subscribe", "complete"})


def fault(message: object) -> str | None:
    """What is wrong with a message, in words that fit into a close frame; None when nothing is."""
    if not isinstance(message, dict):
        return "A message has to be an object"
    kind = message.get("type")
    if not isinstance(kind, str) or kind not in _TYPES:
        return "Unknown message type"
    if kind in ("subscribe", "complete"):
        id = message.get("id")
        if not isinstance(id, str) or not 1 <= len(id) <= ID_LENGTH:
            return f"An id has to be a string of 1 to {ID_LENGTH} characters"
    payload = message.get("payload")
    if kind == "subscribe":
        return _operation_fault(payload)
    if not isinstance(payload, dict | None):
        return "A payload has to be an object"
    if kind == "connection_init" and not isinstance((payload or {}).get("token", ""), str):
        return "A token has to be a string"
    return None


def _operation_fault(payload: Any) -> str | None:
    if not isinstance(payload, dict):
        return "A payload has to be an object"
    if not isinstance(payload.get("query"), str):
        return "A query has to be a string"
    if not isinstance(payload.get("variables"), dict | None):
        return "Variables have to be an object"
    if not isinstance(payload.get("operationName"), str | None):
        return "An operationName has to be a string"
    if not isinstance(payload.get("extensions"), dict | None):
        return "Extensions have to be an object"
    return None
