"""From the tokens of a Markdown document to its outline, in one pass."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markdown_it.token import Token

from app.domain import limits
from app.domain.plans import PlanStatus
from app.plans.commonmark import BOX, MAX_NESTING, blocks
from app.plans.outline import Box, Heading, Literal, Outline
from app.plans.phases import is_phase_name
from app.plans.refusals import refusal
from app.plans.text import Source

MAX_LINES: Final = 500_000
"""More would take gigabytes while they are parsed. A plan of `limits.TASKS` tasks fits."""

BOLD_LEVEL: Final = 7
"""The rank of a line in bold that stands for a heading: below all real ones."""

STATUS_OF_MARK: Final = {
    " ": PlanStatus.PENDING,
    "~": PlanStatus.IN_PROGRESS,
    "x": PlanStatus.DONE,
    "X": PlanStatus.DONE,
}

_BOX = re.compile(BOX)
_ANY_MARK = re.compile(r"\[(?:\s?\w\s?|[^\]\w]{0,4})\](?![(\[:])")
_BOLD_LINE = re.compile(
    r"(?:\*\*|__)(?P<name>[^*_\n]{1,200})(?:\*\*|__)(?P<rest>\s?[:\uff1a(—\u2013-][^*\n.]{0,200})?\s*"
)
_FRONT_MATTER_END = re.compile(r"(?:---|\.\.\.)\s*")
_YAML_KEY = re.compile(r"[\w-]+\s*:(?:\s|$)")
# A line this long was broken by an editor, not by its author: the sentence goes on in the next one, unless that
# starts like something of its own (a label, bold, a bullet).
_WRAPPED: Final = 60
_SENTENCE_END: Final = (".", "!", "?", ":", ";", "。", "\uff01", "\uff1f", "\uff1a", "\uff1b", "  ", "\\")
_OWN_START = re.compile(r"\w[\w ]{0,30}[:\uff1a]|_|[^\w`(\[\"'“\u2018「\uff08/.${]")
# Control characters would be refused further in; a blank tells as much.
_CONTROLS: Final = {code: " " for code in (*range(0x20), *range(0x7F, 0xA0)) if code not in (0x09, 0x0A)}


def outline_of(source: Source) -> Outline:
    if len(source.lines) > MAX_LINES:
        raise limits.too_large(f"The plan {source.name}", MAX_LINES, "lines", [])
    lines = source.text.translate(_CONTROLS).split("\n")
    outline = Outline(source, lines, _front_matter_end(lines))
    hidden = outline.front_matter_end - 1
    _Walk(outline, blocks("\n" * hidden + "\n".join(lines[hidden:]))).run()
    return outline


def _front_matter_end(lines: Sequence[str]) -> int:
    if lines[0].rstrip() != "---" or len(lines) < 3 or not _YAML_KEY.match(lines[1]):
        return 1
    for line, text in enumerate(lines[1:], start=2):
        if _FRONT_MATTER_END.fullmatch(text):
            return line + 1
    return 1


@dataclass(slots=True)
class _Item:
    """A list item under way."""

    line: int
    end: int
    indent: int
    box: Box | None = None
    starts: bool = True
    """Nothing of its content has been seen."""
    has_marks: bool = False
    """Is or holds something with a box, even one that cannot be read."""


@dataclass(slots=True)
class _List:
    """A list under way, with the box that its current item may be a detail of."""

    last: Box | None = None
    last_indent: int = 0
    has_boxes: bool = False


class _Walk:
    def __init__(self, outline: Outline, tokens: Sequence[Token]) -> None:
        self.outline = outline
        self.tokens = tokens
        self.heading: Heading | None = None
        self.items: list[_Item] = []
        self.lists: list[_List] = []
        self.has_phases: bool | None = None
        """Whether a real heading is a phase; None until it is asked for."""
        self.has_sections = any(
            token.type == "heading" and token.level == 0 and token.tag != "h1" for token in tokens
        )

    def run(self) -> None:
        for index, token in enumerate(self.tokens):
            if token.level >= MAX_NESTING - 1:
                self._refuse_depth(token)
            self._take(index, token)
        for heading in self.heading.path() if self.heading else ():
            heading.end = len(self.outline.lines) + 1

    def _refuse_depth(self, token: Token) -> None:
        """The parser gives up here and would drop the rest of the document."""
        name, line = self.outline.source.name, self.outline.line_in_document(_start(token))
        reason = "lists are nested too deeply to be read."
        raise refusal(name, reason, line=line, suggestion=f"Keep lists below {MAX_NESTING // 2} levels.")

    def _take(self, index: int, token: Token) -> None:
        match token.type:
            case "heading" if token.level == 0:
                self._open_heading(_start(token), int(token.tag[1]), token.content)
            case "paragraph":
                self._paragraph(index, token)
            case "bullet_list_open" | "ordered_list_open":
                self.lists.append(_List())
            case "bullet_list_close" | "ordered_list_close":
                self.lists.pop()
            case "list_item_open":
                self._open_item(token)
            case "list_item_close":
                self._close_item(self.items.pop())
            case "fence" | "code_block" | "comment":
                self._literal(token)

    def _open_heading(self, line: int, level: int, text: str) -> None:
        heading = self.heading
        while heading is not None and heading.level >= level:
            heading.end = line
            heading = heading.parent
        self.heading = Heading(line, level, text, heading)
        self.outline.headings.append(self.heading)

    def _paragraph(self, index: int, token: Token) -> None:
        if not self.items:
            if token.level == 0 and not self._is_bold_phase(token):
                self._underlined(index, token)
            return
        item = self.items[-1]
        if item.starts and token.content.startswith("["):
            self._bracket(item, token)
        item.starts = False

    def _is_bold_phase(self, token: Token) -> bool:
        """`**Phase 1: Setup**` on a line of its own is a heading to its author, where no real one is a phase."""
        bold = _BOLD_LINE.fullmatch(token.content.partition("\n")[0])
        name = f"{bold['name']}{bold['rest'] or ''}".rstrip(":\uff1a ") if bold is not None else ""
        if not is_phase_name(name) or self._has_phases():
            return False
        self._open_heading(_start(token), BOLD_LEVEL, name)
        return True

    def _has_phases(self) -> bool:
        if self.has_phases is None:
            self.has_phases = any(
                token.type == "heading" and token.level == 0 and is_phase_name(token.content)
                for token in self.tokens
            )
        return self.has_phases

    def _underlined(self, index: int, token: Token) -> None:
        """A heading by underline; by dashes only where no `##` shows that a dashed line is just a rule."""
        text, _, below = token.content.rpartition("\n")
        if text and "\n" not in text and set(below.strip()) == {"="}:
            self._open_heading(_start(token), 1, text)
            return
        rule = self.tokens[index + 1] if index + 1 < len(self.tokens) else None
        if text or self.has_sections or rule is None or rule.type != "hr" or _start(rule) != _end(token):
            return
        if set(self.outline.lines[_start(rule) - 1].strip()) == {"-"}:
            self._open_heading(_start(token), 2, token.content)

    def _open_item(self, token: Token) -> None:
        for item in self.items[-1:]:
            item.starts = False
        text = self.outline.lines[_start(token) - 1].expandtabs(4)
        self.items.append(_Item(_start(token), _end(token), len(text) - len(text.lstrip(" >"))))

    def _bracket(self, item: _Item, token: Token) -> None:
        if _ANY_MARK.match(token.content):
            for around in self.items:
                around.has_marks = True
        if not _BOX.match(token.content):
            return
        text, lines = _first_sentence(token.content[3:])
        parent = next((around.box for around in reversed(self.items[:-1]) if around.box), None)
        box = Box(
            line=item.line,
            text_end=_start(token) + lines,
            end=item.end,
            status=STATUS_OF_MARK[token.content[1]],
            text=text,
            heading=self.heading,
            parent=parent,
        )
        if parent is not None:
            parent.children.append(box)
        self.outline.boxes.append(box)
        item.box = box

    def _close_item(self, item: _Item) -> None:
        around = self.lists[-1]
        if item.box is not None:
            around.last, around.last_indent, around.has_boxes = item.box, item.indent, True
        elif item.has_marks:
            around.last = None
        elif around.last is not None and item.indent > around.last_indent:
            # one blank too few to lie inside the box by CommonMark, but plainly written as its detail
            around.last.end = item.end
        elif around.has_boxes:
            self.outline.bare_bullets.append(item.line)

    def _literal(self, token: Token) -> None:
        start, end = _start(token), _end(token)
        closed = token.meta.get("closed", True)
        if token.type == "fence":
            last = self.outline.lines[end - 2].strip(" \t>")
            closed = end - start > 1 and set(last) == {token.markup[0]} and len(last) >= len(token.markup)
        self.outline.literals.append(Literal(token.type, start, end, closed))


def _first_sentence(text: str) -> tuple[str, int]:
    """The title in the first paragraph of an item, and how many lines it takes; the others are details."""
    lines = text.split("\n")
    used = 1 if lines[0].strip() or len(lines) == 1 else 2
    title = lines[used - 1].strip()
    while used < len(lines):
        line, following = lines[used - 1], lines[used].strip()
        if len(line) < _WRAPPED or line.endswith(_SENTENCE_END) or _OWN_START.match(following):
            break
        title += " " + following
        used += 1
    return title, used


def _start(token: Token) -> int:
    return (token.map or [0, 0])[0] + 1


def _end(token: Token) -> int:
    """The first line after it."""
    return (token.map or [0, 0])[1] + 1
