"""Trackside: a control plane for fleets of coding agents."""
