"""Tokens and money as people read them."""

from collections.abc import Mapping
from typing import Any

FIELDS = "inputTokens outputTokens cacheReadTokens cacheWriteTokens costUsd"


def spent(usage: Mapping[str, Any] | None) -> str:
    """`12,300 tokens in, 9,000 of them from a cache, 800 out, $0.0125`; nothing of what was not told."""
    if usage is None:
        return ""
    cached = usage["cacheReadTokens"]
    into = usage["inputTokens"] + cached + usage["cacheWriteTokens"]
    parts = [f"{into:,} tokens in"]
    if cached:
        parts.append(f"{cached:,} of them from a cache")
    parts.append(f"{usage['outputTokens']:,} out")
    if usage["costUsd"] != "0":
        parts.append(f"${usage['costUsd']}")
    return ", ".join(parts)
