"""Events on their way to the screen: the past in pages, the present as it comes."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from app.cli import events, text
from app.cli.screen import Screen
from app.cli.session import Session
from app.domain.deliverables import DeliverableStatus

HEAD = "query { cursor }"
PAST = f"""
query ($filter: EventFilter, $first: Int!, $after: Cursor!) {{
  events(filter: $filter, after: $after, first: $first) {{
    edges {{ node {{ {events.SELECTION} }} }} pageInfo {{ hasNextPage endCursor }}
  }}
}}
"""
FOLLOW = f"""
subscription ($filter: EventFilter, $after: Cursor!) {{
  events(filter: $filter, after: $after) {{ {events.SELECTION} }}
}}
"""


def stream(session: Session, screen: Screen, filter: Any, after: str) -> AsyncGenerator[dict[str, Any], None]:
    """Each message's `data`, without end. A connection that is lost is made again."""
    return session.line(screen).follow(
        FOLLOW, {"filter": filter}, after=after, cursor=lambda data: str(data["events"]["cursor"])
    )


async def follow(session: Session, screen: Screen, filter: Any, after: str | None) -> None:
    """Show events until Ctrl-C, which ends it as it is meant to end."""
    try:
        head = after if after is not None else (await session.client.query(HEAD))["cursor"]
        async with aclosing(stream(session, screen, filter, head)) as shown:
            async for data in shown:
                show(screen, data["events"], filter)
    except asyncio.CancelledError:
        return


def show(screen: Screen, event: dict[str, Any], filter: Mapping[str, Any] | None = None) -> None:
    """A line of text or JSON. Text leaves out what the next event tells as well, where `filter` lets both through."""
    if screen.json:
        screen.record(event)
        return
    if not (filter or {}).get("types") and event.get("newDeliverableStatus") == DeliverableStatus.COMPLETED:
        return  # DeliverableCompleted follows
    run = f"  {text.printable(event['run']['name'])}:" if event["run"] else ""
    screen.line(f"{event['cursor']:>6}  {text.clock(event['at'])}{run}  {events.told(event)}")
