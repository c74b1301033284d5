"""The house's floors: an import only ever points down, and no two modules need each other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("configs", "pose", "reference", "realtime")
#: From the ground up; rooms of one floor do not know each other.
FLOORS = (
    ("configs",),
    ("pose",),
    ("reference",),
    ("realtime.tracking", "realtime.drawing"),
    ("realtime.coaching",),
    ("realtime.pipeline",),
    ("realtime.audio",),
    ("realtime.session",),
    ("realtime.display", "realtime.sync", "realtime.report"),
    ("realtime.web.practice",),
    ("realtime.web.library",),
    ("realtime.web.server",),
    ("realtime.commands",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
#: Doors that lead in from outside: they only name what lies behind them.
DOORS = ("realtime", "realtime.web")


def _modules() -> dict[str, Path]:
    """Dotted name below ``posesync`` → file."""
    found = {}
    for room in ROOMS:
        for file in (ROOT / room).rglob("*.py"):
            parts = file.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


MODULES = _modules()


def _imports(module: str) -> set[str]:
    """Every module of the house that ``module`` imports, wherever in it and for whatever reason."""
    file = MODULES[module]
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    return _imports_in(file.read_text(encoding="utf-8"), package) - {module}


def _imports_in(source: str, package: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        for base, name in _named(node, package):
            full = f"{base}.{name}" if name else base
            found.add(full if full in MODULES else base)
    return found & MODULES.keys()


def _named(node: ast.AST, package: str) -> Iterator[tuple[str, str]]:
    """(module, name) of an import statement, below ``posesync``."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.name.removeprefix("posesync."), ""
    elif isinstance(node, ast.ImportFrom):
        base = (node.module or "").removeprefix("posesync.")
        if node.level:
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*above, base]) if base else ".".join(above)
        for alias in node.names:
            yield base, alias.name


IMPORTS = {module: _imports(module) for module in MODULES}


def _room(module: str) -> str:
    """The longest room that the module lies in."""
    parts = module.split(".")
    while ".".join(parts) not in FLOOR and ".".join(parts) not in DOORS:
        parts.pop()
    return ".".join(parts)


def test_every_module_lies_in_a_room() -> None:
    assert {_room(module) for module in MODULES} == {*FLOOR, *DOORS}


def test_imports_point_down() -> None:
    upward = [
        f"{importer} → {imported}"
        for importer, all_imported in IMPORTS.items()
        for imported in all_imported
        if (a := _room(importer)) != (b := _room(imported))
        and a not in DOORS
        and (b in DOORS or FLOOR[b] >= FLOOR[a])
    ]
    assert upward == []


@pytest.mark.parametrize(
    "source",
    [
        "from posesync.realtime.session.log import SessionLog",
        "import posesync.realtime.session.log",
        "if TYPE_CHECKING:\n    from ..session import log",
    ],
)
def test_an_import_is_seen_however_it_is_written(source: str) -> None:
    assert _imports_in(source, "realtime.tracking") == {"realtime.session.log"}


def test_no_two_modules_need_each_other() -> None:
    def reaches(start: str) -> set[str]:
        seen: set[str] = set()
        ahead = [start]
        while ahead:
            for module in IMPORTS[ahead.pop()] - seen:
                seen.add(module)
                ahead.append(module)
        return seen

    assert [module for module in MODULES if module in reaches(module)] == []


#: How a file or folder comes into being without going through posesync.pose.files, which makes it private.
_MAKING = re.compile(
    r"""open\([^)\n]*["'][wax+]b?\+?["']|\.write_(?:text|bytes)\(|\.mkdir\(|makedirs|mkstemp|mkdtemp|\.touch\("""
    r"""|NamedTemporaryFile|TemporaryDirectory|copyfile\(|shutil\.copy|os\.open\("""
)
#: Those that may: they open nothing new, or what they make is private already.
_ALLOWED = {
    "pose.files": "the one way",
    "pose.unfinished": "its register",
    "reference.cache": "its locks, by the same opener",
    "pose.export": "copies over a private file",
    "pose.fragments": "changes a file in place",
    "realtime.session.log": "likewise",
    "realtime.session.durable": "writes nothing",
    "realtime.audio.device": "opens the null device",
    "realtime.commands.cli": "likewise",
    "realtime.commands.diagnosis": "likewise",
    "realtime.pipeline.signals": "likewise",
}


def test_files_are_made_in_one_way() -> None:
    found = {
        name: match.group()
        for name, file in MODULES.items()
        if name not in _ALLOWED and (match := _MAKING.search(file.read_text(encoding="utf-8")))
    }
    assert found == {}
