"""What the tracker's behaviour depends on, each with its unit."""

from __future__ import annotations

from dataclasses import dataclass, field

from .evidence import Evidence, SpeedModel
from .recognition import RecognitionSettings
from .relocaliser import RelocaliserSettings


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """Settings of :class:`~.tracker.Tracker`; the defaults suit dance, exercise and sport alike.

    Times are in seconds. Differences between poses count as shares of how far two poses of the piece are
    apart, so that they mean the same in a ballet and in a shrug, whatever finds the keypoints.

    Attributes:
        cell: s, grid of the fine row.
        motion_span: s over which velocities are measured.
        window_back: s of the piece kept behind the performer.
        window_ahead: s of the piece kept ahead of the performer.
        lost_after: s without a person until LOST.
        coast: s without a person during which the performer is assumed to move on.
        jump_margin: how many times more probable another place must be.
        jump_contrast: how many times worse the present place must fit.
        jump_floor: what the present place must fit worse besides, as a share of the piece's spread.
        jump_after: s for which all this must last.
        lock_floor: by how much the first place may fit worse than the best of the piece, as a share of the
            piece's spread, beside half as much again.
        behind_most: s that what is shown may be ahead of the performer, and ``behind_after`` s for how long,
            before it jumps back.
        behind_after: see ``behind_most``.
        mirror: whether to try the mirrored performer as well.
        minimum_seen: share of the body that must be in view for a pose to count.
        confidence_gain: how much the row's log odds of being right within 0.25 s count.
        confidence_recognised: how much the nats for the piece count.
        confidence_bias: log odds of being right when the row says one half and nothing is known of the piece.
        finish_share: share of what there is to do that must have been followed for FINISHED.
        wrap_share: the same for a piece to begin again by itself.
        finish_within: s before the last moment at which the end is reached.
        finish_after: s at the end until the piece is done.
        rest_after: s at the end of a movement that is done again and again until it is FINISHED.
    """

    cell: float = 1 / 30
    motion_span: float = 0.2
    window_back: float = 1.5
    window_ahead: float = 2.0
    lost_after: float = 0.8
    coast: float = 0.5
    jump_margin: float = 6.0
    jump_contrast: float = 2.0
    jump_floor: float = 0.1
    jump_after: float = 0.4
    lock_floor: float = 0.12
    behind_most: float = 0.25
    behind_after: float = 0.3
    mirror: bool = True
    minimum_seen: float = 0.12
    confidence_gain: float = 0.9
    confidence_recognised: float = 0.2
    confidence_bias: float = 0.0
    finish_share: float = 0.6
    wrap_share: float = 0.3
    finish_within: float = 0.1
    finish_after: float = 0.2
    rest_after: float = 1.5
    evidence: Evidence = field(default_factory=Evidence)
    speeds: SpeedModel = field(default_factory=SpeedModel)
    relocaliser: RelocaliserSettings = field(default_factory=RelocaliserSettings)
    recognition: RecognitionSettings = field(default_factory=RecognitionSettings)
