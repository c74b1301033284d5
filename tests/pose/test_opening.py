"""One door to FFmpeg: only formats that hold their own pictures, whatever a file is called."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from posesync.pose.errors import SourceError
from posesync.pose.opening import open_media
from posesync.pose.video_file import VideoFile


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "secret.ts"
    with av.open(str(path), "w", format="mpegts") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(30):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number, np.uint8), format="bgr24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path


PLAYLISTS = {
    "HLS": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{path}'\n",
    "SDP": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
    "a=rtpmap:96 H264/90000\n",
}


@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("name", ["a.mp4", "a.m3u8", "a.ffconcat", "a.sdp"])
def test_a_playlist_opens_nothing(kind: str, name: str, clip: Path) -> None:
    with open_media(clip) as container:
        assert container.streams.video
    path = clip.with_name(name)
    path.write_text(PLAYLISTS[kind].format(url=clip.as_uri(), path=clip.name))
    with pytest.raises(SourceError) as caught:
        VideoFile(path).close()
    assert "\n" not in str(caught.value)
    with pytest.raises((av.FFmpegError, OSError)):
        open_media(path)


def test_a_pattern_of_pictures_is_no_video(clip: Path) -> None:
    for number in range(3):
        (clip.parent / f"p{number}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (clip.parent / "p%d.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    with pytest.raises((av.FFmpegError, OSError)):
        open_media(clip.parent / "p%d.png")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no FIFOs")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "a.mp4"
    os.mkfifo(pipe)
    with pytest.raises(SourceError, match="regular file"):
        VideoFile(pipe)
    with pytest.raises(OSError, match="regular file"):
        open_media(pipe)
