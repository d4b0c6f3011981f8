"""Questions: asked by workers and scripts, answered by people, by deadlines, or by nobody."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.hanging import hanging
from tests.cli.program import PATIENCE, Running, Trackside, held, let_go, shell, task, write_plan
from tests.e2e.served import Served


def asking(
    trackside: Trackside, server: Served, project: Path, title: str, words: str
) -> tuple[Running, str]:
    """A run whose only task asks, and notes down the answer and the status of `trackside ask`; the item's id."""
    script = f"trackside ask {words} > answer; echo $? > status; read line < gate-end"
    held("end", project)
    plan = write_plan(project, title, shell("a", script))
    running = trackside.start("run", plan, "--url", server.url, "--wait")
    running.until_said("Answer it: ")
    (item,) = trackside("attention", "list", "--run", title, "--output", "json").json
    return running, str(item["id"])


def heard(project: Path, running: Running) -> tuple[str, int]:
    """What the task was told, and the status that `trackside ask` ended with; lets the run come to its end."""
    running.until_said("!")
    let_go(project, "end")
    assert running.end().status == 0
    return (project / "answer").read_text(), int((project / "status").read_text())


def test_a_question_of_a_worker_is_listed_and_answered(
    trackside: Trackside, server: Served, project: Path
) -> None:
    words = "'Which one?' --option first --option second --detail 'There are two.'"
    running, item = asking(trackside, server, project, "Asks", words)

    (listed,) = trackside("attention", "list", "--run", "Asks", "--output", "json").json
    assert (listed["title"], listed["detail"], listed["task"]["key"]) == ("Which one?", "There are two.", "a")
    assert [option["value"] for option in listed["options"]] == ["first", "second"]
    table = trackside("attention", "list", "--run", "Asks")
    assert table.lines[1].split()[0] == item
    assert table.lines[1].endswith("Which one? [first | second]")
    shown = trackside("runs", "show", "Asks").out
    assert f"trackside answer {item} first" in shown
    assert "[WAITING_FOR_INPUT]" in shown

    wrong = trackside("answer", item, "third")
    assert wrong.status == 2
    assert "Answer one of: first, second." in wrong.err
    assert trackside("answer", item[-8:], "second").out == "Answered: Which one?\n"
    assert heard(project, running) == ("second\n", 0)
    assert trackside("attention", "list", "--run", "Asks").out == "Nothing waits for you.\n"
    again = trackside("answer", item, "first", "--output", "json")
    assert (again.status, again.error["code"]) == (2, "ALREADY_ANSWERED")


def questions(trackside: Trackside, project: Path, title: str, *wanted: tuple[str, ...]) -> list[str]:
    """Items of a run that nobody waits with; their ids."""
    run = trackside("runs", "create", write_plan(project, title, task("a")), "--start", "--output", "json")
    input = {"runId": run.json["run"]["id"]}
    document = "mutation ($i: AskQuestionInput!) { askQuestion(input: $i) { item { id } } }"
    ids = []
    for question, *options in wanted:
        variables = json.dumps({"i": {**input, "question": question, "options": options}})
        asked = trackside("graphql", document, "--variables", variables).json
        ids.append(asked["askQuestion"]["item"]["id"])
    return ids


def test_many_are_given_one_answer_and_who_refuses_it_is_told(trackside: Trackside, project: Path) -> None:
    which, how, why = questions(
        trackside, project, "Many", ("Which?", "first", "second"), ("How?",), ("Why?",)
    )

    some = trackside("answer", which, how[-8:], "as you like")
    assert some.status == 2
    assert f"Not answered: {which}" in some.out
    assert "Answered: How?" in some.out
    assert "1 of 2 items answered." in some.err

    rest = trackside("answer", "--all", "--run", "Many", "--kind", "question", "second", "--output", "json")
    assert rest.status == 0
    assert {one["item"]["id"] for one in rest.json["answered"]} == {which, why}
    assert rest.json["failures"] == []
    again = trackside("answer", which, why, "second", "--output", "json")
    assert (again.status, again.json["answered"]) == (2, [])
    assert [one["code"] for one in again.json["failures"]] == ["ALREADY_ANSWERED"] * 2
    assert trackside("answer", "--run", "Many", "yes").out == "Nothing waits for you.\n"


def test_interrupted_between_two_the_first_stays_answered(
    trackside: Trackside, server: Served, project: Path
) -> None:
    first, second = questions(trackside, project, "Interrupted", ("Which?",), ("How?",))
    token = (server.data_dir / "token").read_text().strip()

    with hanging(server, f'"itemId": "{second}"'.encode()) as (url, asked):
        answering = trackside.start("answer", first, second, "yes", "--url", url, "--token", token)
        assert asked.wait(PATIENCE)
        done = answering.end(signal.SIGINT)

    assert (done.status, done.out, "Traceback" in done.err) == (130, "Answered: Which?\n", False)
    (left,) = trackside("attention", "list", "--run", "Interrupted", "--output", "json").json
    assert left["id"] == second


@pytest.mark.parametrize("words", [["yes"], ["q4t9z", "yes", "--run", "Many"], ["--all", "use", "this"]])
def test_what_is_not_clear_is_answered_with_nothing(trackside: Trackside, words: list[str]) -> None:
    refused = trackside("answer", *words)

    assert refused.status == 2
    assert "Try: " in refused.err


def test_an_answer_may_be_json_and_has_to_fit_its_schema(
    trackside: Trackside, server: Served, project: Path
) -> None:
    (project / "schema.json").write_text('{"type": "object", "required": ["port"]}')
    running, item = asking(trackside, server, project, "Schema", "'Where?' --schema schema.json")

    assert trackside("answer", item, "here").status == 2
    assert trackside("answer", item, "{'port'}", "--json").status == 2
    answered = trackside("answer", item, '{"port": 80}', "--json", "--output", "json").json
    assert answered["item"]["answer"] == {"port": 80}
    assert heard(project, running) == ('{"port": 80}\n', 0)


def test_a_deadline_answers_with_the_default(trackside: Trackside, server: Served, project: Path) -> None:
    running, _ = asking(
        trackside, server, project, "Deadline", "'Now?' --default '[1, \"two\"]' --expires 1 --output json"
    )

    answer, status = heard(project, running)

    assert status == 0
    assert json.loads(answer)["answered"] is True
    assert json.loads(answer)["item"]["answer"] == [1, "two"]
    assert json.loads(answer)["item"]["status"] == "EXPIRED"


def test_a_deadline_without_a_default_is_no_answer(
    trackside: Trackside, server: Served, project: Path
) -> None:
    running, _ = asking(trackside, server, project, "No default", "'Now?' --expires 1")

    assert heard(project, running) == ("", 6)


def test_a_question_that_is_dismissed_is_not_answered(
    trackside: Trackside, server: Served, project: Path
) -> None:
    running, item = asking(trackside, server, project, "Dismissed", "'Now?' --output json")

    assert trackside("attention", "dismiss", item, "--reason", "Never mind.").out == "Dismissed: Now?\n"

    answer, status = heard(project, running)
    assert status == 6
    assert json.loads(answer)["answered"] is False
    assert json.loads(answer)["item"]["status"] == "DISMISSED"


def test_a_script_outside_of_any_worker_asks_about_a_run(
    trackside: Trackside, server: Served, project: Path
) -> None:
    running = trackside.start("run", write_plan(project, "Outside", held("a", project)), "--url", server.url)
    running.until_said("▶ a")

    nowhere = trackside("ask", "Really?", "--output", "json")
    assert (nowhere.status, nowhere.error["code"]) == (2, "INVALID_INPUT")
    assert "--run" in nowhere.error["suggestion"]
    script = trackside.start("ask", "Really?", "--run", "Outside")
    running.until_said("Answer it: ")
    (item,) = trackside("attention", "list", "--run", "Outside", "--output", "json").json
    assert item["task"] is None
    trackside("answer", item["id"], "yes, really")

    assert script.end().out == "yes, really\n"
    let_go(project, "a")
    assert running.end().status == 0


@pytest.mark.parametrize("crash", [False, True], ids=["stopped", "crashed"])
def test_a_worker_that_waits_outlives_a_restart_of_its_server(
    tmp_path: Path, project: Path, crash: bool
) -> None:
    (tmp_path / "state").mkdir()
    served = Served(tmp_path / "state" / "trackside", env={"TRACKSIDE_TOKEN": ""})
    served.start()
    trackside = Trackside(tmp_path / "state", project)
    try:
        running, item = asking(trackside, served, project, "Restarted", "'Still there?'")
        following = trackside.start("monitor", "Restarted", "--after", "0", "--format", "json")
        following.until_said("AttentionOpened")
        running.process.kill()
        (served.kill if crash else served.stop)()
        served.start()  # on another port

        (listed,) = trackside("attention", "list", "--output", "json").json
        assert listed["id"] == item
        trackside("answer", item, "yes")
        following.until_said("AttentionClosed")
        let_go(project, "end")

        events: list[dict[str, Any]] = [json.loads(line) for line in following.end().lines]
        cursors = [int(event["cursor"]) for event in events]
        assert cursors == sorted(set(cursors))
        assert (project / "answer").read_text() == "yes\n"
        assert [event["newRunStatus"] for event in events if event["type"] == "RunStatusChanged"][
            -1
        ] == "COMPLETED"
        assert sum(event["type"] == "AttentionOpened" for event in events) == 1
    finally:
        served.stop()
        trackside.close()
