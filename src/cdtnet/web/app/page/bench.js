// The state of the page: pictures, the tools that edit them, and the result. The server has the originals and does the
// processing.

import { CompareTool } from "./compare.js";
import { NEUTRAL } from "./controls.js";
import { Keep } from "./keep.js";
import { LivePhoto } from "./live.js";
import { PaintTool } from "./paint.js";
import { ROLES, ask, complain, describe, save, say, showProgress } from "./panel.js";
import { Photo } from "./photo.js";
import { PlaceTool } from "./place.js";
import { Refused, Renewed, Server } from "./server.js";

const POLL = 200; // milliseconds
const UNREACHABLE = "The server cannot be reached. This page continues when it is back.";
const NAMES = { picture: "harmonized", mask: "mask", table: "look", settings: "settings" };
const SAVED = 500; // milliseconds after a change until it is saved
const DONE = {
  snap: "The mask is snapped to the edge.",
  invert: "The mask is inverted.",
  feather: "The mask's edge is softer.",
  grow: "The mask's edge is moved.",
};
const NAMES_OF_MASKS = { snap: "snapped", invert: "inverted", feather: "feathered", grow: "edge moved" };
const EXAMPLE = [["composite", "composite.jpg"], ["mask", "mask.png"]];

export class Bench {
  photos = new Map(); // by role
  way = "place";
  show = "edit";
  result = null; // {way, name, before, after, remark, helps, formats}
  controls = { ...NEUTRAL };
  model = "";
  stale = false; // whether settings were changed since the result was made
  working = false;
  editing = false; // whether a mask or a cut-out is being edited
  unsaved = false; // whether there is work that was not downloaded
  loading = 0; // number of pictures being loaded
  #loaded = Promise.resolve();
  #latest = new Map(); // by role: the file that was chosen last, which may still be loading
  #limits = { maxBytes: Infinity, strength: 1 };
  #keep = new Keep();
  #saving; // the timer until the work is saved
  #restoring = false;

  /** `update` is called after all changes, `touch` after strokes and moves, `redraw` when more of a picture is loaded. */
  constructor({ update, touch, redraw, divided, resized }) {
    this.update = update;
    const changed = () => {
      this.stale = this.result?.way === this.way;
      this.unsaved ||= this.editor.history.canUndo;
      this.#note();
      touch();
      redraw();
    };
    Object.assign(this, { changed, touch, redraw });
    this.tools = {
      place: new PlaceTool(changed, redraw),
      paint: new PaintTool({ changed, redraw, resized, masked: (mask) => this.#showMask(mask) }),
      compare: new CompareTool(divided, redraw),
    };
    this.server = new Server({
      reached: (yes) => complain(yes ? "" : UNREACHABLE, UNREACHABLE),
      renewed: (infos) => this.#renewed(infos),
    });
  }

  get base() {
    return this.photos.get(this.way === "place" ? "background" : "composite");
  }

  get isLaid() {
    return Boolean(this.base && (this.way === "paint" || this.photos.has("foreground")));
  }

  get isReady() {
    return this.isLaid && !this.working && !this.loading && !(this.way === "paint" && this.tools.paint.isEmpty);
  }

  /** The tool whose history is undone. */
  get editor() {
    return this.tools[this.way];
  }

  /** The name of the current tool. */
  get tool() {
    return this.result?.way === this.way && this.show === "compare" ? "compare" : this.way;
  }

  /** Load the models and limits of the server. */
  async open() {
    this.#limits = await (await this.server.ask("api/app")).json();
    return this.#limits;
  }

  /** Load a file; one after the other, so that the last one is the same on the server and the page. */
  load(role, file) {
    this.#latest.set(role, file);
    complain("");
    this.loading += 1;
    this.#loaded = this.#loaded.then(() => this.#load(role, file)).finally(() => {
      this.loading -= 1;
      this.update();
    });
    return this.#loaded;
  }

  async #load(role, file) {
    if (this.#latest.get(role) !== file) return;
    say(`Loading ${file.name} …`);
    try {
      const { maxBytes } = this.#limits;
      if (file.size > maxBytes) throw new Refused(`This file is larger than ${Math.floor(maxBytes / 1e6)} MB; give a smaller one.`);
      const photo = await Photo.load(this.server, await this.server.upload(role, file));
      if (this.#latest.get(role) !== file) return;
      await this.#take(role, Object.assign(photo, { name: file.name, file }));
      say(`${file.name}: ${describe(photo)}.`);
    } catch (error) {
      if (error instanceof Renewed) return this.#load(role, file);
      if (this.#latest.get(role) !== file) return;
      say("");
      if (error.code === "opaque") await this.#offerToCut(role, file);
      else explain(error, `${file.name}: `);
    }
  }

  /** Offer to cut the object out of an ordinary photo. */
  async #offerToCut(role, file) {
    const question = `${file.name} has no transparent background. Cut out its object?`;
    if (!(await ask(question, { cut: "Cut out the object" })) || this.#latest.get(role) !== file) return;
    const cut = await this.#occupy("Cutting out the object …", "cut", async () => {
      const response = await this.server.request("POST", "cut-out", { body: file, again: true });
      return new File([await response.blob()], `${file.name.replace(/\.[^.]*$/, "")} (cut out)`);
    });
    if (!cut || this.#latest.get(role) !== file) return;
    this.#latest.set(role, cut);
    await this.#load(role, cut);
  }

  /** Load the first file for the given role, and a second one for the other role of the same way. */
  async loadAll(role, files) {
    const other = Object.keys(ROLES[this.way]).find((each) => each !== role);
    const pairs = [[role, files[0]], [other, files[1]]].filter(([, file]) => file);
    if (role === "mask") pairs.reverse(); // a mask is checked against its composite
    for (const [each, file] of pairs) await this.load(each, file);
  }

  async loadExample() {
    this.way = "paint";
    this.update();
    try {
      for (const [role, name] of EXAMPLE) {
        const blob = await (await this.server.ask(`example/${name}`)).blob();
        await this.load(role, new File([blob], `example_${name}`, { type: blob.type }));
      }
    } catch (error) {
      explain(error);
    }
  }

  async remove(role) {
    this.photos.delete(role);
    this.#latest.delete(role);
    say(`${ROLES[this.way][role]} removed.`);
    await this.server.drop(role);
    this.#arm(role);
    this.changed();
    this.update();
  }

  async #take(role, photo) {
    this.photos.set(role, photo);
    const mask = this.photos.get("mask");
    if (role === "composite" && mask && !haveSameShape(mask, photo)) await this.remove("mask");
    if (role === "background" || role === "composite") this.#drop();
    this.show = "edit";
    this.#arm(role);
    this.changed();
    this.update();
  }

  /** Drop the result, to which controls apply. */
  #drop() {
    this.result = null;
    Object.assign(this.controls, NEUTRAL, { strength: this.#limits.strength });
  }

  /** Set the mask after undo. It is uploaded when it is needed. */
  #showMask(mask) {
    if (mask) this.photos.set("mask", mask);
    else this.photos.delete("mask");
    this.update();
  }

  /** Pass the pictures to their tools. */
  #arm(role) {
    const { place, paint } = this.tools;
    if (role in ROLES.place) place.set(this.photos.get("background"), this.photos.get("foreground"));
    else paint.set(this.photos.get("composite"), this.photos.get("mask"));
  }

  /** Harmonize with the settings of the panel. */
  async harmonize(wishes) {
    this.working = true;
    complain("");
    say("Harmonizing …");
    showProgress({});
    this.update();
    try {
      await this.#again(() => this.#attempt(wishes));
    } catch (error) {
      say("");
      explain(error);
    }
    this.working = false;
    this.update();
  }

  /** Edit the mask (snap, invert, feather or grow); the new mask replaces mask and strokes. */
  async editMask(edit, pixels = 0) {
    await this.#occupy("Working on the mask …", edit, async () => {
      await this.#handMask();
      const response = await this.server.request("POST", `mask/${edit}`, { json: { pixels } });
      await this.#adopt(response, edit);
      say(DONE[edit]);
    });
  }

  /** Run an action of the server that cannot be cancelled, and show its error if it is refused. */
  async #occupy(saying, state, act) {
    this.working = this.editing = true;
    complain("");
    say(saying);
    showProgress({ state });
    this.update();
    try {
      return await this.#again(act);
    } catch (error) {
      say("");
      explain(error);
    } finally {
      this.working = this.editing = false;
      this.update();
    }
  }

  /** Repeat an action if the server loses the session meanwhile. */
  async #again(act) {
    for (;;) {
      try {
        return await act();
      } catch (error) {
        if (!(error instanceof Renewed)) throw error;
      }
    }
  }

  /** Upload the mask and strokes of the page. */
  async #handMask() {
    const { server } = this;
    const { mask, strokes } = this.tools.paint;
    if (!mask) await server.drop("mask");
    else if (server.files.get("mask") !== mask.file) Object.assign(mask, await server.upload("mask", mask.file));
    if (strokes.length) await server.upload("strokes", await this.tools.paint.file());
    else await server.drop("strokes");
  }

  /** Use a mask that the server made; one undo restores the previous one. */
  async #adopt(response, name) {
    const file = new File([await response.blob()], `${name}.png`, { type: "image/png" });
    const mask = await Photo.load(this.server, await this.server.upload("mask", file));
    Object.assign(mask, { name: NAMES_OF_MASKS[name] ?? name, file });
    await this.server.drop("strokes");
    this.tools.paint.adopt(mask);
  }

  cancel() {
    this.server.request("DELETE", "job").catch(() => {});
  }

  async #attempt(wishes) {
    const { way, server, tools } = this;
    const order = { way, ...wishes, snap: false };
    const isPainted = way === "paint" && !tools.paint.mask;
    if (way === "place") Object.assign(order, tools.place.settings);
    else {
      await this.#handMask();
      order.snap = Boolean(wishes.snap) && isPainted; // masks that were loaded or snapped before are not refined again
    }
    const wasStale = this.stale;
    this.stale = false;
    let job = await (await server.request("POST", "job", { json: order })).json();
    while (job.state === "waiting" || job.state === "running") {
      showProgress(job);
      await new Promise((resolve) => setTimeout(resolve, POLL));
      job = await (await server.request("GET", "job")).json();
    }
    if (job.state === "done") await this.#present(way, job);
    else this.stale ||= wasStale;
    if (job.state === "failed") throw new Refused(job.error);
    if (job.state === "cancelled") say("Cancelled.");
  }

  async #present(way, job) {
    const { remark, helps, formats, levels, extent, snapped } = job;
    const photos = {};
    const known = new Map(["composite", "mask"].map((role) => [this.photos.get(role)?.id, this.photos.get(role)]));
    for (const name of ["composite", "harmonized", "before", "mask"]) {
      const { id } = job[name];
      if (!known.has(id)) known.set(id, await Photo.load(this.server, job[name]));
      photos[name] = known.get(id);
    }
    if (snapped) await this.#adopt(await this.server.request("POST", "result/mask", { json: {} }), "snap");
    const { name } = this.photos.get(way === "place" ? "background" : "composite");
    const after = new LivePhoto(photos, extent, levels, this.controls);
    this.result = { way, name, before: photos.composite, after, remark, helps, formats };
    this.tools.compare.set(photos.composite, after);
    this.show = "compare";
    this.stale = false;
    this.unsaved = true;
    this.update();
    const said = [snapped && "The mask was snapped to the edge.", remark ?? "Compare before and after with the divider."];
    say(["Done.", ...said.filter(Boolean)].join(" "));
  }

  /** Change controls; nothing is computed on the server. */
  steer(controls) {
    Object.assign(this.controls, controls);
    this.unsaved ||= Boolean(this.result);
    this.#note();
    this.redraw();
  }

  /** Download with the current controls; `choice` is a format and a quality for a picture. */
  async download(what, choice = {}) {
    try {
      complain("");
      say("Preparing the file …");
      const json = { ...this.controls, ...choice };
      const response = await this.server.request("POST", `result/${what}`, { json });
      const note = response.headers.get("Cdtnet-Note");
      say([`${await save(response, this.result.name, NAMES[what])} is being saved.`, note].filter(Boolean).join(" "));
      if (what === "picture") this.unsaved = false;
    } catch (error) {
      if (!(error instanceof Renewed)) explain(error);
    }
  }

  /** Remove everything. */
  async empty() {
    for (const role of this.photos.keys()) this.server.drop(role).catch(() => {});
    this.photos.clear();
    this.#latest.clear();
    this.#drop();
    Object.assign(this, { show: "edit", stale: false, unsaved: false });
    for (const role of ["background", "composite"]) this.#arm(role);
    clearTimeout(this.#saving);
    await this.#keep.clear().catch(() => {});
    say("");
    this.update();
  }

  /** Save the work after a delay. */
  #note() {
    if (this.#restoring || !this.photos.size) return;
    clearTimeout(this.#saving);
    this.#saving = setTimeout(() => this.#save(), SAVED);
  }

  async #save() {
    const { way, model, result, controls, tools } = this;
    const files = [...this.photos].map(([role, { file, name }]) => ({ role, file, name }));
    const work = { way, model, files, controls, place: tools.place.state, strokes: tools.paint.strokes, done: Boolean(result) };
    try {
      await this.#keep.save(work);
    } catch (error) {
      if (this.#told) return;
      this.#told = true;
      say(`The browser cannot save this work for a reload (${error?.name ?? "no storage"}).`);
    }
  }

  #told = false; // whether the user knows that the work cannot be saved

  /** Restore the work of before a reload; returns whether there was a result. */
  async restore() {
    const work = await this.#keep.load().catch(() => undefined);
    if (!work?.files.length || this.photos.size) return false;
    this.#restoring = true;
    const { way, model, files, controls, place, strokes, done } = work;
    Object.assign(this, { way, model });
    this.update();
    try {
      for (const { role, file, name } of files) {
        await this.load(role, file);
        if (this.photos.has(role)) this.photos.get(role).name = name;
      }
      if (this.photos.has("foreground") && this.photos.has("background")) this.tools.place.state = place;
      if (this.photos.has("composite")) this.tools.paint.state = { ...this.tools.paint.state, strokes };
      Object.assign(this.controls, controls);
      for (const tool of [this.tools.place, this.tools.paint]) tool.history.clear();
    } finally {
      this.#restoring = false;
    }
    say("Your work was restored.");
    this.update();
    return done && this.isReady;
  }

  #renewed(infos) {
    if (!this.photos.size) return;
    for (const [role, photo] of this.photos) {
      if (infos[role] && this.server.files.get(role) === photo.file) Object.assign(photo, infos[role]);
      else if (role !== "mask") this.photos.delete(role); // the mask is uploaded when it is needed
      this.#arm(role);
    }
    const lost = this.result ? "; harmonize again to see the result" : "";
    say(`The server was restarted and has your pictures again${lost}.`);
    this.result = null;
    this.stale = false;
    this.update();
  }
}

export function explain(error, prefix = "") {
  if (error instanceof Refused) return complain(prefix + error.message);
  complain(`An error occurred on this page (${error.message}); reload it.`);
  console.error(error);
}

function haveSameShape(one, other) {
  return Math.abs((one.width * other.height) / (one.height * other.width) - 1) < 0.01;
}
