"""Every example in --help does what it says: run as it stands, with the names of things that are there."""

import json
import re
import shlex
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.cli import launcher
from tests.cli import examples
from tests.cli.examples import World
from tests.cli.program import Done, Running, Trackside
from tests.e2e.served import Served

COMMANDS = examples.commands()
EXAMPLES = [
    (name, example) for name, command in COMMANDS.items() for example in examples.examples_of(command)
]
IN_A_SHELL = re.compile(r"[|>]|\$\(")
ON_ITS_OWN = {"run", "demo", "serve"}
"""Commands that bring a server of their own, or are one."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Named after the test, so that every example has a project of its own."""
    root = tmp_path / "project"
    root.mkdir()
    return root


@pytest.fixture
def world(server: Served, project: Path) -> Iterator[World]:
    token = (server.data_dir / "token").read_text().strip()
    made = World(server, token, project)
    yield made
    made.close()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_examples_and_they_are_of_it(name: str) -> None:
    found = examples.examples_of(COMMANDS[name])

    assert found, f"`trackside {name} --help` has no example"
    assert all(re.search(rf"\btrackside {name}\b", example) for example in found)


def test_what_is_prepared_is_prepared_for_a_command_that_there_is() -> None:
    assert set(examples.PREPARED) <= set(COMMANDS)


@pytest.mark.parametrize(
    ("name", "example"),
    [(name, example) for name, example in EXAMPLES if name not in ON_ITS_OWN],
    ids=[example for name, example in EXAMPLES if name not in ON_ITS_OWN],
)
def test_an_example_is_true(
    trackside: Trackside, world: World, tmp_path: Path, name: str, example: str
) -> None:
    examples.prepare(world, name)
    spelled = world.spelled(example)

    done = _how(name, example)(trackside, world, tmp_path, spelled)

    assert done.status == 0, (spelled, done)
    assert "Traceback" not in done.err
    assert done.out or name == "tokens create" or ">" in example


@pytest.mark.parametrize(
    ("name", "output"),
    [(name, "json") for name in COMMANDS if name not in ON_ITS_OWN]
    + [(name, "jsonl") for name in COMMANDS if name.endswith((" list", " show"))],
)
def test_a_command_answers_programs_too(
    trackside: Trackside, world: World, tmp_path: Path, name: str, output: str
) -> None:
    example = examples.examples_of(COMMANDS[name])[0]
    assert "--output" not in example, "the first example is for people"
    assert not IN_A_SHELL.search(example)
    examples.prepare(world, name)

    done = _how(name, example)(trackside, world, tmp_path, f"{world.spelled(example)} --output {output}")

    assert done.status == 0, done
    if output == "json" and not _goes_on(name, example):
        assert isinstance(done.json, dict | list)
    else:
        assert all(isinstance(json.loads(line), dict) for line in done.lines)


@pytest.mark.parametrize("example", [example for name, example in EXAMPLES if name in ("run", "demo")])
def test_an_example_with_a_server_of_its_own_is_true(alone: Trackside, tmp_path: Path, example: str) -> None:
    examples.write_files(alone.project)
    env = examples.programs(tmp_path / "bin")

    done = alone.start(*shlex.split(example)[1:], env={**env, "TMPDIR": str(tmp_path)}).end()

    assert done.status == 0, done


@pytest.mark.parametrize("example", [example for name, example in EXAMPLES if name == "serve"])
def test_a_server_is_started_as_the_examples_say(
    alone: Trackside, request: pytest.FixtureRequest, example: str
) -> None:
    if "postgresql://" in example:
        address = request.getfixturevalue("a_postgresql_url")
        example = re.sub(r"postgresql://\S+", address, example)

    serving = alone.start(*shlex.split(example)[1:], env={"TRACKSIDE_PORT": "0"})
    serving.until_said("trackside: serving http://")

    assert serving.end(signal.SIGTERM).status == 0


# ---------------------------------------------------------------- how


Way = Callable[[Trackside, World, Path, str], Done]


def _how(name: str, example: str) -> Way:
    if name == "ask":
        return _answered
    if IN_A_SHELL.search(example):
        return _in_a_shell
    return _until_ctrl_c if _goes_on(name, example) else _here


def _goes_on(name: str, example: str) -> bool:
    """Whether it ends by Ctrl-C, and answers line by line whatever is asked for."""
    return (
        "--watch" in example
        or "--every" in example
        or name in ("monitor", "events follow")
        or "subscription" in example
    )


def _here(trackside: Trackside, world: World, directory: Path, example: str) -> Done:
    return trackside(*shlex.split(example)[1:])


def _in_a_shell(trackside: Trackside, world: World, directory: Path, example: str) -> Done:
    environment = {"PATH": examples.programs(directory / "bin")["PATH"]}
    launcher.offer(directory / "bin", environment)
    return trackside.start_program(["bash", "-o", "pipefail", "-c", example], env=environment).end()


def _until_ctrl_c(trackside: Trackside, world: World, directory: Path, example: str) -> Done:
    running = trackside.start(*shlex.split(example)[1:])
    _until_it_listens(trackside, world, running)
    return running.end(signal.SIGINT)


def _until_it_listens(trackside: Trackside, world: World, running: Running) -> None:
    """What follows only the present needs something to happen; nobody can tell from here since when it listens."""
    happening = 0
    while not running.wrote(seconds=0.5):
        happening += 1
        trackside("tasks", "edit", f"{world.run_name}/T014", "--priority", str(happening))
        worker = trackside("workers", "spawn", world.run_name, "--command", "true")
        assert worker.status == 0, worker


def _answered(trackside: Trackside, world: World, directory: Path, example: str) -> Done:
    answer = {"database": "sqlite", "Release": "yes", "many": "7"}
    running = trackside.start(*shlex.split(example)[1:])
    item = world.until(lambda one: one["__typename"] == "AttentionOpened")["item"]
    (said,) = [value for word, value in answer.items() if word in item["title"]]
    given = trackside("answer", item["id"], said, *(["--json"] if said == "7" else []))
    assert given.status == 0, given
    done = running.end()
    assert said in done.out
    return done
