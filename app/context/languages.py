"""The languages whose files have a skeleton: how they are told, and what has a body in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final


@dataclass(frozen=True, slots=True)
class Language:
    """`name` is the grammar's; `bodies` are the kinds of node whose field `body` a skeleton leaves out."""

    name: str
    bodies: tuple[str, ...]
    suffixes: tuple[str, ...]
    left_out: str = "{ … }"
    """What stands in place of a block."""


_SCRIPT: Final = (
    "arrow_function",
    "function_declaration",
    "function_expression",
    "generator_function",
    "generator_function_declaration",
    "method_definition",
)

LANGUAGES: Final = (
    Language("python", ("function_definition",), (".py", ".pyi"), left_out="..."),
    Language("typescript", _SCRIPT, (".ts", ".mts", ".cts")),
    Language("tsx", _SCRIPT, (".tsx",)),
    Language("javascript", _SCRIPT, (".js", ".jsx", ".mjs", ".cjs")),
    Language("go", ("func_literal", "function_declaration", "method_declaration"), (".go",)),
    Language("rust", ("closure_expression", "function_item"), (".rs",)),
    Language(
        "java",
        (
            "compact_constructor_declaration",
            "constructor_declaration",
            "lambda_expression",
            "method_declaration",
        ),
        (".java",),
    ),
    Language("c", ("function_definition",), (".c", ".h")),
    Language(
        "cpp", ("function_definition", "lambda_expression"), (".cc", ".cpp", ".cxx", ".hh", ".hpp", ".hxx")
    ),
    Language(
        "csharp",
        (
            "accessor_declaration",
            "constructor_declaration",
            "destructor_declaration",
            "lambda_expression",
            "local_function_statement",
            "method_declaration",
            "operator_declaration",
        ),
        (".cs",),
    ),
    Language("ruby", ("method", "singleton_method"), (".rb",), left_out="…"),
    Language(
        "php",
        ("anonymous_function", "arrow_function", "function_definition", "method_declaration"),
        (".php",),
    ),
    Language("scala", ("function_definition",), (".scala", ".sc")),
    Language("swift", ("function_declaration", "init_declaration"), (".swift",)),
)

_BY_SUFFIX: Final[Mapping[str, Language]] = {
    suffix: language for language in LANGUAGES for suffix in language.suffixes
}


def language_of(path: str) -> Language | None:
    """The language that a file's name tells, or None where it has no skeleton."""
    return _BY_SUFFIX.get(PurePosixPath(path).suffix.lower())
