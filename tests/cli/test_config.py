"""`trackside config`: which settings hold, and where each comes from."""

import signal
from pathlib import Path

from tests.cli.program import Trackside, task, write_plan


def test_every_setting_says_where_it_comes_from(alone: Trackside, project: Path) -> None:
    (project / "mine.toml").write_text('slots = 3\ntoken = "hush-hush"\n')
    environment = {"TRACKSIDE_LOG_LEVEL": "warning", "TRACKSIDE_CONFIG": "mine.toml"}
    shown = alone("config", "show", "--port", "0", env=environment)
    assert shown.status == 0
    rows = {line.split()[0]: line.split() for line in shown.lines}
    assert rows["SETTING"] == ["SETTING", "VALUE", "FROM"]
    assert rows["port"] == ["port", "0", "flag", "--port"]
    assert rows["slots"] == ["slots", "3", "file", "mine.toml"]
    assert rows["log_level"] == ["log_level", "WARNING", "environment", "TRACKSIDE_LOG_LEVEL"]
    assert rows["host"] == ["host", "127.0.0.1", "default"]
    assert "hush" not in shown.out
    found = {one["name"]: one for one in alone("config", "show", "--output", "json", env=environment).json}
    assert found["token"] == {"name": "token", "value": "********", "from": "file", "at": "mine.toml"}
    assert found["allowed_hosts"]["value"] == []


def test_what_is_no_good_is_refused(alone: Trackside, project: Path) -> None:
    (project / "mine.toml").write_text("prot = 3\n")
    done = alone("config", "show", "--config", "mine.toml", "--output", "json")
    assert (done.status, done.error["code"]) == (2, "INVALID_INPUT")
    assert "no setting prot" in done.error["message"]
    done = alone("config", "show", "--port", "-1", env={"TRACKSIDE_SLOTS": "none"})
    assert done.status == 2
    assert "slots (TRACKSIDE_SLOTS): " in done.err
    assert "port (--port): " in done.err


def test_a_server_is_found_where_its_settings_file_says(alone: Trackside, project: Path) -> None:
    (project / "mine.toml").write_text('data_dir = "here"\nport = 0\n')
    environment = {"TRACKSIDE_CONFIG": "mine.toml"}
    serving = alone.start("serve", env=environment)
    serving.until_said("trackside: serving http://")
    assert alone("status", env=environment).status == 0
    assert serving.end(signal.SIGTERM).status == 0


def test_a_run_of_its_own_reads_the_settings_file_and_is_private_all_the_same(
    alone: Trackside, project: Path
) -> None:
    plan = write_plan(project, "Pears", task("a", "true"))
    (project / "mine.toml").write_text(
        'host = "nowhere.invalid"\nport = 1\ndatabase_url = "sqlite:////nowhere/t.db"\nslots = 0\n'
    )
    environment = {"TRACKSIDE_CONFIG": "mine.toml"}
    refused = alone.start("run", plan, env=environment).end()
    assert refused.status == 1
    assert "slots" in refused.err  # it has been read
    (project / "mine.toml").write_text((project / "mine.toml").read_text().replace("slots = 0", "slots = 1"))
    done = alone.start("run", plan, env=environment).end()
    assert done.status == 0, done.err
    assert "SQLite" not in done.err


def test_where_the_file_is_looked_for(alone: Trackside, project: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(project)}
    done = alone("config", "path", env=environment)
    path = project / "trackside" / "config.toml"
    assert done.out == f"{path}\n"
    assert "no such file" in done.err
    path.parent.mkdir()
    path.write_text("slots = 2\n")
    assert alone("config", "path", "--output", "json", env=environment).json == {
        "path": str(path),
        "exists": True,
    }
    (row,) = [line for line in alone("config", "show", env=environment).lines if line.startswith("slots")]
    assert row.split() == ["slots", "2", "file", str(path)]
