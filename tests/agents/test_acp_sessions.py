"""An agent that speaks ACP is started again and goes on in the session of the process before: a real process, and nothing counted twice."""

import asyncio
import os
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.agents import acp
from app.agents.acp import AcpConversation
from app.agents.acp_replays import Replay
from app.agents.acp_usage import Spending
from app.agents.assignments import Assignment
from app.agents.conversations import Outcome, Pipes, Verdict
from app.agents.reporting import Reporter

AGENT = Path(__file__).with_name("scripted.py")
STEPS = ["say one", "tool a make", "end a", "plan 1 2 Halfway", "spend 0.25", "use 200 100"]


class Told(Reporter):
    """All that is told of one process."""

    def __init__(self) -> None:
        self.said_all = ""
        self.notes: list[str] = []
        self.tools: list[str] = []
        self.activities: list[Any] = []
        self.questions: list[str] = []
        self.sessions: list[str] = []
        self.cost = Decimal()
        self.tokens = 0

    def said(self, text: str, *, thought: bool = False) -> None:
        self.said_all += text

    def printed(self, line: str) -> None:
        raise AssertionError(line)

    def noted(self, text: str) -> None:
        self.notes.append(text)

    def doing(self, activity: str | None, progress: int | None = None) -> None:
        self.activities.append((activity, progress))

    def has_session(self, session: str) -> None:
        self.sessions.append(session)

    def asked(self, request: str, *_: Any) -> None:
        self.questions.append(request)

    def tool_started(self, call: str, *_: Any) -> None:
        self.tools.append(call)

    def used(self, model: str, *, cost_usd: Decimal | None = None, **tokens: int) -> None:
        self.cost += cost_usd or 0
        self.tokens += sum(tokens.values())

    @property
    def lines(self) -> list[str]:
        """What the agent said, without the first line of its turn."""
        return [line for line in self.said_all.splitlines() if not line.startswith("turn ")]


class Lives:
    """The processes of one agent, one after the other."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.kept = root / "sessions"
        self.kept.mkdir()

    def session(self, n: int) -> str:
        """What the agent calls the session that it began as the n-th."""
        return f"session-of-{self.root.name}-{n}"

    async def live(
        self, *steps: str, back: str = "", session: str | None = None, cost: str = "0"
    ) -> tuple[Told, Verdict]:
        """One process, from its start to its end."""
        prompt = "\n".join(f"do {step}" for step in steps)
        assignment = Assignment(
            "acp", (), str(self.root), {}, prompt, None, 30, session=session, session_cost=Decimal(cost)
        )
        (stdin, writing), (reading, stdout) = os.pipe(), os.pipe()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(AGENT)),
            env=os.environ | {"SCRIPTED_SESSIONS": str(self.kept), "SCRIPTED_BACK": back},
            stdin=stdin,
            stdout=stdout,
        )
        os.close(stdin)
        os.close(stdout)
        told = Told()
        conversation = AcpConversation(assignment, Pipes(writing, reading), told)
        async with asyncio.timeout(60):
            verdict = await conversation.ended
            conversation.hang_up()
            await conversation.close(10)
            await process.wait()
        return told, verdict


@pytest.fixture
def lives(tmp_path: Path) -> Lives:
    return Lives(tmp_path)


async def two_lives(lives: Lives, back: str, *, counted: str = "0.25") -> Told:
    """The second of an agent that did and used something in its first."""
    first, _ = await lives.live(*STEPS, back=back)
    assert (first.lines, first.tools, first.cost, first.tokens) == (["one"], ["a"], Decimal("0.25"), 300)
    assert first.sessions == [lives.session(1)]
    steps = ("session", "say two", "spend 0.125", "use 2 1")
    second, verdict = await lives.live(*steps, back=back, session=lives.session(1), cost=counted)
    assert verdict.outcome is Outcome.FINISHED
    return second


def nothing_was_counted_twice(told: Told) -> None:
    (session,) = told.sessions
    assert told.lines == [f"went on with {session}, told of None", "two"]
    assert (told.tools, told.activities, told.questions, told.notes) == ([], [], [], [])
    assert (told.cost, told.tokens) == (Decimal("0.125"), 3)


WAYS = ["resume", "load", "resume load", "load late", "load ask", "load late ask", "resume anew", "load anew"]


@pytest.mark.parametrize("back", WAYS)
async def test_an_agent_goes_on_where_it_was(lives: Lives, back: str) -> None:
    nothing_was_counted_twice(await two_lives(lives, back))


def hears_history(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Replay, "covers", lambda *_: False)


def hears_what_comes_after_the_answer(patch: pytest.MonkeyPatch) -> None:
    async def at_once(replay: Replay) -> None:
        replay.end(replay._session or "")

    patch.setattr(Replay, "ended", at_once)


def counts_from_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Spending, "goes_on_from", lambda *_: None)


@pytest.mark.parametrize(
    ("back", "flaw"),
    [
        ("load", hears_history),
        ("load late", hears_history),
        ("load late", hears_what_comes_after_the_answer),
        ("resume", counts_from_nothing),
        ("load", counts_from_nothing),
    ],
)
async def test_what_would_be_counted_twice(
    lives: Lives, monkeypatch: pytest.MonkeyPatch, back: str, flaw: Callable[[pytest.MonkeyPatch], None]
) -> None:
    flaw(monkeypatch)
    with pytest.raises(AssertionError):
        nothing_was_counted_twice(await two_lives(lives, back))


async def test_what_the_process_before_could_not_tell_any_more_is_counted_now(lives: Lives) -> None:
    assert (await two_lives(lives, "resume", counted="0.1")).cost == Decimal("0.275")


async def test_a_total_that_goes_on_is_known_although_its_parts_were_rounded(lives: Lives) -> None:
    assert (await two_lives(lives, "resume", counted="0.2500000001")).cost < Decimal("0.126")


@pytest.mark.parametrize(
    ("back", "note"),
    [
        ("", "The agent cannot resume sessions: it begins a new one."),
        (
            "load refuse",
            "Asked for its session {}, the agent refused: Resource not found. It begins a new one.",
        ),
        (
            "resume refuse",
            "Asked for its session {}, the agent refused: Resource not found. It begins a new one.",
        ),
    ],
)
async def test_where_there_is_no_way_back_it_begins_anew(lives: Lives, back: str, note: str) -> None:
    told = await two_lives(lives, back)
    old = lives.session(1)
    assert told.notes == [note.format(old)]
    assert told.sessions == [lives.session(2)]
    assert told.lines == [f"began {told.sessions[0]}, told of None", "two"]
    assert (told.tools, told.cost, told.tokens) == ([], Decimal("0.125"), 3)


@pytest.mark.parametrize("back", ["load hang", "resume hang"])
async def test_an_agent_that_does_not_answer_is_not_waited_for(
    lives: Lives, monkeypatch: pytest.MonkeyPatch, back: str
) -> None:
    step = AcpConversation._step

    async def impatient(self: AcpConversation, what: str, request: Any) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(acp, "START_SECONDS", 0.05 if "its session" in what else 120.0)
            return await step(self, what, request)

    monkeypatch.setattr(AcpConversation, "_step", impatient)
    told = await two_lives(lives, back)
    assert told.notes[0].endswith("the agent said nothing for 0.05 s. It begins a new one.")
    assert told.lines[0].startswith("began ")
    assert told.cost == Decimal("0.125")


async def test_an_agent_that_dies_over_its_session_has_failed(lives: Lives) -> None:
    await lives.live("say one", back="load")
    told, verdict = await lives.live("say two", back="load die", session=lives.session(1))
    assert verdict.outcome is Outcome.BROKEN
    assert (told.lines, told.sessions) == ([], [])
