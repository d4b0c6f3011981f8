"""The tool calls of an ACP agent, from whatever is first heard of one to its end."""

import json
from dataclasses import dataclass
from typing import Any, Final

from acp.schema import ContentToolCallContent, TextContentBlock, ToolCall, ToolCallUpdate

from app.agents.reporting import Reporter

_FAILED: Final = "The agent says that it failed."


@dataclass(slots=True)
class _Call:
    kind: str | None = None
    title: str | None = None
    input: Any = None
    told: bool = False

    @property
    def name(self) -> str:
        """What tools of a sort have in common: titles are as many as calls."""
        return self.kind if self.kind not in (None, "other") else self.title or "tool"

    @property
    def summary(self) -> str | None:
        if self.title and self.title != self.name:
            return self.title
        return as_json(self.input) if self.input else None


class ToolCalls:
    """Agents differ in what they tell first: a call without its input, a question whether they may, or the call itself."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._open: dict[str, _Call] = {}
        self._over: set[str] = set()

    def begin_turn(self) -> None:
        """Nothing more is heard of the calls of turns before."""
        self._over.clear()

    def see(self, seen: ToolCall | ToolCallUpdate, *, asking: bool = False) -> None:
        """A call that is pending, and its input on the way, is told when more is known of it."""
        id = seen.tool_call_id
        if id in self._over:
            return
        call = self._open.setdefault(id, _Call())
        call.kind = seen.kind or call.kind
        call.title = seen.title or call.title
        call.input = seen.raw_input or call.input
        is_first_word = isinstance(seen, ToolCall) and seen.status in (None, "pending")
        if not call.told and (asking or not is_first_word):
            self._tell(id, call)
        if seen.status in ("completed", "failed"):
            self._reporter.tool_ended(id, _error(seen) if seen.status == "failed" else None)
            del self._open[id]
            self._over.add(id)

    def name_of(self, seen: ToolCallUpdate) -> str:
        """In a line: what sort of tool it is, and what for."""
        call = self._open.get(seen.tool_call_id) or _Call(seen.kind, seen.title, seen.raw_input)
        return f"{call.name}: {call.summary}" if call.summary else call.name

    def input_of(self, seen: ToolCallUpdate) -> Any:
        call = self._open.get(seen.tool_call_id)
        return seen.raw_input or (call.input if call is not None else None)

    def _tell(self, id: str, call: _Call) -> None:
        call.told = True
        self._reporter.tool_started(id, call.name, call.summary)
        self._reporter.doing(call.summary or call.name)


def text_of(content: Any) -> str:
    """Of a list of contents, what can be read."""
    blocks = [one.content if isinstance(one, ContentToolCallContent) else one for one in content or () if one]
    return "\n".join(block.text for block in blocks if isinstance(block, TextContentBlock))


def as_json(value: Any, *, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent, default=str)


def _error(seen: ToolCall | ToolCallUpdate) -> str:
    if text := text_of(seen.content).strip():
        return text
    if seen.raw_output:
        return seen.raw_output if isinstance(seen.raw_output, str) else as_json(seen.raw_output)
    return _FAILED
