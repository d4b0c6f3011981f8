"""Which files a project has, and what is known of each after it was read."""

import subprocess
from collections.abc import Collection
from pathlib import Path

import pytest

from app.context import files


def content_of(root: Path, path: str, known: Collection[str] = ()) -> files.Content:
    found = files.read(str(root), path)
    return files.measure(found, known) if isinstance(found, files.Source) else found


def write(root: Path, path: str, text: str = "x = 1\n") -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


@pytest.fixture(params=["git", "plain"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "git":
        subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return tmp_path


def test_regular_files_are_found_below_the_root(root: Path) -> None:
    write(root, "a.py")
    write(root, "deep/er/é b.py")
    assert set(files.find(str(root))) == {"a.py", "deep/er/é b.py"}
    assert files.find(str(root))["a.py"].size == 6


def test_dot_files_and_links_are_left_out(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    write(outside, "secret.py")
    write(root, ".env")
    write(root, ".config/a.py")
    write(root, "a.py")
    (root / "link.py").symlink_to(outside / "secret.py")
    (root / "directory").symlink_to(outside)
    assert set(files.find(str(root))) == {"a.py"}


def test_what_git_ignores_is_left_out(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    write(tmp_path, ".gitignore", "made/\n*.log\n")
    write(tmp_path, "made/a.py")
    write(tmp_path, "b.log")
    write(tmp_path, "c.py")
    assert set(files.find(str(tmp_path))) == {"c.py"}


def test_no_program_that_a_repository_names_is_run(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    write(tmp_path, "trap.sh", f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    (tmp_path / "trap.sh").chmod(0o755)
    subprocess.run(
        ["git", "-C", str(tmp_path), "config", "core.fsmonitor", str(tmp_path / "trap.sh")], check=True
    )
    assert set(files.find(str(tmp_path))) == {"trap.sh"}
    assert not (tmp_path / "sprung").exists()


def test_where_there_is_no_git_what_programs_make_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "node_modules/a.js")
    write(tmp_path, "__pycache__/a.py")
    write(tmp_path, "src/a.js")
    assert set(files.find(str(tmp_path))) == {"src/a.js"}


def test_there_is_an_end_to_how_many_are_found(root: Path) -> None:
    for number in range(5):
        write(root, f"{number}.py")
    assert len(files.find(str(root), most=3)) == 3


def test_a_file_is_measured_whole_and_as_a_skeleton(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "def f():\n    return 'a long line of no interest to a caller'\n")
    content = content_of(tmp_path, "a.py")
    assert content.skeleton == "def f():\n    ...\n"
    assert (content.language, content.tokens, content.error) == ("python", 16, None)


def test_a_skeleton_that_is_kept_is_not_made_again(tmp_path: Path) -> None:
    write(tmp_path, "a.py")
    first = content_of(tmp_path, "a.py")
    assert first.skeleton is not None
    again = content_of(tmp_path, "a.py", {first.digest: 2})
    assert (again.skeleton, again.digest) == (None, first.digest)


def test_the_same_text_in_another_language_has_another_skeleton(tmp_path: Path) -> None:
    write(tmp_path, "a.py")
    write(tmp_path, "a.rb")
    assert content_of(tmp_path, "a.py").digest != content_of(tmp_path, "a.rb").digest


def test_what_has_no_language_is_measured_alone(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "four")
    content = content_of(tmp_path, "a.txt")
    assert (content.language, content.tokens, content.skeleton, content.error) == (None, 1, None, None)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"\xff\xfe", "It is not UTF-8 text."),
        (b"a\0b", "It is not text: it holds NUL characters."),
        (b"x" * (files.MOST_BYTES + 1), "It is larger than 262,144 bytes."),
        (b"class = 3\n", "It has no skeleton: line 1 is no python."),
    ],
)
def test_a_file_that_fails_says_why(tmp_path: Path, content: bytes, error: str) -> None:
    (tmp_path / "a.py").write_bytes(content)
    assert content_of(tmp_path, "a.py").error == error


def test_a_file_that_is_gone_or_became_a_link_says_so(tmp_path: Path) -> None:
    (tmp_path / "link.py").symlink_to("/etc/hostname")
    for path in ("gone.py", "link.py"):
        assert (content_of(tmp_path, path).error or "").startswith("It cannot be read: ")
