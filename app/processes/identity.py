"""A process is named by pid and creation, because a bare pid may be a stranger by the time it is used."""

from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class Identity:
    """On Linux `created` counts seconds since boot, so that no step of the wall clock makes a live process look gone."""

    pid: int
    created: float
    boot: str = ""

    def to_json(self) -> dict[str, Any]:
        return {"pid": self.pid, "createTime": self.created, "boot": self.boot}

    @classmethod
    def from_json(cls, value: object) -> "Identity | None":
        if not isinstance(value, dict):
            return None
        pid, created, boot = value.get("pid"), value.get("createTime"), value.get("boot", "")
        if type(pid) is not int or not isinstance(created, int | float) or not isinstance(boot, str):
            return None
        return cls(pid, float(created), boot)


class Seen(NamedTuple):
    """A live process as one look found it; `state` is the kernel's letter (R, S, D, T ...), never a zombie's."""

    identity: Identity
    state: str
