"""Where a client looks for its server and its token, in which order, and to whom it gives a token."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.client.discovery import LOCAL, Discovery, Located, state_dir
from app.client.errors import NoServer

HERE = "http://127.0.0.1:7001"
THERE = "https://trackside.example"


def leave(
    directory: Path, url: str = HERE, *, token: str | None = "of-the-file", pid: int | None = None
) -> Path:
    """The files that a running server leaves in its data directory."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "server.json").write_text(json.dumps({"url": url, "pid": pid or os.getpid()}))
    if token is not None:
        (directory / "token").write_text(f"{token}\n")
    return directory


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state" / "trackside"


@pytest.fixture
def environment(state: Path) -> dict[str, str]:
    return {"XDG_STATE_HOME": str(state.parent)}


@pytest.fixture
def dead() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_state_directory_follows_xdg_where_that_is_absolute(tmp_path: Path) -> None:
    assert state_dir({"XDG_STATE_HOME": str(tmp_path)}) == tmp_path / "trackside"
    at_home = Path.home() / ".local" / "state" / "trackside"
    assert state_dir({}) == state_dir({"XDG_STATE_HOME": "relative"}) == at_home


def test_a_server_of_this_machine_is_found_with_its_token(state: Path, environment: dict[str, str]) -> None:
    leave(state)

    assert Discovery(environment).locate() == Located(HERE, "of-the-file", os.getpid())


def test_what_the_caller_says_comes_before_the_environment_and_that_before_files(
    state: Path, environment: dict[str, str]
) -> None:
    leave(state)
    environment |= {"TRACKSIDE_URL": "http://127.0.0.1:7002", "TRACKSIDE_TOKEN": "of-the-environment"}

    assert Discovery(environment).locate() == Located("http://127.0.0.1:7002", "of-the-environment")
    given = Discovery(environment, url="http://127.0.0.1:7003", token="given").locate()
    assert given == Located("http://127.0.0.1:7003", "given")


def test_the_data_directory_may_be_set(tmp_path: Path, environment: dict[str, str]) -> None:
    leave(tmp_path / "elsewhere", "http://127.0.0.1:7004", token="elsewhere")

    stated = Discovery({**environment, "TRACKSIDE_DATA_DIR": str(tmp_path / "elsewhere")})
    assert stated.locate().token == "elsewhere"
    given = Discovery({**environment, "TRACKSIDE_TOKEN": "other"}, data_dir=tmp_path / "elsewhere")
    assert given.locate() == Located("http://127.0.0.1:7004", "elsewhere", os.getpid())


def test_a_token_from_a_file_goes_to_no_other_server(state: Path, environment: dict[str, str]) -> None:
    leave(state)

    assert Discovery(environment, url=THERE).locate() == Located(THERE, None)
    assert Discovery({**environment, "TRACKSIDE_URL": THERE}).locate() == Located(THERE, None)
    assert Discovery(environment, url="http://localhost:7001/").locate().token == "of-the-file"


def test_the_only_server_of_a_run_is_found_where_there_is_no_other(
    state: Path, environment: dict[str, str], dead: int
) -> None:
    leave(state, "http://127.0.0.1:7005", pid=dead)
    leave(state / LOCAL / "one", "http://127.0.0.1:7006", token="one")
    leave(state / LOCAL / "ended", "http://127.0.0.1:7007", pid=dead)

    assert Discovery(environment).locate() == Located("http://127.0.0.1:7006", "one", os.getpid())
    assert Discovery(environment, url="http://127.0.0.1:7006").locate().token == "one"


def test_of_several_servers_of_runs_none_is_guessed(state: Path, environment: dict[str, str]) -> None:
    leave(state / LOCAL / "one", "http://127.0.0.1:7006")
    leave(state / LOCAL / "two", "http://127.0.0.1:7007")

    with pytest.raises(NoServer) as refused:
        Discovery(environment).locate()

    assert "7006" in refused.value.message
    assert "7007" in refused.value.message
    assert refused.value.suggestion
    assert "--url" in refused.value.suggestion


def test_no_server_is_told_with_what_to_do(tmp_path: Path, environment: dict[str, str]) -> None:
    with pytest.raises(NoServer) as nowhere:
        Discovery(environment).locate()
    with pytest.raises(NoServer) as not_there:
        Discovery(environment, data_dir=tmp_path / "none").locate()

    assert nowhere.value.suggestion
    assert "trackside serve" in nowhere.value.suggestion
    assert str(tmp_path / "none") in str(not_there.value.suggestion)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"url": 5}', "\xff"])
def test_a_file_that_says_nothing_of_use_is_no_server(
    state: Path, environment: dict[str, str], content: str
) -> None:
    state.mkdir(parents=True)
    (state / "server.json").write_bytes(content.encode("latin-1"))

    with pytest.raises(NoServer):
        Discovery(environment).locate()


def test_a_worker_finds_the_server_that_came_after_its_own(
    state: Path, environment: dict[str, str], dead: int
) -> None:
    worker = {
        **environment,
        "TRACKSIDE_URL": "http://127.0.0.1:7001",
        "TRACKSIDE_TOKEN": "of-the-worker",
        "TRACKSIDE_SERVER_FILE": str(state / "server.json"),
    }
    assert Discovery(worker).locate() == Located("http://127.0.0.1:7001", "of-the-worker")

    leave(state, "http://127.0.0.1:7009", pid=dead)
    assert Discovery(worker).locate() == Located("http://127.0.0.1:7009", "of-the-worker")
    assert Discovery(worker, url=HERE).locate().url == HERE


def test_a_server_is_gone_when_its_process_is_known_to_have_ended(dead: int) -> None:
    assert Located(HERE, None, dead).gone
    assert not Located(HERE, None, os.getpid()).gone
    assert not Located(HERE, None, None).gone
    assert not Located(HERE, None, 1).gone
