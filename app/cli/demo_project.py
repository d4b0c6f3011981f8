"""The project that `trackside demo` works in: small, real, and made anew each time."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

PLAN: Final = """\
# A Trackside plan: phases, the tasks in them, what each one waits for, and what it runs.
title: Count the harvest, then release the report
maxWorkers: 3

phases:
  - key: count
    title: Count
    tasks:
      - key: prepare
        title: Make room for the results
        runtime: { command: [mkdir, -p, out] }
      - key: apples
        title: Count the apples
        dependsOn: [prepare]
        runtime: { command: [sh, steps/count.sh, apples] }
      - key: pears
        title: Count the pears
        dependsOn: [prepare]
        runtime: { command: [sh, steps/count.sh, pears] }
      - key: report
        title: Put the counts together
        dependsOn: [apples, pears]
        runtime: { command: [sh, steps/report.sh] }

  - key: release
    title: Release
    tasks:
      - key: check
        title: Check the report, which fails the first time
        retries: 2
        runtime: { command: [sh, steps/check.sh] }
      - key: approve
        title: Ask a person, or take the default after 3 seconds
        runtime: { command: [sh, steps/approve.sh] }
      - key: publish
        title: Publish it, or keep it as a draft
        dependsOn: [check, approve]
        runtime: { command: [sh, steps/publish.sh] }
"""

FILES: Final[dict[str, str]] = {
    "plan.yaml": PLAN,
    "README.md": "# Harvest\n\nA project for `trackside demo`. `trackside run plan.yaml` does it again.\n",
    ".gitignore": "out/\n",
    "harvest/apples.txt": "Boskoop\nCox\nElstar\nGloster\n",
    "harvest/pears.txt": "Conference\nWilliams\n",
    "steps/count.sh": 'echo "Counting the $1 ..."\nsleep 1\nwc -l < "harvest/$1.txt" > "out/$1"\n',
    "steps/report.sh": 'echo "apples: $(cat out/apples), pears: $(cat out/pears)" | tee out/report.txt\n',
    "steps/check.sh": (
        "# The first attempt finds no licence to check with, and gets one for the second.\n"
        "if [ ! -e out/licence ]; then\n"
        "  touch out/licence\n"
        '  echo "There was no licence to check with." >&2\n'
        "  exit 1\n"
        "fi\n"
        'grep -q "apples: *4" out/report.txt && echo "The report is right."\n'
    ),
    "steps/approve.sh": (
        "# Waits for `trackside answer`, or for the deadline and its default.\n"
        "trackside ask 'Publish the report?' --option yes --option no --default no --expires 3 > out/approval\n"
    ),
    "steps/publish.sh": (
        'if [ "$(cat out/approval)" = yes ]; then\n'
        "  cp out/report.txt out/published.txt\n"
        '  echo "Published."\n'
        "else\n"
        '  echo "Kept as a draft."\n'
        "fi\n"
    ),
}


def make(directory: Path) -> bool:
    """Write the project; whether it is a git repository in the end."""
    for name, content in FILES.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    git = shutil.which("git")
    if git is None:
        return False
    quiet = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    author = ("-c", "user.name=Trackside", "-c", "user.email=demo@trackside.invalid")
    for arguments in (
        ("init", "-q"),
        ("add", "."),
        (*author, "commit", "-q", "-m", "A project to try things in"),
    ):
        done = subprocess.run([git, *arguments], cwd=directory, env=quiet, capture_output=True, check=False)
        if done.returncode:
            return False
    return True
