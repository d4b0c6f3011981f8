"""Where a text names tasks of its plan: `T012`, `T027-T029`, `T150a-d`, `FOUND-001 through FOUND-004`, `Task 1-4`."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from app.plans import ids, titles
from app.plans.reading import Reading

_ID: Final = (
    r"(?:[A-Za-z][A-Za-z0-9_]{0,15}-\d{1,6}(?:\.\d{1,4}){0,4}[a-z]?"
    r"|[A-Z]{1,4}\d{1,6}(?:\.\d{1,4}){0,4}[A-Za-z]?"
    r"|\d{1,6}(?:\.\d{1,4}){0,4}[a-z]?)"
)
_AROUND: Final = r"[*`\[\]]{0,4}"
_TO: Final = (
    r"(?:\s{0,3}(?:[-\u2013—〜~\uff5e…]|\.{2,3})\s{0,3}|\s{1,3}(?:through|thru|to|bis|bis zu)\s{1,3})"
)
_NEXT = re.compile(
    rf"(?P<word>{ids.TASK_WORD}(?i:s)?\s{{0,2}}#?\s{{0,2}})?{_AROUND}(?P<first>{_ID})"
    rf"(?:{_AROUND}{_TO}{_AROUND}(?:{ids.TASK_WORD}\s{{0,2}})?(?P<last>{_ID}|[a-z]))?"
    rf"(?![A-Za-z0-9]|/(?!{_ID}(?![A-Za-z0-9_]))|_[A-Za-z0-9])[*`\]]{{0,4}}"
)
# Not in a path, and not the id that a task had in an older list.
_ITEM = re.compile(rf"(?<![A-Za-z0-9_./\\-])(?<!旧)(?<!旧\s)(?<!\bold\s)(?<!\bwas\s){_NEXT.pattern}")
_BETWEEN = re.compile(
    r"(?:\s?\[(?:P|US\d{1,3})\]){0,3}(?:\s{0,2}[(\uff08](?P<aside>[^()\uff08\uff09]{0,80})[)\uff09]\*{0,2})?\s{0,2}"
    r"(?:(?:[,、\uff0c&+/·‖∥]|\|\|)\s{0,2}(?:and\s|or\s)?|(?P<pause>[;\uff1b]\s{0,2})"
    r"|\s(?:and|or|und|et|y|e)\s|と|和|与|與|以及|及|および|및)\s{0,2}"
)
_IDS = re.compile(rf"({_ID})(?![A-Za-z0-9_])")
# `Dependencies: 2 weeks` names no task
_COUNTED = re.compile(r"\s+(?!and\b|or\b|to\b|through\b|und\b|et\b)[^\W\d_]")
_PARTS = re.compile(r"(?P<prefix>.*?)(?P<numbers>\d+(?:\.\d+)*)(?P<suffix>[A-Za-z]?)")
_Place = tuple[tuple[int, ...], str]


@dataclass(frozen=True, slots=True)
class Mention:
    """Some ids one after the other, `[start, end)` of the text. `is_certain`: they can be nothing but tasks."""

    start: int
    end: int
    keys: Sequence[str]
    unknown: Sequence[str]
    is_certain: bool
    items: Sequence["Mention"] = ()
    """One by one, where they are several."""


class References:
    def __init__(self, reading: Reading) -> None:
        self._keys: dict[str, list[str]] = {}
        """By id: of a task, of a heading above tasks that calls itself one, of a subtask."""
        for item in reading.items:
            if item.id is not None:
                self._keys.setdefault(item.id.casefold(), [item.task.key])
        self._add_sections(reading)
        for item in reading.items:
            for part in ids.named([box.title for box in item.entry.subtasks]):
                if part.id is not None:
                    self._keys.setdefault(part.id.casefold(), [item.task.key])
        series: dict[str, list[tuple[_Place, str]]] = {}
        self._same: dict[tuple[str, _Place], str] = {}
        for id in self._keys:
            parts = _PARTS.fullmatch(id)
            if parts is not None:
                series.setdefault(parts["prefix"], []).append((_place(parts), id))
                self._same.setdefault((parts["prefix"], _place(parts)), id)
        self._series = {prefix: sorted(places) for prefix, places in series.items()}

    def _add_sections(self, reading: Reading) -> None:
        found: dict[str, list[str]] = {}
        for item in reading.items:
            for heading in item.entry.path[-1:]:
                id = ids.of_task(titles.heading_title(heading.text))
                if id is not None:
                    found.setdefault(id.casefold(), []).append(item.task.key)
        for id, keys in found.items():
            self._keys.setdefault(id, keys)

    def in_text(self, text: str) -> Iterator[Mention]:
        """Every list of ids in a text. Whole numbers count only after the word task."""
        position = 0
        while (item := _ITEM.search(text, position)) is not None:
            mention = self._list(text, item, bare=False)
            position = max(mention.end, item.end())
            if mention.keys or mention.unknown:
                yield mention

    def at_start(self, text: str, *, bare: bool = True) -> Mention | None:
        """The list that a text begins with. `bare`: it is meant to be one, so whole numbers count too."""
        lead = len(text) - len(text.lstrip(" \t*`_[({"))
        item = _ITEM.match(text, lead)
        if item is None or (
            item["first"].isdigit() and not item["word"] and _COUNTED.match(text, item.end())
        ):
            return None
        mention = self._list(text, item, bare=bare)
        return mention if mention.keys or mention.unknown else None

    def keys_of(self, ids: Iterable[str]) -> list[str]:
        """The tasks of these ids, each once; an id of a subtask is that of its task."""
        return list(dict.fromkeys(key for id in ids for key in self._keys.get(id.casefold(), ())))

    def _list(self, text: str, item: re.Match[str], *, bare: bool) -> Mention:
        start, end = item.start(), item.end()
        keys: dict[str, None] = {}
        unknown: list[str] = []
        is_certain = True
        following: re.Match[str] | None = item
        said_task = False
        prefix = ""
        items: list[Mention] = []
        while following is not None:
            said_task = said_task or following["word"] is not None
            first = self._in_full(prefix, following["first"])
            if first.isdigit() and not (bare or said_task):
                break
            found = self._resolved(first, following["last"])
            keys.update(dict.fromkeys(found))
            is_certain = is_certain and (said_task or not first[0].isdigit())
            if not found and self._looks_like_one(first):
                unknown.append(first)
            items.append(Mention(following.start(), following.end(), found, (), is_certain))
            end = following.end()
            prefix = first.rstrip("0123456789")
            between = _BETWEEN.match(text, end)
            following = self._next(text, between, bare=bare) if between is not None else None
        return Mention(start, end, list(keys), unknown, is_certain, items)

    def _next(self, text: str, between: re.Match[str], *, bare: bool) -> re.Match[str] | None:
        """The next one of a list. In a sentence a semicolon ends it, and so does an aside that names a task itself."""
        if between["pause"] and not bare:
            return None
        if between["aside"] and any(self._known(id) for id in _IDS.findall(between["aside"])):
            return None
        return _NEXT.match(text, between.end())

    def _in_full(self, prefix: str, id: str) -> str:
        """`013` behind `T012` is `T013`."""
        full = f"{prefix}{id}"
        return full if prefix[:1].isalpha() and id.isdigit() and len(id) > 1 and self._known(full) else id

    def _known(self, id: str) -> list[str] | None:
        """Of a task that is called by this id, or by one with other zeros in front."""
        keys = self._keys.get(id.casefold())
        if keys is not None:
            return keys
        parts = _PARTS.fullmatch(id.casefold())
        same = self._same.get((parts["prefix"], _place(parts))) if parts is not None else None
        return self._keys[same] if same is not None else None

    def _resolved(self, first: str, last: str | None) -> list[str]:
        if last is None:
            keys = self._known(first)
            if keys is not None:
                return keys
            first, dash, last = first.partition("-")
            if not dash:
                return []
        elif (keys := self._keys.get(f"{first}-{last}".casefold())) is not None:
            return keys
        return self._range(first.casefold(), last.casefold())

    def _range(self, first: str, last: str) -> list[str]:
        start = _PARTS.fullmatch(first)
        if start is None or start["prefix"] not in self._series:
            return []
        stem = first.removesuffix(start["suffix"]) if start["suffix"] else first
        above = stem.rpartition(".")[0]
        ends = [last, stem + last, start["prefix"] + last, f"{above}.{last}" if above else ""]
        there = [end for end in ends if end in self._keys]
        # ids with letters are counted on: a range may end at one that was never given to a task
        for end in there or (ends if start["prefix"] else ()):
            parts = _PARTS.fullmatch(end)
            if parts is not None and parts["prefix"] == start["prefix"] and _place(parts) >= _place(start):
                series = self._series[start["prefix"]]
                low = bisect_left(series, (_place(start), ""))
                high = bisect_right(series, (_place(parts), "\U0010ffff"))
                return [key for _, id in series[low:high] for key in self._keys[id]]
        return self._known(first) or []

    def _looks_like_one(self, id: str) -> bool:
        parts = _PARTS.fullmatch(id.casefold())
        return parts is not None and bool(parts["prefix"]) and parts["prefix"] in self._series


def _place(parts: re.Match[str]) -> _Place:
    return tuple(int(number) for number in parts["numbers"].split(".")), parts["suffix"].casefold()
