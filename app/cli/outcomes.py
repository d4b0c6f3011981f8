"""What a command that changed something says: the thing as it is now, and the record of the request."""

from collections.abc import Mapping
from typing import Any

from app.cli import text
from app.cli.session import Session
from app.cli.wording import told


def show(session: Session, payload: Mapping[str, Any], field: str, words: str) -> None:
    """As JSON the payload's own fields, as text a line."""
    if session.screen.json:
        session.screen.document({field: payload[field], "command": payload.get("command")})
    else:
        session.screen.line(text.printable(words))


def state(thing: Mapping[str, Any], name: str) -> str:
    """`build (run_01k…) is ACTIVE: why`."""
    why = f": {told(thing['statusReason'])}" if thing.get("statusReason") else ""
    return f"{name} ({thing['id']}) is {thing['status']}{why}"
