"""Threads, and what they hand to one another."""
