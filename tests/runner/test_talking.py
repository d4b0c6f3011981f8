"""Agents that are talked to: a real process that speaks ACP, beside a runner, on a stand-in control plane."""

import sys
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from tests.runner.conftest import Launch
from tests.runner.control_plane import ControlPlane, Worker
from tests.runner.support import ROOT, alive, tagged

AGENT = [sys.executable, str(ROOT / "tests/agents/scripted.py")]


def scripted(id: str, root: Path, *steps: str, **more: Any) -> Worker:
    prompt = "\n".join(["Do these:", *(f"do {step}" for step in steps)])
    return Worker(f"wrk_{id}_{token_hex(4)}", AGENT, str(root), runtime="acp", prompt=prompt, **more)


def said(worker: Worker) -> list[str]:
    """Without the first line of each turn."""
    return [line for line in worker.log("AGENT") if not line.startswith("turn ")]


async def test_a_turn_from_prompt_to_end(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    steps = ("say hello", "think hm", "say done", "use 200 100", "cost 0.25", "plan 1 4 Look around")
    worker = scripted("turn", tmp_path, *steps)
    launch(worker)
    exited = await plane.ended(worker)
    assert (exited["reason"], exited["message"]) == ("FINISHED", None)
    assert said(worker) == ["hello", "(thinking) hm", "done"]
    assert worker.facts("activity") == [{"text": "Look around", "progress": 25}]
    assert worker.kinds[0] == "started"
    used = worker.facts("usage")
    assert [one["model"] for one in used] == ["small"] * len(used)
    assert sum(one["inputTokens"] for one in used) == 200
    assert sum(float(one["costUsd"] or 0) for one in used) == 0.25
    assert tagged(worker) == []


async def test_tools(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    steps = ("say before", "tool a make", "end a", "tool b rm -rf /", "fail b Not allowed.", "tool c sleep")
    worker = scripted("tools", tmp_path, *steps, "say after")
    launch(worker)
    assert (await plane.ended(worker))["reason"] == "FINISHED"
    started = [(one["call"], one["name"], one["inputSummary"]) for one in worker.facts("toolStarted")]
    assert started == [("a", "execute", "make"), ("b", "execute", "rm -rf /"), ("c", "execute", "sleep")]
    assert worker.facts("toolEnded") == [
        {"call": "a", "error": None},
        {"call": "b", "error": "Not allowed."},
    ]
    assert said(worker) == ["before", "after"]


async def test_the_model_that_is_asked_for(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    worker = scripted("model", tmp_path, "say hello", model="Large")
    launch(worker)
    await plane.ended(worker)
    assert worker.log("AGENT")[0].startswith("turn 1 with large:")
    assert worker.facts("usage")[0]["model"] == "large"


@pytest.mark.parametrize(
    ("more", "env", "words"),
    [
        ({"model": "huge"}, {}, "The agent has no model 'huge'. It has: small, large."),
        ({"mode": "wild"}, {}, "The agent has no mode 'wild'. It has: none."),
        ({}, {"SCRIPTED_LOGIN": "1"}, "Asked for a session, the agent refused: Authentication required."),
        ({}, {"SCRIPTED_PROTOCOL": "2"}, "The agent speaks version 2 of the protocol, we speak 1."),
    ],
)
async def test_what_cannot_begin(
    plane: ControlPlane,
    launch: Launch,
    tmp_path: Path,
    more: dict[str, str],
    env: dict[str, str],
    words: str,
) -> None:
    worker = scripted("begin", tmp_path, "say never", env=env, **more)
    launch(worker)
    exited = await plane.ended(worker)
    assert (exited["reason"], exited["message"]) == ("FAILED", words)
    assert worker.log("AGENT") == []


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("stop refusal", "The agent refuses to go on."),
        ("stop max_tokens", "The agent stopped: the model may write no more tokens."),
        ("stop max_turn_requests", "The agent stopped: it may ask the model no more often in one turn."),
        ("stop cancelled", "The agent's turn was cancelled."),
        ("stop boredom", "The agent ended its turn with something that is no answer."),
        ("break", "The agent's turn failed: Internal error: the model is overloaded."),
        ("die 0", "The agent ended before it had done its work, with exit code 0."),
        ("die 3", "The agent ended before it had done its work, with exit code 3."),
    ],
)
async def test_turns_that_end_otherwise(
    plane: ControlPlane, launch: Launch, tmp_path: Path, step: str, words: str
) -> None:
    worker = scripted("otherwise", tmp_path, "say hello", step)
    launch(worker)
    exited = await plane.ended(worker)
    assert (exited["reason"], exited["message"]) == ("FAILED", words)
    assert said(worker) == ["hello"]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["true"], "The agent ended before it had done its work, with exit code 0."),
        (["sh", "-c", "exec >&-; sleep 60"], "The agent closed its output before it had done its work."),
        (
            ["sh", "-c", "echo hello; exit 7"],
            "The agent ended before it had done its work, with exit code 7.",
        ),
        (
            ["sh", "-c", """echo '{"jsonrpc":"2.0","id":0,"result":{"wrong":1}}'; sleep 60"""],
            "Asked for the handshake, the agent said something that is no answer.",
        ),
        (
            ["sh", "-c", """echo '{"jsonrpc":"2.0","id":0,"error":{"code":1,"message":"no"}}'; sleep 60"""],
            "Asked for the handshake, the agent refused: no.",
        ),
        (
            ["sh", "-c", "exec >&-; exec setsid sleep 60 &"],
            "The agent ended before it had done its work, with exit code 0.",
        ),
    ],
)
async def test_what_is_no_agent(
    plane: ControlPlane, launch: Launch, tmp_path: Path, argv: list[str], words: str
) -> None:
    worker = Worker(f"wrk_none_{token_hex(4)}", argv, str(tmp_path), runtime="acp")
    launch(worker)
    exited = await plane.ended(worker)
    assert (exited["reason"], exited["message"]) == ("FAILED", words)
    assert tagged(worker) == []


async def test_garbage_is_shown_and_no_reason_to_stop(
    plane: ControlPlane, launch: Launch, tmp_path: Path
) -> None:
    lines = [
        '[1, {"method": 2}]',
        "{",
        "null",
        "npm notice: there is a newer version",
        '{"id": []}',
        "\x00\xff",
    ]
    worker = scripted("garbage", tmp_path, *(f"garbage {line}" for line in lines[:4]), "unknown", "say done")
    launch(worker)
    assert (await plane.ended(worker))["reason"] == "FINISHED"
    assert worker.log("STDOUT") == lines[:4]
    assert said(worker) == ["done"]


async def test_a_message_that_breaks_the_sdk(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    worker = scripted("breaks", tmp_path, 'garbage {"id": []}', "hang")
    launch(worker)
    assert (await plane.ended(worker))["reason"] == "FAILED"
    assert tagged(worker) == []


async def test_context_is_given_with_the_first_prompt_and_after_each_turn(
    plane: ControlPlane, launch: Launch, tmp_path: Path
) -> None:
    first = {"id": "ctx_1", "name": "0001-notes.md", "content": "Mind the gap."}
    second = {"id": "ctx_2", "name": "0002-text.md", "content": "do say noted"}
    worker = scripted("context", tmp_path, f"wait {tmp_path}/go", inbox=[first])
    launch(worker)
    await plane.until(lambda: worker.facts("delivered"))
    assert worker.facts("delivered") == [["ctx_1"]]
    plane.order(worker, inbox=[second])
    await plane.until(lambda: worker.facts("seen")[-1:] == [worker.revision])
    assert worker.facts("delivered") == [["ctx_1"]]  # not in the middle of a turn
    (tmp_path / "go").touch()
    assert (await plane.ended(worker))["reason"] == "FINISHED"
    assert worker.facts("delivered") == [["ctx_1"], ["ctx_2"]]
    turns = [line for line in worker.log("AGENT") if line.startswith("turn ")]
    assert len(turns) == 2
    assert "Mind the gap." in turns[0]
    assert "0002-text.md" in turns[1]
    assert said(worker) == ["noted"]


async def test_a_turn_is_cancelled_before_anything_is_ended(
    plane: ControlPlane, launch: Launch, tmp_path: Path
) -> None:
    worker = scripted("cancel", tmp_path, "child", "hang", grace_seconds=20)
    launch(worker)
    await plane.until(lambda: said(worker))
    child = int(said(worker)[0].split()[1])
    plane.order(worker, desired="STOP")
    exited = await plane.ended(worker)
    assert (exited["reason"], exited["exitCode"]) == ("KILLED", 0)  # it was told, and left
    assert not alive(child)
    assert tagged(worker) == []


async def test_an_agent_that_hears_of_nothing(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    worker = scripted("deaf", tmp_path, "child", "stubborn", grace_seconds=0.4)
    launch(worker)
    await plane.until(lambda: said(worker)[1:])
    plane.order(worker, desired="STOP")
    exited = await plane.ended(worker)
    assert (exited["reason"], exited["signal"]) == ("KILLED", 9)
    assert tagged(worker) == []


async def test_what_is_paused_is_not_asked_for_more(
    plane: ControlPlane, launch: Launch, tmp_path: Path
) -> None:
    worker = scripted("paused", tmp_path, "say ready", f"wait {tmp_path}/go")
    launch(worker)
    await plane.until(lambda: said(worker))
    plane.order(worker, desired="PAUSE")
    await plane.until(lambda: worker.facts("paused"))
    plane.order(worker, inbox=[{"id": "ctx_1", "name": "n", "content": "do say second"}])
    (tmp_path / "go").touch()
    await plane.until(lambda: worker.facts("seen")[-1:] == [worker.revision])
    assert worker.exited is None
    plane.order(worker, desired="RUN")
    assert (await plane.ended(worker))["reason"] == "FINISHED"
    assert said(worker) == ["ready", "second"]
    assert worker.kinds.index("resumed") < worker.kinds.index("delivered")


async def test_a_paused_agent_is_killed(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    worker = scripted("killed", tmp_path, "say ready", "hang", grace_seconds=5)
    launch(worker)
    await plane.until(lambda: said(worker))
    plane.order(worker, desired="PAUSE")
    await plane.until(lambda: worker.facts("paused"))
    plane.order(worker, desired="STOP")
    assert (await plane.ended(worker))["reason"] == "KILLED"
    assert tagged(worker) == []


async def test_a_server_that_cannot_start_it_says_why(
    plane: ControlPlane, launch: Launch, tmp_path: Path
) -> None:
    worker = Worker("wrk_unset", [], str(tmp_path), runtime="command", problem="There is no agent 'x'.")
    launch(worker)
    exited = await plane.ended(worker)
    assert (exited["reason"], exited["message"]) == ("CANNOT_START", "There is no agent 'x'.")


def decided(worker: Worker) -> list[str]:
    return [line for line in said(worker) if "was answered" in line]


@pytest.mark.parametrize(
    ("answer", "told"), [("Allow", "yes"), ("Reject", "no"), (None, "cancelled"), ("Else", "cancelled")]
)
async def test_permission_is_asked_for_and_waited_for(
    plane: ControlPlane, launch: Launch, tmp_path: Path, answer: str | None, told: str
) -> None:
    worker = scripted("asks", tmp_path, "ask one rm -rf build", "say done")
    launch(worker)
    await plane.until(lambda: worker.facts("asked"))
    (asked,) = worker.facts("asked")
    assert asked == {
        "request": "1",
        "title": "execute: rm -rf build",
        "detail": '{\n  "command": "rm -rf build"\n}',
        "options": ["Allow", "Always allow", "Reject"],
    }
    assert decided(worker) == []
    plane.order(worker, answers={"1": answer})
    assert (await plane.ended(worker))["reason"] == "FINISHED"
    assert said(worker) == [f"one was answered {told}", "done"]
    assert worker.facts("answered") == [["1"]]
    assert worker.facts("toolStarted") == [{"call": "one", "name": "execute", "inputSummary": "rm -rf build"}]


async def test_who_is_killed_while_it_asks_is_told_no(
    plane: ControlPlane, launch: Launch, tmp_path: Path
) -> None:
    worker = scripted("denied", tmp_path, "ask one rm -rf build", "say never", grace_seconds=20)
    launch(worker)
    await plane.until(lambda: worker.facts("asked"))
    plane.order(worker, desired="STOP")
    exited = await plane.ended(worker)
    assert (exited["reason"], exited["exitCode"]) == ("KILLED", 0)
    assert said(worker) == ["one was answered cancelled"]


async def test_who_is_killed_is_given_no_further_turn(
    plane: ControlPlane, launch: Launch, tmp_path: Path
) -> None:
    worker = scripted("further", tmp_path, "say ready", "obey", grace_seconds=20)
    launch(worker)
    await plane.until(lambda: said(worker))
    more = [{"id": "ctx_1", "name": "more", "content": "do say never"}]
    plane.order(worker, inbox=more, desired="STOP")
    assert (await plane.ended(worker))["reason"] == "KILLED"
    assert said(worker) == ["ready"]
    assert worker.facts("delivered") == []
