"""The process that stands beside one agent and outlives the server it reports to."""
