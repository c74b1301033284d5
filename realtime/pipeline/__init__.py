"""Threads, and the queues between them."""
