"""Makes orphans of the tree children of this process, so that a double fork is no way out."""

import ctypes
import sys

_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36


def become_subreaper() -> bool:
    """True when the kernel now hands orphaned descendants to this process (Linux only)."""
    if sys.platform != "linux":
        return False
    failed: int = ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    return failed == 0


def set_process_name(name: str) -> None:
    """What `ps` and `top` call this process; at most 15 bytes are kept."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)
