"""Pages and probes beside GraphQL."""
