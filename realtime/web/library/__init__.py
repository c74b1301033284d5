"""The web library: experts, uploads and past sessions."""
