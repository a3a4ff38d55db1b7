"""Real processes, started as a person starts them from a shell, and observed from outside."""
