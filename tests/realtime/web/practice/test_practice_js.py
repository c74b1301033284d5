"""The practice page's clockwork, in a real browser: how the video follows, and which frames are sent.

The expert's video is a made-up one that plays, stands and seeks as a browser's does; the performer's answers
come late, as the network brings them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from modules import empty_page, run
from posesync.realtime.web.practice.protocol import pack_frame, parse_frame

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
pytestmark = pytest.mark.browser

#: Drives the steering along a performance: [time s, position s or null, speed, state, "jumped" …] per answer.
SIMULATE = """async ({ answers, late, seconds, section, start, duration, sought }) => {
  const { Steering } = await import('/static/js/practice/steering.js');
  const steering = new Steering();
  Object.assign(steering, { section, start, duration });
  const video = { time: 0, paused: true, seeking: false, ended: false };
  const frames = [];
  let [next, sinceSeek, rate] = [0, 0, 1];
  for (let now = 0; now < seconds; now += 1 / 60) {
    while (next < answers.length && answers[next][0] + late <= now) {
      const [captured, position, speed, state, told, phase = 'running'] = answers[next];
      const marks = { jumped: told === 'jumped', wrapped: told === 'wrapped' };
      steering.take({ captured, phase, state, position, speed, ...marks });
      next += 1;
    }
    if (video.seeking && now - sinceSeek >= sought) video.seeking = false;
    if (!video.paused && !video.seeking) video.time = Math.min(video.time + rate / 60, duration);
    video.ended = video.time >= duration;
    const aim = steering.aim(now, { ...video });
    if (aim.seek !== null) {
      Object.assign(video, { time: aim.seek, seeking: true, ended: false });
      sinceSeek = now;
    }
    video.paused = !aim.playing;
    rate = aim.rate;
    frames.push([now, video.time, aim.playing ? aim.rate : 0, aim.seek !== null ? 1 : 0]);
  }
  return frames;
}"""


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright, empty_page(playwright) as opened:
        yield opened


# -- the expert's video follows ------------------------------------------------------------------------------


def performed(position: Any, seconds: float) -> list[list[Any]]:
    """Answers at 30 per s of somebody who is at ``position(t)``, s in the piece."""
    answers = []
    for t in np.arange(0.0, seconds, 1 / 30):
        speed = (position(t + 0.01) - position(t - 0.01)) / 0.02
        state = "holding" if abs(speed) < 1e-6 else "following"
        answers.append([float(t), float(position(t)), float(speed), state, ""])
    return answers


def simulate(page: Any, answers: list[list[Any]], seconds: float, **settings: Any) -> Any:
    given = {"late": 0.05, "section": None, "start": 0.0, "duration": 60.0, "sought": 0.08, **settings}
    frames = page.evaluate(SIMULATE, {"answers": answers, "seconds": seconds, **given})
    return np.array(frames, dtype=np.float64)


@pytest.mark.parametrize(
    ("name", "position"),
    [
        ("as fast", lambda t: t),
        ("slow", lambda t: 0.5 * t),
        ("fast", lambda t: 1.8 * t),
        ("changing", lambda t: t + 0.5 * np.sin(1.2 * t)),
        ("stopping", lambda t: min(t, 4.0) + max(0.0, t - 6.0)),
    ],
)
def test_the_video_follows_by_its_rate_alone(page: Any, name: str, position: Any) -> None:
    frames = simulate(page, performed(position, 12.0), 12.0)
    later = frames[frames[:, 0] > 2.0]
    errors = np.abs(later[:, 1] - [position(t) for t in later[:, 0]])
    assert np.median(errors) < 0.06, name
    assert np.percentile(errors, 95) < 0.2, name
    assert later[:, 3].sum() == 0, "a seek is seen"
    assert (np.diff(later[:, 1]) >= -1e-9).all(), "it ran backwards"
    assert later[:, 2].max() <= 2.5


def test_it_stands_while_a_pose_is_held(page: Any) -> None:
    frames = simulate(page, performed(lambda t: min(t, 3.0), 8.0), 7.0)
    held = frames[(frames[:, 0] > 4.5) & (frames[:, 0] < 7.0)]
    assert (held[:, 2] == 0).all()
    assert np.ptp(held[:, 1]) == 0
    assert abs(held[0, 1] - 3.0) < 0.1


@pytest.mark.parametrize("ahead", [0.12, 0.3, 0.5, 0.7])
@pytest.mark.parametrize("pace", [0.0, 0.05])
def test_it_comes_back_to_who_stands_or_hardly_moves(page: Any, ahead: float, pace: float) -> None:
    # The tracker had run ahead and takes it back without a jump: the expert must not show what comes later.
    before = performed(lambda t: t, 4.0)
    after = [[t, 4.0 - ahead + pace * (t - 4.0), pace, "following" if pace else "holding", ""]
             for t in np.arange(4.0, 8.0, 1 / 30).tolist()]  # fmt: skip
    frames = simulate(page, before + after, 8.0)
    late = frames[frames[:, 0] > 5.0]
    assert np.abs(late[:, 1] - (4.0 - ahead + pace * (late[:, 0] - 4.0))).max() <= 0.1
    assert frames[frames[:, 0] > 1.0][:, 3].sum() <= 1, "one seek is enough"


def test_it_keeps_up_with_who_is_faster_than_it_can_play(page: Any) -> None:
    frames = simulate(page, performed(lambda t: 3.0 * t, 6.0), 6.0)
    late = frames[frames[:, 0] > 1.0]
    assert np.abs(late[:, 1] - 3.0 * late[:, 0]).max() < 0.65


@pytest.mark.parametrize(("section", "shown"), [(None, 2.0), ([0.0, 6.0], 2.0), ([3.0, 6.0], 3.0)])
def test_until_somebody_is_found_it_shows_where_the_expert_is_seen_first(
    page: Any, section: Any, shown: float
) -> None:
    waiting = [[t / 30, None, 0.0, "waiting", ""] for t in range(60)]
    frames = simulate(page, waiting, 2.0, start=2.0, section=section)
    assert frames[-1, 1] == shown


def test_it_waits_at_the_beginning_until_the_piece_runs(page: Any) -> None:
    waiting = [[t / 30, None, 0.0, "waiting", "", "framing"] for t in range(60)]
    frames = simulate(page, waiting, 2.0, start=5.0)
    assert frames[-1, 1] == 5.0
    assert (frames[:, 2] == 0).all()
    assert frames[:, 3].sum() == 1


def test_it_stands_where_nobody_knows_the_place(page: Any) -> None:
    answers = performed(lambda t: t, 3.0)
    answers += [[t, None, 0.0, "lost", ""] for t in np.arange(3.0, 5.0, 1 / 30).tolist()]
    frames = simulate(page, answers, 5.0)
    assert (frames[frames[:, 0] > 3.2][:, 2] == 0).all()


def test_it_stands_when_the_server_is_silent(page: Any) -> None:
    frames = simulate(page, performed(lambda t: t, 2.0), 6.0)
    assert (frames[frames[:, 0] > 3.6][:, 2] == 0).all()
    assert frames[-1, 1] < 2.6, "it went on without anybody"


@pytest.mark.parametrize(
    ("told", "to"), [("jumped", 20.0), ("jumped", 2.5), ("jumped", 1.0), ("wrapped", 3.5), ("wrapped", 0.0)]
)
def test_a_jump_and_a_new_beginning_are_one_seek(page: Any, told: str, to: float) -> None:
    before, after = performed(lambda t: t, 4.0), performed(lambda t: to + t, 4.0)
    after = [[t + 4.0, *rest] for t, *rest in after]
    after[0][4] = told
    frames = simulate(page, before + after, 8.0)
    late = frames[frames[:, 0] > 4.0]
    assert late[:, 3].sum() == 1
    settled = late[late[:, 0] > 4.6]
    assert np.abs(settled[:, 1] - (to + settled[:, 0] - 4.0)).max() < 0.25


def test_a_large_error_without_a_jump_is_one_seek(page: Any) -> None:
    frames = simulate(page, performed(lambda t: 10.0 + t, 4.0), 4.0)
    assert frames[:, 3].sum() == 1
    assert abs(frames[-1, 1] - 14.0) < 0.15


def test_a_loop_begins_again_with_one_seek(page: Any) -> None:
    frames = simulate(page, performed(lambda t: 2.0 + t % 3.0, 9.0), 9.0, section=[2.0, 5.0])
    rounds = frames[frames[:, 0] > 1.0]
    assert rounds[:, 3].sum() == 2
    assert rounds[:, 1].max() <= 5.1


def test_at_the_videos_end_it_does_not_begin_anew(page: Any) -> None:
    frames = simulate(page, performed(lambda t: min(t, 3.0), 6.0), 6.0, duration=3.0)
    assert frames[-1, 1] >= 2.9
    assert frames[frames[:, 0] > 1.0][:, 3].sum() == 0


def test_sound_only_near_its_own_speed(page: Any) -> None:
    asked = [[0.5, True], [0.72, True], [0.72, False], [1.0, False], [1.4, True], [1.4, False], [1.6, True]]
    body = "return given.map(([rate, heard]) => m.audible(rate, heard));"
    assert run(page, "practice/steering", body, asked) == [False, True, False, True, True, False, False]


# -- frames on their way -------------------------------------------------------------------------------------


def test_never_more_than_two_frames_on_their_way(page: Any) -> None:
    body = """
      const flight = new m.InFlight({ rate: 60 });
      const log = [];
      const answers = [];
      let worst = 0;
      for (let k = 0; k < 300; k += 1) {  // a camera at 60 per s, answers after 70 ms
        const now = k / 60;
        while (answers.length && answers[0][1] <= now) {
          const [seq] = answers.shift();
          log.push(flight.settle(seq, now));
        }
        if (!flight.hasRoom(now)) { flight.leaveOut(); continue; }
        const { seq, skipped } = flight.send(now);
        answers.push([seq, now + 0.07, skipped]);
        worst = Math.max(worst, flight.waiting.size);
      }
      return { worst, sent: flight.seq, times: log, left: flight.skipped };"""
    seen = run(page, "practice/inflight", body)
    assert seen["worst"] == 2
    assert 110 <= seen["sent"] <= 130  # two in each 83 ms, to whole frames of the camera
    assert all(0.07 <= time < 0.1 for time in seen["times"])


def test_frames_are_counted_once(page: Any) -> None:
    body = """
      const flight = new m.InFlight();
      flight.leaveOut(3);
      const first = flight.send(0);
      const second = flight.send(0.1);
      const full = flight.hasRoom(0.2);
      flight.leaveOut();
      const settled = [flight.settle(2, 0.3), flight.settle(2, 0.4)];
      const third = flight.send(0.5);
      flight.fail(third.seq, third.skipped);
      const fourth = flight.send(0.6);
      const late = [flight.hasRoom(1.0), flight.send(1.0), flight.hasRoom(1.5), flight.hasRoom(2.55)];
      flight.reset();
      const [soon, , full2, later] = late;
      return [first, second, full, settled, third, fourth, soon, full2, later, flight.send(9).skipped];"""
    first, second, full, settled, third, fourth, *rest = run(page, "practice/inflight", body)
    assert [first, second] == [{"seq": 1, "skipped": 3}, {"seq": 2, "skipped": 0}]
    assert full is False
    assert settled[0] == pytest.approx(0.2)
    assert settled[1] is None
    assert third == {"seq": 3, "skipped": 1}
    assert fourth == {"seq": 4, "skipped": 2}, "what was not sent is left out, and so is what it told of"
    assert rest == [True, False, True, 0]


def test_the_header_is_what_the_server_reads(page: Any) -> None:
    body = """
      const view = new DataView(new ArrayBuffer(m.HEADER_BYTES + 1));
      m.writeHeader(view, given);
      return [...new Uint8Array(view.buffer)];"""
    given = {"seq": 4_000_000_001, "captured": 12.3456789, "width": 640, "height": 360, "skipped": 7}
    message = bytes(run(page, "practice/protocol", body, given))
    read = parse_frame(message)
    assert (read.seq, read.captured, read.width, read.height, read.skipped) == (
        4_000_000_001, 12.3456789, 640, 360, 7,
    )  # fmt: skip
    assert pack_frame(read) == message
    crowded = run(page, "practice/protocol", body, {**given, "skipped": 1e9})
    assert struct.unpack_from("<H", bytes(crowded), 2) == (0xFFFF,)


@pytest.mark.parametrize(
    ("size", "longest", "sent"),
    [([1280, 720], 640, [640, 360]), ([720, 1280], 640, [360, 640]), ([320, 240], 640, [320, 240]),
     ([1279, 719], 640, [640, 360]), ([4000, 60], 640, [640, 10])],
)  # fmt: skip
def test_frames_keep_their_shape(page: Any, size: list[int], longest: int, sent: list[int]) -> None:
    body = "return m.sentSize(...given);"
    assert run(page, "practice/protocol", body, [*size, longest]) == sent


def test_percentiles_and_rates(page: Any) -> None:
    body = """
      const recent = new m.Recent(100);
      for (let k = 1; k <= 250; k += 1) recent.add(k);
      recent.add(NaN);
      const rate = new m.Rate(2);
      for (let k = 0; k < 300; k += 1) rate.add(k / 30, 2);
      const none = new m.Recent().summary().p50;
      return [recent.summary(), none, rate.perSecond(10), rate.perSecond(20), rate.total];"""
    summary, none, now, later, total = run(page, "practice/measures", body)
    assert summary == {"p50": 201, "p95": 246, "count": 250}
    assert none is None
    assert now == pytest.approx(60, abs=2)
    assert later == 0
    assert total == 600
