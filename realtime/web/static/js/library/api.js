/** Requests to the library on the server; every failure is one line for the user. */

import { ApiError, api } from "../common.js";

/**
 * @typedef {object} Expert
 * @property {string} id
 * @property {string} name
 * @property {"waiting" | "preparing" | "ready" | "failed"} state
 * @property {number | null} progress 0..1
 * @property {number | null} left s
 * @property {string} detail
 * @property {number | null} duration s
 * @property {number | null} width px
 * @property {number | null} height px
 * @property {boolean} uploaded
 *
 * @typedef {object} Session
 * @property {string} at ISO 8601
 * @property {{file: string, sha256: string}} reference
 * @property {number | null} score 0..100
 * @property {number | null} form 0..100
 * @property {number | null} timing 0..100
 * @property {number | null} seconds length of the session
 * @property {string | null} expert id, when the expert is still here
 * @property {string | null} report address of the report
 */

/** What an HTTP status means, for answers without a message of their own. */
const WORDS = new Map([
  [401, "Open the address that posesync serve printed: this page’s key is no longer valid."],
  [403, "Open the address that posesync serve printed: this page was opened in another way."],
  [413, "This video is too large: take a shorter or smaller one."],
  [415, "This is not a video that PoseSync can read: try an MP4."],
  [429, "That was too much at once: wait a moment and try again."],
  [503, "PoseSync is busy: wait a moment and try again."],
  [507, "The disk is full: make room and try again."],
]);

/** @returns {Promise<Expert[]>} @throws {ApiError} */
export async function listExperts() {
  const found = await api("/api/experts");
  return Array.isArray(found?.experts) ? found.experts : [];
}

/** @returns {Promise<Session[]>} the oldest first. @throws {ApiError} */
export async function listSessions() {
  const found = await api("/api/history");
  return Array.isArray(found?.sessions) ? found.sessions : [];
}

/** @param {string} id @throws {ApiError} */
export async function removeExpert(id) {
  await api(`/api/experts/${encodeURIComponent(id)}`, { method: "DELETE" });
}

/** @param {string} id of an expert that could not be prepared @throws {ApiError} */
export async function prepareAgain(id) {
  await api(`/api/experts/${encodeURIComponent(id)}/prepare`, { method: "POST" });
}

/**
 * Send a video, with XMLHttpRequest, because fetch does not report how much has been sent.
 *
 * @param {File} file
 * @param {(share: number) => void} onProgress 0..1 of the file
 * @returns {{done: Promise<Expert | null>, cancel: () => void}} null when it was cancelled; rejects with
 *   ApiError.
 */
export function upload(file, onProgress) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable && event.total > 0) onProgress(event.loaded / event.total);
    });
    request.addEventListener("load", () => {
      const answer = parsed(request.responseText);
      if (request.status >= 200 && request.status < 300 && answer) resolve(answer);
      else reject(new ApiError(refusal(answer, request.status), request.status));
    });
    request.addEventListener("error", () => {
      reject(new ApiError("The connection broke off while it was sent: try again.", 0));
    });
    request.addEventListener("abort", () => resolve(null));
  });
  request.open("POST", "/api/experts");
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.setRequestHeader("X-File-Name", percentEncoded(file.name));
  request.send(file);
  return { done, cancel: () => request.abort() };
}

function refusal(answer, status) {
  const said = answer?.error?.message;
  if (typeof said === "string" && said) return said;
  return WORDS.get(status) ?? `PoseSync refused it (${status}): try again.`;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * @param {string} name of a file
 * @returns {string} fit for a header.
 */
function percentEncoded(name) {
  // A name from a file system may hold half a character, which encodeURIComponent refuses.
  return encodeURIComponent(name.replace(/\p{Surrogate}/gu, "\uFFFD"));
}
