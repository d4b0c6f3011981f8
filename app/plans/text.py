"""From bytes to lines, so that every reader counts lines in the same way."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.domain import limits
from app.plans.refusals import refusal

_BYTE_ORDER_MARKS: Final = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_LINE_END = re.compile(rb"\r\n?|\n")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SAVE_AS_UTF8 = "Save the document as UTF-8 text and read it again."


@dataclass(frozen=True, slots=True)
class Source:
    """A document as text. `text` ends every line with LF; `lines[0]` is line 1.

    `origin[i]` is the line of the document that `lines[i]` was made from, where that is not `i + 1`.
    """

    name: str
    text: str
    lines: Sequence[str]
    origin: Sequence[int] = ()

    def line_in_document(self, line: int) -> int:
        return self.origin[line - 1] if self.origin and line <= len(self.origin) else line


def source(text_or_bytes: str | bytes, *, name: str) -> Source:
    text = (
        _decoded(text_or_bytes, name) if isinstance(text_or_bytes, bytes) else _checked(text_or_bytes, name)
    )
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    nul = text.find("\0")
    if nul >= 0:
        line = text.count("\n", 0, nul) + 1
        raise refusal(name, "this is a binary file, not a plan.", line=line, suggestion="Name a text file.")
    return Source(name, text, text.split("\n"))


def _decoded(data: bytes, name: str) -> str:
    _check_size(len(data), name)
    encoding = _BYTE_ORDER_MARKS.get(data[:2])
    if encoding is not None:
        raise refusal(name, f"the text is {encoding}, not UTF-8.", line=1, suggestion=_SAVE_AS_UTF8)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = len(_LINE_END.findall(data, 0, error.start)) + 1
        reason = f"byte {data[error.start]:#04x} is not UTF-8 text."
        raise refusal(name, reason, line=line, suggestion=_SAVE_AS_UTF8) from None


def _checked(text: str, name: str) -> str:
    _check_size(len(text), name)
    surrogate = _SURROGATE.search(text)
    if surrogate is not None:
        line = len(_LINE_END.findall(text[: surrogate.start()].encode("utf-8"))) + 1
        raise refusal(name, "half a surrogate pair is not text.", line=line, suggestion=_SAVE_AS_UTF8)
    _check_size(len(text.encode("utf-8")), name)
    return text


def _check_size(size: int, name: str) -> None:
    if size > limits.PLAN_FILE:
        raise limits.too_large(f"The plan {name}", limits.PLAN_FILE, "bytes", [])
