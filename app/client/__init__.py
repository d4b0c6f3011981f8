"""How a program speaks to a control plane."""
