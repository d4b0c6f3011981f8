"""A file without the bodies of its functions: what an agent needs to call it, at a fraction of the size."""

from typing import Final

from ast_grep_py import SgNode, SgRoot

from app.context.languages import Language

VERSION: Final = 1
"""Part of the key that skeletons are cached by. To be raised whenever the same file gets another skeleton."""

_BLOCKS: Final = frozenset(
    {
        "block",
        "body_statement",
        "compound_statement",
        "constructor_body",
        "function_body",
        "indented_block",
        "statement_block",
    }
)


class NoSkeleton(ValueError):
    """The file is not of its language: `line` (from 1) is where that showed first."""

    def __init__(self, language: Language, line: int) -> None:
        super().__init__(f"line {line} is no {language.name}")
        self.line = line


def skeleton(text: str, language: Language) -> str:
    """The text without bodies of functions and methods; everything else stands as it was, comments and docstrings too.

    Functions inside functions go with the body that holds them. NoSkeleton where the text cannot be parsed.
    """
    root = SgRoot(text, language.name).root()
    broken = root.find({"rule": {"kind": "ERROR"}})
    if broken is not None:
        raise NoSkeleton(language, broken.range().start.line + 1)
    parts = []
    position = 0
    for node in root.find_all({"rule": {"any": [{"kind": kind} for kind in language.bodies]}}):
        span, replacement = _left_out(node, language)
        if span is not None and span[0] >= position:
            parts += [text[position : span[0]], replacement]
            position = span[1]
    parts.append(text[position:])
    return "".join(parts)


def _left_out(node: SgNode, language: Language) -> tuple[tuple[int, int] | None, str]:
    """Which characters of a function's body go, and what stands in their place. None where nothing goes."""
    body = node.field("body")
    if body is None:
        return None, ""
    span = (body.range().start.index, body.range().end.index)
    if language.name == "python":
        return _after_docstring(body, span, language)
    if body.kind() in _BLOCKS:
        return span, language.left_out
    if body.range().start.line == body.range().end.line:
        return None, ""  # an expression on the line of its signature tells more than it costs
    return span, "…"


def _after_docstring(
    body: SgNode, span: tuple[int, int], language: Language
) -> tuple[tuple[int, int] | None, str]:
    first = next((child for child in body.children() if child.is_named()), None)
    inner = first.children()[0] if first is not None and first.kind() == "expression_statement" else None
    if first is None or inner is None or inner.kind() != "string":
        return span, language.left_out
    end = first.range().end.index
    if end >= span[1]:
        return None, ""
    indent = " " * first.range().start.column
    return (end, span[1]), f"\n{indent}{language.left_out}"
