"""The template for runners whose agents tell what they spend: a line `spends 0.50` is that much, in US dollars."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from app.runner import template
from app.runner.outbox import Outbox
from app.runner.reporter import OutboxReporter

LOG = Outbox.log


def log(self: Outbox, stream: Any, lines: Iterable[Any]) -> None:
    kept = list(lines)
    LOG(self, stream, kept)
    for line in kept:
        verb, _, amount = line.partition(" ")
        if verb == "spends":
            OutboxReporter(self).used("model-of-the-tests", output_tokens=1, cost_usd=Decimal(amount))


if __name__ == "__main__":
    Outbox.log = log  # type: ignore[method-assign, assignment]
    template.main()
