/** Waits for an expert who may still be being prepared, and shows the library's progress. */

import { api } from "../common.js";

/** s between two requests. */
const POLL_EVERY = 1;

/**
 * Wait until an expert is ready.
 * @param {string} id
 * @param {import("./panel.js").Panel} panel shows how far it is, or why it has failed
 * @returns {Promise<any>} the expert, as the library's API gives it; null when it cannot be used
 * @throws {import("../common.js").ApiError} the server was not reached, or knows no such expert
 */
export async function readyExpert(id, panel) {
  for (;;) {
    const expert = await api(`/api/experts/${encodeURIComponent(id)}`);
    if (expert.state === "ready") {
      panel.hide("preparing");
      return expert;
    }
    if (expert.state === "failed") {
      panel.trouble("This video cannot be practised with", expert.detail || "It could not be prepared.", []);
      return null;
    }
    panel.preparing(expert);
    await new Promise((resolve) => setTimeout(resolve, 1000 * POLL_EVERY));
  }
}
