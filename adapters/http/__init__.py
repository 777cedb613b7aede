"""How the control plane speaks HTTP: what all dialects share, and one folder a dialect."""
