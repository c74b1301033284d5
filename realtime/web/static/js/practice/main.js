/** The practice page: connects camera, socket, pictures and controls. Everything with logic is in its own module. */

import { ApiError, formatTime, toast } from "../common.js";
import { KEYS, WORDS } from "../shared.js";
import { Awake } from "./awake.js";
import { Camera, CameraError } from "./camera.js";
import { Capture, clock } from "./capture.js";
import { Connection } from "./connection.js";
import { Controls, toggleDialog } from "./controls.js";
import { doubt } from "./drawing.js";
import { ExpertVideo } from "./expert.js";
import { expose, figuresOf, showFigures } from "./figures.js";
import { Hud } from "./hud.js";
import { Panel } from "./panel.js";
import { CameraPicker } from "./picker.js";
import { Pictures } from "./pictures.js";
import { readyExpert } from "./preparation.js";
import { Settings } from "./settings.js";
import { Timeline, sectionAt } from "./timeline.js";
import { capital, filled } from "./words.js";

/** s between two updates of the details. */
const DETAILS_EVERY = 0.5;
/** s that the server may take to write the report. */
const REPORT_WITHIN = 30;
/** s for which answers may still show the guidance from before the user's choice. */
const LEVEL_SETTLES = 0.7;

/** @param {string} id @returns {any} */
const find = (id) => document.getElementById(id);

class PracticePage {
  constructor() {
    this.expertId = decodeURIComponent(location.pathname.split("/").filter(Boolean).at(-1) ?? "");
    this.phase = "starting";
    this.paused = false;
    this.ending = false;
    this.piece = { duration: 0, start: 0 };
    /** @type {import("./protocol.js").Answer|null} */
    this.answer = null;
    this.levelAt = -Infinity;
    this.detailsAt = -Infinity;
    this.hud = new Hud(find);
    this.panel = new Panel(find);
    this.timeline = new Timeline(find("timeline"));
    this.camera = new Camera(find("self"));
    this.expert = new ExpertVideo(find("film"));
    this.connection = new Connection(`/ws/practice/${encodeURIComponent(this.expertId)}`);
    this.capture = new Capture(
      find("self"),
      (message) => this.connection.send(message),
      () => this.connection.backlog,
    );
    this.pictures = new Pictures({
      room: find("room"), you: find("you"), expert: find("expert"), self: find("self"), film: find("film"),
      skeleton: find("skeleton"), ghost: find("ghost"),
    });
    const places = { tools: find("tools"), bar: find("bar"), help: find("keys") };
    this.controls = new Controls(places, () => this.mayHide());
    this.settings = new Settings(this.pictures, this.expert, this.controls, (command) => this.connection.say(command));
    this.awake = new Awake();
    this.picker = new CameraPicker(this.camera, find, (id) => this.openCamera(id));
    this.sayWords();
    this.listen();
    expose(this);
  }

  // -- from the page's beginning to the first frame ----------------------------------------------------------

  async start() {
    requestAnimationFrame(() => this.step());
    try {
      const expert = await readyExpert(this.expertId, this.panel);
      if (!expert) return;
      document.title = `${expert.name} · PoseSync`;
      find("title").textContent = expert.name;
      if (expert.width && expert.height) this.pictures.expertSize = [expert.width, expert.height];
      this.expert.load(`/media/${encodeURIComponent(this.expertId)}/video.mp4`);
    } catch (error) {
      const known = error instanceof ApiError;
      return this.fail(known ? error.message : String(error), !known || error.status !== 404);
    }
    if (!Camera.possible || (await Camera.allowed())) await this.openCamera();
    else this.panel.askForCamera(() => this.openCamera());
  }

  /** @param {string} [id] of a camera, or the one chosen last time */
  async openCamera(id) {
    this.hud.say("Starting the camera");
    try {
      await this.camera.open(id);
    } catch (error) {
      const known = error instanceof CameraError ? error : new CameraError("failed", String(error));
      this.showCameraError(known);
      if (known.kind === "missing" || known.kind === "busy") this.camera.waitForOne();
    }
  }

  /** @param {CameraError} error */
  async showCameraError(error) {
    const several = (await this.camera.list()).length > 1;
    this.panel.cameraFailed(error, () => this.openCamera(), several ? () => this.picker.open() : null);
    this.hud.say("No picture from the camera", "", "bad");
  }

  cameraOpened() {
    this.panel.hide("ask");
    this.panel.hide("camera");
    this.notice("");
    if (this.connection.closed && !this.ending) {
      this.hud.say("Connecting");
      this.connection.open();
    } else if (!this.paused) this.connection.say({ type: "pause", on: false });
    this.awake.hold();
  }

  /** Pause the session while the camera is lost: without frames it would end. */
  cameraLost() {
    this.connection.say({ type: "pause", on: true });
    this.notice("The camera is gone. Plug it in again: it is waited for.");
    this.hud.say("No picture from the camera", "", "bad");
  }

  // -- messages of the server ------------------------------------------------------------------------------

  /** @param {any} message */
  heard(message) {
    if (message.type === "answer") this.answered(message);
    else if (message.type === "welcome") this.welcomed(message);
    else if (message.type === "ended") this.ended(message);
    else if (message.type === "error") {
      if (typeof message.seq === "number") this.capture.giveUp(message.seq);
      if (message.code === "section") this.showPractised(null);
      toast(message.message, "error");
    }
  }

  /** @param {import("./protocol.js").Welcome} welcome */
  welcomed(welcome) {
    const { steering } = this.expert;
    this.piece = { duration: welcome.duration, start: welcome.start };
    steering.duration = welcome.duration;
    steering.start = welcome.start;
    this.pictures.expertSize = welcome.size;
    this.timeline.setPiece(welcome.duration, welcome.sections);
    find("clock-whole").textContent = formatTime(welcome.duration, true);
    this.notice("");
    if (!welcome.resumed) this.beginAnew(welcome);
    if (this.paused) this.connection.say({ type: "pause", on: true });
    else this.capture.start(welcome.frame);
    this.wanted = welcome.frame;
  }

  /** Send the user's choices to a new session. @param {any} welcome */
  beginAnew(welcome) {
    if (this.answer) toast("The session before is over; this is a new one.");
    this.forget();
    const section = this.timeline.section;
    if (section) this.connection.say({ type: "loop", section });
    if (this.settings.chosen) this.connection.say({ type: "guidance", level: this.settings.chosen });
    else this.settings.showLevel(welcome.guidance);
  }

  forget() {
    this.answer = null;
    this.expert.steering.forget();
    this.pictures.take(null);
    this.hud.clear();
    this.timeline.setPosition(null, 0);
  }

  /** @param {import("./protocol.js").Answer} answer */
  answered(answer) {
    const received = clock();
    this.capture.answered(answer, received);
    this.answer = answer;
    this.phase = answer.phase;
    this.expert.steering.take(answer);
    if (!this.paused) this.pictures.take(answer);
    if (!this.paused && !this.ending && !this.camera.lost) this.hud.show(answer, received);
    this.timeline.setPosition(answer.position, doubt(answer));
    if (answer.level !== this.settings.level && received - this.levelAt > LEVEL_SETTLES) {
      this.settings.showLevel(answer.level);
    }
    window.dispatchEvent(new CustomEvent("posesync:answer", { detail: Object.freeze({ message: answer, received }) }));
  }

  /** @param {{why: string, report: string|null, summary: any}} ended */
  ended(ended) {
    this.stop();
    this.phase = "ended";
    this.notice("");
    this.hud.say(this.panel.ended(ended, () => location.reload()));
  }

  /** Stop everything: the camera is released, and the device may sleep. */
  stop() {
    clearTimeout(this.endTimer);
    this.capture.stop();
    this.camera.lost = false;
    this.camera.stop();
    this.expert.steering.forget();
    this.pictures.take(null);
    this.hud.clear();
    this.hud.begin.hidden = true;
    this.awake.release();
    for (const id of ["pause", "restart", "loop", "guidance", "quit", "camera"]) this.controls.set(id, { disabled: true });
  }

  /** @param {string} words what happened, and what to do next @param {boolean} [again] whether that may help */
  fail(words, again = true) {
    this.stop();
    this.phase = "failed";
    this.notice("");
    this.hud.say("Not practising", "", "bad");
    const retry = { name: "Try again", icon: "restart", primary: true, act: () => location.reload() };
    this.panel.trouble("That did not work", words, again ? [retry] : []);
  }

  // -- actions of the user ---------------------------------------------------------------------------------

  /** @param {string} id of a control */
  ask(id) {
    const { settings, connection } = this;
    const done = this.phase === "ended" || this.phase === "failed";
    /** @type {Record<string, () => void>} */
    const acts = {
      view: () => settings.nextView(),
      mirror: () => settings.toggleMirror(),
      sound: () => settings.toggleSound(),
      fullscreen: () => settings.toggleFullscreen(),
      details: () => this.toggleDetails(),
      help: () => toggleDialog(find("help")),
    };
    /** @type {Record<string, () => void>} */
    const running = {
      camera: () => this.picker.open(),
      guidance: () => {
        this.levelAt = clock();
        settings.nextLevel();
      },
      pause: () => this.setPaused(!this.paused),
      restart: () => this.restart(),
      begin: () => connection.say({ type: "begin" }),
      loop: () => this.toggleLoop(),
      whole: () => this.timeline.section && this.timeline.choose(null),
      quit: () => this.end(),
    };
    (acts[id] ?? (done ? undefined : running[id]))?.();
  }

  /** @param {boolean} paused */
  setPaused(paused) {
    if (!this.connection.session || this.ending) return;
    this.paused = paused;
    this.expert.steering.held = paused;
    this.connection.say({ type: "pause", on: paused });
    if (paused) this.capture.stop();
    else if (this.connection.up && this.wanted) this.capture.start(this.wanted);
    this.controls.set("pause", paused ? { name: "Go on", icon: "play" } : { name: KEYS.pause.name, icon: "pause" });
    this.notice(paused ? WORDS.paused : "");
    if (!paused) return;
    this.pictures.take(null); // the drawing belongs to a picture that is no longer shown
    const touched = matchMedia("(pointer: coarse)").matches;
    this.hud.say(WORDS.paused, touched ? "" : `${KEYS.pause.shown} goes on`, "calm");
  }

  restart() {
    if (!this.connection.say({ type: "restart" })) return;
    if (this.paused) this.setPaused(false);
    this.expert.steering.forget();
    toast("From the beginning");
  }

  toggleLoop() {
    const place = this.answer?.position ?? this.piece.start;
    if (this.timeline.section) this.timeline.choose(null);
    else if (this.piece.duration) {
      const [from, to] = sectionAt(this.timeline.sections, place, this.piece.duration);
      this.timeline.choose([from, to]);
    }
  }

  /** @param {[number, number]|null} section */
  practise(section) {
    this.connection.say({ type: "loop", section });
    this.showPractised(section);
    const named = section && this.timeline.sections.find(([from, to]) => from === section[0] && to === section[1]);
    const words = named?.[2] || (section ? `${formatTime(section[0], true)} to ${formatTime(section[1], true)}` : "");
    toast(capital(section ? filled(WORDS.partIs, { part: words }) : WORDS.wholePiece), "info", "setting");
  }

  /** @param {[number, number]|null} section */
  showPractised(section) {
    this.timeline.setSection(section);
    this.expert.steering.section = section;
    this.controls.set("loop", { pressed: section !== null });
  }

  end() {
    // Without a connection the server ends the session by itself, and the library has the report.
    if (!this.connection.session || !this.connection.up) {
      location.assign("/");
      return;
    }
    if (this.ending) return;
    this.ending = true;
    this.capture.stop();
    this.expert.steering.held = true;
    this.hud.say("Writing your report");
    this.notice("");
    this.connection.say({ type: "end" });
    this.endTimer = window.setTimeout(
      () => this.fail("The report is not written yet. Look for it in the library in a moment."),
      1000 * REPORT_WITHIN,
    );
  }

  toggleDetails() {
    const list = find("details");
    list.hidden = !list.hidden;
    this.detailsAt = -Infinity;
    this.controls.set("details", { pressed: !list.hidden });
  }

  // -- at all times ----------------------------------------------------------------------------------------

  /** Update the page; called with every picture that the screen shows. */
  step() {
    requestAnimationFrame(() => this.step());
    const now = clock();
    this.pictures.update(now);
    this.expert.update();
    if (!find("details").hidden && now - this.detailsAt >= DETAILS_EVERY) {
      this.detailsAt = now;
      showFigures(find("details"), this.figures(), this.answer);
    }
  }

  figures() {
    return figuresOf(this, clock());
  }

  /** Whether the buttons may be hidden: only while somebody stands in front of the camera. */
  mayHide() {
    const live = ["framing", "ready", "count-in", "running"].includes(this.phase);
    return live && !this.paused && find("card").hidden && !document.querySelector("dialog[open]");
  }

  /** @param {string} words over the pictures; empty: none */
  notice(words) {
    const place = find("notice");
    place.hidden = !words;
    place.textContent = words;
  }

  /** Write the shared words into the page, and the key after the name of the one button in it. */
  sayWords() {
    const words = { you: WORDS.you, expert: WORDS.expert, memory: WORDS.memory, ...WORDS.timing };
    for (const place of document.querySelectorAll("[data-words]")) {
      place.textContent = words[/** @type {HTMLElement} */ (place).dataset.words ?? ""];
    }
    const begin = find("begin");
    begin.textContent = KEYS.begin.name;
    begin.title = `${KEYS.begin.name} (${KEYS.begin.shown})`;
  }

  listen() {
    const { camera, connection, controls, timeline } = this;
    controls.addEventListener("ask", (event) => this.ask(/** @type {CustomEvent} */ (event).detail));
    timeline.addEventListener("section", (event) => this.practise(/** @type {CustomEvent} */ (event).detail));
    find("begin").addEventListener("click", () => this.ask("begin"));
    for (const dialog of document.querySelectorAll("dialog")) {
      dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    }
    camera.addEventListener("open", () => this.cameraOpened());
    camera.addEventListener("lost", () => this.cameraLost());
    camera.addEventListener("refused", (event) => this.showCameraError(/** @type {CustomEvent} */ (event).detail));
    connection.addEventListener("message", (event) => this.heard(/** @type {CustomEvent} */ (event).detail));
    connection.addEventListener("down", () => this.connectionBroke());
    connection.addEventListener("over", (event) => this.fail(/** @type {CustomEvent} */ (event).detail.words));
    document.addEventListener("visibilitychange", () => this.visibilityChanged());
    // Leaving the page ends the session: the report is written now, not when the server gives up waiting.
    window.addEventListener("pagehide", () => connection.say({ type: "end" }));
  }

  connectionBroke() {
    this.capture.stop();
    this.notice("The connection broke. Looking for PoseSync again…");
    this.hud.say("Connecting again", "", "bad");
    if (this.ending) this.fail("The connection broke at the end. Look for the report in the library.");
  }

  /** Pause the session while another tab hides the page, and resume when it is visible again. */
  visibilityChanged() {
    const hidden = document.visibilityState === "hidden";
    // Nothing is drawn while hidden, so nothing would steer the video.
    if (hidden) this.expert.video.pause();
    if (hidden && !this.paused) {
      this.setPaused(true);
      this.awayPaused = this.paused;
    } else if (!hidden) {
      this.awake.hold();
      if (this.awayPaused && this.paused) this.setPaused(false);
      this.awayPaused = false;
    }
  }
}

new PracticePage().start();
