"""The server: who may connect, and to what."""
