"""An agent for the tests: a process that speaks ACP on its standard input and output, and does what its prompt says.

A line of the prompt that begins with "do " is a step; the rest is for people. Each step is a word and what belongs to it:

    say TEXT · think TEXT · tool ID TITLE · end ID · fail ID WHY · ask ID TITLE · use INPUT OUTPUT · cost DOLLARS
    spend DOLLARS · session · once STEP · again STEP · beat STATE · plan DONE OF DOING · garbage TEXT · unknown · child · wait FILE · hang · obey · stubborn · stop REASON · die CODE · break

`ask` says which option it was given. `cost` tells a total, `spend` adds to that of the session. `session` says which it is in; `once` is done in
a new one only, `again` in an old one. `beat` is a heartbeat of one that looks after its run. `hang` waits for a cancel, `obey` takes it for an end like any other, `stubborn` is `hang` that hears of none.
"""

import asyncio
import json
import os
import signal
import sys
import urllib.request
from pathlib import Path
from typing import Any

import acp
from acp.schema import (
    AgentCapabilities,
    Cost,
    InitializeResponse,
    LoadSessionResponse,
    NewSessionResponse,
    PermissionOption,
    PlanEntry,
    PromptResponse,
    ResumeSessionResponse,
    SessionCapabilities,
    SessionConfigOptionSelect,
    SessionConfigSelectOption,
    SessionNotification,
    SessionResumeCapabilities,
    SetSessionConfigOptionResponse,
    Usage,
    UsageUpdate,
)

OPTIONS = [
    PermissionOption(option_id="yes", name="Allow", kind="allow_once"),
    PermissionOption(option_id="always", name="Always allow", kind="allow_always"),
    PermissionOption(option_id="no", name="Reject", kind="reject_once"),
]
SESSIONS = os.environ.get("SCRIPTED_SESSIONS")
"""A directory where each session is kept, an update of it a line."""
BACK = os.environ.get("SCRIPTED_BACK", "").split()
"""How it takes up a session again: resume, load; and what it does then: late (it replays after its answer), ask, refuse, die, hang, anew (it
counts money by the process, not by the session)."""
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
        self.began = True
        self.spent = 0.0
        self.tasks: set[asyncio.Task[None]] = set()
        self.usage: Usage | None = None

    def on_connect(self, connection: Any) -> None:
        self.connection = connection

    async def initialize(self, protocol_version: int, **_: Any) -> InitializeResponse:
        version = int(os.environ.get("SCRIPTED_PROTOCOL", protocol_version))
        able = AgentCapabilities(load_session="load" in BACK)
        if "resume" in BACK:
            able.session_capabilities = SessionCapabilities(resume=SessionResumeCapabilities())
        return InitializeResponse(protocol_version=version, agent_capabilities=able)

    async def new_session(self, cwd: str, **_: Any) -> NewSessionResponse:
        if "SCRIPTED_LOGIN" in os.environ:
            raise acp.RequestError.auth_required()
        self.session, self.began, self.spent = f"session-of-{Path(cwd).name}", True, 0.0
        if SESSIONS:
            self.session += f"-{len(os.listdir(SESSIONS)) + 1}"
            self.history.touch()
        return NewSessionResponse(session_id=self.session, config_options=[self.models()])

    async def resume_session(self, cwd: str, session_id: str, **_: Any) -> ResumeSessionResponse:
        await self.take_up(session_id)
        return ResumeSessionResponse(config_options=[self.models()])

    async def load_session(self, cwd: str, session_id: str, **_: Any) -> LoadSessionResponse:
        await self.take_up(session_id)
        if "late" in BACK:
            task = asyncio.create_task(self.replay())
            self.tasks.add(task)
        else:
            await self.replay()
        return LoadSessionResponse(config_options=[self.models()])

    @property
    def history(self) -> Path:
        assert SESSIONS is not None
        return Path(SESSIONS, self.session)

    def past(self) -> list[Any]:
        lines = self.history.read_text().splitlines() if self.history.exists() else []
        told = [{"sessionId": self.session, "update": json.loads(line)} for line in lines]
        return [SessionNotification.model_validate(one).update for one in told]

    async def take_up(self, session: str) -> None:
        self.session, self.began = session, False
        costs = [one.cost for one in self.past() if isinstance(one, UsageUpdate) and one.cost is not None]
        self.spent = costs[-1].amount if costs and "anew" not in BACK else 0.0
        if "refuse" in BACK or not self.history.exists():
            await self.replay()
            raise acp.RequestError.resource_not_found(session)
        if "die" in BACK:
            os._exit(1)
        if "hang" in BACK:
            await asyncio.Event().wait()

    async def replay(self) -> None:
        """All that was said, done and spent; with `ask`, what was asked too."""
        for update in self.past():
            await self.connection.session_update(self.session, update)
        if "ask" in BACK:
            call = acp.update_tool_call("old", title="rm -rf build", kind="execute")
            answer = await self.connection.request_permission(
                options=OPTIONS, session_id=self.session, tool_call=call
            )
            assert answer.outcome.outcome == "cancelled", answer

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

    async def step(self, step: str) -> None:
        word, _, rest = step.partition(" ")
        await getattr(self, f"do_{word}")(rest)

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
                    await self.step(line.removeprefix("do "))
        except Ended as ended:
            reason = str(ended)
        return PromptResponse.model_construct(stop_reason=reason, usage=self.usage)

    async def tell(self, update: Any) -> None:
        if SESSIONS:
            with self.history.open("a") as history:
                print(update.model_dump_json(by_alias=True, exclude_none=True), file=history)
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

    async def do_spend(self, dollars: str) -> None:
        self.spent += float(dollars)
        await self.do_cost(str(self.spent))

    async def do_session(self, _: str) -> None:
        how = "began" if self.began else "went on with"
        await self.say(f"{how} {self.session}, told of {os.environ.get('TRACKSIDE_SESSION_ID')}")

    async def do_once(self, step: str) -> None:
        if self.began:
            await self.step(step)

    async def do_again(self, step: str) -> None:
        if not self.began:
            await self.step(step)

    async def do_beat(self, state: str) -> None:
        document = "mutation($input: HeartbeatInput!) { heartbeat(input: $input) { userErrors { message } } }"
        given = {"runId": os.environ["TRACKSIDE_RUN_ID"], "state": state, "memo": "Red, not blue."}
        request = urllib.request.Request(
            os.environ["TRACKSIDE_URL"] + "/graphql",
            json.dumps({"query": document, "variables": {"input": given}}).encode(),
            {"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["TRACKSIDE_TOKEN"]},
        )
        answer = await asyncio.to_thread(lambda: json.load(urllib.request.urlopen(request)))
        await self.say(f"beat: {answer['data']['heartbeat']['userErrors']}")

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
    asyncio.run(acp.run_agent(Scripted(), use_unstable_protocol=True))
