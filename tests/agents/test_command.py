from pathlib import Path

import pytest

from app.agents import runtimes
from app.agents.assignments import Assignment, Place

PLACE = Place("wrk_1", Path("/data/workers/wrk_1"))


def an_assignment(**env: str) -> Assignment:
    return Assignment("command", ("make", "it"), "/project", env, "Do it.", None, 30.0)


def test_a_command_is_told_where_its_files_are() -> None:
    launch = runtimes.find("command").prepare(
        an_assignment(A="given"), PLACE, {"A": "inherited", "B": "kept"}
    )
    assert (launch.argv, launch.cwd) == (("make", "it"), "/project")
    assert launch.env == {
        "A": "given",
        "B": "kept",
        "TRACKSIDE_WORKER_ID": "wrk_1",
        "TRACKSIDE_PROMPT_FILE": "/data/workers/wrk_1/prompt.md",
        "TRACKSIDE_INBOX": "/data/workers/wrk_1/inbox",
    }


def test_nobody_takes_the_tag_away() -> None:
    env = runtimes.find("COMMAND").prepare(an_assignment(TRACKSIDE_WORKER_ID="other"), PLACE, {}).env
    assert f"TRACKSIDE_WORKER_ID={env['TRACKSIDE_WORKER_ID']}" == PLACE.tag


def test_an_unknown_runtime_is_named() -> None:
    with pytest.raises(runtimes.UnknownRuntime, match=r"telepathy.*command"):
        runtimes.find("telepathy")
