"""Scenarios of a performer with an expert's video, each with an exactly known path.

A :class:`Case` is a reference and live keypoints with the truth. Reference and live never share a frame: both
are sampled at a random phase of their own clock, and each has its own noise. Everything follows from the
seed.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

import numpy as np
from _clips import CAMERAS, clips
from _disturb import Disturbance, observe
from _motions import PARTS, Array, Look, Motion, Motion3D, MotionClip, performances, rebuild, smooth_noise
from _paths import Event, Path, Speed

REFERENCE_RATE: Final = 30.0
#: Where a jump begins or a hold stands, the expert moves at least this fast (torso lengths per second):
#: where the expert stands still too, nobody could say that the performer has stopped.
MOVING: Final = 0.5


@dataclass(frozen=True)
class Case:
    """One performance against one reference.

    Attributes:
        scenario: name of it.
        motion: name of the movement.
        seed: of everything random.
        reference_times: (T,) s from 0, 30 per second.
        reference_keypoints: (T, 17, 3) x px, y px, confidence.
        times: (N,) s, strictly increasing.
        keypoints: (N, 17, 3).
        truth: (N,) s in the reference; NaN where the performer is nowhere in it.
        events: what the tracker must notice, in live seconds.
        mirrored: whether the performer does it with left and right exchanged.
    """

    scenario: str
    motion: str
    seed: int
    reference_times: Array
    reference_keypoints: Array
    times: Array
    keypoints: Array
    truth: Array
    events: tuple[Event, ...]
    mirrored: bool = False


@dataclass
class Plan:
    """How a case is to be performed and filmed; scenarios fill it in."""

    path: Path
    look: Look
    disturbance: Disturbance = field(default_factory=Disturbance)
    rate: float = 29.97
    uneven: float = 0.0
    dropped: float = 0.0


@dataclass(frozen=True)
class Setting:
    """What a scenario may draw on: the motion, the part of it the reference shows (s), and random numbers."""

    motion: Motion
    start: float
    end: float
    rng: np.random.Generator
    seed: int

    @property
    def look(self) -> Look:
        """The performer: never the very same movement twice (1° of sway)."""
        return Look(style=1.0, seed=self.seed + 1)

    def tempo(self, low: float = 0.5, high: float = 2.0) -> Speed:
        """A tempo that wanders between ``low`` and ``high``, changing over about 2.5 s."""
        rng = np.random.default_rng(self.rng.integers(1 << 31))
        ticks = np.arange(0.0, 240.0, 0.05)
        middle, spread = np.log(low * high) / 2, np.log(high / low) / 2
        curve = np.exp(middle + spread * np.tanh(1.1 * smooth_noise(rng, ticks, 2.5)))
        return lambda times: np.interp(times, ticks, curve)

    def moving(self, low: float, high: float) -> float:
        """A moment between ``low`` and ``high`` at which the expert moves."""
        ticks = np.arange(low, high, 0.1)
        near = self.motion.activity(np.concatenate([ticks, ticks + 0.4])).reshape(2, -1).min(axis=0)
        good = ticks[near >= min(MOVING, float(np.quantile(near, 0.5)))]
        return float(self.rng.choice(good if len(good) else ticks))

    @property
    def transition(self) -> float:
        """Every second seed cuts hard, as a looped video does; the others take 0.4 s to get there."""
        return 0.4 if self.seed % 2 else 0.0


#: The scenario in which the performer does not do the piece at all.
ANOTHER: Final = "another piece"

Maker = Callable[[Setting], Plan]


def _plain(s: Setting) -> Plan:
    return Plan(Path(s.start).play(s.end), s.look)


def _tempo(s: Setting) -> Plan:
    return Plan(Path(s.start).play(s.end, s.tempo()), s.look)


def _steady(s: Setting) -> Plan:
    return Plan(Path(s.start).play(s.end, (0.6, 1.6, 0.5, 2.0)[s.seed % 4]), s.look)


def _hold(s: Setting) -> Plan:
    path, third = Path(s.start), (s.end - s.start) / 3
    for index in range(2):
        path.play(s.moving(s.start + (index + 0.4) * third, s.start + (index + 1.2) * third))
        path.hold(float(s.rng.uniform(1.0, 5.0)))
    return Plan(path.play(s.end), s.look)


def _skip(s: Setting) -> Plan:
    length = s.end - s.start
    path = Path(s.start).play(s.moving(s.start + 0.2 * length, s.start + 0.4 * length))
    to = min(path.moment + float(s.rng.uniform(2.0, 8.0)), s.end - 4.0)
    return Plan(path.jump(to, s.transition).play(s.end), s.look)


def _back(s: Setting) -> Plan:
    length = s.end - s.start
    path = Path(s.start).play(s.moving(s.start + 0.5 * length, s.start + 0.8 * length))
    to = max(path.moment - float(s.rng.uniform(2.0, 8.0)), s.start)
    return Plan(path.jump(to, s.transition).play(s.end), s.look)


def _restart(s: Setting) -> Plan:
    length = s.end - s.start
    path = Path(s.start).play(s.moving(s.start + 0.3 * length, s.start + 0.6 * length))
    return Plan(path.jump(s.start, s.transition).play(s.end), s.look)


def _late(s: Setting) -> Plan:
    begin = s.moving(s.start + 3.0, min(s.start + 12.0, s.end - 6.0))
    return Plan(Path(begin).play(s.end), s.look)


def _waits(s: Setting) -> Plan:
    return Plan(Path(s.start).stand(float(s.rng.uniform(2.0, 4.0))).play(s.end), s.look)


def _again(s: Setting) -> Plan:
    length = s.end - s.start
    begin = s.moving(s.start + 0.2 * length, s.start + 0.5 * length)
    until = begin + float(s.rng.uniform(4.0, 6.0))
    path = Path(s.start).play(until)
    for _ in range(2):
        path.jump(begin, s.transition).play(until)
    return Plan(path.play(s.end), s.look)


def _repeats(s: Setting) -> Plan:
    return Plan(Path(s.start).play(s.end, s.tempo(0.8, 1.25)), replace(s.look, style=4.0))


def _leaves(s: Setting) -> Plan:
    length = s.end - s.start
    path = Path(s.start).play(s.moving(s.start + 0.3 * length, s.start + 0.6 * length))
    # By turns: the piece waits for the performer, or it has gone on meanwhile.
    return Plan(path.away(2.0, path.moment + (2.0 if s.seed % 2 else 0.0)).play(s.end), s.look)


def _filmed(rate: float = 29.97, uneven: float = 0.0, dropped: float = 0.0) -> Maker:
    return lambda s: replace(_plain(s), rate=rate, uneven=uneven, dropped=dropped)


def _jitter(s: Setting) -> Plan:
    return replace(_plain(s), disturbance=Disturbance((0.02, 0.03, 0.04)[s.seed % 3], drops=6.0))


def _legs_out(s: Setting) -> Plan:
    since = 0.0 if s.seed % 2 == 0 else float(s.rng.uniform(0.2, 0.5)) * (s.end - s.start)
    return replace(_plain(s), disturbance=Disturbance(legs_from=since))


def _ankles(s: Setting) -> Plan:
    return replace(_plain(s), disturbance=Disturbance(ankle_swaps=0.2))


def _mirrored(s: Setting) -> Plan:
    return replace(_plain(s), look=replace(s.look, mirrored=True))


def _yaw(degrees: float) -> Maker:
    return lambda s: replace(_plain(s), look=replace(s.look, yaw=degrees if s.seed % 2 else -degrees))


def _body(s: Setting) -> Plan:
    return replace(_plain(s), look=_other_body(s))


def _other_body(s: Setting) -> Look:
    factors = tuple(float(f) for f in np.exp(s.rng.normal(0.0, 0.12, len(PARTS))))
    return replace(s.look, height=float(s.rng.uniform(0.8, 1.2)), proportions=factors)


def _cameras(s: Setting) -> Plan:
    """The same somersault seen by another camera: by turns at its own pace and at a changing one."""
    path = Path(s.start).play(s.end, s.tempo(0.7, 1.4) if s.seed % 2 else 1.0)
    return Plan(path, s.look, rate=29.97 if s.seed % 2 else 59.94)


def _another(s: Setting) -> Plan:
    """Somebody does something else: there is no truth, and no answer would be right."""
    return Plan(Path(s.start).play(s.end), s.look)


def _student(s: Setting) -> Plan:
    look = replace(_other_body(s), style=12.0, yaw=float(s.rng.uniform(-12, 12)))
    return Plan(Path(s.start).play(s.end, s.tempo(0.7, 1.4)), look, Disturbance(0.015, ankle_swaps=0.05))


def _handheld(s: Setting) -> Plan:
    return replace(_plain(s), look=replace(s.look, roll=4.0))


def _mixed(s: Setting) -> Plan:
    tempo, length = s.tempo(0.6, 1.6), s.end - s.start
    path = Path(s.start).play(s.moving(s.start + 0.3 * length, s.start + 0.7 * length), tempo)
    path.hold(float(s.rng.uniform(1.0, 3.0))).play(s.end, tempo)
    look = replace(_other_body(s), style=3.0, yaw=float(s.rng.uniform(-15, 15)))
    doubt = Disturbance(0.02, drops=3.0, ankle_swaps=0.1)
    return Plan(path, look, doubt, rate=24.0, uneven=0.2, dropped=0.1)


def _mixed_jumps(s: Setting) -> Plan:
    tempo, length = s.tempo(0.6, 1.6), s.end - s.start
    path = Path(s.start).play(s.moving(s.start + 0.25 * length, s.start + 0.4 * length), tempo)
    path.jump(path.moment + float(s.rng.uniform(2.0, 6.0)), s.transition)
    path.play(s.moving(path.moment + 3.0, max(path.moment + 4.0, s.start + 0.85 * length)), tempo)
    path.jump(max(path.moment - float(s.rng.uniform(2.0, 6.0)), s.start), s.transition).play(s.end, tempo)
    look = replace(_other_body(s), style=3.0, yaw=float(s.rng.uniform(-15, 15)))
    return Plan(path, look, Disturbance(0.02, drops=3.0, ankle_swaps=0.1), rate=24.0, uneven=0.2, dropped=0.1)


#: Every scenario by name, in the order of the table.
SCENARIOS: Final[dict[str, Maker]] = {
    "plain": _plain, "tempo": _tempo, "steady tempo": _steady,
    "12 fps": _filmed(12.0), "24 fps": _filmed(24.0), "60 fps": _filmed(59.94),
    "uneven times": _filmed(uneven=0.45), "dropped frames": _filmed(dropped=0.3),
    "jitter": _jitter, "proportions": _body, "yaw 15": _yaw(15.0), "yaw 30": _yaw(30.0),
    "handheld": _handheld, "ankle swaps": _ankles, "legs out": _legs_out, "mirrored": _mirrored,
    "student": _student, "mixed": _mixed,
    "hold": _hold, "skip": _skip, "back": _back, "restart": _restart,
    "late start": _late, "waits first": _waits, "repeats": _repeats, "does it again": _again,
    "leaves": _leaves, "mixed + jumps": _mixed_jumps, "cameras": _cameras,
    ANOTHER: _another,
}  # fmt: skip
#: Those that fit a clip of a few seconds, seen from one place.
SHORT: Final = (
    "plain", "tempo", "steady tempo", "12 fps", "24 fps", "60 fps", "uneven times", "dropped frames",
    "jitter", "ankle swaps", "legs out", "mirrored",
)  # fmt: skip


def chunk(motion: Motion, rng: np.random.Generator, length: float | None) -> tuple[float, float]:
    """The part of the motion that the reference shows: ``length`` s of it, or 20 s and more."""
    whole = motion.end - motion.start
    if length is None:
        length = float(rng.uniform(min(20.0, whole), whole))
    length = min(length, whole)
    start = motion.start + float(rng.uniform(0.0, whole - length))
    return start, start + length


def repeating(motion: Motion3D, start: float, end: float, rng: np.random.Generator) -> Motion3D:
    """The motion with a section of 4–6 s done three times, each time a little differently."""
    rate, fade = 60.0, 0.4
    length = float(rng.uniform(4.0, 6.0))
    begin = start + float(rng.uniform(0.25, 0.6)) * (end - start - length)
    parts = [(start, begin + length), (begin, begin + length), (begin, end)]
    pieces: list[Array] = []
    for low, high in parts:
        if pieces:
            share = np.linspace(0.0, 1.0, int(fade * rate) + 1)[1:-1, None, None]
            last, first = pieces[-1][-1], motion.joints(np.array([low]))[0]
            pieces.append(last * (1 - share) + first * share)
        pieces.append(motion.joints(np.arange(low, high, 1 / rate)))
    xyz = np.concatenate(pieces)
    clock = np.arange(len(xyz)) / rate
    xyz = rebuild(xyz, Look(style=3.0, seed=int(rng.integers(1 << 30))), clock)
    return motion.like(xyz, rate)


def frame_times(plan: Plan, rng: np.random.Generator) -> Array:
    """Live timestamps: at a random phase, uneven by a share of the interval, some dropped, some in bursts."""
    gap = 1 / plan.rate
    times = np.arange(float(rng.uniform(0, gap)), plan.path.clock, gap)
    times = times + plan.uneven * gap * rng.uniform(-1.0, 1.0, len(times))
    keep = rng.random(len(times)) >= plan.dropped
    if plan.dropped:
        for start in rng.uniform(0, plan.path.clock, max(1, int(plan.path.clock / 8))):
            keep &= ~((times > start) & (times < start + rng.uniform(0.2, 0.5)))
    return times[keep & (times >= 0)]


@lru_cache(maxsize=512)
def make_case(scenario: str, motion: str, seed: int, length: float | None = None) -> Case:
    """The case of that name; the same for the same arguments, and cached.

    Args:
        scenario: a key of ``SCENARIOS``.
        motion: one of :func:`motions_for` that scenario.
        seed: any integer ≥ 0; its parity also chooses between variants of a scenario.
        length: s of the reference; by default 20 s up to the whole motion. Clips are always used whole.
    """
    rng = np.random.default_rng([zlib.crc32(f"{scenario}/{motion}".encode()), seed])
    if scenario == ANOTHER:
        expert, _, performer = motion.partition(">")
        parts = [performances()[name] for name in (expert, performer)]
        cuts = [part.cut(*chunk(part, rng, length)) for part in parts]
        case = perform(scenario, cuts[0], cuts[1], rng, seed)
        return replace(case, truth=np.full(len(case.times), np.nan), events=())
    if motion not in performances():
        expert, _, performer = motion.partition(">")
        return perform(scenario, clips()[expert], clips()[performer or expert], rng, seed)
    source = performances()[motion]
    start, end = chunk(source, rng, length)
    source = repeating(source, start, end, rng) if scenario == "repeats" else source.cut(start, end)
    return perform(scenario, source, source, rng, seed)


def motions_for(scenario: str) -> list[str]:
    """The movements that a scenario can be tried on, as far as their files are here."""
    if scenario == "cameras":
        return [f"{a}>{b}" for a in CAMERAS for b in CAMERAS if a != b and {a, b} <= set(clips())]
    if scenario == ANOTHER:
        return [f"{a}>{b}" for a in performances() for b in performances() if a != b]
    walk = ["walk"] if scenario in SHORT and "walk" in clips() else []
    return [*performances(), *walk]


def perform(scenario: str, expert: Motion, performer: Motion, rng: np.random.Generator, seed: int) -> Case:
    """Film the expert's whole motion, then the performer as the scenario has it."""
    start, end = expert.start, expert.end
    plan = SCENARIOS[scenario](Setting(performer, performer.start, performer.end, rng, seed))
    if isinstance(expert, MotionClip):
        reference_clock, reference = expert.times - start, expert.keypoints
        # These keypoints come with MoveNet's own errors: what is added only undoes the smoothing between
        # frames.
        plan.disturbance = replace(plan.disturbance, jitter=plan.disturbance.jitter - 0.008)
    else:
        reference_clock = np.arange(0.0, end - start, 1 / REFERENCE_RATE)
        errs = Disturbance(ankle_swaps=0.06 if plan.disturbance.ankle_swaps else 0.0)
        reference = observe(expert.render(start + reference_clock, Look()), reference_clock, errs, rng)

    times = frame_times(plan, rng)
    track = plan.path.at(times)
    view = performer.render(track.moment, plan.look, clock=times, blend=track.blend, rest=track.rest)
    keypoints = observe(view, times, plan.disturbance, rng)
    keypoints[~track.visible] = 0.0
    return Case(
        scenario, expert.name if expert is performer else f"{expert.name}>{performer.name}", seed,
        reference_clock, reference, times, keypoints,
        track.truth - start, tuple(plan.path.events), plan.look.mirrored,
    )  # fmt: skip
