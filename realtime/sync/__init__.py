"""Synchronises finished videos side by side."""
