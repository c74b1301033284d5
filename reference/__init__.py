"""Turns a video into a sequence, the expert's movement: prepared once, stored, aligned."""

from __future__ import annotations

from .align import Alignment, align
from .gaps import fill_gaps
from .prepare import PreparedReference, Progress, prepare_reference, reference_cache_dir
from .proxy import ProxyVideo
from .reference import Origin, Reference

__all__ = [
    "Alignment",
    "Origin",
    "PreparedReference",
    "Progress",
    "ProxyVideo",
    "Reference",
    "align",
    "fill_gaps",
    "prepare_reference",
    "reference_cache_dir",
]
