"""The messages between page and server, as in docs/browser-protocol.md, version 1.

Frames are binary, everything else is JSON. Messages are untrusted until they are parsed here:
:func:`parse_frame` and :func:`parse_command` raise :class:`ProtocolError` and nothing else.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from posesync.configs.shared import SHARED
from posesync.pose.errors import PoseSyncError
from posesync.pose.skeleton import JOINT_NAMES, NUM_KEYPOINTS
from posesync.realtime.tracking.position import State
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

#: Raised when an older page could not talk to a newer server.
VERSION: Final = SHARED.socket.version
#: Bytes of a camera frame with its header, at most: a 640 px JPEG has about 40 000.
MOST_BYTES: Final = 1_000_000
#: Characters of a command, at most.
MOST_TEXT: Final = 2_000
#: px; limits of a frame's sides.
LEAST_SIDE, MOST_SIDE = 32, 1920
#: s; later times are refused.
_FOREVER: Final = 1e9
_HEADER: Final = struct.Struct("<BBHIdHHI")


class ProtocolError(PoseSyncError):
    """Raised for a message that does not follow the protocol.

    Attributes:
        code: one word for the page.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """A camera frame as it is sent.

    Attributes:
        seq: number, strictly increasing over a session.
        captured: s, on the page's clock.
        skipped: frames that the camera delivered after the last one sent and that were left out.
        width: px, of the JPEG.
        height: px.
        jpeg: its bytes.
    """

    seq: int
    captured: float
    skipped: int
    width: int
    height: int
    jpeg: bytes


def parse_frame(data: bytes) -> EncodedFrame:
    """Parse a binary message: a header of 24 bytes, little-endian, and a JPEG.

    Raises:
        ProtocolError: it is anything else.
    """
    if not _HEADER.size < len(data) <= MOST_BYTES:
        raise ProtocolError(
            "frame-size", f"a frame of {len(data)} bytes, expected {_HEADER.size + 1} to {MOST_BYTES}"
        )
    version, flags, skipped, seq, captured, width, height, reserved = _HEADER.unpack_from(data)
    if version != VERSION or flags or reserved:
        raise ProtocolError("version", f"a frame of protocol {version}, expected {VERSION}: reload the page")
    if not 0.0 <= captured < _FOREVER:  # false for NaN
        raise ProtocolError("time", f"a frame captured at {captured} s, expected 0 to {_FOREVER:g}")
    if not (LEAST_SIDE <= width <= MOST_SIDE and LEAST_SIDE <= height <= MOST_SIDE):
        raise ProtocolError(
            "frame-size", f"a frame of {width} × {height} px, expected sides of {LEAST_SIDE} to {MOST_SIDE}"
        )
    return EncodedFrame(seq, captured, skipped, width, height, data[_HEADER.size :])


def pack_frame(frame: EncodedFrame) -> bytes:
    """Return the binary message of a frame, for clients written in Python."""
    head = (VERSION, 0, frame.skipped, frame.seq, frame.captured, frame.width, frame.height, 0)
    return _HEADER.pack(*head) + frame.jpeg


# -- commands: page → server ---------------------------------------------------------------------------------


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Begin(_Message):
    """Start the piece with the next frame, without waiting any longer."""

    type: Literal["begin"]


class Restart(_Message):
    """Start again, for another performer or from the top."""

    type: Literal["restart"]


class Pause(_Message):
    """Pause or resume. Frames sent during a pause are ignored."""

    type: Literal["pause"]
    on: bool


class Loop(_Message):
    """Repeat a section (from, to) s, or practise the whole piece again."""

    type: Literal["loop"]
    section: tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]] | None


class SetGuidance(_Message):
    """Choose how much of the expert is shown."""

    type: Literal["guidance"]
    level: Literal["full", "mistakes", "none"]


class End(_Message):
    """End the session and write its report."""

    type: Literal["end"]


class Ping(_Message):
    """Answered by a pong with the same number."""

    type: Literal["ping"]
    id: Annotated[int, Field(ge=0, lt=2**53)]


Command = Begin | Restart | Pause | Loop | SetGuidance | End | Ping
_COMMAND: Final[TypeAdapter[Command]] = TypeAdapter(Annotated[Command, Field(discriminator="type")])


def parse_command(text: str) -> Command:
    """Parse a text message.

    Raises:
        ProtocolError: it is not a command of this protocol.
    """
    if len(text) > MOST_TEXT:
        raise ProtocolError("command-size", f"a command of {len(text)} characters, expected {MOST_TEXT}")
    try:
        return _COMMAND.validate_json(text)
    except ValidationError as error:
        # The text itself is untrusted and is not repeated.
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        raise ProtocolError("command", f"no command of protocol {VERSION}: {first['type']}") from None
    except ValueError:  # not valid Unicode
        raise ProtocolError("command", f"no command of protocol {VERSION}: not text") from None


# -- answers: server → page ----------------------------------------------------------------------------------

Seconds = Annotated[float, Field(description="s")]
Percent = Annotated[float, Field(ge=0, le=100)]
Share = Annotated[float, Field(ge=0, le=1)]
Degrees = Annotated[float, Field(ge=-180, le=180)]
Point = Annotated[
    tuple[float, float, Share], Field(description="x and y as shares of the frame's sides, confidence")
]
Points = Annotated[list[Point], Field(min_length=NUM_KEYPOINTS, max_length=NUM_KEYPOINTS)]


class FrameWanted(_Message):
    """How the page is to send frames: longest side px, JPEG quality 0..1, frames per s and bytes at most."""

    longest: int
    quality: float
    rate: float
    bytes: int


class Welcome(_Message):
    """The first message of a connection."""

    type: Literal["welcome"] = "welcome"
    protocol: int = VERSION
    session: Annotated[str, Field(description="to resume it after a broken connection")]
    duration: Seconds
    start: Annotated[float, Field(description="s in the piece where the expert is first seen")]
    size: Annotated[tuple[int, int], Field(description="px of the expert's frame")]
    sections: list[tuple[float, float, str]]
    frame: FrameWanted
    guidance: Literal["full", "mistakes", "none"]
    resumed: bool


class Milliseconds(_Message):
    """A frame's time on the server, ms: waiting for its turn, and being processed."""

    waited: float
    worked: float


class CueShown(_Message):
    """A correction, see :class:`posesync.realtime.coaching.cues.Cue`."""

    joint: str
    text: str
    degrees: Degrees
    kind: str


class TimingShown(_Message):
    """The performer's pace, see :class:`posesync.realtime.coaching.scoring.TimingReading`."""

    score: Percent | None
    label: Literal["on time", "rushing", "dragging"] | None
    speed: float | None


class Shows(_Message):
    """What guidance allows to be shown."""

    expert: bool
    ghost: bool


class Answer(_Message):
    """The result for one frame. Left and right are the performer's own; places are in the image as sent."""

    type: Literal["answer"] = "answer"
    seq: Annotated[int, Field(ge=0, lt=2**32)]
    captured: Annotated[float, Field(description="s, as sent in the frame's header")]
    ms: Milliseconds
    phase: Literal["framing", "ready", "count-in", "running"]
    countdown: str | None
    hint: str | None
    framing: str | None
    position: Seconds | None
    speed: float
    state: State
    confidence: Annotated[Share, Field(description="the probability that position is right within 0.25 s")]
    doubtful: Annotated[bool, Field(description="too uncertain to state position: no score, cue or pace")]
    mirrored: bool
    jumped: bool
    wrapped: Annotated[bool, Field(description="back at the start by finishing the piece")]
    repetition: Annotated[int, Field(ge=0, description="periods of the movement finished so far")]
    score: Annotated[Percent | None, Field(description="of 0.2 s ago: judged when the place has settled")]
    joints: Annotated[
        dict[str, Degrees | None], Field(description=f"now, to be drawn; of {', '.join(JOINT_NAMES)}")
    ]
    keypoints: Points
    ghost: Points | None
    focus: Annotated[Share | None, Field(description="where the expert is across their own frame")]
    show: Shows
    level: Literal["full", "mistakes", "none"]
    cue: CueShown | None
    said: bool
    timing: TimingShown
    dropped: int


class Pong(_Message):
    """Answers a ping."""

    type: Literal["pong"] = "pong"
    id: int


class Ended(_Message):
    """The session is over; the connection is closed after this."""

    type: Literal["ended"] = "ended"
    why: Literal["asked", "idle", "shutdown", "failed"]
    report: Annotated[str | None, Field(description="path of the report's page")]
    summary: dict[str, Any]


class Trouble(_Message):
    """An error, in one line; the messages that follow show whether the session goes on."""

    type: Literal["error"] = "error"
    code: str
    message: str
    seq: int | None = None


def schema() -> dict[str, Any]:
    """Return the JSON Schema of all text messages, as in docs/browser-protocol.schema.json."""
    to_page = TypeAdapter(Annotated[Welcome | Answer | Pong | Ended | Trouble, Field(discriminator="type")])
    return {
        "title": f"PoseSync's practice socket, protocol {VERSION}",
        "page to server": _COMMAND.json_schema(),
        "server to page": to_page.json_schema(mode="serialization"),
    }


def finite(value: float | None, digits: int) -> float | None:
    """Return a number for JSON: rounded, or None when it is not finite."""
    return None if value is None or not math.isfinite(value) else round(float(value), digits)
