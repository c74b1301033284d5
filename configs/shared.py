"""Keys, words, colours and limits that the window and the page share, as ``shared.toml`` has them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_LABELS: Final = {" ": "Space", "enter": "Enter", "escape": "Esc"}


@dataclass(frozen=True, slots=True)
class Key:
    """One thing that can be asked for with a key; ``shared.toml`` says what the texts are for.

    Attributes:
        key: as the browser's ``KeyboardEvent.key`` says it, in lower case.
        button: the button's name on the page, or "".
        strip: the word in the window's strip, or "".
        window: what it does in the window; "" where the window does not know it.
        page: what it does on the page; "" where the page does not know it.
        also: more keys that do the same in the window.
    """

    key: str
    button: str = ""
    strip: str = ""
    window: str = ""
    page: str = ""
    also: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The key as it is written: ``Q``, ``Space``."""
        return label_of(self.key)

    @property
    def in_window(self) -> tuple[str, ...]:
        """Every key that does it in the window."""
        return (self.key, *self.also) if self.window else ()


@dataclass(frozen=True, slots=True)
class Message:
    """What is said in large type.

    Attributes:
        text: in large type.
        tone: its colour: ``plain``, ``good``, ``calm`` or ``bad``.
        more: smaller, behind it; or "".
    """

    text: str
    tone: str
    more: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """What both show; texts with ``{…}`` are to be formatted.

    Attributes:
        states: state → message.
        timing: the pace as the socket calls it → words.
        views: view → words, in the order that the key goes through.
        guidance: level → words, in the same way.
    """

    you: str
    expert: str
    memory: str
    pace: str
    paused: str
    guidance_is: str
    part_is: str
    whole_piece: str
    sound_on: str
    sound_off: str
    goes_on: str
    missing: Mapping[str, str]
    states: Mapping[str, Message]
    doubtful: Message
    timing: Mapping[str, str]
    views: Mapping[str, str]
    guidance: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Colours:
    """``#rrggbb`` each."""

    background: str
    surface: str
    text: str
    neutral: str
    shadow: str
    good: str
    fair: str
    poor: str
    calm: str
    doubt: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Units and meaning stand in ``shared.toml``."""

    keypoint_floor: float
    sure_from: float
    doubtful_at: float
    good_below: float
    fair_at: float
    poor_from: float
    score_good: float
    score_fair: float
    score_poor: float
    least_pace: float
    smoothing_seconds: float
    figures_every: float
    follow_seconds: float
    inset_slack: float
    shortest_part: float
    shortest_taken: float


@dataclass(frozen=True, slots=True)
class Ghost:
    """The ghost's look: opacity 0..1, the rest in lengths of the trunk; a limb's radii at both ends."""

    opacity: float
    neck: tuple[float, float]
    head: tuple[float, float]
    trunk: float
    least_trunk: float
    limbs: Mapping[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Closing:
    """Codes of a WebSocket's close."""

    bad_message: int
    no_expert: int
    not_ready: int
    too_fast: int
    too_many: int


@dataclass(frozen=True, slots=True)
class Frames:
    """The frames that a page is asked for: longest side px, JPEG quality 0..1, per s at most."""

    longest: int
    quality: float
    rate: float


@dataclass(frozen=True, slots=True)
class Socket:
    """The practice socket: the protocol's version, its codes, its frames."""

    version: int
    closing: Closing
    frames: Frames


@dataclass(frozen=True, slots=True)
class Shared:
    """Everything in ``shared.toml``; ``keys`` in the order of the page's buttons, by what is asked for."""

    socket: Socket
    keys: Mapping[str, Key]
    words: Words
    colours: Colours
    limits: Limits
    ghost: Ghost


def label_of(key: str) -> str:
    """A key as it is written, of what ``KeyboardEvent.key`` says in lower case."""
    return _LABELS.get(key, key.upper())


def parse_shared(text: str) -> Shared:
    """Read a table like ``shared.toml``.

    Raises:
        TypeError: an entry is missing or unknown.
        tomllib.TOMLDecodeError: not TOML.
    """
    table = _frozen(tomllib.loads(text))
    socket, words = table["socket"], table["words"]
    return Shared(
        socket=Socket(
            **{**socket, "closing": Closing(**socket["closing"]), "frames": Frames(**socket["frames"])}
        ),
        keys={name: Key(**entry) for name, entry in table["keys"].items()},
        words=Words(
            **{
                **words,
                "states": {state: Message(**entry) for state, entry in words["states"].items()},
                "doubtful": Message(**words["doubtful"]),
            }
        ),
        colours=Colours(**table["colours"]),
        limits=Limits(**table["limits"]),
        ghost=Ghost(**table["ghost"]),
    )


def _frozen(value: Any) -> Any:
    """Lists as tuples, wherever they are."""
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    return {name: _frozen(part) for name, part in value.items()} if isinstance(value, dict) else value


SHARED: Final = parse_shared(
    resources.files("posesync.configs").joinpath("shared.toml").read_text(encoding="utf-8")
)
