"""What a server does so that nothing holds its event loop."""

import gc
import sys
from pathlib import Path

from tests.main.application import serving


async def test_who_serves_lets_no_thread_keep_the_interpreter_for_long(tmp_path: Path) -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.005)
    gc.unfreeze()
    try:
        async with serving(tmp_path) as served:
            await served.application.serving(served.url)
            assert sys.getswitchinterval() <= 0.001
            assert gc.get_freeze_count() > 0
            assert "anyio._backends._asyncio" in sys.modules
    finally:
        sys.setswitchinterval(before)
