/** The user's settings: layout, mirror, guidance, sound, full screen; shown on the buttons and remembered. */

import { element, remember, remembered, toast } from "../common.js";
import { KEYS, WORDS } from "../shared.js";
import { LAYOUTS } from "./placement.js";
import { capital, filled } from "./words.js";

const LEVELS = Object.keys(WORDS.guidance);
const LEVEL_ICONS = { full: "guidance", mistakes: "guidance-mistakes", none: "guidance-none" };

export class Settings {
  /**
   * @param {import("./pictures.js").Pictures} pictures
   * @param {import("./expert.js").ExpertVideo} expert
   * @param {import("./controls.js").Controls} controls
   * @param {(command: object) => boolean} say sends a command to the server
   */
  constructor(pictures, expert, controls, say) {
    this.pictures = pictures;
    this.expert = expert;
    this.controls = controls;
    this.say = say;
    /** @type {string} as the server says; the user's choice goes there first */
    this.level = "full";
    /** @type {string|null} what the user has chosen in this visit */
    this.chosen = null;
    pictures.setLayout(remembered("view", LAYOUTS[0]));
    pictures.setMirror(remembered("mirror", "on") === "on");
    expert.addEventListener("sound", () => this.showSound());
    document.addEventListener("fullscreenchange", () => this.showFullscreen());
    if (!document.documentElement.requestFullscreen) controls.set("fullscreen", { disabled: true });
    this.addVolume();
    this.showView();
    this.showMirror();
    this.showSound();
    this.showLevel("full");
  }

  /** The volume, beside the button for the sound. */
  addVolume() {
    const slider = /** @type {HTMLInputElement} */ (
      element("input", { type: "range", class: "volume", min: 0, max: 1, step: 0.05, "aria-label": "Volume" })
    );
    slider.value = String(this.expert.volume);
    slider.addEventListener("input", () => this.expert.setVolume(Number(slider.value)));
    // After a touch or click it must not keep the buttons on the screen.
    slider.addEventListener("pointerup", () => slider.blur());
    this.controls.buttons.get("sound")?.after(slider);
  }

  nextView() {
    const next = LAYOUTS[(LAYOUTS.indexOf(this.pictures.layout) + 1) % LAYOUTS.length];
    this.pictures.setLayout(next);
    remember("view", next);
    this.showView();
    toast(capital(WORDS.views[next]), "info", "setting");
  }

  toggleMirror() {
    this.pictures.setMirror(!this.pictures.mirror);
    remember("mirror", this.pictures.mirror ? "on" : "off");
    this.showMirror();
  }

  nextLevel() {
    const at = LEVELS.indexOf(this.level);
    const next = LEVELS[(at + 1) % LEVELS.length];
    this.chosen = next;
    this.say({ type: "guidance", level: next });
    this.showLevel(next);
    toast(levelWords(next), "info", "setting");
  }

  toggleSound() {
    this.expert.setSound(!this.expert.on);
    const on = `${WORDS.soundOn}: you hear the expert while you keep the pace`;
    toast(capital(this.expert.on ? on : WORDS.soundOff), "info", "setting");
  }

  async toggleFullscreen() {
    try {
      if (document.fullscreenElement) await document.exitFullscreen();
      else await document.documentElement.requestFullscreen({ navigationUI: "hide" });
    } catch {
      toast("This browser does not give the whole screen.", "error");
    }
  }

  showView() {
    const { layout } = this.pictures;
    const words = WORDS.views[layout];
    document.body.dataset.view = layout;
    this.controls.set("view", { name: capital(words), says: `${KEYS.view.name}: ${words}`, icon: layout });
  }

  showMirror() {
    this.controls.set("mirror", { pressed: this.pictures.mirror });
  }

  showSound() {
    const { on, waits } = this.expert;
    const { name } = KEYS.sound;
    const says = waits ? `${name}: on as soon as you touch the page` : name;
    this.controls.set("sound", { pressed: on, icon: on ? "sound" : "sound-off", says });
  }

  showFullscreen() {
    const full = Boolean(document.fullscreenElement);
    this.controls.set("fullscreen", { pressed: full, icon: full ? "fullscreen-end" : "fullscreen" });
  }

  /** @param {string} level at the performer's place */
  showLevel(level) {
    this.level = level;
    this.controls.set("guidance", {
      name: KEYS.guidance.name,
      says: levelWords(level),
      icon: LEVEL_ICONS[/** @type {keyof typeof LEVEL_ICONS} */ (level)] ?? "guidance",
    });
  }
}

/** @param {string} level */
function levelWords(level) {
  return capital(filled(WORDS.guidanceIs, { level: WORDS.guidance[level] ?? level }));
}
