"""A running server under attack while somebody practises: a short version of benchmarks/hostile.py."""

from __future__ import annotations

import random
import struct
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import pytest
from posesync.realtime.coaching.expert import Expert

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "benchmarks"))

import hostile
from _hostile_messages import BINARY, Messages, head, wire

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

SHORT = Namespace(
    attacks=["fuzz", "connects", "large"],
    messages=320,
    connections=140,
    crowd=0,
    large=4_000_000,
    company=False,
    lasting=2.0,
    seconds=1.0,
    warm=0.5,
    grace=0.0,
    seed=3,
    nice=0,
)


@pytest.fixture
def bench(expert: Expert, expert_clip: Path, detector: str, tmp_path: Path) -> Iterator[hostile.Bench]:
    with hostile.serving(tmp_path, expert_clip, ["--detector", detector]) as server:
        host, _, port = server.host.partition(":")
        plan = {"host": host, "port": int(port), "cookie": server.cookie, "expert": server.expert}
        files = hostile.pictures(expert_clip, tmp_path, 30)
        yield hostile.Bench(server, tmp_path, {**plan, "jpegs": files, "size": list(hostile.SIZE)})


def test_a_server_under_attack_goes_on(bench: hostile.Bench) -> None:
    found, _, _, noted = hostile.run(bench, SHORT)
    assert bench.server.process.poll() is None
    assert bench.server.troubles() == []
    assert noted["trouble"] == []
    assert not noted["lost"]
    assert bench.said["fuzz"]["tally"]["taken in"] >= SHORT.messages
    for name in SHORT.attacks:
        assert [what for what in bench.said[name]["tally"] if "UNEXPECTED" in what] == []
        # How much exactly is for the benchmark, on a machine with nothing else to do.
        assert found[name]["gap_ms"] < 1e3 * found[name]["seconds"]
    # A client that keeps sending may not get to read why.
    for way in ("one message", "only its size", "in pieces", "100 000 empty pieces", "request head"):
        assert any(what.startswith(f"{way}: ") for what in bench.said["large"]["tally"])


def test_the_same_seed_gives_the_same_messages() -> None:
    def some() -> list[tuple[str, bytes]]:
        messages = Messages(random.Random(5), [b"\xff\xd8\xff\xc0" + bytes(900)], (64, 48))
        return [messages.next() for _ in range(300)]

    assert some() == some()
    assert len({kind for kind, _ in some()}) > 10


@pytest.mark.parametrize("length", [0, 125, 126, 65535, 65536, 2**40])
def test_frames_are_as_rfc_6455_has_them(length: int) -> None:
    data = head(BINARY, length)
    assert data[0] == 0x82
    assert data[1] & 0x80
    short = data[1] & 127
    extended = {126: ">H", 127: ">Q"}.get(short)
    found = struct.unpack(extended, data[2 : 2 + struct.calcsize(extended)])[0] if extended else short
    assert found == length
    assert wire(BINARY, b"abc")[-3:] == b"abc"
