"""The experts, uploads and past sessions that the page shows."""
