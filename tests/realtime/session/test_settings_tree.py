"""The tree of settings: what is written from it, and that what is set is what runs."""

from __future__ import annotations

import dataclasses
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from posesync.pose.keys import keys_of
from posesync.pose.settings import PoseSettings
from posesync.realtime.coaching.expert import Expert
from posesync.realtime.coaching.settings import PracticeSettings, Start
from posesync.realtime.session.config import Config, default_settings, load_config
from posesync.realtime.session.options import make_coach, pose_settings
from posesync.realtime.tracking.settings import TrackerSettings

ROOT = Path(__file__).resolve().parents[3]
WRITER = runpy.run_path(str(ROOT / "tools" / "write_settings.py"))


@pytest.mark.parametrize(
    ("file", "write"),
    [("configs/default.toml", WRITER["default_toml"]), ("docs/settings.md", WRITER["page"])],
)
def test_the_files_are_those_of_the_tree(file: str, write: Callable[[], str]) -> None:
    assert (ROOT / file).read_text(encoding="utf-8") == write(), "run tools/write_settings.py"


def test_the_written_file_gives_the_defaults() -> None:
    assert load_config(ROOT / "configs" / "default.toml") == load_config() == Config()


def test_sections_are_frozen_and_their_keys_typed() -> None:
    plain, count = Config(), 0
    for section in dataclasses.fields(plain):
        if section.name == "origins":
            continue
        values = getattr(plain, section.name)
        keys = keys_of(values)
        assert keys, f"[{section.name}] has no key"
        count += len(keys)
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(values, next(iter(keys)), None)
    assert count == len(default_settings())


def test_a_choice_comes_as_what_the_room_uses() -> None:
    config = load_config(None, {"practice.start": "hand", "practice.seconds": 5})
    assert config.practice == PracticeSettings(start=Start.HAND, seconds=5.0)
    assert config.value("practice.start") == "hand"


def test_without_a_file_keypoints_are_found_as_by_default() -> None:
    assert pose_settings(load_config()) == PoseSettings()
    asked = load_config(None, {"pose.model": "thunder", "detector.model": "other", "detector.patience": 4})
    assert pose_settings(asked) == PoseSettings(pose="thunder", detector_model="other", patience=4.0)


def test_what_is_set_of_tracker_framing_and_cues_is_what_the_coach_runs_with(expert: Expert) -> None:
    config = load_config(
        None, {"tracking.mirror": False, "tracking.lost_after": 3, "framing.after": 9, "cues.longest": 12}
    )
    assert config.tracking == TrackerSettings(mirror=False, lost_after=3.0)
    coach = make_coach(expert, config, waits=True)
    for section in (None, (1.0, 2.0)):
        coach.practise(section)
        assert coach._tracker.settings == config.tracking
    assert coach._watch._settings.after == 9.0
    assert coach._cues._settings.longest == 12.0
    assert coach._practice.settings.start is Start.COUNT
    waitless = make_coach(expert, config, waits=False)
    assert waitless._practice.settings.start is Start.NOW, "a file begins at once"


def test_settings_are_read_without_the_libraries_that_may_be_broken() -> None:
    code = (
        "import sys; from posesync.realtime.session.config import load_config; load_config('dance');"
        "print({'numpy', 'cv2', 'av', 'pygame', 'onnxruntime'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()", "the doctor must come even when one of them is broken"
