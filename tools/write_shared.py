"""Write what is generated from configs/shared.toml: the page's module and colours, the docs' tables of keys.

With ``--check`` nothing is written: files that differ from the table are named, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from posesync.configs.shared import SHARED, Shared, label_of
from posesync.pose.skeleton import (
    BODY,
    BONES,
    JOINT_OF_LIMB,
    JOINTS,
    LEFT_HIP,
    LEFT_SHOULDER,
    LIMBS,
    RIGHT_HIP,
    RIGHT_SHOULDER,
)

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "realtime" / "web" / "static"
_WRITTEN = "Written by tools/write_shared.py from configs/shared.toml: change it there."
_TABLE = re.compile(r"\| key \| \|\n\| --- \| --- \|\n(?:\|.*\n)+")


def module(shared: Shared) -> str:
    """Return the text of the page's ES module."""
    keys = {
        name: {"key": key.key, "shown": key.label, "name": key.button, "help": key.page}
        for name, key in shared.keys.items()
        if key.page
    }
    words = _plain(shared.words)
    parts = {
        "SOCKET": (
            "The practice socket: version, close codes, the frames that the page is asked for.",
            shared.socket,
        ),
        "KEYS": ("Actions that have a key, in the order of the buttons.", keys),
        "WORDS": ("Words that the window shows too; {…} is to be replaced.", words),
        "COLOURS": ("Red, green, blue 0..255 each.", _rgb(shared)),
        "LIMITS": ("configs/shared.toml gives units and meaning.", shared.limits),
        "GHOST": ("The ghost's look; lengths are shares of the trunk.", _ghost(shared)),
        "SKELETON": ("Keypoints by number; each bone names the joint that colours it.", _skeleton()),
    }
    lines = [f"/** Constants that window and page share. {_WRITTEN} */", "", _FREEZE.strip()]
    for name, (said, value) in parts.items():
        lines += ["", f"/** {said} */", f"export const {name} = frozen({_javascript(_plain(value))});"]
    return "\n".join(lines) + "\n"


_FREEZE = """
/**
 * @template {object} T
 * @param {T} value
 * @returns {Readonly<T>} the value itself, frozen with everything in it
 */
function frozen(value) {
  for (const part of Object.values(value)) if (typeof part === "object" && part !== null) frozen(part);
  return Object.freeze(value);
}
"""


def style(shared: Shared) -> str:
    """Return the colours as CSS custom properties."""
    colours = dataclasses.asdict(shared.colours)
    rows = "\n".join(f"  --paint-{name}: {code};" for name, code in colours.items())
    return f"/* The colours of everything drawn over pictures. {_WRITTEN} */\n\n:root {{\n{rows}\n}}\n"


def keys_table(rows: Iterable[tuple[str, str]]) -> str:
    """Return a Markdown table of keys and what they do."""
    return "| key | |\n| --- | --- |\n" + "".join(f"| {label} | {does} |\n" for label, does in rows)


def outputs(shared: Shared) -> dict[Path, str]:
    """Return every file to write → its text."""
    keys = shared.keys.values()
    window = keys_table((", ".join(map(label_of, key.in_window)), key.window) for key in keys if key.window)
    page = keys_table((key.label, key.page) for key in keys if key.page)
    readme, guide = ROOT / "README.md", ROOT / "docs" / "browser.md"
    return {
        STATIC / "js" / "shared.js": module(shared),
        STATIC / "shared.css": style(shared),
        readme: _with_table(readme, window),
        guide: _with_table(guide, page),
    }


def _with_table(document: Path, table: str) -> str:
    text, count = _TABLE.subn(lambda _: table, document.read_text(encoding="utf-8"))
    if count != 1:
        raise SystemExit(f"{document.name} has {count} tables that begin with “| key | |”, expected one")
    return text


def _rgb(shared: Shared) -> dict[str, list[int]]:
    return {name: list(bytes.fromhex(code[1:])) for name, code in dataclasses.asdict(shared.colours).items()}


def _skeleton() -> dict[str, Any]:
    """Return the skeleton without the face, which lines would only hide."""
    joints = {LIMBS[limb]: joint for limb, joint in JOINT_OF_LIMB.items()}
    return {
        "bones": [(*ends, joints.get(ends)) for ends in BONES if min(ends) >= BODY],
        "joints": {joint: vertex for joint, (_, vertex, _) in JOINTS.items()},
        "trunk": [LEFT_SHOULDER, RIGHT_SHOULDER, RIGHT_HIP, LEFT_HIP],
        "body": BODY,
    }


def _ghost(shared: Shared) -> dict[str, Any]:
    """Return the ghost's look, each limb as start, end, and the radius at both."""
    look = _plain(shared.ghost)
    parts = shared.ghost.limbs
    limbs = [
        (*ends, *parts[part]) for limb, ends in LIMBS.items() if (part := limb.partition("_")[2]) in parts
    ]
    return {**look, "limbs": limbs}


def _plain(value: Any) -> Any:
    """Return dataclasses as mappings with camelCase names; names in a mapping are data and stay."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        named = {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {re.sub(r"_(\w)", lambda found: found[1].upper(), name): part for name, part in named.items()}
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    return value


def _javascript(value: Any, indent: str = "") -> str:
    """Return a JavaScript literal, with small parts on one line."""
    inner = indent + "  "
    if isinstance(value, Mapping):
        rows = [f"{_name(name)}: {_javascript(part, inner)}" for name, part in value.items()]
        return _braced("{ ", rows, " }", indent)
    if isinstance(value, (list, tuple)):
        return _braced("[", [_javascript(part, inner) for part in value], "]", indent)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, ensure_ascii=False)


def _braced(opening: str, rows: list[str], closing: str, indent: str) -> str:
    line = opening + ", ".join(rows) + closing
    if len(indent) + len(line) <= 100 and "\n" not in line:
        return line
    return opening.strip() + "\n" + "".join(f"{indent}  {row},\n" for row in rows) + indent + closing.strip()


def _name(name: str) -> str:
    """Return a property's name, quoted where it is not an identifier."""
    return name if re.fullmatch(r"[A-Za-z]\w*", name) else json.dumps(name)


def main() -> int:
    """Write the files, or check them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing; the exit code is 1 if a file differs"
    )
    check = parser.parse_args().check
    stale = {path: text for path, text in outputs(SHARED).items() if not _holds(path, text)}
    for path, text in stale.items():
        print(f"{'differs from configs/shared.toml' if check else 'written'}: {path.relative_to(ROOT)}")
        if not check:
            path.write_text(text, encoding="utf-8")
    return int(check and bool(stale))


def _holds(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    raise SystemExit(main())
