"""Do two lists of globs mean the same files? Judged by the globs alone, without a look at any disk.

`*`, `?` and `[…]` stay within a name, `**` stands for any number of folders, `{a,b}` for either. Upper and lower case are
the same, as they are on many disks. Where it would cost too much to tell, the answer is that they may: a question too many
is better than two agents in one file.
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

LONGEST: Final = 512
"""Of a longer glob only the folder that it begins with counts, and everything below that."""

ALTERNATIVES: Final = 64
EFFORT: Final = 50_000
"""How many steps two lists are compared for."""

FILES: Final = frozenset(
    [
        "authors",
        "changelog",
        "codeowners",
        "containerfile",
        "contributing",
        "copying",
        "dockerfile",
        "gemfile",
        "jenkinsfile",
        "justfile",
        "license",
        "makefile",
        "notice",
        "pipfile",
        "procfile",
        "rakefile",
        "readme",
        "vagrantfile",
        "version",
    ]
)
"""Names without a suffix that are files. Any other name without one may be a folder, and stand for what is in it."""

Letters = tuple[tuple[int, int], ...]
"""Which characters may stand in a place: ranges of code points."""

ANY: Final[Letters] = ((0, 46), (48, 0x10FFFF))
STAR: Final[Letters] = ()


@dataclass(frozen=True, slots=True)
class Name:
    """One step of a path. `exact`: nothing else than itself fits; `holds`: it may be a folder."""

    letters: tuple[Letters, ...]
    exact: bool
    holds: bool


DEEP: Final = Name((), exact=False, holds=True)
"""`**`: any number of steps."""

Steps = tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """What a list of globs means: plain paths, by their steps, and patterns; each with the glob as it was given."""

    plain: Mapping[tuple[str, ...], tuple[str, Steps]]
    patterns: Sequence[tuple[str, Steps]]

    def all(self) -> Iterator[tuple[str, Steps]]:
        yield from self.plain.values()
        yield from self.patterns


class _TooMuch(Exception):
    pass


@dataclass(slots=True)
class _Effort:
    left: int = EFFORT

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise _TooMuch


def overlap(first: Sequence[str], second: Sequence[str]) -> tuple[str, str] | None:
    """A glob of each that may mean the same file, or None where no two do."""
    return _overlap(tuple(first), tuple(second))


@lru_cache(maxsize=16_384)
def _overlap(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, str] | None:
    one, other = _claim(first), _claim(second)
    met = _plain_meet(one, other)
    if met is not None:
        return met
    effort = _Effort()
    pair = ("", "")
    try:
        for glob, steps in one.patterns:
            for theirs, their_steps in other.all():
                pair = (glob, theirs)
                if _meet(steps, their_steps, effort):
                    return pair
        for theirs, their_steps in other.patterns:
            for glob, steps in one.plain.values():
                pair = (glob, theirs)
                if _meet(steps, their_steps, effort):
                    return pair
    except _TooMuch:
        return pair
    return None


def _plain_meet(one: Claim, other: Claim) -> tuple[str, str] | None:
    """Plain paths that are the same, or of which one lies below the other."""
    for path, (glob, _) in one.plain.items():
        for end in range(1, len(path) + 1):
            if (found := other.plain.get(path[:end])) is not None:
                return glob, found[0]
    for path, (glob, _) in other.plain.items():
        for end in range(1, len(path)):
            if (found := one.plain.get(path[:end])) is not None:
                return found[0], glob
    return None


# ---------------------------------------------------------------- two globs


class _Pairs:
    """Places in two things that are read side by side, from the start of both; each pair that is opened comes once."""

    def __init__(self, effort: _Effort) -> None:
        self._effort = effort
        self._seen: set[tuple[int, int]] = set()
        self.open = [(0, 0)]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        while self.open:
            place = self.open.pop()
            if place not in self._seen:
                self._seen.add(place)
                self._effort.spend()
                yield place


def _meet(one: Steps, other: Steps, effort: _Effort) -> bool:
    """Whether some path fits both, or some path of one lies in a folder that the other means."""
    pairs = _Pairs(effort)
    for i, j in pairs:
        if i == len(one) or j == len(other):
            ended, rest = (one, other[j:]) if i == len(one) else (other, one[i:])
            if ended[-1].holds or all(step is DEEP for step in rest):
                return True
        elif one[i] is DEEP or other[j] is DEEP:
            pairs.open += [(i + 1, j), (i, j + 1)]
        elif _names_meet(one[i].letters, other[j].letters, effort):
            pairs.open.append((i + 1, j + 1))
            # what one of them calls a folder is one, whatever its name looks like
            if i + 1 == len(one) and j + 1 < len(other) and other[j].exact:
                return True
            if j + 1 == len(other) and i + 1 < len(one) and one[i].exact:
                return True
    return False


def _names_meet(one: tuple[Letters, ...], other: tuple[Letters, ...], effort: _Effort) -> bool:
    """Whether some name fits both."""
    pairs = _Pairs(effort)
    for i, j in pairs:
        if i == len(one) and j == len(other):
            return True
        letters, others = one[i : i + 1], other[j : j + 1]
        if (STAR,) in (letters, others):
            pairs.open += [(i + 1, j)] * len(letters) + [(i, j + 1)] * len(others)
        elif letters and others and _letters_meet(letters[0], others[0]):
            pairs.open.append((i + 1, j + 1))
    return False


def _letters_meet(one: Letters, other: Letters) -> bool:
    return any(low <= high_ and low_ <= high for low, high in one for low_, high_ in other)


# ---------------------------------------------------------------- reading


@lru_cache(maxsize=4_096)
def _claim(globs: tuple[str, ...]) -> Claim:
    plain: dict[tuple[str, ...], tuple[str, Steps]] = {}
    patterns: list[tuple[str, Steps]] = []
    for glob in globs:
        for text in _alternatives(unicodedata.normalize("NFC", glob)):
            names = _names(text)
            steps = tuple(DEEP if name == "**" else _name(name) for name in names)
            if all(step.exact for step in steps):
                plain[tuple(map(_folded, names))] = (glob, steps)
            else:
                patterns.append((glob, steps))
    return Claim(plain, patterns)


def _alternatives(glob: str) -> list[str]:
    """A glob without its braces: one for each choice. Everything below where it begins, where they are too many."""
    if len(glob) > LONGEST:
        return [_below(glob[:LONGEST])]
    done: list[str] = []
    open_ = [glob]
    while open_:
        text = open_.pop()
        span = _braces(text)
        if span is None:
            done.append(text)
            continue
        start, end, choices = span
        open_ += [text[:start] + choice + text[end:] for choice in choices]
        if len(open_) + len(done) > ALTERNATIVES:
            return [_below(glob)]
    return done


def _below(glob: str) -> str:
    return glob[: glob.rfind("/", 0, _first_special(glob)) + 1] + "**"


def _first_special(glob: str) -> int:
    return min((place for mark in "*?[{" if (place := glob.find(mark)) >= 0), default=len(glob))


def _braces(text: str) -> tuple[int, int, list[str]] | None:
    """The first innermost braces with a comma in them: where they are, and what may stand there."""
    starts: list[int] = []
    for place, mark in enumerate(text):
        if mark == "{":
            starts.append(place)
        elif mark == "}" and starts:
            start = starts.pop()
            choices = text[start + 1 : place].split(",")
            if len(choices) > 1:
                return start, place + 1, choices
    return None


def _names(text: str) -> list[str]:
    """The steps of a path from the project's root, with `.`, `..` and doubled slashes done away with."""
    names: list[str] = []
    for name in text.split("/"):
        if name == ".." and names and names[-1] != "..":
            if names[-1] != "**":  # above any number of folders is any number of folders
                names.pop()
        elif name not in ("", ".") and not (name == "**" and names[-1:] == ["**"]):
            names.append(name)
    if not names or text.endswith("/"):
        names.append("**")
    return names


def _name(text: str) -> Name:
    letters: list[Letters] = []
    place = 0
    while place < len(text):
        found, place = _place(text, place)
        if found != STAR or letters[-1:] != [STAR]:
            letters.append(found)
    # a class that allows one letter only takes more room in the text than that letter
    exact = len(letters) == len(text) and all(found[:1] and found[0][0] == found[0][1] for found in letters)
    return Name(tuple(letters), exact, _may_be_a_folder(text))


def _may_be_a_folder(name: str) -> bool:
    return "." not in name[1:-1] and _folded(name) not in FILES


def _place(text: str, place: int) -> tuple[Letters, int]:
    """What may stand in the next place of a name, and where the one after it begins."""
    mark = text[place]
    if mark == "*":
        return STAR, place + 1
    if mark == "?":
        return ANY, place + 1
    end = text.find("]", place + (3 if text[place + 1 : place + 2] in ("!", "^") else 2))
    if mark == "[" and end > 0:
        return _class(text[place + 1 : end]), end + 1
    point = ord(_folded(mark))
    return ((point, point),), place + 1


def _class(text: str) -> Letters:
    inverse = text[:1] in ("!", "^")
    text = text[1:] if inverse else text
    ranges: list[tuple[int, int]] = []
    place = 0
    while place < len(text):
        last = place + 2 if text[place + 1 : place + 2] == "-" and place + 2 < len(text) else place
        ranges.append((ord(text[place]), ord(text[last])))
        place = last + 1
    ranges = [(low, high) for low, high in ranges if low <= high]
    ranges = _with_small_letters(ranges)
    return tuple(_rest(ranges) if inverse else ranges) or ANY


def _rest(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Every character that is in none of these ranges."""
    rest, start = [], 0
    for low, high in [*sorted(ranges), (0x110000, 0x110000)]:
        if start < low:
            rest.append((start, low - 1))
        start = max(start, high + 1)
    return rest


def _with_small_letters(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """With the small letter of every capital in them: names are compared in small letters."""
    capitals = (ord("A"), ord("Z"))
    return ranges + [
        (max(low, capitals[0]) + 32, min(high, capitals[1]) + 32)
        for low, high in ranges
        if low <= capitals[1] and high >= capitals[0]
    ]


def _folded(text: str) -> str:
    """In small letters, one for one."""
    return "".join(small if len(small := letter.lower()) == 1 else letter for letter in text)
