"""What is in a dump, and what is not: every table and every column is one or the other on purpose."""

import re
from pathlib import Path

from sqlmodel import SQLModel

from app.store import dump

EVERY = [*dump.SECTIONS, *dump.HISTORY.values()]
SECRET = {("token", "digest"), ("command", "actor_id"), ("command", "digest"), ("command", "result")}
ELSEWHERE = {("run", "plan_text")}


def test_every_table_is_in_the_dump_or_left_out_for_a_reason() -> None:
    shown = {section.table.__tablename__ for section in EVERY}
    missing = set(SQLModel.metadata.tables) - shown - set(dump.LEFT_OUT)
    assert not missing, "give them a Section in app/store/dump.py, or a line in LEFT_OUT there"
    assert set(dump.LEFT_OUT) <= set(SQLModel.metadata.tables)
    assert not shown & set(dump.LEFT_OUT)


def test_the_page_names_every_type_in_its_order() -> None:
    page = (Path(__file__).parents[2] / "docs" / "howto" / "dump-the-state.md").read_text()
    (order,) = re.findall(r"^`Begin`, (.*?), then ", page, re.DOTALL | re.MULTILINE)
    assert re.findall(r"`(\w+)`", order) == [section.name for section in dump.SECTIONS]


def test_every_column_is_shown_but_those_that_are_named() -> None:
    shown = {(section.table.__tablename__, column.name) for section in EVERY for column in section.columns}
    every = {
        (table.name, column.name)
        for table in SQLModel.metadata.tables.values()
        for column in table.columns
        if table.name not in dump.LEFT_OUT
    }
    assert every - shown == SECRET
    assert shown >= ELSEWHERE


def test_nothing_comes_before_what_it_belongs_to() -> None:
    places: dict[str, int] = {}
    for place, section in enumerate(EVERY):
        places.setdefault(str(section.table.__tablename__), place)
    for section in EVERY:
        table = SQLModel.metadata.tables[str(section.table.__tablename__)]
        for key in table.foreign_keys:
            parent = key.column.table.name
            assert places[parent] <= places[table.name], f"{table.name} before {parent}"
