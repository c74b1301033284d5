"""The window and what is drawn in it."""
