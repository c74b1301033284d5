"""A canvas is taken again only when nobody holds it, or a part of it."""

from __future__ import annotations

import threading

import numpy as np
from posesync.realtime.drawing.canvas import MOST, Canvases


def canvases() -> Canvases:
    return Canvases(8, 6)


def test_a_picture_that_is_held_is_never_drawn_over() -> None:
    pool = canvases()
    held = [pool.take() for _ in range(MOST + 3)]
    for number, canvas in enumerate(held):
        canvas[:] = number
    assert all((canvas == number).all() for number, canvas in enumerate(held))
    assert len({canvas.ctypes.data for canvas in held}) == len(held)


def test_a_part_of_a_picture_holds_it_too() -> None:
    pool = canvases()
    canvas = pool.take()
    canvas[:] = 200
    part = canvas[2:4]
    del canvas
    pool.take()[:] = 0
    assert (part == 200).all()


def test_what_is_let_go_of_is_used_again() -> None:
    pool = canvases()
    canvas = pool.take()
    place = canvas.ctypes.data
    del canvas
    assert pool.take().ctypes.data == place


def test_another_thread_that_holds_a_picture_keeps_it() -> None:
    pool = canvases()
    go, seen = threading.Event(), []

    def write(canvas: np.ndarray) -> None:
        go.wait(5)
        seen.append(int(canvas.min()))

    canvas = pool.take()
    canvas[:] = 50
    thread = threading.Thread(target=write, args=(canvas,))
    thread.start()
    del canvas
    for _ in range(3):
        pool.take()[:] = 0
    go.set()
    thread.join()
    assert seen == [50]
