// The page: what is shown of the bench, and what the person does.

import { Bench, explain } from "./bench.js";
import { $, $$, ROLES, complain, explainKeys, listFiles, markZones } from "./panel.js";
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

/** Bring the page in line with the bench. */
function update() {
  const { way, tool, base, isLaid, photos } = bench;
  for (const part of $$(".zone")) part.hidden = part.dataset.way !== way;
  for (const part of $$("#panel [data-way]")) part.hidden = part.dataset.way !== tool || !isLaid;
  for (const input of $$('[name="way"]')) input.checked = input.value === way;
  for (const input of $$('[name="show"]')) input.checked = input.value === bench.show;
  listFiles(way, photos, { choose, remove: (role) => bench.remove(role) });
  markZones(photos);
  $("#canvas").hidden = $("#bar").hidden = !isLaid;
  $("#zones").hidden = isLaid;
  $("#chips").hidden = $("#divider").hidden = tool !== "compare";
  if (isLaid) stage.use(bench.tools[tool], base.width, base.height);
  explainKeys(tool);
  touch();
}

/** What may change with every stroke or move. */
function touch() {
  const { result, tools, working } = bench;
  $("#harmonize").disabled = !bench.isReady;
  $("#harmonize").hidden = working;
  $("#working").hidden = !working;
  $("#undo").disabled = $("#clear").disabled = !tools.paint.strokes.length;
  $("#result").hidden = result?.way !== bench.way;
  $("#stale").hidden = !bench.stale;
  $("#snap").disabled = !bench.isReady;
  $("#cancel").hidden = bench.snapping;
  $("#little").hidden = bench.stale || working || !result?.remark;
  $("#little .note").textContent = result?.remark ?? "";
  showNumbers();
  if (!result) return;
  $("#format").textContent = `${result.after.format}, ${result.after.depth} bit`;
  $('[data-download="table"]').disabled = !result.table;
}

/** The placement in numbers, apart from the one that is being typed. */
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

/** The focus follows what takes a button's place; on a phone, the picture comes into view. */
async function harmonize(wishes = {}) {
  const done = bench.harmonize({ model: $("#model").value, strength: Number($("#strength").value), ...wishes });
  $("#cancel").focus({ preventScroll: true });
  await done;
  if (document.activeElement === document.body) $("#harmonize").focus({ preventScroll: true });
  if (bench.tool === "compare") $("#stage").scrollIntoView({ block: "nearest" });
}

/** While files are over the page, the places for them lie over the picture. */
function listenToDrops() {
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
    const missing = Object.keys(ROLES[bench.way]).find((role) => !bench.photos.has(role));
    const role = event.target.closest?.(".zone")?.dataset.role ?? missing;
    if (role && event.dataTransfer.files.length) bench.loadAll(role, event.dataTransfer.files);
  });
}

/** Have `act(element)` called at events of all elements that fit. */
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
  on("click", "#undo", () => bench.tools.paint.undo());
  on("click", "#clear", () => bench.tools.paint.clear());
  on("click", "#harmonize", () => harmonize());
  on("click", "#anyway", () => harmonize({ apply_anyway: true }));
  on("click", "#snap", () => bench.snap());
  on("click", "#cancel", () => bench.cancel());
  on("click", "[data-download]", ({ dataset }) => bench.download(dataset.download));
  on("click", "#problem button", () => complain(""));
  on("click", "#zoom-in", () => stage.zoomBy(ZOOM));
  on("click", "#zoom-out", () => stage.zoomBy(1 / ZOOM));
  on("click", "#zoom-full", () => stage.view.zoomTo(1));
  on("click", "#zoom-fit", () => stage.view.fit());
  on("view", "#canvas", () => ($("#zoom").textContent = `${Math.round(stage.view.scale * 100)} %`));
  for (const id of NUMBERS) {
    on("input", `#${id}`, placeByNumbers);
    on("blur", `#${id}`, showNumbers);
  }
  on("input", "#size", ({ value }) => (bench.tools.paint.size = Number(value)));
  on("input", "#strength", ({ value }) => {
    $("#strength-value").textContent = `${Math.round(value * 100)} %`;
    bench.changed();
  });
  on("change", "#model", () => bench.changed());
  on("input", "#divider", ({ valueAsNumber }) => {
    showDivider(valueAsNumber);
    bench.tools.compare.share = valueAsNumber / 100;
    redraw();
  });
  listenToDrops();
}

async function begin() {
  for (const zone of $$(".zone")) zone.dataset.hint = zone.querySelector("small").textContent;
  listen();
  update();
  showDivider(50);
  const { models, strength } = await bench.open();
  $("#model").replaceChildren(...models.map((name) => new Option(name)));
  $("#strength").value = strength;
  $("#strength").dispatchEvent(new Event("input"));
}

begin().catch(explain);
