"""Skills and files of a project on the command line: as tables and as JSON."""

from pathlib import Path

from tests.cli.program import Trackside
from tests.e2e.served import Served
from tests.factories import a_skill


def test_skills_are_listed_shown_and_checked(trackside: Trackside, server: Served, project: Path) -> None:
    trackside("projects", "create")
    a_skill(project, "testing", role="WORKER")
    assert trackside("skills", "list").out.startswith("No skills.")
    (skill,) = trackside("skills", "list", "--project", ".", "--output", "json").json
    assert (skill["name"], skill["role"]) == ("testing", "WORKER")
    assert "How to write." in trackside("skills", "list", "--project", ".", "--role", "worker").out
    assert trackside("skills", "list", "--role", "cook").status == 2

    shown = trackside("skills", "show", "testing", "--project", ".")
    assert shown.lines[0] == "testing 1.2"
    assert shown.lines[-1] == "Write well."
    as_json = trackside("skills", "show", "testing", "--project", ".", "--output", "json").json
    assert as_json["instructions"] == "Write well.\n"
    assert trackside("skills", "show", "nothing").status == 2

    assert trackside("skills", "check", "--project", ".").out == "1 skill, nothing wrong.\n"
    a_skill(project, "broken", text=None)
    wrong = trackside("skills", "check", "--project", ".")
    assert (wrong.status, "TEXT_MISSING" in wrong.out) == (1, True)
    (problem,) = trackside("skills", "check", "--project", ".", "--output", "json").json
    assert problem["code"] == "TEXT_MISSING"
    assert "trackside skills check" in trackside("skills", "list", "--project", ".").err


def test_files_are_listed_with_what_they_cost(trackside: Trackside, server: Served, project: Path) -> None:
    trackside("projects", "create")
    (project / "gap.py").write_text("def mind():\n    return 1\n")
    files = trackside("context", "list", "--output", "json").json
    (file,) = [one for one in files if one["path"] == "gap.py"]
    assert (file["language"], file["tokens"], file["skeletonTokens"]) == ("python", 7, 5)
    table = trackside("context", "list", ".")
    assert any(line.split() == ["FRESH", "7", "5", "python", "gap.py"] for line in table.lines)
