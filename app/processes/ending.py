"""Ends a whole tree for certain: ask, then kill, then look for what got away."""

import asyncio
from collections.abc import Callable
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM

from app.processes.identity import Identity, Seen
from app.processes.tree import Tree

_FIRST_NAP, _LONGEST_NAP = 0.002, 0.1
_FREEZE_ROUNDS = 100
_STUBBORN_SECONDS = 10.0


class _Naps:
    """Short at first, because most trees go at once; longer with time, because some hang in the kernel."""

    def __init__(self) -> None:
        self._next = _FIRST_NAP

    async def take(self) -> None:
        await asyncio.sleep(self._next)
        self._next = min(self._next * 1.5, _LONGEST_NAP)


async def end(
    tree: Tree, grace: Callable[[], float], *, stubborn: Callable[[list[Seen]], None] = lambda members: None
) -> None:
    """Return when nothing of the tree is alive, however long that takes.

    `grace` is asked again and again: it may be shortened while it runs. `stubborn` hears, once, of a tree that is still
    there after being killed for ten seconds (another user's process, or one that hangs in the kernel).
    """
    clock = asyncio.get_running_loop().time
    await _ask(tree, grace)
    began, naps, quiet = clock(), _Naps(), 0
    while True:
        members = tree.members(everywhere=True)
        quiet = 0 if members else quiet + 1
        if (
            quiet == 2
        ):  # one look may miss a process in the middle of its exec, whose environment reads as empty
            return
        if members:
            kill(tree)
            if clock() - began > _STUBBORN_SECONDS:
                began = float("inf")
                stubborn(members)
        await naps.take()


async def _ask(tree: Tree, grace: Callable[[], float]) -> None:
    if grace() <= 0:
        return
    clock = asyncio.get_running_loop().time
    began, naps = clock(), _Naps()
    members = tree.members(everywhere=True)
    tree.signal(members, SIGTERM, SIGCONT)  # a stopped process hears of nothing until it goes on
    while members and clock() - began < grace():
        await naps.take()
        members = tree.members()


def kill(tree: Tree) -> None:
    """Freeze before killing: what is stopped cannot fork, so even a fork bomb holds still."""
    frozen: set[Identity] = set()
    for _ in range(_FREEZE_ROUNDS):
        fresh = [seen for seen in tree.members() if seen.identity not in frozen]
        if not fresh:
            break
        tree.signal(fresh, SIGSTOP)
        frozen.update(seen.identity for seen in fresh)
    tree.signal(tree.members(), SIGKILL)
