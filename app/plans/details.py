"""What a document says below a task: its text without the subtasks, which are told apart."""

import re
import textwrap
from bisect import bisect_left
from collections.abc import Sequence

from app.plans import titles
from app.plans.outline import Box, Outline

_RULE = re.compile(r"\s*([-*_])(?:\s*\1){2,}\s*")
_ONE_LINE_COMMENT = re.compile(r"\s*<!--.*-->\s*")


class Details:
    def __init__(self, outline: Outline) -> None:
        self.lines = outline.lines
        self.hidden = {
            line
            for literal in outline.literals
            if literal.kind == "comment"
            for line in range(literal.line, literal.end)
        }

    def of(self, start: int, end: int, subtasks: Sequence[Box], *, with_subtasks: bool = False) -> str:
        """The lines `[start, end)`. A subtask is named where something is said below it, or where all are asked for."""
        heads = {box.line: box for box in subtasks}
        taken = {line for box in subtasks for line in range(box.line, box.text_end)}
        said = [line for line in range(start, end) if line not in taken and self._says(line)]
        if not said and not any(titles.is_too_long(box.text) for box in subtasks):
            return ""
        shown: list[str] = []
        for number in range(start, end):
            box = heads.get(number)
            if box is not None:
                is_named = titles.is_too_long(box.text) or _any_between(said, box.text_end, box.end)
                if with_subtasks or is_named:
                    shown.append(f"{_indent(self.lines[number - 1])}- {box.text}")
            elif number not in taken and number not in self.hidden:
                shown.append(self.lines[number - 1].rstrip())
        return _trimmed(shown)

    def _says(self, line: int) -> bool:
        text = self.lines[line - 1]
        return line not in self.hidden and bool(text.strip()) and not _ONE_LINE_COMMENT.fullmatch(text)


def _any_between(lines: Sequence[int], start: int, end: int) -> bool:
    at = bisect_left(lines, start)
    return at < len(lines) and lines[at] < end


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _trimmed(lines: list[str]) -> str:
    while lines and (not lines[-1].strip() or _RULE.fullmatch(lines[-1])):
        lines.pop()
    while lines and not lines[0].strip():
        del lines[0]
    return textwrap.dedent("\n".join(lines))
