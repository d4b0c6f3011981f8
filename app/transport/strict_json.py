"""JSON that means one thing only: no duplicate keys, no NaN, no half characters, no abysses."""

import json
from math import isfinite
from typing import Any, Final

DEPTH: Final = 64


class NotStrict(ValueError):
    """Why a text is not taken, in words for its sender."""


def parse(text: str | bytes) -> Any:
    try:
        if isinstance(text, bytes):
            text = text.decode()
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)
    except NotStrict:
        raise
    except UnicodeDecodeError as error:
        raise NotStrict("The text is not UTF-8.") from error
    except RecursionError as error:
        raise NotStrict(f"It is nested deeper than {DEPTH} levels.") from error
    except json.JSONDecodeError as error:
        raise NotStrict(f"It is not JSON: {error.msg} at position {error.pos}.") from error
    except ValueError as error:
        raise NotStrict("A number has too many digits.") from error
    if text.count("{") + text.count("[") > DEPTH or "\\u" in text:
        _look_through(value)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotStrict("An object has the same key twice.")
    return found


def _no_constant(name: str) -> float:
    raise NotStrict(f"{name} is not a JSON number.")


def _finite(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise NotStrict("A number is too large.")
    return number


def _look_through(value: Any) -> None:
    """Without recursion, because what is too deep to recurse into is what is looked for."""
    waiting = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if depth > DEPTH:
            raise NotStrict(f"It is nested deeper than {DEPTH} levels.")
        if isinstance(item, str):
            _whole(item)
        elif isinstance(item, dict):
            for key, one in item.items():
                _whole(key)
                waiting.append((one, depth + 1))
        elif isinstance(item, list):
            waiting.extend((one, depth + 1) for one in item)


def _whole(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise NotStrict("A text holds half a surrogate pair.") from error
