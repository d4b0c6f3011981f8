"""A YAML document as a tree that knows its lines, so that every problem can be shown where it is.

Built from the events of the safe loader: nothing is ever constructed, depth and size are bounded while reading, and
scalars stay as they are written, so that a key of 1.10 does not become the number 1.1.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from app.domain.errors import AppError
from app.plans.refusals import refusal
from app.plans.text import Source

MAX_DEPTH: Final = 32
MAX_ALIASED: Final = 100_000
"""How many values aliases may add: some share a runtime, a bomb multiplies."""

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_ESCAPED_PAIR = re.compile(r"\\\\|\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_HINT: Final = (
    "Check the indentation, and quote text that holds a colon with a blank after it, or a #."
    " docs/reference/plan-file.md shows a whole plan."
)
_TEXT_TAGS: Final = frozenset({"!", "tag:yaml.org,2002:str"})


@dataclass(slots=True, eq=False)
class Scalar:
    line: int
    value: str
    is_plain: bool
    """Not quoted and no block of text, so that it may be a number or null."""
    size: int = 1


@dataclass(slots=True, eq=False)
class Items:
    line: int
    nodes: list["Node"] = field(default_factory=list)
    size: int = 1


@dataclass(slots=True, eq=False)
class Entries:
    line: int
    nodes: dict[str, "Node"] = field(default_factory=dict)
    key_lines: dict[str, int] = field(default_factory=dict)
    size: int = 1


Node = Scalar | Items | Entries


def tree_of(source: Source) -> Node | None:
    """None for an empty document."""
    control = _CONTROL.search(source.text)
    if control is not None:
        line = source.text.count("\n", 0, control.start()) + 1
        reason = f"the control character {ord(control[0]):#04x} is not allowed."
        raise refusal(source.name, reason, line=line, suggestion=_HINT)
    # JSON writes characters beyond the first plane as two escapes, which YAML does not know.
    text = _ESCAPED_PAIR.sub(_joined, source.text) if source.text.lstrip().startswith("{") else source.text
    builder = _Builder(source.name)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = f"this is not valid YAML: {error.problem or error.context}."
        raise refusal(source.name, reason, line=mark.line + 1 if mark else None, suggestion=_HINT) from None
    except yaml.YAMLError as error:
        raise refusal(source.name, f"this is not valid YAML: {error}", suggestion=_HINT) from None
    return builder.root


def _joined(pair: re.Match[str]) -> str:
    if pair[1] is None:
        return pair[0]
    return (bytes.fromhex(pair[1]) + bytes.fromhex(pair[2])).decode("utf-16-be")


@dataclass(slots=True)
class _Open:
    """A container under way."""

    node: Items | Entries
    anchor: str | None
    key: tuple[str, int] | None = None
    """In a mapping, the key whose value comes next, with its line."""

    @property
    def wants_key(self) -> bool:
        return isinstance(self.node, Entries) and self.key is None


class _Builder:
    def __init__(self, name: str) -> None:
        self.name = name
        self.root: Node | None = None
        self.documents = 0
        self.open: list[_Open] = []
        self.anchors: dict[str, Node | None] = {}
        """None for a container that is still open: an alias to it would make it contain itself."""
        self.aliased = 0

    def take(self, event: Any) -> None:
        line = event.start_mark.line + 1
        match event:
            case yaml.DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    raise self._refusal("a second YAML document starts here; a plan is one document.", line)
            case yaml.AliasEvent():
                self._alias(str(event.anchor), line)
            case yaml.ScalarEvent():
                self._scalar(event, line)
            case yaml.SequenceStartEvent():
                self._start(event, Items(line))
            case yaml.MappingStartEvent():
                self._start(event, Entries(line))
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                ended = self.open.pop()
                self._add(ended.node, ended.anchor)

    def _refusal(self, reason: str, line: int) -> AppError:
        return refusal(self.name, reason, line=line, suggestion=_HINT)

    def _scalar(self, event: Any, line: int) -> None:
        if event.tag is not None and event.tag not in _TEXT_TAGS:
            raise self._refusal(f"the tag {event.tag} is not allowed.", line)
        if "\0" in event.value:  # written as an escape: no database keeps it, and no process can be given it
            raise self._refusal("the control character 0x00 is not allowed.", line)
        if self.open and self.open[-1].wants_key:
            self._key(self.open[-1], event.value, line)
        else:
            self._add(Scalar(line, event.value, not event.style and event.tag is None), event.anchor)

    def _key(self, mapping: _Open, key: str, line: int) -> None:
        if isinstance(mapping.node, Entries) and key in mapping.node.nodes:
            first = mapping.node.key_lines[key]
            raise self._refusal(f"the key {key!r} is repeated; it is already in line {first}.", line)
        mapping.key = (key, line)

    def _start(self, event: Any, node: Items | Entries) -> None:
        if self.open and self.open[-1].wants_key:
            raise self._refusal("a key must be text.", node.line)
        if event.tag is not None:
            raise self._refusal(f"the tag {event.tag} is not allowed.", node.line)
        if len(self.open) >= MAX_DEPTH:
            raise self._refusal("this is nested too deeply for a plan.", node.line)
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        self.open.append(_Open(node, event.anchor))

    def _alias(self, anchor: str, line: int) -> None:
        node = self.anchors.get(anchor)
        if node is None:
            reason = "contains itself" if anchor in self.anchors else "is not defined before it is used"
            raise self._refusal(f"the alias *{anchor} {reason}.", line)
        if self.open and self.open[-1].wants_key:
            raise self._refusal("a key must be text.", line)
        self.aliased += node.size
        if self.aliased > MAX_ALIASED:
            raise self._refusal(f"aliases add more than {MAX_ALIASED:,} values.", line)
        self._add(node, None)

    def _add(self, node: Node, anchor: str | None) -> None:
        if anchor is not None:
            self.anchors[anchor] = node
        if not self.open:
            self.root = node
            return
        around = self.open[-1]
        around.node.size += node.size
        if isinstance(around.node, Items):
            around.node.nodes.append(node)
        elif around.key is not None:
            name, line = around.key
            around.node.nodes[name], around.node.key_lines[name] = node, line
            around.key = None


_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
FLAGS: Final = {"true": True, "false": False}
_INTEGER = re.compile(r"-?\d{1,18}")


def value_of(
    node: Node | None, integer_keys: frozenset[str], flag_keys: frozenset[str] = frozenset(), *, key: str = ""
) -> Any:
    """Plain values to validate: text as written, integers and flags only below the keys that hold them."""
    match node:
        case Items():
            return [value_of(item, integer_keys, flag_keys) for item in node.nodes]
        case Entries():
            return {
                name: value_of(child, integer_keys, flag_keys, key=name) for name, child in node.nodes.items()
            }
        case Scalar(is_plain=True) if node.value in _NULL:
            return None
        case Scalar(is_plain=True) if key in integer_keys and _INTEGER.fullmatch(node.value):
            return int(node.value)
        case Scalar(is_plain=True) if key in flag_keys and node.value in FLAGS:
            return FLAGS[node.value]
        case Scalar():
            return node.value
        case None:
            return None


def nodes_along(root: Node, path: Sequence[str | int]) -> Iterator[tuple[int, Node]]:
    """The values on a path below the root, each with the line it is told from: that of its key, if it has one."""
    node = root
    yield node.line, node
    for step in path:
        line = node.key_lines[str(step)] if isinstance(node, Entries) else 0
        if isinstance(node, Entries):
            node = node.nodes[str(step)]
        elif isinstance(node, Items):
            node = node.nodes[int(step)]
        yield line or node.line, node
