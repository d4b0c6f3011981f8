"""An agent for the tests: a process that speaks ACP on its standard input and output, and does what its prompt says.

A line of the prompt that begins with "do " is a step; the rest is for people. Each step is a word and what belongs to it:

    say TEXT · think TEXT · tool ID TITLE · end ID · fail ID WHY · ask ID TITLE · use INPUT OUTPUT · cost DOLLARS
    plan DONE OF DOING · garbage TEXT · unknown · child · wait FILE · hang · obey · stubborn · stop REASON · die CODE · break

`ask` says which option it was given. `hang` waits for a cancel, `obey` takes it for an end like any other, `stubborn` is `hang` that hears of none.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import acp
from acp.schema import (
    AgentCapabilities,
    Cost,
    InitializeResponse,
    NewSessionResponse,
    PermissionOption,
    PlanEntry,
    PromptResponse,
    SessionConfigOptionSelect,
    SessionConfigSelectOption,
    SetSessionConfigOptionResponse,
    Usage,
    UsageUpdate,
)

OPTIONS = [
    PermissionOption(option_id="yes", name="Allow", kind="allow_once"),
    PermissionOption(option_id="always", name="Always allow", kind="allow_always"),
    PermissionOption(option_id="no", name="Reject", kind="reject_once"),
]
MODELS = {name: name.title() for name in os.environ.get("SCRIPTED_MODELS", "small,large").split(",")}


class Ended(Exception):
    """The turn is over; why."""


class Scripted:
    def __init__(self) -> None:
        self.cancelled = asyncio.Event()
        self.model = next(iter(MODELS))
        self.turns = 0
        self.connection: Any = None
        self.session = ""
        self.usage: Usage | None = None

    def on_connect(self, connection: Any) -> None:
        self.connection = connection

    async def initialize(self, protocol_version: int, **_: Any) -> InitializeResponse:
        version = int(os.environ.get("SCRIPTED_PROTOCOL", protocol_version))
        return InitializeResponse(protocol_version=version, agent_capabilities=AgentCapabilities())

    async def new_session(self, cwd: str, **_: Any) -> NewSessionResponse:
        if "SCRIPTED_LOGIN" in os.environ:
            raise acp.RequestError.auth_required()
        self.session = f"session-of-{Path(cwd).name}"
        return NewSessionResponse(session_id=self.session, config_options=[self.models()])

    def models(self) -> SessionConfigOptionSelect:
        options = [SessionConfigSelectOption(value=value, name=name) for value, name in MODELS.items()]
        return SessionConfigOptionSelect(
            type="select",
            id="model",
            name="Model",
            category="model",
            current_value=self.model,
            options=options,
        )

    async def set_config_option(
        self, config_id: str, session_id: str, value: Any, **_: Any
    ) -> SetSessionConfigOptionResponse:
        assert config_id == "model"
        self.model = value
        return SetSessionConfigOptionResponse(config_options=[self.models()])

    async def cancel(self, session_id: str, **_: Any) -> None:
        self.cancelled.set()

    async def prompt(self, prompt: list[Any], session_id: str, **_: Any) -> PromptResponse:
        self.turns += 1
        self.usage = None
        self.cancelled.clear()
        text = "\n".join(block.text for block in prompt)
        await self.say(f"turn {self.turns} with {self.model}: {json.dumps(text)}")
        reason = "end_turn"
        try:
            for line in text.splitlines():
                if line.startswith("do "):
                    word, _, rest = line.removeprefix("do ").partition(" ")
                    await getattr(self, f"do_{word}")(rest)
        except Ended as ended:
            reason = str(ended)
        return PromptResponse.model_construct(stop_reason=reason, usage=self.usage)

    async def tell(self, update: Any) -> None:
        await self.connection.session_update(self.session, update)

    async def say(self, text: str) -> None:
        """In two pieces, as models do."""
        half = len(text) // 2
        await self.tell(acp.update_agent_message_text(text[:half]))
        await self.tell(acp.update_agent_message_text(text[half:] + "\n"))

    do_say = say

    async def do_think(self, text: str) -> None:
        await self.tell(acp.update_agent_thought_text(text))

    async def do_tool(self, rest: str) -> None:
        id, _, title = rest.partition(" ")
        await self.tell(acp.start_tool_call(id, title, kind="execute", status="pending", raw_input={}))
        await self.tell(acp.update_tool_call(id, status="in_progress", raw_input={"command": title}))

    async def do_end(self, id: str) -> None:
        await self.tell(acp.update_tool_call(id, status="completed"))

    async def do_fail(self, rest: str) -> None:
        id, _, why = rest.partition(" ")
        content = [acp.tool_content(acp.text_block(why))]
        await self.tell(acp.update_tool_call(id, status="failed", content=content))

    async def do_ask(self, rest: str) -> None:
        id, _, title = rest.partition(" ")
        call = acp.update_tool_call(id, title=title, kind="execute", raw_input={"command": title})
        answer = await self.connection.request_permission(
            options=OPTIONS, session_id=self.session, tool_call=call
        )
        chosen = getattr(answer.outcome, "option_id", answer.outcome.outcome)
        await self.say(f"{id} was answered {chosen}")
        if chosen == "cancelled" and self.cancelled.is_set():
            raise Ended("cancelled")

    async def do_use(self, rest: str) -> None:
        given, written = map(int, rest.split())
        self.usage = Usage(total_tokens=given + written, input_tokens=given, output_tokens=written)

    async def do_cost(self, dollars: str) -> None:
        cost = Cost(amount=float(dollars), currency="USD")
        await self.tell(UsageUpdate(session_update="usage_update", used=10, size=100, cost=cost))

    async def do_plan(self, rest: str) -> None:
        done, number, doing = rest.split(" ", 2)
        states = ["completed"] * int(done) + ["in_progress"]
        states += ["pending"] * (int(number) - len(states))
        entries = [PlanEntry(content=doing, priority="medium", status=state) for state in states]
        await self.tell(acp.update_plan(entries))

    async def do_garbage(self, text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    async def do_unknown(self, _: str) -> None:
        """An update of a protocol that is not written yet."""
        message = {"jsonrpc": "2.0", "method": "session/update"}
        params = {"sessionId": self.session, "update": {"sessionUpdate": "telepathy"}}
        await self.do_garbage(json.dumps({**message, "params": params}))

    async def do_child(self, _: str) -> None:
        """Something that outlives the agent unless somebody looks for it."""
        child = await asyncio.create_subprocess_exec("sleep", "300", start_new_session=True)
        await self.say(f"child {child.pid}")

    async def do_wait(self, file: str) -> None:
        while True:
            if os.access(file, os.F_OK):
                return
            await asyncio.sleep(0.01)

    async def do_hang(self, _: str) -> None:
        await self.cancelled.wait()
        raise Ended("cancelled")

    async def do_obey(self, _: str) -> None:
        """Some end their turn when they are cancelled, and say nothing of why."""
        await self.cancelled.wait()

    async def do_stubborn(self, _: str) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        await self.say("nothing ends me")
        while True:
            signal.pause()  # so that it does not hear either that its input is closed

    async def do_stop(self, reason: str) -> None:
        raise Ended(reason)

    async def do_die(self, code: str) -> None:
        sys.stdout.flush()
        os._exit(int(code))

    async def do_break(self, _: str) -> None:
        raise acp.RequestError.internal_error({"details": "the model is overloaded"})


if __name__ == "__main__":
    asyncio.run(acp.run_agent(Scripted()))
