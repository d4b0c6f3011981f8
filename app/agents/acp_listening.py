"""What an ACP agent says, does and asks, translated for the runner."""

from typing import Any

from acp.schema import (
    AgentMessageChunk,
    AgentPlanUpdate,
    AgentThoughtChunk,
    ConfigOptionUpdate,
    PermissionOption,
    RequestPermissionResponse,
    TextContentBlock,
    ToolCallProgress,
    ToolCallStart,
    ToolCallUpdate,
    UsageUpdate,
)

from app.agents.acp_models import model_option
from app.agents.acp_permissions import NOBODY, Permissions
from app.agents.acp_replays import Replay
from app.agents.acp_tools import ToolCalls
from app.agents.acp_usage import Spending
from app.agents.reporting import Reporter


class Listener:
    """The client as the SDK calls it. What it lacks, files and terminals, the agent was told not to ask for."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._tools = ToolCalls(reporter)
        self.permissions = Permissions(reporter, self._tools)
        self.spending = Spending(reporter)
        self.replay = Replay()

    def begin_turn(self, session: str) -> None:
        self.replay.end(session)
        self._tools.begin_turn()

    def finish(self) -> None:
        """Nothing more is heard of the agent."""
        self.spending.settle()

    async def session_update(self, session_id: str, update: Any, **_: Any) -> None:
        """Updates are taken in the order they came in: nothing here waits."""
        if self.replay.covers(session_id):
            return
        match update:
            case AgentMessageChunk(content=TextContentBlock(text=text)):
                self._reporter.said(text)
            case AgentThoughtChunk(content=TextContentBlock(text=text)):
                self._reporter.said(text, thought=True)
            case ToolCallStart() | ToolCallProgress():
                self._tools.see(update)
            case UsageUpdate():
                self.spending.hear(update)
            case AgentPlanUpdate():
                self._plan(update)
            case ConfigOptionUpdate() if (option := model_option(update.config_options)) is not None:
                self.spending.uses(option.current_value)
            case _:
                pass

    async def request_permission(
        self, options: list[PermissionOption], session_id: str, tool_call: ToolCallUpdate, **_: Any
    ) -> RequestPermissionResponse:
        if self.replay.covers(session_id):  # nobody is asked what was settled long ago
            return NOBODY
        return await self.permissions.ask(tool_call, options)

    def _plan(self, plan: AgentPlanUpdate) -> None:
        done = sum(entry.status == "completed" for entry in plan.entries)
        current = next((entry.content for entry in plan.entries if entry.status == "in_progress"), None)
        progress = 100 * done // len(plan.entries) if plan.entries else None
        self._reporter.doing(current, progress)
