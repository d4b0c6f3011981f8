"""An ACP agent's requests for permission: put to people, and held until they have answered."""

import asyncio
import hashlib
import itertools
from typing import Any, Final

from acp.schema import (
    AllowedOutcome,
    DeniedOutcome,
    PermissionOption,
    RequestPermissionResponse,
    ToolCallUpdate,
)

from app.agents.acp_tools import ToolCalls, as_json, text_of
from app.agents.reporting import Reporter
from app.domain import limits

MOST_AT_ONCE: Final = 50
"""Nobody can answer more; an agent that asks without waiting is denied the rest."""
NOBODY: Final = RequestPermissionResponse(outcome=DeniedOutcome(outcome="cancelled"))


class Permissions:
    """Each request is numbered by us: an agent may ask twice about one call."""

    def __init__(self, reporter: Reporter, tools: ToolCalls) -> None:
        self._reporter = reporter
        self._tools = tools
        self._numbers = itertools.count(1)
        self._open: dict[str, asyncio.Future[str | None]] = {}

    async def ask(self, call: ToolCallUpdate, options: list[PermissionOption]) -> RequestPermissionResponse:
        self._tools.see(call, asking=True)
        labelled = _labelled(options)
        if not labelled or len(self._open) >= MOST_AT_ONCE:
            return NOBODY
        request = str(next(self._numbers))
        answer = self._open[request] = asyncio.get_running_loop().create_future()
        title = " ".join(limits.storable(self._tools.name_of(call)).split())
        self._reporter.asked(
            request, _cut(title, limits.TITLE), _detail(self._tools.input_of(call), call), list(labelled)
        )
        try:
            chosen = labelled.get(await answer or "")
        finally:
            del self._open[request]
        if chosen is None:
            return NOBODY
        return RequestPermissionResponse(outcome=AllowedOutcome(outcome="selected", option_id=chosen))

    def answer(self, request: str, answer: str | None) -> None:
        waiting = self._open.get(request)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def withdraw(self) -> None:
        """The turn is being cancelled: the protocol wants every request answered then."""
        for request in list(self._open):
            self.answer(request, None)


def _labelled(options: list[PermissionOption]) -> dict[str, str]:
    """The agent's options by what people read; two of one name are told apart."""
    found: dict[str, str] = {}
    for option in options[: limits.OPTIONS]:
        name = _cut(" ".join(limits.storable(option.name).split()) or option.kind, limits.NAME - 10)
        label = next(
            one
            for one in itertools.chain([name], (f"{name} ({n})" for n in itertools.count(2)))
            if one not in found
        )
        found[label] = option.option_id
    return found


def _detail(input: Any, call: ToolCallUpdate) -> str | None:
    """All of what the tool would be called with: what is too long is told apart by its digest."""
    told = as_json(input, indent=2) if input else ""
    text = limits.storable("\n\n".join(filter(None, [text_of(call.content), told])))
    if len(text) > limits.TEXT:
        digest = hashlib.sha256(text.encode()).hexdigest()
        text = f"{text[: limits.TEXT - 200]}\n… {len(text):,} characters in all, SHA-256 {digest}"
    return text or None


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
