"""How to talk to one agent; a file per kind."""
