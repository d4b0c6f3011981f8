"""The blocks of a Markdown document, by the markdown-it-py parser, with the few rules a list of tasks needs otherwise.

Only blocks are parsed, never what is inside a line: nothing a reader needs is there, and the inline rules are where
hostile input costs most.
"""

import re
from collections.abc import Sequence
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock, list_block
from markdown_it.token import Token

BOX_MARKS: Final = " xX~"
MAX_NESTING: Final = 80
"""Levels of lists and quotes; a list takes two. The parser recurses, so it must stay far from Python's own limit."""

# A bracket followed by one of these is a link or its target, not a box.
BOX: Final = rf"\[[{BOX_MARKS}]\](?![(\[:])"
BOX_ITEM: Final = re.compile(rf"(?:[-*+]|\d{{1,9}}[.)])[ \t]+{BOX}")
_RULE = re.compile(r"([-*_])(?:[ \t]*+\1){2,}+[ \t]*+")
_STARTERS: Final = frozenset("#`~>*-+_<0123456789")
"""What a block that is no paragraph starts with."""
_HEADING = re.compile(r"#{1,6}(?![^ \t])")
_LITERAL_START = re.compile(r"`{3}|~{3}|<!--")


def blocks(text: str) -> Sequence[Token]:
    """Tokens in document order: headings, lists, items, fences, comments, and one `paragraph` for each paragraph."""
    return _PARSER.parse(text)


def _line(state: StateBlock, line: int) -> tuple[int, int]:
    return state.bMarks[line] + state.tShift[line], state.eMarks[line]


def _is_box(state: StateBlock, line: int) -> bool:
    return BOX_ITEM.match(state.src, *_line(state, line)) is not None


def _is_prose(state: StateBlock, line: int) -> bool:
    """Plain text for certain: most lines are, and no other rule needs to look at them."""
    start = state.bMarks[line] + state.tShift[line]
    return start < state.eMarks[line] and state.src[start] not in _STARTERS


def _prose(state: StateBlock, startLine: int, endLine: int, silent: bool) -> bool:
    if state.sCount[startLine] - state.blkIndent >= 4 or not _is_prose(state, startLine):
        return False
    return _paragraph(state, startLine, endLine, silent)


def _is_indented(state: StateBlock, line: int) -> bool:
    """Deep enough for code, and neither a box nor the start of something that holds nothing."""
    if state.sCount[line] - state.blkIndent < 4 or _is_box(state, line):
        return False
    return _LITERAL_START.match(state.src, *_line(state, line)) is None


def _indented(state: StateBlock, startLine: int, endLine: int, silent: bool) -> bool:
    """Indented code, except that a box stays a box however far it is indented: authors mean a task."""
    if not _is_indented(state, startLine):
        return False
    end = line = startLine + 1
    while line < endLine and (state.isEmpty(line) or _is_indented(state, line)):
        line += 1
        if not state.isEmpty(line - 1):
            end = line
    state.line = end
    state.push("code_block", "", 0).map = [startLine, end]
    return True


def _list(state: StateBlock, startLine: int, endLine: int, silent: bool) -> bool:
    """Lists, except that a box always ends a paragraph: `2. [ ] …` below a line of prose is a task."""
    if silent and _is_box(state, startLine):
        return True
    return list_block(state, startLine, endLine, silent)


def _rule(state: StateBlock, startLine: int, endLine: int, silent: bool) -> bool:
    """A horizontal rule. The parser's own walks every character at every level of `- - - …`."""
    if _RULE.fullmatch(state.src, *_line(state, startLine)) is None:
        return False
    if not silent:
        state.line = startLine + 1
        state.push("hr", "hr", 0).map = [startLine, state.line]
    return True


def _heading(state: StateBlock, startLine: int, endLine: int, silent: bool) -> bool:
    """A heading as one token; the parser's own takes three."""
    start, stop = _line(state, startLine)
    marks = _HEADING.match(state.src, start, stop)
    if marks is None or state.sCount[startLine] - state.blkIndent >= 4:
        return False
    if not silent:
        text = state.src[marks.end() : stop].strip(" \t")
        closed = text.rstrip("#")
        token = state.push("heading", f"h{marks.end() - start}", 0)
        token.content = closed.rstrip(" \t") if not closed or closed[-1] in " \t" else text
        state.line = startLine + 1
        token.map = [startLine, state.line]
    return True


def _comment(state: StateBlock, startLine: int, endLine: int, silent: bool) -> bool:
    """An HTML comment over several lines. One that ends on its line is text, and so is every other tag."""
    start, stop = _line(state, startLine)
    if not state.src.startswith("<!--", start) or state.src.find("-->", start, stop) >= 0:
        return False
    if silent:
        return True
    line = startLine + 1
    closed = False
    while line < endLine and not closed:
        if state.sCount[line] < state.blkIndent and not state.isEmpty(line):
            break
        closed = state.src.find("-->", state.bMarks[line], state.eMarks[line]) >= 0
        line += 1
    state.line = line
    token = state.push("comment", "", 0)
    token.map = [startLine, line]
    token.meta["closed"] = closed
    return True


def _paragraph(state: StateBlock, startLine: int, endLine: int, silent: bool) -> bool:
    """A paragraph as one token, which a deeply indented box ends as well."""
    terminators = state.md.block.ruler.getRules("paragraph")
    parent_type, state.parentType = state.parentType, "paragraph"
    line = startLine + 1
    while line < state.lineMax and not state.isEmpty(line):
        indent = state.sCount[line]
        # a negative indent is a line that the quote around it has taken already
        may_end = indent >= 0 and (indent - state.blkIndent < 4 or _is_box(state, line))
        if (
            may_end
            and not _is_prose(state, line)
            and any(rule(state, line, state.lineMax, True) for rule in terminators)
        ):
            break
        line += 1
    state.parentType = parent_type
    state.line = line
    token = state.push("paragraph", "", 0)
    token.content = state.getLines(startLine, line, state.blkIndent, False).strip()
    token.map = [startLine, line]
    return True


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"maxNesting": MAX_NESTING})
    parser.disable(["inline", "text_join"])
    # Link definitions are not told from prose, tags are text, and an underlined heading is for `outline` to judge.
    parser.disable(["code", "reference", "html_block", "lheading"])
    rules = parser.block.ruler
    ends_paragraph: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote"]}
    rules.before("fence", "indented", _indented)
    rules.before("indented", "prose", _prose)
    rules.at("hr", _rule, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    rules.at("heading", _heading, ends_paragraph)
    rules.at("list", _list, ends_paragraph)
    rules.before("heading", "comment", _comment, ends_paragraph)
    rules.at("paragraph", _paragraph)
    return parser


_PARSER: Final = _parser()
