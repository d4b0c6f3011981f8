"""What the shell is offered at a tab."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli.launcher import command_line
from tests.cli import examples
from tests.cli.examples import World
from tests.cli.program import Trackside
from tests.e2e.served import Served


@pytest.fixture
def world(server: Served, project: Path) -> Iterator[World]:
    token = (server.data_dir / "token").read_text().strip()
    made = World(server, token, project)
    examples.prepare(made, "attention show")
    yield made
    made.close()


def offered(user: Trackside, *words: str) -> list[str]:
    """What bash would show for the last word, as its script asks for it."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TRACKSIDE_")},
        "XDG_STATE_HOME": str(user.state_home),
        "COMP_WORDS": " ".join(["trackside", *words]),
        "COMP_CWORD": str(len(words)),
        "_TRACKSIDE_COMPLETE": "complete_bash",
    }
    done = subprocess.run(command_line(), env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout.split("\n")[:-1] if done.stdout.endswith("\n") else done.stdout.split("\n")


def test_names_keys_and_ends_of_ids_are_offered(trackside: Trackside, world: World) -> None:
    name = world.run_name
    assert name in offered(trackside, "runs", "show", "")
    assert name in offered(trackside, "runs", "show", name[:-1])
    assert offered(trackside, "runs", "show", "nothing-of-the-kind") in ([], [""])
    assert world.run_id in offered(trackside, "runs", "pause", world.run_id[:12])
    assert offered(trackside, "tasks", "show", f"{name}/T01") == [
        f"{name}/{key}" for key in ("T012", "T013", "T014")
    ]
    assert offered(trackside, "tasks", "depend", f"{name}/T014", "T012") == ["T012"]
    ends = offered(trackside, "answer", "")
    assert any(world.words["q4t9z"].endswith(end) or end.endswith(world.words["q4t9z"]) for end in ends)


def test_statuses_types_and_formats_are_offered(trackside: Trackside, server: Served) -> None:
    assert offered(trackside, "runs", "list", "--status", "PAUS") == ["PAUSING", "PAUSED"]
    assert offered(trackside, "events", "list", "--type", "TaskS") == ["TaskStatusChanged"]
    assert offered(trackside, "commands", "list", "--verb", "pauseR") == ["pauseRun"]
    assert "CONDUCTOR" in offered(trackside, "plan", "show", "--format", "C")
    assert offered(trackside, "pipe") == ["pipeline"]


def test_for_a_tab_nothing_is_loaded_that_only_work_needs(alone: Trackside) -> None:
    script = (
        "import sys; from app.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*[one for one in ('httpx', 'websockets', 'sqlalchemy', 'app.plans') if one in sys.modules])"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRACKSIDE_")}
    environment |= {"XDG_STATE_HOME": str(alone.state_home), "COMP_CWORD": "3"}
    for words in ("trackside runs create x", "trackside runs show x", "trackside workers logs x"):
        completing = {"COMP_WORDS": words, "_TRACKSIDE_COMPLETE": "complete_bash"}
        done = subprocess.run(
            [sys.executable, "-c", script],
            env={**environment, **completing},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == "", words


def test_without_a_server_nothing_is_offered_and_nothing_is_said(alone: Trackside) -> None:
    for words in (
        ["runs", "show", ""],
        ["workers", "logs", "x"],
        ["runs", "show", "--url", "http://127.0.0.1:1", ""],
    ):
        assert offered(alone, *words) in ([], [""])
