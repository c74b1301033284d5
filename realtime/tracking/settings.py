"""Settings of the tracker, each with its unit."""

from __future__ import annotations

from dataclasses import dataclass, field

from posesync.pose.keys import number, switch


@dataclass(frozen=True, slots=True)
class Evidence:
    """Weights of a difference in pose or motion. Differences are mean squares of pose entries.

    Attributes:
        pose_rate: nats per second for a pose that differs by the expected difference.
        pose_share: expected difference of two good performances, as a share of the piece's own spread.
        residual_share: the same as a share of how far performer and expert differ where they are aligned; the
            larger counts.
        pose_limit: difference, in units of the expected one, at which a wrong pose counts half of its square.
        motion_rate: nats per second for a velocity that differs by its own uncertainty.
        motion_noise: uncertainty of a velocity at rest, 1/s, beside the keypoints' own jitter.
        jitter_gain: how many times more a velocity varies than the jitter between frames explains: some of it
            drifts, which looks like movement.
        motion_share: further uncertainty as a share of the velocity that a hypothesis expects.
        rest_share: velocity of the performer, as a share of the expert's liveliest tenth, at which half of
            that uncertainty is granted: a performer who does not move gets none.
        motion_limit: squared error, in units of its uncertainty, at which a wrong velocity counts half of it.
        standing_limit: the same for the hypothesis that the performer stands still.
        hidden_cost: error, in units of its uncertainty, that is assumed for the velocity of an expert who is
            not seen: an unseen expert must not be the cheapest match.
        stillness_floor: share of ``pose_rate`` left when the performer does not move. What is wrong with a
            pose (another body, another camera) stays wrong while it is held: a second look adds no evidence.
        stillness_motion: mean velocity of the limbs, 1/s, at which half of the remaining share counts.
        unseen_cost: difference, in units of the expected one, that is assumed for an unseen entry: more than
            in a good performance, less than in a wrong pose.
        trust_from: difference where aligned, as a share of the piece's own spread, from which poses are
            trusted less.
        trust_fall: how fast trust falls beyond that.
        trust_resting: power of trust by which velocities are weighted when the performer does not move; when
            they move it is 2.
        alike: difference where aligned, as a share of the piece's own spread, below which the expected
            difference falls with it, down to the share ``alike_least``.
        alike_least: see ``alike``.
        absence: nats, at most, for seeing nobody where the expert is in full view.
        absence_memory: s out of sight within which most of these nats are charged.
        prior_weight: mean weight of entries at which evidence counts half; below, a pose says little.
    """

    pose_rate: float = 20.0
    pose_share: float = 0.5
    residual_share: float = 0.9
    pose_limit: float = 8.0
    motion_rate: float = 10.0
    motion_noise: float = 0.1
    jitter_gain: float = 0.9
    motion_share: float = 0.7
    rest_share: float = 0.025
    motion_limit: float = 6.0
    standing_limit: float = 60.0
    hidden_cost: float = 2.0
    stillness_floor: float = 0.2
    stillness_motion: float = 0.5
    unseen_cost: float = 1.5
    trust_from: float = 0.9
    trust_fall: float = 7.0
    trust_resting: float = 0.5
    alike: float = 0.25
    alike_least: float = 0.2
    absence: float = 2.0
    absence_memory: float = 0.15
    prior_weight: float = 0.1


@dataclass(frozen=True, slots=True)
class SpeedModel:
    """How a performer's speed changes.

    Attributes:
        speeds: relative to the expert's; the first is 0.
        change: per second, how often a speed gives way to each neighbour.
        stop: per second, how often a moving performer stops.
        go: per second, how often a performer who stands still moves off.
        spread: standard deviation of the logarithm of the speeds of different performers.
        skip: per second, how often the rest of a passage in which the expert stands still is left out.
    """

    speeds: tuple[float, ...] = (0.0, 0.5, 0.75, 1.0, 1.35, 1.8, 2.4)
    change: float = 7.5
    stop: float = 0.25
    go: float = 1.0
    spread: float = 0.5
    skip: float = 0.6


@dataclass(frozen=True, slots=True)
class RelocaliserSettings:
    """Settings of how readily the tracker believes the performer to be at another place in the piece.

    Attributes:
        cell: s, grid of the coarse row.
        period: s between two searches of the whole piece, where the updates allow it.
        most_cells: cells that one update searches, at most: it bounds the cost of an update.
        speeds: relative to the expert's, as in :class:`SpeedModel`.
        jump: per second, how often a performer jumps to another place.
        jump_astray: the same for a performer who does not seem to be at the believed place.
        to_start: share of these jumps that lead to the beginning.
        start_prior: probability that a session starts at the beginning of the piece.
        mirror_prior: probability that a performer mirrors the expert.
        mirror_memory: s after which evidence about mirroring counts 1/e.
        neighbourhood: s around a place that count as the same place.
    """

    cell: float = 0.1
    period: float = 0.15
    most_cells: int = 1000
    speeds: tuple[float, ...] = (0.0, 0.6, 1.0, 1.6)
    jump: float = 0.02
    jump_astray: float = 0.5
    to_start: float = 0.3
    start_prior: float = 0.9
    mirror_prior: float = 0.1
    mirror_memory: float = 15.0
    neighbourhood: float = 0.5


@dataclass(frozen=True, slots=True)
class RecognitionSettings:
    """Settings that tell a performer of the piece from somebody who does something else.

    Attributes:
        memories: s of full movement over which evidence is forgotten, for the short window and the long one.
        half_motion: velocity of the limbs, as a share of the expert's liveliest tenth, at which a moment
            counts half.
        rest: share of a motionless moment that still counts.
        prior: s of full movement that the prior counts for.
        weights: nats for each of the numbers (:attr:`~.recognition.Recognition.features`), fitted by
            ``benchmarks/people.py`` on people who do a piece and people who do something else.
        bias: nats added to their weighted sum.
        absent: nats below which, for ``dwell`` s, the performer does something else.
        present: nats above which they are back.
        dwell: s, see ``absent``.
        judged: s of full movement before any judgement is made.
        kept: share of the evidence that is kept when the performer is found elsewhere.
    """

    memories: tuple[float, float] = (1.0, 3.0)
    half_motion: float = 0.4
    rest: float = 0.05
    prior: float = 0.5
    weights: tuple[float, ...] = (
        -2.24, 1.76, -2.05, -2.48, -3.5, -1.68, 0.0,
        -3.57, -0.84, -5.18, 1.51, 4.4, -0.7, 1.44,
    )  # fmt: skip
    bias: float = 1.26
    absent: float = -1.1
    present: float = -0.2
    dwell: float = 0.1
    judged: float = 1.0
    kept: float = 0.5


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """Settings of :class:`~.tracker.Tracker`; the defaults suit dance, exercise and sport alike.

    Times are in seconds. Differences between poses are given as shares of the median difference of two random
    poses of the piece, so they mean the same in a ballet and in a shrug, with any pose model. The fields
    that describe themselves are the keys of ``[tracking]`` in a settings file.

    Attributes:
        cell: s, grid of the fine row.
        motion_span: s over which velocities are measured.
        window_back: s of the piece kept behind the performer.
        window_ahead: s of the piece kept ahead of the performer.
        coast: s without a person during which the performer is assumed to move on.
        jump_margin: how many times more probable another place must be.
        jump_contrast: how many times worse the present place must fit.
        jump_floor: by how much more the present place must fit worse, as a share of the piece's spread.
        lock_floor: the first place may differ by 1.5 times the least difference of the piece plus this share
            of the piece's spread.
        behind_most: s by which the place shown may be ahead of the performer before it jumps back, when that
            lasts ``behind_after`` s.
        behind_after: see ``behind_most``.
        confidence_gain: how much the row's log odds of being right within 0.25 s count.
        confidence_recognised: how much the nats for the piece count.
        confidence_bias: log odds of being right when the row gives one half and nothing is known of the
            piece.
        wrap_share: share of the piece's movement that must have been followed for it to begin again by
            itself.
        finish_within: s before the last moment at which the end is reached.
    """

    cell: float = 1 / 30
    motion_span: float = 0.2
    window_back: float = 1.5
    window_ahead: float = 2.0
    lost_after: float = number(
        0.8,
        "s",
        0.1,
        60,
        "How long you may be out of sight before you count as lost and your place is searched for again.",
    )
    coast: float = 0.5
    jump_margin: float = 6.0
    jump_contrast: float = 2.0
    jump_floor: float = 0.1
    jump_after: float = number(
        0.4,
        "s",
        0,
        10,
        "How long another place in the piece must fit clearly better than the present one before the "
        "tracker jumps there: less finds you sooner after a skip, more jumps less often.",
    )
    lock_floor: float = 0.12
    behind_most: float = 0.25
    behind_after: float = 0.3
    mirror: bool = switch(
        True,
        "Also follow a performer who does the piece with left and right exchanged. false: only as it is.",
    )
    minimum_seen: float = number(
        0.12, "share", 0.05, 0.9, "How much of your body must be in view for a pose to count."
    )
    confidence_gain: float = 0.9
    confidence_recognised: float = 0.2
    confidence_bias: float = 0.0
    finish_share: float = number(
        0.6,
        "share",
        0,
        1,
        "How much of the piece you must have done before reaching its end counts as finishing it.",
    )
    wrap_share: float = 0.3
    finish_within: float = 0.1
    finish_after: float = number(
        0.2, "s", 0, 10, "How long you must be at the end before the piece counts as finished."
    )
    rest_after: float = number(
        1.5,
        "s",
        0,
        60,
        "The same for a movement that is repeated, such as squats: how long a rest must last to finish it.",
    )
    evidence: Evidence = field(default_factory=Evidence)
    speeds: SpeedModel = field(default_factory=SpeedModel)
    relocaliser: RelocaliserSettings = field(default_factory=RelocaliserSettings)
    recognition: RecognitionSettings = field(default_factory=RecognitionSettings)
