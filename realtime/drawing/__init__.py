"""Shapes and text on a picture."""
