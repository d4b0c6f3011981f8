"""What the control plane does unasked. One file per duty, each with a `run_once`."""
