// The page: it shows the state of the bench, and handles input.

import { Bench, explain } from "./bench.js";
import { NEUTRAL } from "./controls.js";
import { $, $$, ROLES, ask, complain, explainKeys, listFiles, markZones } from "./panel.js";
import { Stage } from "./stage.js";

const NUMBERS = ["left", "top", "scale", "rotate"];
const ZOOM = 1.25;

const stage = new Stage($("#canvas"));
const redraw = () => stage.redraw();
const bench = new Bench({
  update,
  touch,
  redraw,
  divided: (share) => showDivider(Math.round(share * 100)),
  resized: (size) => ($("#size").value = size),
});

/** Update the page from the bench. */
function update() {
  const { way, tool, base, isLaid, photos } = bench;
  for (const part of $$(".zone")) part.hidden = part.dataset.way !== way;
  for (const part of $$("#panel [data-way]")) part.hidden = part.dataset.way !== tool || !isLaid;
  for (const input of $$('[name="way"]')) input.checked = input.value === way;
  for (const input of $$('[name="show"]')) input.checked = input.value === bench.show;
  listFiles(way, photos, { choose, remove: (role) => bench.remove(role) });
  markZones(photos);
  const hadFocus = $("#zones").contains(document.activeElement);
  $("#canvas").hidden = $("#bar").hidden = !isLaid;
  $("#zones").hidden = isLaid;
  if (hadFocus && isLaid) $("#canvas").focus({ preventScroll: true });
  $("#chips").hidden = $("#divider").hidden = $("#hold").hidden = tool !== "compare";
  $("#empty").hidden = !photos.size;
  if (isLaid) stage.use(bench.tools[tool], base.width, base.height);
  explainKeys(isLaid && tool);
  $("#mask-color").value = bench.tools.paint.tint;
  showControls();
  showFormats();
  touch();
}

/** Update the parts that change with every stroke or move. */
function touch() {
  const { result, tools, working, way } = bench;
  const { history } = bench.editor;
  $("#harmonize").disabled = !bench.isReady;
  $("#harmonize").hidden = working;
  $("#working").hidden = !working;
  $("#undo").disabled = working || !history.canUndo;
  $("#redo").disabled = working || !history.canRedo;
  $("#clear").disabled = !tools.paint.strokes.length;
  $("#result").hidden = result?.way !== way;
  $("#stale").hidden = !bench.stale;
  for (const button of $$("[data-edit]")) button.disabled = !bench.isReady;
  $("#better").hidden = !result?.helps.includes("snap_mask") || way !== "paint";
  $("#anyway").hidden = !result?.helps.includes("apply_anyway");
  $("#cancel").hidden = bench.editing;
  $("#little").hidden = bench.stale || working || !result?.remark;
  $("#little .note").textContent = result?.remark ?? "";
  showNumbers();
}

/** Update sliders and boxes from the controls. */
function showControls() {
  for (const input of $$("[data-control]")) {
    const value = bench.controls[input.dataset.control];
    if (input.type === "checkbox") input.checked = value;
    else input.value = value;
    showControl(input);
  }
}

function showControl({ id, max, valueAsNumber }) {
  const output = $(`output[for="${id}"]`);
  if (!output) return;
  const isShare = Number(max) < 100;
  output.textContent = isShare ? `${Math.round(valueAsNumber * 100)} %` : `${valueAsNumber > 0 ? "+" : ""}${valueAsNumber}`.replace("-", "−");
}

function steer(input) {
  showControl(input);
  if (bench.tool === "compare") stage.view.hurry();
  bench.steer({ [input.dataset.control]: input.type === "checkbox" ? input.checked : input.valueAsNumber });
}

/** Update the available formats; the first is the original one. */
function showFormats() {
  const formats = bench.result?.formats ?? [];
  if (showFormats.shown === formats) return;
  showFormats.shown = formats;
  const options = formats.map(({ suffix, name, depth }, k) => new Option(k ? `${name}, ${depth} bit` : `${name}, original`, suffix));
  $("#suffix").replaceChildren(...options);
  showQuality();
}

function chosenFormat() {
  return bench.result?.formats.find(({ suffix }) => suffix === $("#suffix").value);
}

function showQuality() {
  $("#quality").disabled = !chosenFormat()?.quality;
}

/** The chosen format and quality; nothing for the original ones. */
function choice() {
  const format = chosenFormat();
  const quality = Math.min(100, Math.max(1, Math.round($("#quality").valueAsNumber || 95)));
  if (!format || (format === bench.result.formats[0] && (!format.quality || quality === 95))) return {};
  return { suffix: format.suffix, quality };
}

/** Update the numbers of the placement, except for one that is being typed. */
function showNumbers() {
  if (bench.way !== "place" || !bench.isLaid) return;
  const { at, scale, rotate } = bench.tools.place.settings;
  const values = [at[0], at[1], Number((scale * 100).toPrecision(6)), rotate];
  NUMBERS.forEach((id, k) => {
    if (document.activeElement?.id !== id) $(`#${id}`).value = values[k];
  });
}

function placeByNumbers() {
  const [left, top, scale, rotate] = NUMBERS.map((id) => $(`#${id}`).valueAsNumber);
  if ([left, top, scale, rotate].every(Number.isFinite)) {
    bench.tools.place.settings = { at: [left, top], scale: scale / 100, rotate };
  }
}

function showDivider(percent) {
  $("#divider").value = percent;
  $("#divider").setAttribute("aria-valuetext", `${percent} % before, ${100 - percent} % after`);
}

function choose(role) {
  const chooser = $("#chooser");
  chooser.dataset.role = role;
  chooser.value = "";
  chooser.click();
}

/** Move the focus to the cancel button, and back; on a phone, scroll the picture into view. */
async function harmonize(wishes = {}) {
  const origin = document.activeElement;
  const done = bench.harmonize({ model: $("#model").value, snap: $("#autosnap").checked, ...wishes });
  $("#cancel").focus({ preventScroll: true });
  await done;
  for (const next of [origin, $("#harmonize")]) {
    if ([document.body, $("#cancel")].includes(document.activeElement)) next.focus({ preventScroll: true });
  }
  if (bench.tool !== "compare") return;
  bench.tools.compare.begin(stage.view);
  $("#stage").scrollIntoView({ block: "nearest" });
}

async function edit(kind) {
  const pixels = $("#pixels").valueAsNumber || 0;
  await bench.editMask(kind === "shrink" ? "grow" : kind, kind === "shrink" ? -pixels : pixels);
}

function undo(again) {
  bench.show = "edit";
  update();
  bench.editor[again ? "redo" : "undo"]();
}

/** Load dropped or pasted files for a missing role; otherwise ask. */
async function take(files, zone) {
  const { way, photos } = bench;
  if (!files.length) return;
  const missing = Object.keys(ROLES[way]).find((role) => !photos.has(role) && role !== "mask");
  const label = (role) => `${photos.has(role) ? "Replace the" : "Use as"} ${ROLES[way][role].toLowerCase()}`;
  const choices = Object.fromEntries(Object.keys(ROLES[way]).map((role) => [role, label(role)]));
  const role = zone ?? missing ?? (await ask(`What is ${files[0].name}?`, choices));
  if (role) bench.loadAll(role, files);
}

/** While files are dragged over the page, show the drop zones over the picture. */
function listenToFiles() {
  const over = (yes) => {
    $("#stage").classList.toggle("dropping", yes);
    $("#zones").hidden = bench.isLaid && !yes;
  };
  addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    over(true);
  });
  addEventListener("dragleave", (event) => event.relatedTarget || over(false));
  addEventListener("drop", (event) => {
    event.preventDefault();
    over(false);
    take([...event.dataTransfer.files], event.target.closest?.(".zone")?.dataset.role);
  });
  addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    if (!files.length) return;
    event.preventDefault();
    take(files);
  });
}

/** Handle keys that work wherever the focus is, except in text fields. */
function listenToKeys() {
  addEventListener("keydown", (event) => {
    if (event.target.closest?.("dialog")) return;
    if (event.key === "Escape") escape();
    if (event.target.matches?.('input[type="number"], select') || bench.working) return;
    const key = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey) {
      if (key !== "z" && key !== "y") return;
      event.preventDefault();
      undo(event.shiftKey || key === "y");
    } else if (event.altKey) return;
    else if (key === "?") $("#shortcuts").showModal();
    else if (key === "h" && bench.isReady) harmonize();
    else if (key === "o" && bench.tool === "compare") hold(true);
  });
  addEventListener("keyup", (event) => event.key.toLowerCase() === "o" && hold(false));
  addEventListener("blur", () => hold(false));
}

/** Close a message, or cancel the current work. */
function escape() {
  if (!$("#problem").hidden) complain("");
  else if (bench.working && !bench.editing) bench.cancel();
}

function hold(yes) {
  if (bench.tools.compare.holding === yes) return;
  bench.tools.compare.hold(yes);
  $("#chips").classList.toggle("holding", yes);
}

function listenToHolding() {
  const button = $("#hold");
  const isKey = ({ key }) => key === " " || key === "Enter";
  button.addEventListener("pointerdown", (event) => {
    button.setPointerCapture(event.pointerId);
    hold(true);
  });
  for (const kind of ["pointerup", "pointercancel", "blur"]) button.addEventListener(kind, () => hold(false));
  button.addEventListener("keydown", (event) => isKey(event) && hold(true));
  button.addEventListener("keyup", (event) => isKey(event) && hold(false));
  button.addEventListener("contextmenu", (event) => event.preventDefault()); // by a long touch
}

/** Call `act(element)` for events of all matching elements. */
function on(kind, selector, act) {
  for (const element of $$(selector)) element.addEventListener(kind, () => act(element));
}

function listen() {
  on("change", '[name="way"]', ({ value }) => ((bench.way = value), update()));
  on("change", '[name="show"]', ({ value }) => ((bench.show = value), update()));
  on("change", '[name="brush"]', ({ value }) => (bench.tools.paint.erase = value === "erase"));
  on("click", ".zone", ({ dataset }) => choose(dataset.role));
  on("change", "#chooser", ({ dataset, files }) => files.length && bench.loadAll(dataset.role, files));
  on("click", "#example", () => bench.loadExample());
  on("click", "#reset", () => bench.tools.place.reset());
  on("click", "#flip", () => bench.tools.place.mirror());
  on("click", "#undo", () => undo());
  on("click", "#redo", () => undo(true));
  on("change", '[name="kind"]', ({ value }) => (bench.tools.paint.kind = value));
  on("input", "#mask-color", ({ value }) => bench.tools.paint.colorBy(value));
  on("click", "[data-edit]:not(#better)", ({ dataset }) => edit(dataset.edit));
  on("click", "#better", async () => {
    await edit("snap");
    if (bench.stale) await harmonize();
  });
  on("click", "#empty", async () => {
    await bench.empty();
    $(".zone:not([hidden])").focus();
  });
  on("click", "#help", () => $("#shortcuts").showModal());
  on("input", "[data-control]", steer);
  on("click", "#neutral", () => {
    bench.steer(NEUTRAL);
    showControls();
  });
  on("change", "#suffix", showQuality);
  on("click", "#clear", () => bench.tools.paint.clear());
  on("click", "#harmonize", () => harmonize());
  on("click", "#anyway", () => harmonize({ apply_anyway: true }));
  on("click", "#cancel", () => bench.cancel());
  on("click", "[data-download]", ({ dataset }) => bench.download(dataset.download, dataset.download === "picture" ? choice() : {}));
  on("click", "#problem button", () => complain(""));
  on("click", "#zoom-in", () => stage.zoomBy(ZOOM));
  on("click", "#zoom-out", () => stage.zoomBy(1 / ZOOM));
  on("click", "#zoom-full", () => stage.zoomFull());
  on("click", "#zoom-fit", () => stage.view.fit());
  on("view", "#canvas", () => ($("#zoom").textContent = `${Math.round(stage.view.scale * 100)} %`));
  for (const id of NUMBERS) {
    on("input", `#${id}`, placeByNumbers);
    on("blur", `#${id}`, showNumbers);
  }
  on("input", "#size", ({ value }) => (bench.tools.paint.size = Number(value)));
  on("change", "#model", ({ value }) => {
    bench.model = value;
    bench.changed();
  });
  on("input", "#divider", ({ valueAsNumber }) => {
    showDivider(valueAsNumber);
    bench.tools.compare.share = valueAsNumber / 100;
    redraw();
  });
  listenToFiles();
  listenToKeys();
  listenToHolding();
  addEventListener("beforeunload", (event) => (bench.unsaved || bench.working) && event.preventDefault());
}

async function begin() {
  for (const zone of $$(".zone")) zone.dataset.hint = zone.querySelector("small").textContent;
  listen();
  update();
  showDivider(50);
  const { models, strength } = await bench.open();
  $("#model").replaceChildren(...models.map((name) => new Option(name)));
  bench.model = models[0];
  bench.steer({ strength });
  update();
  const hadResult = await bench.restore();
  if (models.includes(bench.model)) $("#model").value = bench.model;
  if (hadResult) await harmonize();
}

begin().catch(explain);
