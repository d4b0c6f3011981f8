"""Stops a whole tree where it stands, and lets it go on."""

import asyncio
from signal import SIGCONT, SIGSTOP

from app.processes.tree import Tree

_STOPPED = "Tt"
_HALTED = (
    "TtD"  # a process in the kernel's uninterruptible sleep meets the signal before its own next instruction
)
_STEP_SECONDS = 0.003


async def pause(tree: Tree, *, patience: float = 5.0) -> bool:
    """SIGSTOP until two looks in a row find nobody awake: a fork may have slipped in between a look and the signal."""
    deadline = asyncio.get_running_loop().time() + patience
    quiet = 0
    while quiet < 2:
        members = tree.members()
        tree.signal([seen for seen in members if seen.state not in _STOPPED], SIGSTOP)
        quiet = 0 if any(seen.state not in _HALTED for seen in members) else quiet + 1
        if quiet < 2:
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(_STEP_SECONDS)
    return True


async def resume(tree: Tree, *, looks: int = 20) -> None:
    """SIGCONT until nobody is stopped; bounded, because a process may well stop itself again."""
    for _ in range(looks):
        stopped = [seen for seen in tree.members() if seen.state in _STOPPED]
        if not stopped:
            return
        tree.signal(stopped, SIGCONT)
        await asyncio.sleep(_STEP_SECONDS)
