"""A JSON document as a tree that knows its lines, as `JSON.parse` reads it: of a repeated key the last one counts."""

import json
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final, NoReturn

from app.domain.errors import AppError
from app.plans.refusals import refusal
from app.plans.text import Source

_TOKEN = re.compile(
    r'[\s,:]*(?:(?P<open>[{\[])|(?P<close>[}\]])|(?P<quote>"[^"\\]*(?:\\.[^"\\]*)*")|(?P<plain>[^\s,:{}\[\]"]+))'
)
_PLAIN: Final = {"true": True, "false": False, "null": None}


@dataclass(slots=True, eq=False)
class Scalar:
    line: int
    value: str | int | float | bool | None


@dataclass(slots=True, eq=False)
class Items:
    line: int
    nodes: list["Node"] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Entries:
    """`repeated` holds the keys that are there more than once, each with the line of the later one."""

    line: int
    nodes: dict[str, "Node"] = field(default_factory=dict)
    key_lines: dict[str, int] = field(default_factory=dict)
    repeated: list[tuple[str, int]] = field(default_factory=list)


Node = Scalar | Items | Entries


def is_object(source: Source) -> bool:
    """Whether the document may be a JSON object: cheap, and no promise that it can be read."""
    return source.text[:1000].lstrip().startswith("{")


def tree_of(source: Source, *, suggestion: str) -> Node:
    """The document, or a refusal with the line and the column at which it is no JSON."""
    checked(source, suggestion=suggestion)
    return _Builder(source.text).root()


def checked(source: Source, *, suggestion: str) -> None:
    """Refuse what is no JSON."""
    try:
        json.loads(source.text, parse_constant=_no_number)
    except RecursionError:
        reason = "this JSON is nested too deeply for a plan."
        raise refusal(source.name, reason, suggestion=suggestion) from None
    except json.JSONDecodeError as error:
        raise _invalid(source, error, suggestion) from None
    except ValueError as error:
        raise refusal(source.name, f"this is not valid JSON: {error}.", suggestion=suggestion) from None


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _invalid(source: Source, error: json.JSONDecodeError, suggestion: str) -> AppError:
    reason = f"this is not valid JSON: {error.msg} (column {error.colno})."
    details = {"column": error.colno}
    return refusal(source.name, reason, line=error.lineno, suggestion=suggestion, details=details)


class _Builder:
    """Walks through a text that is known to be JSON, so that nothing has to be checked again."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
        self._open: list[Items | Entries] = []
        self._keys: list[tuple[str, int] | None] = []
        self._root: Node | None = None

    def root(self) -> Node:
        at = 0
        while (token := _TOKEN.match(self._text, at)) is not None:
            at = token.end()
            line = bisect_right(self._starts, token.end() - 1)
            match token.lastgroup:
                case "open":
                    self._begin(Entries(line) if token["open"] == "{" else Items(line))
                case "close":
                    self._open.pop()
                    self._keys.pop()
                case "quote":
                    self._string(json.loads(token["quote"]), line)
                case _:
                    self._add(Scalar(line, _plain(token["plain"])))
        assert self._root is not None
        return self._root

    def _begin(self, node: Items | Entries) -> None:
        self._add(node)
        self._open.append(node)
        self._keys.append(None)

    def _string(self, text: str, line: int) -> None:
        if self._open and isinstance(self._open[-1], Entries) and self._keys[-1] is None:
            self._keys[-1] = (text, line)
        else:
            self._add(Scalar(line, text))

    def _add(self, node: Node) -> None:
        if not self._open:
            self._root = node
            return
        around, key = self._open[-1], self._keys[-1]
        if isinstance(around, Items):
            around.nodes.append(node)
        elif key is not None:
            name, line = key
            if name in around.nodes:
                around.repeated.append(key)
            around.nodes[name], around.key_lines[name] = node, line
            self._keys[-1] = None


def _plain(word: str) -> int | float | bool | None:
    if word in _PLAIN:
        return _PLAIN[word]
    return float(word) if any(sign in word for sign in ".eE") else int(word)
