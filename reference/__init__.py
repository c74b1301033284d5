"""A video becomes a sequence: the expert's movement, prepared once, stored, aligned."""

from __future__ import annotations

from .reference import Origin, Reference

__all__ = ["Origin", "Reference"]
