"""The window on SDL's dummy driver, and its absence."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from posesync.pose.errors import DisplayError
from posesync.realtime.display.keys import Command
from posesync.realtime.display.window import Window, check_display


@pytest.fixture
def window(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    with Window(320, 180) as window:
        window.poll()
        yield window


def test_keys_become_commands(window: Window) -> None:
    import pygame

    pressed = (
        pygame.K_q, pygame.K_SPACE, pygame.K_x, pygame.K_m, pygame.K_r, pygame.K_h, pygame.K_RETURN,
        pygame.K_KP_ENTER, pygame.K_v, pygame.K_l, pygame.K_g, pygame.K_s, pygame.K_n, pygame.K_ESCAPE,
    )  # fmt: skip
    for key in pressed:
        pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=key))
    pygame.event.post(pygame.event.Event(pygame.QUIT))
    names = [
        "quit", "pause", "mirror", "restart", "details", "begin", "begin", "view", "loop", "guidance",
        "slow", "sound", "quit", "quit",
    ]  # fmt: skip
    assert window.poll() == [Command(name) for name in names]
    assert window.poll() == []


@pytest.mark.parametrize(("room", "bars"), [((320, 180), None), ((640, 180), "sides"), ((320, 400), "ends")])
def test_a_picture_is_shown_whole_in_its_shape_and_colours(
    window: Window, room: tuple[int, int], bars: str | None
) -> None:
    import pygame

    pygame.display.set_mode(room, pygame.RESIZABLE)
    image = np.zeros((180, 320, 3), np.uint8)
    image[:] = (200, 100, 50)  # B, G, R
    window.show(image)
    shown = pygame.surfarray.array3d(pygame.display.get_surface())  # (width, height, RGB)
    assert shown[room[0] // 2, room[1] // 2].tolist() == [50, 100, 200]
    black = (shown == 0).all(axis=-1)
    assert black[0, room[1] // 2] == (bars == "sides")
    assert black[room[0] // 2, 0] == (bars == "ends")
    assert (~black).sum() == pytest.approx(320 * 180, rel=0.01)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a screen")
def test_without_a_screen_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(DisplayError, match=r"no screen .*: add --headless$"):
        check_display()
    with pytest.raises(DisplayError, match="no screen"):
        Window(320, 180)
    monkeypatch.setenv("DISPLAY", ":987")  # named, but nobody is there
    with pytest.raises(DisplayError, match=r"no screen .*: add --headless$"):
        Window(320, 180)


def test_every_module_imports_without_screen_sound_and_onnxruntime() -> None:
    code = (
        "import sys, pkgutil, importlib; sys.modules['onnxruntime'] = None\n"
        "import posesync.realtime as room\n"
        "names = [m.name for m in pkgutil.walk_packages(room.__path__, 'posesync.realtime.')]\n"
        "[importlib.import_module(name) for name in names]\n"
        "print(len(names))"
    )
    bare = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=bare, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 15
