import { ApiError } from "../onrecord/api.js";

/**
 * @import { Api } from "../onrecord/api.js"
 * @import { Send } from "../onrecord/uploads.js"
 */

/** A line that took nothing for so long is lost, though nobody says so. */
const STALLED_MS = 30_000;

/**
 * Sends files to a room. With XMLHttpRequest, since `fetch` does not tell how much is sent.
 *
 * @param {Api} api
 * @param {string} roomId
 * @returns {Send}
 */
export function fileSender(api, roomId) {
  return (file, { onProgress, signal }) =>
    api.withCsrf(
      (csrf) =>
        new Promise((resolve, reject) => {
          const request = new XMLHttpRequest();
          let watch = setTimeout(() => request.abort(), STALLED_MS);
          const goesOn = () => {
            clearTimeout(watch);
            watch = setTimeout(() => request.abort(), STALLED_MS);
          };
          request.open("POST", `/api/rooms/${roomId}/attachments/`);
          request.responseType = "json";
          request.setRequestHeader("Content-Type", "application/octet-stream");
          request.setRequestHeader("X-CSRFToken", csrf);
          request.setRequestHeader("X-User", String(api.userId));
          request.setRequestHeader("X-File-Name", encodeURIComponent(file.name));
          request.upload.addEventListener("progress", ({ loaded }) => {
            goesOn();
            onProgress(loaded);
          });
          request.addEventListener("loadend", () => {
            clearTimeout(watch);
            const { status, response } = request;
            if (status === 201 && response !== null) resolve(response);
            else reject(new ApiError(status === 201 ? 0 : status, response));
          });
          signal.addEventListener("abort", () => request.abort());
          request.send(file);
        }),
    );
}
