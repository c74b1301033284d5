"""The window: SDL through pygame-ce, on the main thread, as macOS requires. Importing it needs no screen."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import Final

import cv2
import numpy as np
from posesync.pose.errors import DisplayError
from posesync.pose.textual import clean_text
from posesync.pose.types import Image

from .keys import Command, commands_by_key
from .x11 import DisplayGuard

#: SDL's drivers that show nothing: accepted when asked for by name (tests), else they mean no screen.
_INVISIBLE: Final = ("offscreen", "dummy", "evdev")


class Window:
    """A resizable window that shows pictures of one shape, as large as fits. A context manager.

    Args:
        width: of the pictures, px; the window opens at this size, or smaller to fit the screen.
        height: of the pictures, px.
        title: in the title bar.

    Raises:
        DisplayError: there is no screen.
    """

    def __init__(self, width: int, height: int, title: str = "PoseSync") -> None:
        check_display()
        import pygame

        self._pygame = pygame
        try:
            pygame.display.init()
            if pygame.display.get_driver() in _INVISIBLE and not os.environ.get("SDL_VIDEODRIVER"):
                pygame.display.quit()
                raise _no_screen("SDL found none")
            room = pygame.display.get_desktop_sizes()[0]
            scale = min(1.0, 0.95 * room[0] / width, 0.9 * room[1] / height)
            size = (round(width * scale), round(height * scale))
            self._surface = pygame.display.set_mode(size, pygame.RESIZABLE)
            pygame.display.set_caption(clean_text(title))
            self._guard = DisplayGuard(pygame)
        except pygame.error as error:
            pygame.display.quit()
            raise _no_screen(str(error)) from None
        self._commands = commands_by_key(pygame)

    def show(self, image: Image) -> None:
        """Show a picture (H, W, 3) uint8 BGR, scaled to fit, with black bars where shapes differ.

        Raises:
            DisplayError: the screen has gone.
        """
        try:
            self._show(image)
        except self._pygame.error as error:
            raise _screen_gone(str(error)) from None
        self._check()

    def _show(self, image: Image) -> None:
        pygame = self._pygame
        surface = pygame.display.get_surface() or self._surface
        room = surface.get_size()
        height, width = image.shape[:2]
        scale = min(room[0] / width, room[1] / height)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        if size != (width, height):
            how = cv2.INTER_AREA if scale < 0.6 else cv2.INTER_LINEAR
            image = cv2.resize(image, size, interpolation=how)  # type: ignore[assignment]
        picture = pygame.image.frombuffer(np.ascontiguousarray(image), size, "BGR")
        if size != room:
            surface.fill((0, 0, 0))
        surface.blit(picture, ((room[0] - size[0]) // 2, (room[1] - size[1]) // 2))
        pygame.display.flip()

    def poll(self) -> list[Command]:
        """Return the commands since the last call; call it often, or the system reports the window as hung.

        Raises:
            DisplayError: the screen has gone.
        """
        pygame = self._pygame
        asked = []
        self._check()
        try:
            events = pygame.event.get()
        except pygame.error as error:
            raise _screen_gone(str(error)) from None
        self._check()
        for event in events:
            if event.type == pygame.QUIT:
                asked.append(Command.QUIT)
            elif event.type == pygame.KEYDOWN and event.key in self._commands:
                asked.append(self._commands[event.key])
        return asked

    def close(self) -> None:
        """Close the window. May be called twice."""
        if not self._guard.gone:
            self._pygame.display.quit()

    def _check(self) -> None:
        if self._guard.gone:
            raise _screen_gone("the X server ended")

    def __enter__(self) -> Window:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def check_display() -> None:
    """Check that there is a screen, as far as that can be told without opening a window.

    Raises:
        DisplayError: there is none.
    """
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    asked = os.environ.get("SDL_VIDEODRIVER")
    here = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.platform.startswith("linux") and not asked and not here:
        raise _no_screen("neither DISPLAY nor WAYLAND_DISPLAY is set")


def _no_screen(reason: str) -> DisplayError:
    return DisplayError(f"there is no screen to open a window on ({reason}): add --headless")


def _screen_gone(reason: str) -> DisplayError:
    return DisplayError(f"the screen has gone ({reason}): start again, or add --headless")
