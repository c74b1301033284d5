/** Constants that window and page share. Written by tools/write_shared.py from configs/shared.toml: change it there. */

/**
 * @template {object} T
 * @param {T} value
 * @returns {Readonly<T>} the value itself, frozen with everything in it
 */
function frozen(value) {
  for (const part of Object.values(value)) if (typeof part === "object" && part !== null) frozen(part);
  return Object.freeze(value);
}

/** The practice socket: version, close codes, the frames that the page is asked for. */
export const SOCKET = frozen({
  version: 1,
  closing: { badMessage: 4400, noExpert: 4404, notReady: 4409, tooFast: 4429, tooMany: 4503 },
  frames: { longest: 640, quality: 0.8, rate: 60 },
});

/** Actions that have a key, in the order of the buttons. */
export const KEYS = frozen({
  pause: { key: " ", shown: "Space", name: "Pause", help: "pause or resume" },
  restart: {
    key: "r",
    shown: "R",
    name: "Restart",
    help: "start again from the top: framing, then count-in",
  },
  begin: { key: "enter", shown: "Enter", name: "Begin now", help: "begin now" },
  view: {
    key: "v",
    shown: "V",
    name: "View",
    help: "side by side, the expert's pose on your body, or the expert in a corner",
  },
  mirror: {
    key: "m",
    shown: "M",
    name: "Mirror",
    help: "see yourself as in a mirror, or as others see you",
  },
  guidance: {
    key: "g",
    shown: "G",
    name: "Guidance",
    help: "how much you see of the expert: everything, only at mistakes, nothing",
  },
  loop: {
    key: "l",
    shown: "L",
    name: "Loop",
    help: "the section you are in, over and over; or drag on the timeline",
  },
  whole: { key: "escape", shown: "Esc", name: "Whole piece", help: "the whole piece again" },
  sound: { key: "n", shown: "N", name: "Sound", help: "the expert's sound" },
  quit: { key: "q", shown: "Q", name: "End", help: "end, and see the report" },
  camera: { key: "c", shown: "C", name: "Camera", help: "choose the camera" },
  details: { key: "h", shown: "H", name: "Details", help: "figures of the session" },
  fullscreen: { key: "f", shown: "F", name: "Full screen", help: "the whole screen" },
  help: { key: "?", shown: "?", name: "Help", help: "these keys" },
});

/** Words that the window shows too; {…} is to be replaced. */
export const WORDS = frozen({
  you: "You",
  expert: "Expert",
  memory: "from memory",
  pace: "{speed}× the expert’s pace",
  paused: "Paused",
  guidanceIs: "guidance: {level}",
  partIs: "over and over: {part}",
  wholePiece: "the whole piece",
  soundOn: "sound on",
  soundOff: "sound off",
  goesOn: "Practice goes on.",
  missing: {
    log: "The log has stopped: {reason}.",
    recording: "The recording has stopped: {reason}.",
    report: "There is no report: {reason}.",
  },
  states: {
    waiting: { text: "Waiting for your first moves", tone: "plain", more: "" },
    following: { text: "Following", tone: "good", more: "" },
    holding: { text: "Holding", tone: "calm", more: "the expert waits for you" },
    lost: { text: "Not in the piece right now", tone: "bad", more: "go on anywhere, I will find you" },
    finished: { text: "Finished", tone: "good", more: "start again whenever you like" },
  },
  doubtful: { text: "Looking for your place in the piece", tone: "plain", more: "" },
  timing: { "on time": "on time", dragging: "dragging", rushing: "rushing" },
  views: { "side-by-side": "side by side", ghost: "ghost", "picture-in-picture": "corner" },
  guidance: { full: "everything", mistakes: "at mistakes", none: "nothing" },
});

/** Red, green, blue 0..255 each. */
export const COLOURS = frozen({
  background: [16, 19, 23],
  surface: [27, 32, 39],
  text: [243, 245, 247],
  neutral: [223, 230, 238],
  shadow: [11, 13, 16],
  good: [47, 211, 165],
  fair: [255, 184, 77],
  poor: [255, 90, 95],
  calm: [108, 182, 255],
  doubt: [125, 135, 148],
});

/** configs/shared.toml gives units and meaning. */
export const LIMITS = frozen({
  keypointFloor: 0.15,
  sureFrom: 0.5,
  doubtfulAt: 0.25,
  goodBelow: 10,
  fairAt: 22,
  poorFrom: 38,
  scoreGood: 85,
  scoreFair: 60,
  scorePoor: 35,
  leastPace: 0.1,
  smoothingSeconds: 0.35,
  figuresEvery: 0.25,
  followSeconds: 0.5,
  insetSlack: 0.12,
  shortestPart: 1,
  shortestTaken: 0.5,
});

/** The ghost's look; lengths are shares of the trunk. */
export const GHOST = frozen({
  opacity: 0.55,
  neck: [0.1, 0.09],
  head: [0.17, 0.22],
  trunk: 0.15,
  leastTrunk: 1.2,
  limbs: [
    [5, 7, 0.11, 0.09],
    [6, 8, 0.11, 0.09],
    [7, 9, 0.085, 0.065],
    [8, 10, 0.085, 0.065],
    [11, 13, 0.165, 0.115],
    [12, 14, 0.165, 0.115],
    [13, 15, 0.115, 0.075],
    [14, 16, 0.115, 0.075],
  ],
});

/** Keypoints by number; each bone names the joint that colours it. */
export const SKELETON = frozen({
  bones: [
    [5, 6, null],
    [11, 12, null],
    [5, 7, "left_shoulder"],
    [6, 8, "right_shoulder"],
    [7, 9, "left_elbow"],
    [8, 10, "right_elbow"],
    [5, 11, null],
    [6, 12, null],
    [11, 13, "left_hip"],
    [12, 14, "right_hip"],
    [13, 15, "left_knee"],
    [14, 16, "right_knee"],
  ],
  joints: {
    left_elbow: 7,
    right_elbow: 8,
    left_shoulder: 5,
    right_shoulder: 6,
    left_hip: 11,
    right_hip: 12,
    left_knee: 13,
    right_knee: 14,
  },
  trunk: [5, 6, 12, 11],
  body: 5,
});
