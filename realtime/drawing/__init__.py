"""Draws shapes and text on a picture."""
