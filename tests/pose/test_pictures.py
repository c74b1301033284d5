"""From a decoded frame to a picture: upright, square pixels, ordinary colours, one size, none too large."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from av.stream import Disposition
from clips import ORIENTATIONS, Image, encode, orient
from posesync.pose import decoding, pictures
from posesync.pose.errors import SourceError
from posesync.pose.sources import open_source
from posesync.pose.video_file import VideoFile

LOSSLESS = {"qp": "0", "preset": "ultrafast"}
BLACK, WHITE, RED, BLUE = (0, 0, 0), (235, 235, 235), (40, 40, 220), (220, 60, 40)
PQ, HLG, BT2020 = 16, 18, 9


def quarters(width: int = 96, height: int = 64) -> Image:
    """An image with four colours, so that each of the eight orientations differs from the others."""
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, width // 2 :] = WHITE
    image[height // 2 :, : width // 2] = RED
    image[height // 2 :, width // 2 :] = BLUE
    return image


def still(image: Image, count: int = 3, rate: int = 30) -> Iterator[tuple[float, Image]]:
    return ((index / rate, image) for index in range(count))


def pictures_of(path: Path, **options: Any) -> list[Image]:
    with VideoFile(path, **options) as source:
        found = [frame.image for frame in source]
        assert {image.shape[1::-1] for image in found} == {(source.info.width, source.info.height)}
    return found


def difference(one: Image, other: Image) -> float:
    assert one.shape == other.shape
    return float(np.abs(one.astype(int) - other).mean())


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv420p10le"])
@pytest.mark.parametrize("aspect", [1, 2])
@pytest.mark.parametrize("name", ORIENTATIONS)
def test_every_orientation_is_laid_upright_with_square_pixels(name, aspect, pixels, tmp_path):
    matrix, stored = ORIENTATIONS[name]
    upright = quarters(192, 128)
    image = stored(upright)[:, ::aspect]  # a pixel is twice as wide as high in what is stored
    clip = encode(tmp_path / "a.mp4", still(image), options=LOSSLESS, pixels=pixels, pixel_aspect=aspect)
    found = pictures_of(orient(clip, tmp_path / "b.mp4", matrix))[-1]
    assert difference(found, upright) < 4  # some 20 as soon as one quarter is misplaced
    half = pictures_of(tmp_path / "b.mp4", max_height=64)[-1]
    assert difference(half, np.ascontiguousarray(upright[::2, ::2])) < 5


def test_a_slanted_matrix_means_the_nearest_orientation(tmp_path):
    clip = encode(tmp_path / "a.mp4", still(quarters()), options=LOSSLESS)
    found = pictures_of(orient(clip, tmp_path / "b.mp4", (1, 0.2, -0.2, 1)))[0]
    assert difference(found, quarters()) < 4


@pytest.mark.parametrize(
    ("aspect", "expected"),
    [(Fraction(4, 3), (128, 64)), (Fraction(1, 2), (96, 128)), (Fraction(12, 11), (105, 64)),
     (Fraction(200), (96, 64)), (Fraction(1, 200), (96, 64))],
)  # fmt: skip
def test_pixels_become_square_and_nonsense_is_not_followed(aspect, expected, tmp_path):
    clip = encode(tmp_path / "a.mkv", still(quarters()), options=LOSSLESS, pixel_aspect=aspect)
    with VideoFile(clip) as source:
        assert (source.info.width, source.info.height) == expected


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv420p10le"])
@pytest.mark.parametrize(("matrix", "code"), [("ITU709", 1), ("ITU601", 6), ("BT2020", 9)])
@pytest.mark.parametrize(("span", "range_code"), [("MPEG", 1), ("JPEG", 2)])
def test_matrix_and_range_are_those_that_the_file_names(matrix, code, span, range_code, pixels, tmp_path):
    upright = quarters()
    path = tmp_path / "a.mp4"
    tags = {"colorspace": code, "color_range": range_code}
    _write(path, upright, tags, pixels, dst_colorspace=matrix, dst_color_range=span)
    assert difference(pictures_of(path)[0], upright) < 2.5


def hdr(light: np.ndarray, transfer: int) -> np.ndarray:
    """Linear BT.2020 light, cd/m², → the signal 0..1: the inverse of what a display does (BT.2100)."""
    if transfer == PQ:
        root = (light / 10_000) ** 0.1593017578125
        return ((0.8359375 + 18.8515625 * root) / (1 + 18.6875 * root)) ** 78.84375
    scene = (light / 1000) ** (1 / 1.2)
    bright = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), bright)


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_hdr_looks_as_the_same_scene_in_ordinary_video(transfer, tmp_path):
    """White paper has 203 cd/m² (BT.2408); up to three quarters of that nothing may change."""
    to_bt2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
    codes = np.array(
        [(16, 16, 16), (64, 64, 64), (128, 128, 128), (200, 200, 200), (160, 90, 60), (60, 110, 180)]
    )
    wide = 203 * (codes[:, ::-1] / 255) ** 2.4 @ to_bt2020.T
    highlights = np.array([[203.0] * 3, [500.0] * 3, [1000.0] * 3])
    signal = hdr(np.vstack([wide, highlights]), transfer)[:, ::-1]
    image = np.repeat(np.repeat(np.round(65535 * signal)[None], 64, 0), 16, 1).astype(np.uint16)
    path = tmp_path / "a.mp4"
    tags = {"colorspace": 9, "color_range": 1, "color_primaries": BT2020, "color_trc": transfer}
    _write(path, image, tags, "yuv420p10le", dst_colorspace="BT2020", dst_color_range="MPEG")
    found = pictures_of(path)[0][32, 8::16].astype(int)
    np.testing.assert_allclose(found[:6], codes, atol=5)
    white, bright, brightest = found[6:, 1]
    assert 225 < white < bright < brightest <= 255  # highlights keep their differences


def test_ordinary_video_is_converted_as_before(tmp_path):
    """No table and no matrix comes in its way: the pixels are swscale's own."""
    noise = np.random.default_rng(1).integers(0, 255, (90, 160, 3)).astype(np.uint8)
    path = encode(tmp_path / "a.mp4", still(noise))
    with av.open(str(path)) as container:
        expected = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    assert all(np.array_equal(a, b) for a, b in zip(pictures_of(path), expected, strict=True))


def test_more_bits_give_the_same_picture(tmp_path):
    noise = np.random.default_rng(1).integers(0, 255, (90, 160, 3)).astype(np.uint8)
    eight, ten = (
        pictures_of(encode(tmp_path / f"{pixels}.mp4", still(noise), options=LOSSLESS, pixels=pixels))
        for pixels in ("yuv420p", "yuv420p10le")
    )
    assert all(np.array_equal(a, b) for a, b in zip(eight, ten, strict=True))


def test_a_matrix_that_nobody_knows_does_not_stop_the_file(tmp_path):
    path = tmp_path / "a.mp4"
    _write(path, quarters(), {"colorspace": 14}, "yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
    assert difference(pictures_of(path)[0], quarters()) < 60


def _write(path: Path, image: Any, tags: dict[str, int], pixels: str, **conversion: Any) -> None:
    """Three frames of an image, uint8 or uint16 BGR, converted as told and tagged as told."""
    ten = pixels.endswith("10le")
    with av.open(str(path), "w") as container:
        options = {"qp": "1", "preset": "ultrafast"} if not ten else {"crf": "1", "preset": "ultrafast"}
        stream: Any = container.add_stream("libx264", rate=30, options=options)
        stream.height, stream.width = image.shape[:2]
        stream.pix_fmt = pixels
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        for index in range(3):
            frame = av.VideoFrame.from_ndarray(
                image, format="bgr48le" if image.dtype == np.uint16 else "bgr24"
            ).reformat(format=pixels, **conversion)
            frame.pts, frame.time_base = index, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


# -- which stream --------------------------------------------------------------------------------------------


def streams(path: Path, first: int, second: int) -> Path:
    """A file with two video streams of 64 × 48 and 96 × 64, and their dispositions."""
    with av.open(str(path), "w") as container:
        made = []
        for size, flags in (((64, 48), first), ((96, 64), second)):
            stream: Any = container.add_stream("libx264", rate=30, options=LOSSLESS)
            (stream.width, stream.height), stream.pix_fmt = size, "yuv420p"
            stream.disposition = flags
            made.append(stream)
        for index in range(10):
            for stream in made:
                frame = av.VideoFrame.from_ndarray(quarters(stream.width, stream.height), format="bgr24")
                frame.pts, frame.time_base = index, Fraction(1, 30)
                container.mux(stream.encode(frame))
        for stream in made:
            container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("first", "second", "width"),
    [
        (0, Disposition.default, 96),
        (Disposition.default, 0, 64),
        (Disposition.default, Disposition.default, 64),
        (0, 0, 64),
    ],
)
def test_the_stream_flagged_default_is_shown_or_else_the_first(first, second, width, tmp_path):
    with VideoFile(streams(tmp_path / "a.mkv", first, second)) as source:
        assert source.info.width == width


def test_a_cover_is_not_the_video_even_if_it_comes_first(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        cover: Any = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 300, 300, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        video: Any = container.add_stream("libx264", rate=30)
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        for stream, count in ((cover, 1), (video, 5)):
            for index in range(count):
                frame = av.VideoFrame.from_ndarray(quarters(stream.width, stream.height), format="bgr24")
                frame.pts, frame.time_base = index, Fraction(1, 30)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    _tags_first(path)
    with av.open(str(path)) as container:
        assert container.streams.video[0].disposition & Disposition.attached_pic, "no cover in front"
    with VideoFile(path) as source:
        assert source.info.width == 96


def _tags_first(path: Path) -> None:
    """Put the box with the tags and the cover of an MP4 before its tracks, as some writers do."""
    data = path.read_bytes()
    tags, track = data.find(b"udta", data.find(b"moov")) - 4, data.find(b"trak") - 4
    end = tags + int.from_bytes(data[tags : tags + 4], "big")
    path.write_bytes(data[:track] + data[tags:end] + data[track:tags] + data[end:])


# -- a picture that changes midway ---------------------------------------------------------------------------


def joined(target: Path, *parts: tuple[Image, int]) -> Path:
    """A transport stream whose picture changes midway: each part is (image, number of frames)."""
    data = b""
    for number, (image, count) in enumerate(parts):
        part = target.with_name(f"{number}.ts")
        frames = ((number * 10 + index / 30, image) for index in range(count))
        data += encode(part, frames, options={"crf": "10", "preset": "ultrafast"}).read_bytes()
    target.write_bytes(data)
    return target


def test_a_picture_that_grows_keeps_the_size_of_the_first(tmp_path):
    path = joined(tmp_path / "a.ts", (quarters(96, 64), 20), (quarters(192, 128), 20))
    found = pictures_of(path)
    assert len(found) == 40
    assert max(difference(image, quarters(96, 64)) for image in found) < 8


def test_a_picture_of_another_shape_is_shown_whole_in_the_middle(tmp_path):
    wide = quarters(128, 64)
    path = joined(tmp_path / "a.ts", (wide, 20), (quarters(64, 96), 20), (wide, 20))
    found = pictures_of(path)
    assert len(found) == 60
    assert difference(found[0], wide) < 8 > difference(found[-1], wide)
    middle = found[30]
    columns = np.flatnonzero(middle.max(axis=(0, 2)) > 60)
    assert (columns[0], columns[-1]) == pytest.approx((43, 84), abs=2)
    assert (middle[:, :40].max(), middle[:, 88:].max()) == (0, 0)


def test_a_picture_too_large_midway_is_left_out_before_it_is_decoded(tmp_path, monkeypatch):
    wide = np.zeros((4000, 8704, 3), np.uint8)
    path = joined(tmp_path / "a.ts", (quarters(), 10), (wide, 2), (quarters(), 10))
    with av.open(str(path)) as container:
        sizes = {frame.width for frame in container.decode(video=0)}
    assert sizes == {96, 8704}, "the file does not hold what it should"
    converted: list[int] = []
    make = pictures.Pictures.make
    monkeypatch.setattr(
        pictures.Pictures, "make", lambda self, frame: converted.append(frame.width) or make(self, frame)
    )
    found = pictures_of(path)
    assert 10 < len(found) <= 20
    assert set(converted) == {96}


def test_a_decoder_that_does_not_know_the_limit_is_checked_as_well(tmp_path, monkeypatch):
    path = joined(tmp_path / "a.ts", (quarters(96, 64), 10), (quarters(192, 128), 10), (quarters(96, 64), 10))
    monkeypatch.setattr(pictures, "MAX_AREA", 100 * 100)
    assert len(pictures_of(path)) == 20


def test_a_video_that_is_too_large_says_so(tmp_path):
    path = encode(tmp_path / "a.mp4", still(np.zeros((4000, 8704, 3), np.uint8), 1))
    with pytest.raises(SourceError, match=r"8704 × 4000 px, expected 8K"):
        open_source(path)
    assert decoding.MAX_AREA < 8704 * 4000


def test_an_image_that_is_too_large_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    for name in ("1.png", "2.jpg"):
        cv2.imwrite(str(tmp_path / name), np.zeros((4000, 8704, 3), np.uint8))
    decoded: list[int] = []
    monkeypatch.setattr(cv2, "imdecode", lambda data, flags: decoded.append(len(data)))
    for name in ("1.png", "2.jpg"):
        folder = tmp_path / name[0]
        folder.mkdir()
        (tmp_path / name).rename(folder / name)
        with pytest.raises(SourceError, match="of 8K"):
            open_source(folder)
    assert not decoded
