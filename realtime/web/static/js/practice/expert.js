/** The expert's video, steered to follow the performer, with sound near its own speed. */

import { remember, remembered } from "../common.js";
import { clock } from "./capture.js";
import { Steering, audible } from "./steering.js";

/** s in which the sound fades in and out: a hard cut clicks. */
const FADE = 0.15;

/** Steers a <video>. Events: "sound" (whether it can be heard, or needs a touch first, has changed). */
export class ExpertVideo extends EventTarget {
  /** @param {HTMLVideoElement} video muted at first: browsers require a gesture before they play sound */
  constructor(video) {
    super();
    this.video = video;
    this.steering = new Steering();
    this.on = remembered("sound", "on") === "on";
    this.volume = Math.min(Math.max(Number(remembered("volume", "0.8")) || 0, 0), 1);
    this.allowed = navigator.userActivation?.hasBeenActive ?? false;
    this.heard = false;
    this.error = NaN;
    this.last = clock();
    this.starting = false;
    video.muted = true;
    video.volume = 0;
    video.preservesPitch = true;
    for (const gesture of ["pointerup", "keydown"]) {
      window.addEventListener(gesture, () => this.gesture(), { capture: true });
    }
  }

  /** @param {string} address of the video */
  load(address) {
    this.video.src = address;
    this.video.load();
  }

  /** Whether the sound is on but the browser waits for a touch. */
  get waits() {
    return this.on && !this.allowed;
  }

  /** Allow sound from now on, after a touch or a key. */
  gesture() {
    if (this.allowed) return;
    this.allowed = true;
    this.dispatchEvent(new Event("sound"));
  }

  /** @param {boolean} on */
  setSound(on) {
    this.on = on;
    remember("sound", on ? "on" : "off");
    this.dispatchEvent(new Event("sound"));
  }

  /** @param {number} volume 0..1 */
  setVolume(volume) {
    this.volume = Math.min(Math.max(volume, 0), 1);
    remember("volume", String(this.volume));
    if (this.volume > 0 && !this.on) this.setSound(true);
  }

  /** Steer the video to the performer's place; call it with every picture drawn. */
  update() {
    const now = clock();
    const { video } = this;
    if (video.readyState < HTMLMediaElement.HAVE_METADATA) return;
    const aim = this.steering.aim(now, {
      time: video.currentTime,
      paused: video.paused,
      seeking: video.seeking,
      ended: video.ended,
    });
    this.error = aim.target === null ? NaN : aim.target - video.currentTime;
    if (aim.seek !== null) video.currentTime = Math.min(aim.seek, Math.max(0, video.duration - 0.02));
    if (aim.playing) {
      if (video.playbackRate !== aim.rate) video.playbackRate = aim.rate;
      if (video.paused && !this.starting) this.play();
    } else if (!video.paused) {
      video.pause();
    }
    this.sound(aim, Math.min(Math.max(now - this.last, 0), 0.1));
    this.last = now;
  }

  /** Start to play, without sound where the browser refuses it. */
  async play() {
    const { video } = this;
    this.starting = true;
    try {
      await video.play();
    } catch (error) {
      if (error instanceof DOMException && error.name === "NotAllowedError") {
        video.muted = true;
        this.allowed = false;
        this.dispatchEvent(new Event("sound"));
      }
      // After any other failure (a pause that came first) the next picture tries again.
    } finally {
      this.starting = false;
    }
  }

  /**
   * @param {{playing: boolean, rate: number}} aim
   * @param {number} passed s since the last call
   */
  sound(aim, passed) {
    const { video } = this;
    this.heard = aim.playing && audible(aim.rate, this.heard);
    const wanted = this.on && this.allowed && this.heard ? this.volume : 0;
    const step = passed / FADE;
    const volume = video.volume + Math.min(Math.max(wanted - video.volume, -step), step);
    if (Math.abs(volume - video.volume) > 1e-3) video.volume = Math.min(Math.max(volume, 0), 1);
    // A muted video's sound need not be decoded; the browser requires a gesture only for unmuting.
    const muted = wanted === 0 && video.volume < 1e-3;
    if (video.muted !== muted) video.muted = muted;
  }
}
