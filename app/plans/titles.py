"""A title as a person would say it: without commit hashes, bold markers and the word `Task:` before it."""

import re
from functools import lru_cache
from typing import Final

from app.domain import limits
from app.plans import ids

# Longer than any title that is kept, and short enough that no pattern below can be made to cost much.
_ENOUGH: Final = 4 * limits.TITLE

_CODE = re.compile(r"(`+[^`]*`+)")
_BOLD = re.compile(r"(?<![A-Za-z0-9/*])\*\*(?=[^\s*/])((?:(?!\*\*).)+?)(?<![\s/])\*\*(?!\*)")
_BOLD_BY_UNDERSCORES = re.compile(r"^__(?=\S)([^_]*\s[^_]*)(?<=\S)__(?=$|\s)")
_COMMENT = re.compile(r"<!--.*?-->")
_TASK_WORD = re.compile(rf"(?i:sub-?)?{ids.TASK_WORD}\s*[:\uff1a]\s*")

_HASH: Final = r"[0-9a-f]{7,40}"
_WORD: Final = r"(?:(?:commit|sha|hash|checkpoint)s?\s*[:=#]?\s*)?"
_IN_BRACKETS = re.compile(
    rf"\s*`?[\[(]\s*{_WORD}`?(?P<hash>{_HASH})`?(?:\s*[,;&/]\s*`?{_HASH}`?)*\s*[\])](?:\([^()\s]*\))?`?\s*$",
    re.IGNORECASE,
)
_CHECKPOINT = re.compile(r"\s*`?\[\s*checkpoint\b[^\]]{0,80}\]`?", re.IGNORECASE)
_FIRST = re.compile(rf"[\[(`]?(?P<hash>{_HASH})[\])`]?\s+")
# After one of these words the hash belongs to the sentence.
_BARE = re.compile(rf"(?<!commit)(?<!hash)(?<!sha)(?:\s+[-\u2013—])?\s+`?(?P<hash>{_HASH})`?\s*$")


def clean(text: str, *, done: bool = False) -> str:
    """`done` tells that a hash may stand bare at the end, as Conductor writes it."""
    title = " ".join(text[:_ENOUGH].split())
    title = _without_hashes(_plain(title), done=done)
    first = _FIRST.match(title)
    if first is not None and done and _is_hash(first["hash"], certain=_word_end(title[first.end() :]) > 0):
        title = title[first.end() :]
    title = _plain(title[_word_end(title) :])
    return title or " ".join(text[:_ENOUGH].split())


@lru_cache(maxsize=64)  # the same heading is asked for several times in a row
def heading_title(text: str) -> str:
    title = " ".join(text[:_ENOUGH].split())
    return _without_hashes(_plain(title), done=False) or title


def cut(title: str) -> str:
    return title if len(title) <= limits.TITLE else title[: limits.TITLE - 1].rstrip() + "…"


def is_too_long(text: str) -> bool:
    return len(text) > limits.TITLE


def says_task(text: str) -> bool:
    return _word_end(_plain(text[:_ENOUGH].strip())) > 0


def _word_end(title: str) -> int:
    word = _TASK_WORD.match(title)
    return word.end() if word else 0


def _plain(title: str) -> str:
    """Without bold and comments, except inside code."""
    if "**" not in title and "__" not in title and "<!--" not in title:
        return title.strip()
    parts = _CODE.split(title)
    if len(parts) == 1:
        return _unmarked(title)
    # bold may span code: what stands between backticks is hidden while the markers around it are taken away
    spans = parts[1::2]
    hidden = "\0".join(parts[0::2])
    shown = _unmarked(hidden).split("\0")
    if len(shown) != len(spans) + 1:
        return title
    return "".join(part + span for part, span in zip(shown, [*spans, ""], strict=True)).strip()


def _unmarked(text: str) -> str:
    return _BOLD_BY_UNDERSCORES.sub(r"\1", _BOLD.sub(r"\1", _COMMENT.sub("", text))).strip()


def _without_hashes(title: str, *, done: bool) -> str:
    if "[" in title:
        title = _CHECKPOINT.sub("", title)
    while True:
        # the patterns end at the end of the text; looking at its tail alone keeps them cheap
        tail = title[-200:]
        found = _last_hash(tail, done=done)
        if found is None:
            return title
        title = title[: len(title) - len(tail) + found.start()].rstrip()


def _last_hash(tail: str, *, done: bool) -> re.Match[str] | None:
    if not done and not tail.rstrip("`").endswith(("]", ")")):
        return None
    found = _IN_BRACKETS.search(tail)
    if found is not None and _is_hash(found["hash"], certain="[" in found[0]):
        return found
    found = _BARE.search(tail) if done else None
    return found if found is not None and _is_hash(found["hash"], certain=False) else None


def _is_hash(hash: str, *, certain: bool) -> bool:
    """Not a word such as `defaced`, unless in square brackets, and not a date such as 20260131."""
    if hash.isdigit():
        return len(hash) in (7, 40)
    return certain or any(character.isdigit() for character in hash)
