// Showing and hiding, the list of files, and what is said to the person.

export const $ = (selector) => document.querySelector(selector);
export const $$ = (selector) => [...document.querySelectorAll(selector)];

export const ROLES = {
  place: { background: "Background", foreground: "Cut-out" },
  paint: { composite: "Composite", mask: "Mask" },
};

const LABELS = { waiting: "Waiting for another picture", snapping: "Snapping to the edge" };

const HELP = {
  place:
    "Drag to move, wheel or corners to scale, the round handle to turn. Keys: arrows move (Shift: by one pixel), " +
    "B bigger, S smaller, [ and ] turn, + and − zoom, 0 fits.",
  paint:
    "Paint, two fingers or the middle button move the view, the wheel zooms. Keys: arrows move the brush, Space " +
    "puts it down and lifts it, [ and ] change its size, + and − zoom, 0 fits.",
  compare: "Drag the divider, wheel or + and − zoom, 1 is 100 %, 0 fits. Arrows move the divider, with Shift the picture.",
};

/** For the live region; whoever sees the page sees it, too. */
export function say(text) {
  $("#status").textContent = text;
}

/** Something that the person should put right; `instead` of this text only, if it is given, and there is none. */
export function complain(text, instead) {
  const shown = $("#problem p");
  if (!text && instead && shown.textContent !== instead) return;
  shown.textContent = text;
  $("#problem").hidden = !text;
}

export function explainKeys(tool) {
  $("#keys").textContent = HELP[tool] ?? "";
}

/** One line for each picture of the way at hand. */
export function listFiles(way, photos, { choose, remove }) {
  const focused = document.activeElement?.dataset?.file;
  const lines = Object.entries(ROLES[way]).map(([role, label]) => {
    const photo = photos.get(role);
    const line = element("li");
    const text = element("div");
    text.append(element("strong", label), element("span", photo ? photo.name : role === "mask" ? "none loaded" : "missing"));
    if (photo) text.append(element("small", describe(photo)));
    line.append(text);
    const button = element("button", photo ? "Replace" : role === "mask" ? "Load" : "Choose");
    button.dataset.file = role;
    button.setAttribute("aria-label", `${button.textContent} ${label.toLowerCase()}`);
    button.addEventListener("click", () => choose(role));
    line.append(button);
    if (photo && role === "mask") {
      const remover = element("button", "×");
      remover.setAttribute("aria-label", "Remove mask");
      remover.addEventListener("click", () => remove(role));
      line.append(remover);
    }
    return line;
  });
  $("#files").replaceChildren(...lines);
  if (focused) $(`[data-file="${focused}"]`)?.focus();
}

export function describe({ width, height, depth, format }) {
  return [`${width} × ${height}`, `${depth} bit`, format].filter(Boolean).join(", ");
}

/** What there is of a picture already, in the places where one can be dropped. */
export function markZones(photos) {
  for (const zone of $$(".zone")) {
    zone.classList.toggle("filled", photos.has(zone.dataset.role));
    zone.querySelector("small").textContent = photos.get(zone.dataset.role)?.name ?? zone.dataset.hint;
  }
}

export function showProgress({ state, done, total }) {
  const bar = $("#progress");
  $("#progress-label").textContent = LABELS[state] ?? "Harmonizing";
  if (total) [bar.max, bar.value] = [total, done];
  else bar.removeAttribute("value");
}

/** Have the browser save what a response brings, named after the picture. */
export async function save(response, name, what) {
  const [suffix] = response.headers.get("Content-Disposition").match(/\.\w+(?="?$)/);
  const link = element("a");
  link.download = `${name.replace(/\.[^.]*$/, "")}_${what}${suffix}`;
  link.href = URL.createObjectURL(await response.blob());
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  return link.download;
}

function element(kind, text = "") {
  return Object.assign(document.createElement(kind), { textContent: text });
}
