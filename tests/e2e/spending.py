"""The server, whose command workers tell what they spend. `python -m tests.e2e.spending serve …`"""

import sys

from app import cli
from app.dispatch import local

if __name__ == "__main__":
    local.template_command = lambda: [sys.executable, "-m", "tests.e2e.spending_template"]
    cli.main()
