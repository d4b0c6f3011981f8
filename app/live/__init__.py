"""From a growing log to streams: wake-ups between processes, and one tail of the log in each."""
