"""The demo: real commands, one of which fails once, and a question that its deadline answers."""

import json
import os
import shutil
from pathlib import Path

import pytest

from app.cli import demo_project
from tests.cli.program import Trackside


def test_it_shows_a_retry_and_a_default_answer_and_leaves_nothing(alone: Trackside) -> None:
    done = alone.start("demo").end()

    assert done.status == 0, done.err
    assert done.lines[0].startswith("Server   http://127.0.0.1:")
    assert any(line.startswith("↻ check") for line in done.lines)
    assert "    | There was no licence to check with." in done.lines
    assert "! Publish the report?  its deadline has passed: no" in done.lines
    assert any("COMPLETED, 7 of 7 tasks" in line for line in done.lines)
    assert any("trackside serve" in line for line in done.lines)
    assert alone.kept() == []
    assert alone.processes() == []
    project = Path(done.lines[1].split()[1])
    assert project.name.startswith("trackside-demo-")
    assert not project.exists()


def test_it_answers_programs_with_a_document_and_keeps_the_project_if_asked(alone: Trackside) -> None:
    done = alone.start("demo", "--keep", "--output", "json").end()

    assert done.status == 0, done.err
    run = json.loads(done.out)["run"]
    project = Path(run["project"]["root"])
    try:
        attempts = {task["key"]: task["attempts"] for task in run["tasks"]}
        assert attempts == dict.fromkeys(attempts, 1) | {"check": 2}
        assert len(run["phases"]) == 2
        assert (project / "out" / "approval").read_text() == "no\n"
        assert (project / "plan.yaml").read_text() == demo_project.PLAN
    finally:
        shutil.rmtree(project)


def test_without_git_the_project_is_a_plain_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert demo_project.make(tmp_path / "project") is False
    assert (tmp_path / "project" / "plan.yaml").exists()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_with_git_it_is_committed_whatever_the_user_has_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".gitconfig").write_text("[commit]\n\tgpgsign = true\n[user]\n\tuseConfigOnly = true\n")

    assert demo_project.make(tmp_path / "project") is True
    assert (tmp_path / "project" / ".git" / "refs" / "heads").is_dir()
    assert any((tmp_path / "project" / ".git" / "refs" / "heads").iterdir())
    assert os.environ.get("GIT_CONFIG_GLOBAL") is None
