// Talking to the server: one session, opened anew with the same pictures when the server has lost it.

const AGAIN = 1000; // milliseconds until the next try to reach the server

/** What the server has to say against a request, in a sentence; `code` where the page can do something about it. */
export class Refused extends Error {}

/** The session was opened anew, so that names of pictures and results in it mean nothing any more. */
export class Renewed extends Error {}

export class Server {
  #session;
  #opening;

  /** `reached(true or false)` tells whether the server answers; `renewed(descriptions by role)` what is uploaded again. */
  constructor({ reached, renewed }) {
    this.files = new Map(); // by role: what the session holds
    this.reached = reached;
    this.renewed = renewed;
    addEventListener("pagehide", () => {
      if (this.#session) fetch(this.#path(), { method: "DELETE", keepalive: true }).catch(() => {});
    });
  }

  /** Outside of any session. */
  async ask(path) {
    return this.#answer(await this.#fetch(path, {}));
  }

  /** Hand over a picture; returns what the server says about it. */
  async upload(role, file) {
    const response = await this.request("PUT", `uploads/${role}`, { body: file, again: true });
    this.files.set(role, file);
    return response.json();
  }

  async drop(role) {
    if (this.files.delete(role)) await this.request("DELETE", `uploads/${role}`, { again: true });
  }

  /**
   * In the session. When it is lost, it is opened anew; the request is then made `again` if it names nothing that
   * belonged to the old one, and `Renewed` is thrown otherwise.
   */
  async request(method, path, { body, json, again = false } = {}) {
    const options = { method, body };
    if (json) Object.assign(options, { body: JSON.stringify(json), headers: { "Content-Type": "application/json" } });
    for (;;) {
      await this.#open();
      const session = this.#session;
      const response = await this.#fetch(this.#path(path), options);
      if (!(await isLost(response))) return this.#answer(response);
      if (this.#session === session) this.#session = undefined;
      if (!again) {
        await this.#open();
        throw new Renewed();
      }
    }
  }

  #path(path = "") {
    return `api/sessions/${this.#session}${path && `/${path}`}`;
  }

  /** One session at a time, whoever asks for it. */
  async #open() {
    if (this.#session) return;
    this.#opening ??= this.#renew().finally(() => (this.#opening = undefined));
    await this.#opening;
  }

  async #renew() {
    const response = await this.#answer(await this.#fetch("api/sessions", { method: "POST" }));
    const session = (await response.json()).session;
    const infos = {};
    for (const [role, file] of this.files) {
      try {
        const options = { method: "PUT", body: file };
        const answer = await this.#fetch(`api/sessions/${session}/uploads/${role}`, options);
        infos[role] = await (await this.#answer(answer)).json();
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        this.files.delete(role); // the file on the disk is another one by now, or gone
      }
    }
    this.#session = session;
    this.renewed(infos);
  }

  /** Tries until there is an answer. */
  async #fetch(path, options) {
    for (;;) {
      try {
        const response = await fetch(path, options);
        this.reached(true);
        return response;
      } catch {
        if (options.body instanceof File && !(await isReadable(options.body))) {
          throw new Refused("The file has changed or is gone; choose it again.");
        }
        this.reached(false);
        await new Promise((resolve) => setTimeout(resolve, AGAIN));
      }
    }
  }

  async #answer(response) {
    if (response.ok) return response;
    const { error, code } = await response.json().catch(() => ({}));
    const refused = new Refused(error ?? `The server answers ${response.status}; its terminal may say more.`);
    throw Object.assign(refused, { code });
  }
}

async function isLost(response) {
  return response.status === 404 && (await response.clone().json().catch(() => ({}))).code === "session";
}

function isReadable(file) {
  return file.slice(0, 1).arrayBuffer().then(() => true, () => false);
}
