"""Brings HDR and wide-gamut frames to the colours of ordinary video (BT.709, SDR), by lookup tables.

HDR shown as it is stored looks grey: PQ spends half of its codes below a tenth of SDR's white.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from .types import Image

Table = npt.NDArray[np.float32]

# Codes of ITU-T H.273 (transfer characteristics, colour primaries).
_PQ, _HLG = 16, 18
_BT709, _BT2020, _DISPLAY_P3 = 1, 9, 12

_CODES: Final = 1 << 16
_STRIP: Final = 64  # rows that are converted at once: they stay in the cache, and memory stays flat
_WHITE: Final = 203.0  # cd/m² of a white sheet in HDR, ITU-R BT.2408
_HLG_PEAK: Final = 1000.0  # cd/m², the nominal display of HLG, ITU-R BT.2100
_GAMMA: Final = 2.4  # of an SDR display, ITU-R BT.1886
_KNEE: Final = 0.75  # share of SDR's white up to which nothing is compressed

#: Linear RGB of wider primaries → BT.709 (white stays white).
_TO_BT709: Final[dict[int, npt.NDArray[np.float64]]] = {
    _BT2020: np.array(
        [[1.660491, -0.587641, -0.072850], [-0.124550, 1.132900, -0.008349], [-0.018151, -0.100579, 1.118730]]
    ),
    _DISPLAY_P3: np.array(
        [[1.224940, -0.224940, 0.0], [-0.042057, 1.042057, 0.0], [-0.019638, -0.078636, 1.098274]]
    ),
}


def is_standard(frame: Any) -> bool:
    """Return whether a decoded frame's colours can be shown as they are, its matrix and range aside."""
    return frame.color_trc not in (_PQ, _HLG) and frame.color_primaries not in _TO_BT709


def to_standard(image: npt.NDArray[np.uint16], frame: Any) -> Image:
    """Return a frame's picture in SDR and BT.709.

    Up to three quarters of SDR's white the brightness is kept; what is brighter is compressed smoothly. Each
    channel is mapped by itself, which takes a little saturation from highlights, as film does.

    Args:
        image: (H, W, 3) uint16 BGR, the frame's code values, full range.
        frame: the decoded PyAV frame, for its transfer characteristic and primaries.

    Returns:
        (H, W, 3) uint8 BGR.
    """
    light, codes = _light(frame.color_trc), _codes()
    primaries = frame.color_primaries
    if primaries not in _TO_BT709 and primaries != _BT709:
        primaries = _BT2020  # HDR that does not name them
    matrix = _TO_BT709.get(primaries)
    standard = np.empty(image.shape, np.uint8)
    for top in range(0, len(image), _STRIP):
        part: Any = light[image[top : top + _STRIP]]
        if matrix is not None:
            part = cv2.transform(part, matrix[::-1, ::-1])
        np.clip(part, 0.0, 1.0, out=part)
        part *= _CODES - 1
        standard[top : top + _STRIP] = codes[part.astype(np.uint16)]
    return standard


@cache
def _light(transfer: int) -> Table:
    """Return code value, 16 bits → light, where 1 is SDR's white; not above it."""
    signal = np.linspace(0.0, 1.0, _CODES)
    if transfer == _PQ:
        nits = 10_000.0 * _pq(signal)
    elif transfer == _HLG:
        # BT.2100 raises to 1.2 by the brightness of all channels; by channel, greys are the same.
        nits = _HLG_PEAK * _hlg(signal) ** 1.2
    else:
        return (signal**_GAMMA).astype(np.float32)
    light = nits / _WHITE
    above = np.maximum(light - _KNEE, 0.0) / (1 - _KNEE)
    return (np.minimum(light, _KNEE) + (1 - _KNEE) * above / (1 + above)).astype(np.float32)


def _pq(signal: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the light of a PQ signal 0..1, as a share of 10 000 cd/m² (SMPTE ST 2084)."""
    root = signal ** (1 / 78.84375)
    share: npt.NDArray[np.float64] = np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)
    return share ** (1 / 0.1593017578125)


def _hlg(signal: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the light of the scene, 0..1, for an HLG signal 0..1 (ARIB STD-B67)."""
    bright = (np.exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return np.where(signal <= 0.5, signal**2 / 3, bright)


@cache
def _codes() -> Image:
    """Return light, 16 bits → SDR's code value, 8 bits."""
    return np.round(255 * np.linspace(0.0, 1.0, _CODES) ** (1 / _GAMMA)).astype(np.uint8)
