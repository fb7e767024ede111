/** What a client tells the server of a sound or film: its length and size. */

const TIMEOUT_MS = 2000;
const TAGS = { voice: "audio", audio: "audio", video: "video", video_note: "video" };

/** Resolves to `{duration, width, height}` as far as the browser can tell; to `{}` for other kinds. */
export function measure(kind, file) {
  if (!TAGS[kind]) return Promise.resolve({});
  const url = URL.createObjectURL(file);
  const node = document.createElement(TAGS[kind]);
  const measured = new Promise((resolve) => {
    node.addEventListener("loadedmetadata", () => resolve(describe(node)));
    node.addEventListener("error", () => resolve({}));
    setTimeout(() => resolve({}), TIMEOUT_MS);
  });
  node.preload = "metadata";
  node.src = url;
  return measured.finally(() => URL.revokeObjectURL(url));
}

function describe(node) {
  const found = { duration: Number.isFinite(node.duration) ? Math.round(node.duration) : 0 };
  if (node.videoWidth) Object.assign(found, { width: node.videoWidth, height: node.videoHeight });
  return found;
}
