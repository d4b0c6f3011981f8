"""Process trees that do not want to end."""

from pathlib import Path

from tests.runner.support import PYTHON

# A child in the agent's session, one in a session of its own, and one orphaned by a double fork; all ignore SIGTERM and
# note their pids. With a second argument the orphan runs that program, in an empty environment.
_TREE = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
def note():
    fd = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, b"%d\\n" % os.getpid())
    os.close(fd)
def child(prepare):
    if os.fork() == 0:
        prepare()
        note()
        while True: time.sleep(60)
def orphan():
    os.setsid()
    if os.fork() != 0: os._exit(0)
    os.setsid()
    if os.fork() != 0: os._exit(0)
    if len(sys.argv) > 2:
        os.execve(sys.executable, [sys.executable, "-S", "-E", "-c", sys.argv[2], sys.argv[1]], {})
child(lambda: None)
child(os.setsid)
child(orphan)
note()
print("complete", flush=True)
while True: time.sleep(60)
"""

_DISGUISED = """
import os, sys, time
with open(sys.argv[1], "a") as file:
    print(os.getpid(), file=file)
while True: time.sleep(60)
"""


def stubborn_tree(pids: Path, *, disguised: bool = True) -> list[str]:
    """Four processes. Disguised, nothing marks the orphan: only a subreaper, or who saw it before, knows whose it is."""
    return [*PYTHON, _TREE, str(pids), *([_DISGUISED] if disguised else [])]
