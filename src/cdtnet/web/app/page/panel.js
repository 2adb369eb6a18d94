// Showing and hiding elements, the list of files, and messages.

export const $ = (selector) => document.querySelector(selector);
export const $$ = (selector) => [...document.querySelectorAll(selector)];

export const ROLES = {
  place: { background: "Background", foreground: "Cut-out" },
  paint: { composite: "Composite", mask: "Mask" },
};

const LABELS = {
  waiting: "Waiting for another picture",
  snap: "Snapping to the edge",
  invert: "Inverting the mask",
  feather: "Feathering the mask",
  grow: "Moving the mask's edge",
  cut: "Cutting out the object",
};

const HELP = {
  place:
    "Drag to move, corners or Alt and the wheel to scale, the round handle to turn. Keys: arrows move (Shift: by one " +
    "pixel), B bigger, S smaller, [ and ] turn, F flips, ",
  paint: "Paint; Alt erases. Keys: arrows move the brush, Space puts it down and lifts it, [ and ] change its size, ",
  compare: "Drag the divider; hold O to see the picture before. Arrows move the divider, with Shift the picture. ",
};
const VIEW = "The wheel or + and − zoom, Space or the middle button drags the view, 1 is 100 %, 0 fits, ? lists all keys.";

/** Show a message in the live region. */
export function say(text) {
  $("#status").textContent = text;
}

/** Show an error; with `instead`, only in place of that text. */
export function complain(text, instead) {
  const shown = $("#problem p");
  if (!text && instead && shown.textContent !== instead) return;
  shown.textContent = text;
  $("#problem").hidden = !text;
}

export function explainKeys(tool) {
  $("#keys").textContent = tool in HELP ? `${HELP[tool].replace(/, $/, ". ")}${VIEW}` : "";
}

/** Show a line for each picture of the current way. */
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
      remover.dataset.file = "remove";
      remover.setAttribute("aria-label", "Remove mask");
      remover.addEventListener("click", () => remove(role));
      line.append(remover);
    }
    return line;
  });
  $("#files").replaceChildren(...lines);
  if (focused) ($(`[data-file="${focused}"]`) ?? $('[data-file="mask"]'))?.focus();
}

export function describe({ width, height, depth, format }) {
  return [`${width} × ${height}`, `${depth} bit`, format].filter(Boolean).join(", ");
}

/** Show loaded pictures in the drop zones. */
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

/** Save the content of a response, with a name after the picture. */
export async function save(response, name, what) {
  const [suffix] = response.headers.get("Content-Disposition").match(/\.\w+(?="?$)/);
  const link = element("a");
  link.download = `${name.replace(/\.[^.]*$/, "")}_${what}${suffix}`;
  link.href = URL.createObjectURL(await response.blob());
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  return link.download;
}

/** Ask for one of the choices {value: label}; returns nothing if the dialog is cancelled. */
export function ask(question, choices) {
  const dialog = $("#ask");
  dialog.querySelector("p").textContent = question;
  const buttons = Object.entries({ ...choices, "": "Cancel" }).map(([value, label]) => Object.assign(element("button", label), { value }));
  dialog.querySelector("form").replaceChildren(...buttons);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true }));
}

function element(kind, text = "") {
  return Object.assign(document.createElement(kind), { textContent: text });
}
