"""Where a runner starts."""
