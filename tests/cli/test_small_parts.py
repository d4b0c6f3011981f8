"""Pieces of commands that need neither a server nor a terminal."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import launcher, root, wants_json
from app.cli.answer import parsed
from app.cli.ask import json_or_text
from app.cli.commandlines import split
from app.cli.exit_codes import MEANINGS, ExitCode, table
from app.cli.inject import from_root
from app.cli.plan_files import as_sent
from app.cli.session import help_of
from app.client.errors import TracksideError
from app.domain import limits
from app.domain.plans import Plan, PlanFormat
from tests.contract.reference_cli import flags_of

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("value", "options", "expected"),
    [
        ("yes", None, "yes"),
        ("5", None, 5),
        ("5", ["4", "5"], "5"),
        ('{"a": [1]}', None, {"a": [1]}),
        ("null", None, None),
        ("[" * 100_000, None, "[" * 100_000),
    ],
)
def test_a_default_is_json_or_else_text(value: str, options: list[str] | None, expected: object) -> None:
    assert json_or_text(value, options=options) == expected


def test_an_answer_that_is_said_to_be_json_must_be() -> None:
    assert parsed("[1, 2]") == [1, 2]
    with pytest.raises(TracksideError) as refused:
        parsed("yes")
    assert "--json" in str(refused.value.suggestion)


def test_a_command_is_split_as_a_shell_would_split_it() -> None:
    assert split("agent --say 'two words' \"$HOME\"") == ["agent", "--say", "two words", "$HOME"]


@pytest.mark.parametrize("command", ["", "  ", "'open", "''"])
def test_what_is_no_command_is_refused(command: str) -> None:
    with pytest.raises(TracksideError) as refused:
        split(command)

    assert refused.value.code == "INVALID_INPUT"
    assert refused.value.suggestion


def test_a_file_is_named_from_the_root_of_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "project" / "src").mkdir(parents=True)
    (tmp_path / "project" / "src" / "a.py").touch()
    (tmp_path / "outside.md").touch()
    (tmp_path / "link").symlink_to(tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project" / "src")
    root = str(tmp_path / "project")

    assert from_root("a.py", root) == "src/a.py"
    assert from_root("../../link/src/a.py", root) == "src/a.py"
    assert from_root("src/not-here.py", root) == "src/not-here.py"
    assert from_root("../../outside.md", root) == "../../outside.md"


def test_a_plan_is_named_by_its_path_where_the_server_reads_the_same(tmp_path: Path) -> None:
    root = tmp_path / "project"
    plan, conductor = Plan(PlanFormat.MARKDOWN), Plan(PlanFormat.CONDUCTOR)
    short, long = b"\xef\xbb\xbf# Ja\r\n", b"x" * (limits.PLAN_TEXT + 1)
    as_text = {"text": {"format": "MARKDOWN", "content": "\ufeff# Ja\r\n"}}

    assert as_sent(plan, short, root / "docs" / "plan.md", root) == {"path": "docs/plan.md"}
    assert as_sent(plan, long, root / "plan.md", root) == {"path": "plan.md"}
    assert as_sent(plan, short, tmp_path / "plan.md", root) == as_text
    assert as_sent(plan, short, root / "conductor" / "plan.md", root) == as_text
    assert as_sent(conductor, short, root / "conductor" / "plan.md", root) == {"path": "conductor/plan.md"}
    with pytest.raises(TracksideError) as refused:
        as_sent(plan, long, tmp_path / "plan.md", root)
    assert refused.value.code == "LIMIT_EXCEEDED"
    assert str(root) in str(refused.value.suggestion)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["runs", "list", "--output", "json"], True),
        (["runs", "list", "--output=json"], True),
        (["monitor", "--format", "json"], True),
        (["runs", "list", "--output", "text"], False),
        (["ask", "json", "--output"], False),
    ],
)
def test_who_asks_for_json_is_answered_in_it_even_before_anything_is_parsed(
    arguments: list[str], expected: bool
) -> None:
    assert wants_json(arguments) is expected


def test_the_page_of_exit_statuses_says_what_the_program_does() -> None:
    page = (ROOT / "docs" / "reference" / "exit-codes.md").read_text()
    rows = {int(code): words for code, words in re.findall(r"^\| (\d+) \| (.*) \|$", page, re.MULTILINE)}

    assert rows == {int(code): words for code, words in MEANINGS.items()}
    assert set(MEANINGS) == set(ExitCode)
    assert "130  interrupted" in table()


def test_the_program_that_agents_find_is_this_one_wherever_they_stand(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").write_text("raise SystemExit('the wrong app')")
    environment = {"PATH": "/usr/bin:/bin"}

    launcher.offer(tmp_path / "bin", environment)

    assert environment["PATH"] == f"{tmp_path / 'bin'}:/usr/bin:/bin"
    done = subprocess.run(
        ["trackside", "--version"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("trackside "), done.stderr


def test_help_is_broken_by_the_terminal_and_examples_are_not() -> None:
    docstring = "First line.\n\nTwo lines\nof text.\n\n\\b\n  one\n  two"

    assert help_of(docstring) == "First line.\n\nTwo lines of text.\n\n\b\nExamples:\n  one\n  two"


@pytest.mark.parametrize("columns", [60, 80])
@pytest.mark.parametrize("name", ["serve", "runs create", "runs list", "projects configure"])
def test_help_cuts_no_option_and_writes_out_no_type(name: str, columns: int) -> None:
    asked = CliRunner().invoke(root, [*name.split(), "--help"], env={"COLUMNS": str(columns)})

    words = re.split(r"[\s,/]+", asked.output)
    flags = {name: one for name, one in flags_of(*name.split()).items() if "completion" not in name}
    assert [one for written in flags.values() for one in written if one not in words] == []
    assert re.findall(r"--\S+ <", asked.output) == []


HEAVY = ("strawberry", "sqlalchemy", "sqlmodel", "uvicorn", "starlette", "alembic", "app.main", "app.schema")


@pytest.mark.parametrize("arguments", [["--help"], ["runs", "list"], ["run", "--help"], ["ask", "--help"]])
def test_only_serve_loads_what_only_a_server_needs(arguments: list[str], tmp_path: Path) -> None:
    code = (
        "import sys; from app.cli import main; sys.argv[1:] = sys.argv[1:]\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env={"XDG_STATE_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.splitlines()[-1] == "[]", done.stderr
