/** The choice of cameras, in a dialog. */

import { element } from "../common.js";

export class CameraPicker {
  /**
   * @param {import("./camera.js").Camera} camera
   * @param {(id: string) => any} find an element of the page by its id
   * @param {(id: string) => void} choose called with the camera's identity
   */
  constructor(camera, find, choose) {
    this.camera = camera;
    this.dialog = find("cameras");
    this.select = find("camera");
    this.size = find("camera-size");
    this.select.addEventListener("change", () => choose(this.select.value));
    camera.addEventListener("open", () => this.fill());
    camera.addEventListener("devices", () => this.fill());
  }

  /** Show the dialog with the cameras present now. */
  async open() {
    await this.fill();
    if (!this.dialog.open) this.dialog.showModal();
  }

  async fill() {
    const cameras = await this.camera.list();
    const { id } = this.camera;
    this.select.replaceChildren(
      ...cameras.map((one) => element("option", { value: one.id, text: one.label, selected: one.id === id })),
    );
    this.select.disabled = cameras.length === 0;
    const { videoWidth, videoHeight } = this.camera.video;
    this.size.textContent = videoWidth ? `It gives ${videoWidth} × ${videoHeight} pixels.` : "";
  }
}
