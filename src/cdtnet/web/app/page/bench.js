// What lies on the bench: pictures, the tools that work on them, and the result. The originals and all real work are on
// the server.

import { CompareTool } from "./compare.js";
import { PaintTool } from "./paint.js";
import { ROLES, complain, describe, save, say, showProgress } from "./panel.js";
import { Photo } from "./photo.js";
import { PlaceTool } from "./place.js";
import { Refused, Renewed, Server } from "./server.js";

const POLL = 200; // milliseconds
const UNREACHABLE = "The server cannot be reached just now. This page goes on as soon as it is back.";
const NAMES = { picture: "harmonized", mask: "mask", table: "look", settings: "settings" };
const EXAMPLE = [["composite", "composite.jpg"], ["mask", "mask.png"]];

export class Bench {
  photos = new Map(); // by role
  way = "place";
  show = "edit";
  result = null; // {way, name, before, after, table, remark}
  stale = false; // whether the result is of other settings than those at hand
  working = false;
  snapping = false;
  loading = 0; // pictures on their way
  #loaded = Promise.resolve();
  #latest = new Map(); // by role: the file that was chosen last, which may be on its way
  #limits = { maxBytes: Infinity };

  /** `update` is called when anything has changed, `touch` after strokes and moves, `redraw` when there is more to see. */
  constructor({ update, touch, redraw, divided, resized }) {
    this.update = update;
    const changed = () => {
      this.stale = this.result?.way === this.way;
      touch();
      redraw();
    };
    this.changed = changed;
    this.tools = {
      place: new PlaceTool(changed, redraw),
      paint: new PaintTool(changed, redraw, resized),
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

  /** The name of the tool at hand. */
  get tool() {
    return this.result?.way === this.way && this.show === "compare" ? "compare" : this.way;
  }

  /** What the server offers. */
  async open() {
    this.#limits = await (await this.server.ask("api/app")).json();
    return this.#limits;
  }

  /** One after the other, so that the server and the page have the same one last. */
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
      await this.#take(role, Object.assign(photo, { name: file.name }));
      say(`${file.name}: ${describe(photo)}.`);
    } catch (error) {
      if (error instanceof Renewed) return this.#load(role, file);
      if (this.#latest.get(role) !== file) return;
      say("");
      explain(error, `${file.name}: `);
    }
  }

  /** The first file is for the role it was given for, a second one for the other role of the same way. */
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
    if (role === "background" || role === "composite") this.result = null;
    this.show = "edit";
    this.#arm(role);
    this.changed();
    this.update();
  }

  /** Hand the pictures to the tool that works with them. */
  #arm(role) {
    const { place, paint } = this.tools;
    if (role in ROLES.place) place.set(this.photos.get("background"), this.photos.get("foreground"));
    else paint.set(this.photos.get("composite"), this.photos.get("mask"));
  }

  /** With what the panel says: model and strength. */
  async harmonize(wishes) {
    this.working = true;
    complain("");
    say("Harmonizing …");
    showProgress({});
    this.update();
    try {
      while (!(await this.#attempt(wishes)));
    } catch (error) {
      say("");
      explain(error);
    }
    this.working = false;
    this.update();
  }

  /** The mask at hand, brought to the object's edge, takes its place and that of the strokes. */
  async snap() {
    const { server, tools } = this;
    this.working = this.snapping = true;
    complain("");
    say("Snapping the mask to the edge …");
    showProgress({ state: "snapping" });
    this.update();
    try {
      for (let blob; !blob; ) {
        try {
          if (tools.paint.strokes.length) await server.upload("strokes", await tools.paint.file());
          else await server.drop("strokes");
          blob = await (await server.request("POST", "snapped")).blob();
          const before = this.photos.get("mask");
          await this.load("mask", new File([blob], "snapped.png", { type: "image/png" }));
          if (this.photos.get("mask") === before) break; // it was refused, which has been said
          tools.paint.clear();
          say("The mask is snapped to the edge.");
        } catch (error) {
          if (!(error instanceof Renewed)) throw error;
        }
      }
    } catch (error) {
      say("");
      explain(error);
    }
    this.working = this.snapping = false;
    this.update();
  }

  cancel() {
    this.server.request("DELETE", "job").catch(() => {});
  }

  /** Once through; false if the server has lost the session meanwhile. */
  async #attempt(wishes) {
    const { way, server, tools } = this;
    const order = { way, ...wishes };
    try {
      if (way === "place") Object.assign(order, tools.place.settings);
      else if (tools.paint.strokes.length) await server.upload("strokes", await tools.paint.file());
      else await server.drop("strokes");
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
      return true;
    } catch (error) {
      if (error instanceof Renewed) return false;
      throw error;
    }
  }

  async #present(way, { composite, harmonized, table, remark }) {
    const known = this.photos.get("composite");
    const before = known?.id === composite.id ? known : await Photo.load(this.server, composite);
    const after = await Photo.load(this.server, harmonized);
    const { name } = this.photos.get(way === "place" ? "background" : "composite");
    this.result = { way, name, before, after, table, remark };
    this.tools.compare.set(before, after);
    this.show = "compare";
    say(`Done. ${remark ?? "Compare before and after with the divider."}`);
  }

  async download(what) {
    try {
      complain("");
      say("Preparing the file …");
      const response = await this.server.request("GET", `result/${what}`);
      say(`${await save(response, this.result.name, NAMES[what])} is being saved.`);
    } catch (error) {
      if (!(error instanceof Renewed)) explain(error);
    }
  }

  #renewed(infos) {
    if (!this.photos.size) return;
    for (const [role, photo] of this.photos) {
      if (infos[role]) Object.assign(photo, infos[role]);
      else this.photos.delete(role);
      this.#arm(role);
    }
    const lost = this.result ? "; harmonize once more to have the result" : "";
    say(`The server was started anew and has your pictures again${lost}.`);
    this.result = null;
    this.stale = false;
    this.update();
  }
}

export function explain(error, prefix = "") {
  if (error instanceof Refused) return complain(prefix + error.message);
  complain(`This page has a fault (${error.message}); load it again.`);
  console.error(error);
}

function haveSameShape(one, other) {
  return Math.abs((one.width * other.height) / (one.height * other.width) - 1) < 0.01;
}
