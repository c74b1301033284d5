"""Two finished videos side by side."""
