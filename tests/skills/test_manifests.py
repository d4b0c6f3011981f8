"""Skills as they lie on disk, and what is said of those that cannot be used."""

import os
from pathlib import Path
from typing import Any

import pytest

from app.domain.skills import SkillProblemCode as Code, SkillRole
from app.skills import load
from tests.factories import SKILL, a_skill


def codes(place: Path) -> list[str]:
    loaded = load(str(place))
    assert loaded.skills == []
    return [problem.code for problem in loaded.problems]


def test_a_skill_is_a_manifest_and_instructions(tmp_path: Path) -> None:
    a_skill(tmp_path)
    (skill,) = load(str(tmp_path)).skills
    assert (skill.name, skill.version, skill.role, skill.description, skill.text) == (
        "writing",
        "1.2",
        SkillRole.WORKER,
        "How to write.",
        "Write well.\n",
    )


@pytest.mark.parametrize("name", ["manifest.yaml", "manifest.yml"])
def test_a_manifest_may_be_yaml_and_say_more(tmp_path: Path, name: str) -> None:
    path = a_skill(tmp_path)
    (path / "manifest.json").unlink()
    (path / name).write_text("name: writing\nversion: '2'\nrole: ORCHESTRATOR\ndescription: x\ntools: [a]\n")
    (skill,) = load(str(tmp_path)).skills
    assert (skill.version, skill.role) == ("2", SkillRole.ORCHESTRATOR)


def test_a_place_without_skills_has_none(tmp_path: Path) -> None:
    assert load(str(tmp_path), "", str(tmp_path / "missing")) == load()


def test_a_projects_skill_hides_the_users_of_the_same_name(tmp_path: Path) -> None:
    a_skill(tmp_path / "project", text="Ours.")
    a_skill(tmp_path / "user", text="Mine.")
    a_skill(tmp_path / "user", "testing")
    loaded = load(str(tmp_path / "project"), str(tmp_path / "user"))
    assert [(skill.name, skill.text) for skill in loaded.skills] == [
        ("testing", "Write well.\n"),
        ("writing", "Ours."),
    ]
    assert loaded.problems == []


def test_one_that_is_wrong_does_not_stop_the_others(tmp_path: Path) -> None:
    a_skill(tmp_path)
    (tmp_path / "skills" / "empty").mkdir()
    loaded = load(str(tmp_path))
    assert [skill.name for skill in loaded.skills] == ["writing"]
    assert [problem.code for problem in loaded.problems] == [Code.MANIFEST_MISSING]


@pytest.mark.parametrize("field", ["name", *SKILL])
def test_a_field_that_is_left_out_is_named(tmp_path: Path, field: str) -> None:
    a_skill(tmp_path, **{field: None})
    (problem,) = load(str(tmp_path)).problems
    assert (problem.code, problem.message) == (Code.FIELD_MISSING, f"It does not say {field!r}.")
    assert problem.path.endswith("manifest.json")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"version": 1.2}, Code.FIELD_INVALID),
        ({"name": ""}, Code.FIELD_INVALID),
        ({"name": "two\nlines"}, Code.FIELD_INVALID),
        ({"name": "x" * 201}, Code.FIELD_INVALID),
        ({"description": "x" * 501}, Code.FIELD_INVALID),
        ({"role": "cook"}, Code.ROLE_UNKNOWN),
        ({"text": None}, Code.TEXT_MISSING),
        ({"text": "x" * 70_000}, Code.TEXT_UNREADABLE),
        ({"text": "\0"}, Code.TEXT_UNREADABLE),
    ],
)
def test_what_is_wrong_has_a_name(tmp_path: Path, fields: dict[str, Any], code: Code) -> None:
    a_skill(tmp_path, **fields)
    assert codes(tmp_path) == [code]


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff", b"{" * 70_000, b"[" * 50_000])
def test_a_manifest_that_is_none_is_unreadable(tmp_path: Path, content: bytes) -> None:
    path = a_skill(tmp_path)
    (path / "manifest.json").write_bytes(content)
    assert codes(tmp_path) == [Code.MANIFEST_UNREADABLE]


def test_two_manifests_are_one_too_many(tmp_path: Path) -> None:
    (a_skill(tmp_path) / "manifest.yaml").write_text("name: x\n")
    assert codes(tmp_path) == [Code.MANIFEST_AMBIGUOUS]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = a_skill(tmp_path, text=None)
    os.mkfifo(path / "skill.md")
    assert codes(tmp_path) == [Code.TEXT_UNREADABLE]


def test_the_second_of_a_name_is_the_one_that_is_wrong(tmp_path: Path) -> None:
    a_skill(tmp_path, "a", name="writing")
    a_skill(tmp_path, "b", name="writing")
    loaded = load(str(tmp_path))
    assert [skill.path[-1] for skill in loaded.skills] == ["a"]
    assert [(problem.code, problem.path[-1]) for problem in loaded.problems] == [(Code.NAME_TAKEN, "b")]


def test_a_digest_changes_with_anything_of_a_skill(tmp_path: Path) -> None:
    a_skill(tmp_path / "a")
    a_skill(tmp_path / "b", text="Write better.\n")
    a_skill(tmp_path / "c", version="1.3")
    a_skill(tmp_path / "d")
    digests = [load(str(tmp_path / place)).skills[0].digest for place in "abcd"]
    assert len(set(digests)) == 3
    assert digests[0] == digests[3]
