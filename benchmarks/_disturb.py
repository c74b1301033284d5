"""Disturbs perfect keypoints as an estimator does: jitter, doubt, swapped ankles, legs out of the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from _motions import Array, View
from posesync.pose.skeleton import LEFT_ANKLE, LEFT_KNEE, RIGHT_ANKLE, RIGHT_KNEE

#: Jitter of each keypoint relative to the trunk's: wrists and ankles are the worst, as MoveNet's are.
_JITTER: Final = np.array([1.0] * 5 + [0.8, 0.8, 1.0, 1.0, 1.4, 1.4, 0.8, 0.8, 1.0, 1.0, 1.3, 1.3])
_LEGS: Final = (LEFT_KNEE, RIGHT_KNEE, LEFT_ANKLE, RIGHT_ANKLE)
#: Neighbouring frames' errors resemble each other over about this long, s …
_MEMORY: Final = 0.05
#: … and how large they are changes over about this long. Between two estimates of one clip from altered
#: pictures MoveNet's keypoints differ by 2 % of the torso at the median and 4–13 % at p95: heavier tails
#: than a Gaussian's.
_MOOD: Final = 0.3


@dataclass(frozen=True)
class Disturbance:
    """How an estimator errs.

    Attributes:
        jitter: standard deviation per axis, share of the torso length.
        drops: confidence drops per keypoint and minute, 0.1–1 s each, during which the keypoint also strays.
        ankle_swaps: share of the frames in which the ankles are exchanged.
        legs_from: s, from when on knees and ankles are below the picture; None = never.
    """

    jitter: float = 0.0125
    drops: float = 0.0
    ankle_swaps: float = 0.0
    legs_from: float | None = None


def correlated(rng: np.random.Generator, times: Array, shape: tuple[int, ...], memory: float) -> Array:
    """(N, *shape) unit-variance noise, exponentially forgotten over ``memory`` s (an AR(1) by timestamps)."""
    noise = rng.standard_normal((len(times), *shape))
    keep = np.exp(-np.diff(times, prepend=times[:1]) / memory)
    for index in range(1, len(times)):
        noise[index] = keep[index] * noise[index - 1] + np.sqrt(1 - keep[index] ** 2) * noise[index]
    return noise


def observe(view: View, times: Array, disturbance: Disturbance, rng: np.random.Generator) -> Array:
    """(N, 17, 3) keypoints as an estimator would give them at ``times`` (N,) s."""
    unit = view.torso[:, None, None]
    mood = np.exp(0.5 * correlated(rng, times, (17, 1), _MOOD) - 0.125)
    strays = _JITTER[None, :, None] * (1 + 2.0 * view.hidden[..., None]) * mood
    xy = view.xy + disturbance.jitter * unit * strays * correlated(rng, times, (17, 2), _MEMORY)
    # Confidence falls with blur (0.06 per torso length per second) and wanders a little by itself.
    moved = (
        np.linalg.norm(np.gradient(view.xy, axis=0), axis=-1) / np.maximum(np.gradient(times), 1e-3)[:, None]
    )
    blur = np.clip(1.1 - 0.06 * moved / view.torso[:, None], 0.5, 1.0)
    confidence = view.confidence * blur + 0.05 * correlated(rng, times, (17,), 0.15) * (view.confidence > 0)
    if disturbance.drops:
        _drop(xy, confidence, view, times, disturbance.drops, rng)
    if disturbance.ankle_swaps:
        swapped = _episodes(rng, times, disturbance.ankle_swaps, 0.15)
        xy[swapped, LEFT_ANKLE], xy[swapped, RIGHT_ANKLE] = (
            xy[swapped, RIGHT_ANKLE].copy(),
            xy[swapped, LEFT_ANKLE].copy(),
        )
    if disturbance.legs_from is not None:
        _cut_legs(xy, confidence, times >= disturbance.legs_from, unit, rng)
    return np.concatenate([xy, np.clip(confidence, 0.0, 1.0)[..., None]], axis=-1)


def _episodes(rng: np.random.Generator, times: Array, share: float, mean: float) -> np.ndarray:
    """(N,) bool: true for about ``share`` of the time, in stretches of about ``mean`` s."""
    state, out, at = False, np.zeros(len(times), bool), float(times[0])
    for index, time in enumerate(times):
        while at <= time:
            state = not state if index or at > times[0] else rng.random() < share
            at += float(rng.exponential(mean if state else mean * (1 - share) / share))
        out[index] = state
    return out


def _drop(
    xy: Array, confidence: Array, view: View, times: Array, rate: float, rng: np.random.Generator
) -> None:
    span = float(times[-1] - times[0])
    for joint in range(5, 17):
        for _ in range(rng.poisson(rate * span / 60.0)):
            start = times[0] + rng.uniform(0, span)
            inside = (times >= start) & (times < start + rng.uniform(0.1, 1.0))
            confidence[inside, joint] *= rng.uniform(0.05, 0.5)
            stray = rng.normal(0.0, 0.15, 2)
            xy[inside, joint] += stray * view.torso[inside, None]


def _cut_legs(xy: Array, confidence: Array, out: np.ndarray, unit: Array, rng: np.random.Generator) -> None:
    """MoveNet then puts knees and ankles somewhere at the picture's lower edge and is hardly sure of them."""
    edge = xy[:, 11:13].mean(axis=1, keepdims=True) + np.array([0.0, 0.35]) * unit
    guess = edge + rng.normal(0.0, 0.12, (len(xy), 4, 2)) * unit
    doubt = np.clip(rng.normal(0.1, 0.06, (len(xy), 4)), 0.0, 0.3)
    rows = np.flatnonzero(out)[:, None]
    xy[rows, list(_LEGS)] = guess[out]
    confidence[rows, list(_LEGS)] = doubt[out]
