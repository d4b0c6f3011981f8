"""What a sentence says about the tasks it names: which waits for which, in the words of several languages."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import Enum
from itertools import pairwise
from typing import Final

from app.plans.references import Mention

_ONLY: Final = r"(?:(?:only|also|strictly|directly|solely|mainly|s[óo]lo|apenas|nur)\s+)?"
_STRONG: Final = (
    rf"(?:(?i:\b(?:depend(?:s|ent|ing)?[\s_]+{_ONLY}(?:up)?on|(?:un)?blocked\s+(?:by|on|until)|gated\s+(?:by|on)"
    r"|wait(?:s|ing)?\s+(?:for|on|until)|requires?|needs?|dependenc(?:y|ies)(?:\s+on)?|depends?|deps?)\b"
    rf"|\b(?:depende[mn]?\s+{_ONLY}d[aeo]s?|requier(?:e|en)|requer(?:em)?|dépend(?:ent)?\s+d[eu]|nécessite(?:nt)?|abhängig\s+von"
    r"|häng(?:t|en)\s+(?:ab\s+)?von|benötig(?:t|en)|dipend(?:e|ono)\s+d[ai]|zależ[ay]\s+od)\b)"
    r"|依赖于?|依賴於?|需要先完成|需要(?!求)|需等待?|必须等待?|等待|\b(?:завис[ия]т\s+от|требу[ею]т)\b)"
)
_WEAK: Final = r"(?i:\b(?:after|follow(?:s|ing)|(?:builds?|built|rel(?:y|ies))\s+(?:up)?on|once|until|tras|después\s+de|depois\s+d[aeo]s?|após|après|nach|dopo|после)\b)"
_REVERSE: Final = (
    r"(?:(?i:\b(?:blocks?|before|precedes?|unblocks?|unlocks?|enables?|gates?|prerequisites?\s+(?:for|of)"
    r"|(?:required|needed)\s+(?:by|for|before)|antes\s+d[aeo]s?|avant|vor|prima\s+di|перед)\b)|阻塞|先于|先於)"
)
_FILLER: Final = r"(?:\s{1,2}(?i:the|completing|completion|of|both|all|on|tasks?|only))*"
# Possessive, so that a line of blanks costs no more than its length.
_OPENING: Final = r"[\s:\uff1a(\uff08*`]*+"
_CLOSING: Final = r"[\s)*`\]}\uff09]*+"
_ASIDE: Final = r"(?:[(\uff08][^()\uff08\uff09]{0,120}[)\uff09])?"

_WORTH_READING = re.compile(
    rf"{_STRONG}|{_WEAK}|{_REVERSE}|→|->|=>|←|<-|⟶|➜|►|⬅|依存|完了後|の後|之后|之後|完成后|完成後|之前|前に|の前|의존|이후|전에"
    r"|(?i:sequential|serial|\bfirst\b)|串行|直列|順次"
)
_STRONG_BEFORE = re.compile(rf"{_STRONG}{_FILLER}{_OPENING}$")
_NEARLY_BEFORE = re.compile(rf"{_STRONG}{_FILLER}{_OPENING}(?:[\w'-]{{1,20}}\s){{0,2}}[(\[*`]*$")
_WEAK_BEFORE = re.compile(rf"{_WEAK}{_FILLER}{_OPENING}$|[←⬅]\s*$")
_REVERSE_BEFORE = re.compile(rf"{_REVERSE}{_FILLER}{_OPENING}$")
_NEGATION = re.compile(
    r"(?:\b(?:not|never|no|without|cannot|nor|não|nao|nicht|ne|pas|sin|sem)|n['\u2019]t|[不无無]|не)[ \w]{0,12}$",
    re.IGNORECASE,
)
_STRONG_AFTER = re.compile(rf"{_CLOSING}(?:に依存(?!しな)|に依る|에\s?의존(?!하지))")
_WEAK_AFTER = re.compile(
    rf"{_CLOSING}(?:の)?\s*(?:完了後|後に|の後|を待|完成后|完成後|之后|之後|以后|完了之后|이후|완료\s?후|후에|다음에)"
    r"|\s+must\s+be\s+(?:done|completed?|finished|merged)\s+first"
)
_REVERSE_AFTER = re.compile(rf"{_CLOSING}(?:の)?\s*(?:之前|前に|の前|完成前|이전에|전에)")

_LINK: Final = r"(?:[-\u2013—:\uff1a]\s*+)?(?:\s*+(?:is|are|was|be|must|should|will|then|also|directly|itself|both|all|均|都|仅|只|也))*+"
_STRONG_GAP = re.compile(rf"{_CLOSING}{_ASIDE}{_CLOSING}{_LINK}{_OPENING}{_STRONG}{_FILLER}{_OPENING}")
_LOOSE_GAP = re.compile(rf"{_STRONG}|{_WEAK}")
_REVERSE_GAP = re.compile(_REVERSE)
_LABEL: Final = r"(?:[(\[{\uff08]{1,2}[^()\[\]{}\uff08\uff09]{0,120}[)\]}\uff09]{1,2})?"
_ARROW_GAP = re.compile(
    rf"{_CLOSING}{_LABEL}{_CLOSING}(?:[─━═—-]{{0,12}}[→⟶➜►>▶]|=>)(?:\|[^|]{{0,60}}\|)?[\s(\[{{*`]*"
)
_BACK_ARROW_GAP = re.compile(rf"{_CLOSING}{_LABEL}{_CLOSING}(?:[←⬅]|<[-=]+)[\s(\[{{*`]*")
_TOPIC_GAP = re.compile(r"[\s)*`\]\uff09]*(?:は、?|が|는|은|[必应應]?[须需須該该]?在)[\s(\[*`]*")
_FIRST = re.compile(
    r"(?:^|[^\w])(?:after|once|following|tras|después\s+de|após|depois\s+d[aeo]s?|après|nach)\s+(?:the\s+|tasks?\s+)*[*`(\[]*$",
    re.IGNORECASE,
)
_THEN_GAP = re.compile(
    rf"{_CLOSING}{_ASIDE}(?:\s*(?:is|are|has|have|been))*\s*(?:complet(?:es?|ed|ion)|done|finish(?:es|ed)?|land(?:s|ed)?|merge[sd]?|pass(?:es|ed)?)?"
    r"[\s*`)]*[,:\uff1a][\s*`(]*",
    re.IGNORECASE,
)
_SEQUENTIAL_AFTER = re.compile(
    rf"{_CLOSING}(?:は|are|is|must\s+be|must\s+run|should\s+run|run|:|[^.;。()]{{1,60}}\b(?:must|should)\s+(?:be|run))?\s*(?:strictly\s+)?"
    r"(?:sequential|seriali[sz]ed|直列|順次|串行)",
    re.IGNORECASE,
)
_NEW_SENTENCE = re.compile(r"[;\uff1b。]|\.\s|\b(?:US|Phase|Story)\s?\d|\bnot?\b|不|无|無", re.IGNORECASE)
_GAP: Final = 80
_PARENTHESES = re.compile(r"[(\uff08][^()\uff08\uff09]*[)\uff09]")
_SPEAKS = re.compile(rf"{_STRONG}|{_WEAK}|{_REVERSE}")
_TIGHT_ARROW = re.compile(r"[─━═—-]{0,3}[→⟶➜►>▶]|=>")


class Said(Enum):
    """What the line of a task says of another one that it names."""

    PLAINLY_WAITS = "waits for it, in so many words"
    WAITS = "waits for it"
    COMES_FIRST = "comes before it"


def worth_reading(text: str) -> bool:
    return _WORTH_READING.search(text) is not None


def is_negated(text: str, position: int) -> bool:
    """Whether a word like `not` stands close before the verb at that position."""
    return _NEGATION.search(text, max(0, position - 40), position) is not None


def of_itself(text: str, mention: Mention) -> Said | None:
    """What a task says of one that its line names: `(depends on T034)`, `after T012`, `blocks T020`."""
    before = text[max(0, mention.start - _GAP) : mention.start]
    plain = _STRONG_BEFORE.search(before)
    nearly = _NEARLY_BEFORE.search(before) if plain is None and mention.is_certain else None
    found = plain or nearly
    if found is not None:
        if is_negated(before, found.start()):
            return None
        return Said.PLAINLY_WAITS if plain is not None else Said.WAITS
    if not mention.is_certain:
        return None
    if _STRONG_AFTER.match(text, mention.end):
        return Said.PLAINLY_WAITS
    if _WEAK_BEFORE.search(before) or _WEAK_AFTER.match(text, mention.end):
        return Said.WAITS
    reverse = _REVERSE_BEFORE.search(before)
    if reverse is not None and not is_negated(before, reverse.start()):
        return Said.COMES_FIRST
    return Said.COMES_FIRST if _REVERSE_AFTER.match(text, mention.end) else None


def of_each_other(text: str, mentions: Sequence[Mention]) -> Iterator[tuple[Mention, Mention, bool]]:
    """Pairs of what waits and what it waits for, and whether that is said plainly: `T005 depends on T002`, `T004 → T005`."""
    for place, (left, right) in enumerate(pairwise(mentions)):
        if right.start - left.end > _GAP:
            continue
        before, after = _own_clause(text, mentions, place)
        gap = text[left.end : right.start]
        if _ARROW_GAP.fullmatch(gap):
            yield after, before, False
        elif _STRONG_GAP.fullmatch(gap):
            yield before, after, True
        elif _is_left_after_right(text, gap, right):
            yield before, after, False
        elif _is_right_after_left(text, gap, left, right):
            yield after, before, False


def _own_clause(text: str, mentions: Sequence[Mention], place: int) -> tuple[Mention, Mention]:
    """Of `T005 after T004, T007 after T006` the pairs of T005 and T004, of T007 and T006.

    What stands in the middle is a list to the eye. Its last one belongs to what follows, where a comma divides it from
    the others and both sides of the list speak.
    """
    left, right = mentions[place : place + 2]
    if place and _is_divided(text, mentions[place - 1], left, right):
        left = left.items[-1]
    if place + 2 < len(mentions) and _is_divided(text, left, right, mentions[place + 2]):
        keys = [key for item in right.items[:-1] for key in item.keys]
        right = replace(right, keys=keys, end=right.items[-2].end, items=right.items[:-1])
    return left, right


def _is_divided(text: str, before: Mention, middle: Mention, after: Mention) -> bool:
    if len(middle.items) < 2:
        return False
    comma = text[middle.items[-2].end : middle.items[-1].start].strip()
    gaps = [
        _PARENTHESES.sub("", text[before.end : middle.start]),
        _PARENTHESES.sub("", text[middle.end : after.start]),
    ]
    if not comma.endswith((",", "、", "\uff0c")) or max(map(len, gaps)) > _GAP:
        return False
    # `T001→T002, T003→T004` binds tighter than its comma, `T001 → T002, T003 → T004` does not
    return all(map(_SPEAKS.search, gaps)) or all(map(_TIGHT_ARROW.fullmatch, gaps))


def sequences(text: str, mentions: Sequence[Mention]) -> Iterator[Mention]:
    """`T003 to T005 are sequential`."""
    return (mention for mention in mentions if _SEQUENTIAL_AFTER.match(text, mention.end))


def is_one_statement(text: str) -> bool:
    """Not several sentences, nor about whole stories or phases."""
    return _NEW_SENTENCE.search(text) is None


def _is_right_after_left(text: str, gap: str, left: Mention, right: Mention) -> bool:
    if _THEN_GAP.fullmatch(gap) and _FIRST.search(text, max(0, left.start - 40), left.start):
        return True
    if _TOPIC_GAP.fullmatch(gap):
        return _REVERSE_AFTER.match(text, right.end) is not None
    said = _PARENTHESES.sub("", gap)
    return _REVERSE_GAP.search(said) is not None and is_one_statement(gap)


def _is_left_after_right(text: str, gap: str, right: Mention) -> bool:
    if _BACK_ARROW_GAP.fullmatch(gap):
        return True
    if _TOPIC_GAP.fullmatch(gap):
        return bool(_STRONG_AFTER.match(text, right.end) or _WEAK_AFTER.match(text, right.end))
    said = _PARENTHESES.sub("", gap)
    return is_one_statement(gap) and _REVERSE_GAP.search(said) is None and _LOOSE_GAP.search(said) is not None
