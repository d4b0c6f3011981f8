"""Context that is given to workers from the command line."""

from pathlib import Path

from tests.cli.program import Running, Trackside, held, let_go, shell, write_plan
from tests.e2e.served import Served

READS = "read line < gate-a; cat $TRACKSIDE_INBOX/* > given"


def begin(trackside: Trackside, server: Served, project: Path, title: str) -> Running:
    held("a", project)
    plan = write_plan(project, title, shell("a", READS))
    running = trackside.start("run", plan, "--url", server.url)
    running.until_said("▶ a")
    return running


def finish(trackside: Trackside, project: Path, title: str, running: Running, items: int) -> str:
    """Everything that was given, once it has been delivered."""
    monitor = trackside.start("monitor", title, "--after", "0")
    for _ in range(items):
        monitor.until_said("command injectContext EFFECTIVE")
    let_go(project, "a")
    assert running.end().status == 0
    return (project / "given").read_text()


def test_files_texts_and_pipes_reach_the_worker(trackside: Trackside, server: Served, project: Path) -> None:
    (project / "docs").mkdir()
    (project / "docs" / "api.md").write_text("of the file\n")
    (project / "part.py").write_text("def of_the_skeleton():\n    body\n")
    running = begin(trackside, server, project, "Given")
    (worker,) = trackside("workers", "list", "--run", "Given", "--output", "json").json
    (task,) = trackside("runs", "show", "Given", "--output", "json").json["tasks"]

    given = trackside(
        "inject", worker["id"], "--file", "docs/api.md", "--skeleton", "part.py", "--text", "of the text"
    )
    assert given.status == 0
    assert [line.split(":")[0] for line in given.lines] == ["docs/api.md", "part.py", "text"]
    as_json = trackside("inject", task["id"], "-", "--output", "json", stdin="of the pipe")
    assert [item["kind"] for item in as_json.json["items"]] == ["TEXT"]
    assert as_json.json["command"]["status"] in ("REQUESTED", "DELIVERED", "ACKNOWLEDGED", "EFFECTIVE")
    assert trackside("inject", "Given/a", "--text", "by its key").status == 0
    assert trackside("inject", "Given", "--text", "to all of the run", "--reason", "Why not").status == 0

    all_of_it = finish(trackside, project, "Given", running, items=4)
    assert "body" not in all_of_it
    for words in (
        "of the file",
        "of_the_skeleton",
        "of the text",
        "of the pipe",
        "by its key",
        "to all of the run",
    ):
        assert words in all_of_it


def test_what_cannot_be_given_is_refused(trackside: Trackside, server: Served, project: Path) -> None:
    running = begin(trackside, server, project, "Not given")

    for arguments in (
        ("Not given",),
        ("Not given", "words"),
        ("Not given", "--file", "missing.md"),
        ("Not given", "--file", "/etc/passwd"),
        ("Not given/z", "--text", "x"),
        ("nothing", "--text", "x"),
    ):
        refused = trackside("inject", *arguments, "--output", "json")
        assert refused.status == 2, arguments
        assert refused.error["message"], arguments
    assert trackside("inject", "Not given", "-", stdin=b"\xff\xfe", env={}).status == 2

    let_go(project, "a")
    running.end()
