"""Paths and programs: nothing outside a project is read, nothing that is no file, nothing that never ends."""

import os
import shutil
from pathlib import Path
from typing import Any, Final

import pytest

from app.domain.errors import AppError
from app.schema import files
from tests.schema.world import World

SECRET: Final = "canary-91aa"


@pytest.fixture
def outside(world: World) -> Path:
    """A file beside the project, and every way to it from inside."""
    beside = world.root.parent / "beside"
    beside.mkdir()
    secret = beside / "secret.md"
    secret.write_text(f"- [ ] {SECRET}\n")
    (world.root / "to_file.md").symlink_to(secret)
    (world.root / "to_directory").symlink_to(beside)
    (world.root / "to_root").symlink_to("/")
    (world.root / "loop.md").symlink_to("loop.md")
    (world.root / "dangling.md").symlink_to("nothing.md")
    os.mkfifo(world.root / "fifo.md")
    (world.root / "to_device.md").symlink_to("/dev/zero")
    (world.root / "folder.md").mkdir()
    for part in (".git", ".ssh", "deep/.git/hooks"):
        (world.root / part).mkdir(parents=True, exist_ok=True)
        (world.root / part / "config.md").write_text(f"- [ ] {SECRET}\n")
    (world.root / "to_git.md").symlink_to(".git/config.md")
    (world.root / ".netrc").write_text(SECRET)
    unreadable = world.root / "binary.md"
    unreadable.write_bytes(b"\xff\xfe\x00")
    (world.root / "latin.md").write_bytes(b"caf\xe9")
    return secret


PATHS: Final = [
    "../beside/secret.md",
    "folder.md/../../beside/secret.md",
    "to_directory/secret.md",
    "to_directory/../beside/secret.md",
    "to_file.md",
    "to_root/etc/passwd",
    "/etc/passwd",
    "/proc/self/environ",
    "/dev/zero",
    "//etc/passwd",
    "to_device.md",
    "loop.md",
    "dangling.md",
    "nothing.md",
    "fifo.md",
    "folder.md",
    ".",
    "..",
    "",
    " ",
    "/",
    ".git/config.md",
    "deep/.git/hooks/config.md",
    "./.git//config.md",
    "to_git.md",
    ".ssh/config.md",
    ".netrc",
    "~/.ssh/id_rsa",
    "$HOME/.profile",
    "plan.md\0.txt",
    "pl\u202ean.md",
    "plan\u200b.md",
    "plan\ufeff.md",
    "plan\n.md",
    "\x1b[2Jplan.md",
    "plan\ud800.md",
    "x" * 300,
    "x/" * 2_000,
    "x" * 5_000,
    "..\\..\\etc\\passwd",
    "file:///etc/passwd",
    "binary.md",
]


def shown(path: str) -> str:
    return ascii(path)[:40]


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize("kind", ["file", "skeleton"])
@pytest.mark.parametrize("path", PATHS, ids=shown)
async def test_no_such_path_is_read(world: World, path: str, kind: str) -> None:
    before = await world.dump("command", "event")
    items: list[Any] = [{"text": "fine"}, {kind: path}]
    given = await world.api.refused("injectContext", target={"workerId": world.worker}, items=items)
    planned = await world.api.refused("createRun", projectId=world.project, plan={"path": path})
    assert given["code"] == ("LIMIT_EXCEEDED" if len(path) > 4_096 else "INVALID_INPUT")
    assert planned["code"] in (given["code"], "PLAN_INVALID")
    assert SECRET not in str([given, planned])
    assert await world.dump("command", "event") == before


@pytest.mark.usefixtures("outside")
async def test_only_text_is_given(world: World) -> None:
    target = {"workerId": world.worker}
    refused = await world.api.refused("injectContext", target=target, items=[{"file": "latin.md"}])
    assert refused["path"] == ["input", "items", "0", "file"]
    assert "UTF-8" in refused["message"]


@pytest.mark.parametrize("swapped", ["folder", "file"])
async def test_a_link_that_is_put_in_the_way_after_the_check_is_not_followed(
    world: World, outside: Path, swapped: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check sees a folder; what is opened afterwards is a link."""
    inside = world.root / "notes"
    inside.mkdir()
    (inside / "secret.md").write_text("harmless")
    parts = ("notes", "secret.md")

    def check(*_arguments: Any) -> tuple[str, ...]:
        if swapped == "folder":
            inside.rename(world.root / "moved")
            inside.symlink_to(outside.parent)
        else:
            (inside / "secret.md").unlink()
            (inside / "secret.md").symlink_to(outside)
        return parts

    assert files.read_context_file(str(world.root), "notes/secret.md", []).content == "harmless"
    monkeypatch.setattr(files, "_inside", check)
    with pytest.raises(AppError, match="cannot be read"):
        files.read_context_file(str(world.root), "notes/secret.md", [])


async def test_a_project_whose_directory_is_gone_is_told(world: World) -> None:
    shutil.rmtree(world.root)
    for mutation, input in (
        ("injectContext", {"target": {"workerId": world.worker}, "items": [{"file": "notes.md"}]}),
        ("createRun", {"projectId": world.project, "plan": {"path": "plan.md"}}),
    ):
        refused = await world.api.refused(mutation, **input)
        assert refused["code"] == "INVALID_INPUT"
        assert "no such file" in refused["message"]


# ---------------------------------------------------------------- roots


ROOTS: Final = [
    "relative",
    "./relative",
    "",
    " ",
    "~",
    "/no/such/directory",
    "/etc/passwd",
    "/dev/null",
    "/proc/self/fd/0\0",
    "/tmp\n",
    "/\ud800",
    "/" + "x" * 300,
    "/x" * 2_500,
    "file:///tmp",
    "https://example.org",
]


@pytest.mark.parametrize("path", ROOTS, ids=shown)
async def test_a_root_is_an_absolute_path_of_a_directory(world: World, path: str) -> None:
    before = await world.dump("command", "event")
    refused = await world.api.refused("createProject", name="another", root=path)
    assert refused["code"] in ("INVALID_INPUT", "LIMIT_EXCEEDED")
    assert refused["path"] == ["input", "root"]
    assert await world.dump("command", "event") == before


async def test_a_root_is_kept_without_links(world: World) -> None:
    (world.root / "real").mkdir()
    (world.root / "link").symlink_to("real")
    for given in ("link", "real/../link/.", "link/"):
        made = await world.api.do("createProject", "project { root }", name="x", root=f"{world.root}/{given}")
        assert made["project"]["root"] == str(world.root / "real")
    (world.root / "loop").symlink_to("loop")
    refused = await world.api.refused("createProject", name="x", root=str(world.root / "loop"))
    assert refused["code"] == "INVALID_INPUT"


# ---------------------------------------------------------------- programs


COMMANDS: Final[list[list[str]]] = [
    [],
    [""],
    [" "],
    ["no-such-program"],
    ["claude; rm -rf ~"],
    ["true; id"],
    ["$(id)"],
    ["`id`"],
    ["/no/such/program"],
    ["/etc/passwd"],
    ["/etc"],
    ["."],
    ["./"],
    [".."],
    ["../outside"],
    ["a/../../outside"],
    ["/dev/null"],
    ["tr\0ue"],
    ["true", "a\0b"],
    ["true", "\ud800"],
    ["true\n"],
    ["/" + "x" * 5_000],
    ["x" * 5_000],
    ["x" * 40_000],
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: ascii(one)[:40])
async def test_what_could_never_start_is_refused_wherever_it_is_given(
    world: World, command: list[str]
) -> None:
    runtime = {"command": command}
    task = {"key": "one", "title": "Do it", "runtime": runtime}
    before = await world.dump("command", "event")
    for mutation, input in (
        ("spawnWorker", {"runId": world.run, "runtime": runtime}),
        ("createRun", {"projectId": world.project, "plan": {"tasks": [task]}}),
        ("createRun", {"projectId": world.project, "runtime": runtime, "plan": {"tasks": [task]}}),
        ("mutateDag", {"runId": world.run, "operations": [{"addTask": task}]}),
        (
            "mutateDag",
            {"runId": world.run, "operations": [{"updateTask": {"task": "test", "runtime": runtime}}]},
        ),
    ):
        refused = await world.api.refused(mutation, **input)
        assert refused["code"] in ("INVALID_INPUT", "LIMIT_EXCEEDED"), mutation
        assert "command" in refused["path"]
    assert await world.dump("command", "event") == before


@pytest.mark.parametrize("program", ["[no-such-program]", "[/no/such/program]", "[../outside]", "'/etc'"])
async def test_a_program_that_a_plan_names_is_looked_up_too(world: World, program: str) -> None:
    for text in (
        f"runtime: {{command: {program}}}\ntasks:\n  - {{key: one, title: T}}\n",
        f"tasks:\n  - {{key: one, title: T, runtime: {{command: {program}}}}}\n",
    ):
        plan = {"text": {"format": "TRACKSIDE", "content": text}}
        refused = await world.api.refused("createRun", projectId=world.project, plan=plan)
        assert refused["code"] == "INVALID_INPUT"


async def test_a_program_inside_the_project_may_be_made_later(world: World) -> None:
    for program in ("./build.sh", "bin/../build.sh", "scripts/x"):
        await world.api.do("spawnWorker", runId=world.run, runtime={"command": [program]})
    program_there = world.root / "tool"
    program_there.write_text("#!/bin/sh\n")
    program_there.chmod(0o755)
    await world.api.do(
        "spawnWorker", runId=world.run, runtime={"command": [str(program_there), "; rm -rf ~"]}
    )
