// Requests to the server: one session, which is opened again with the same pictures if the server has lost it.

const AGAIN = 1000; // milliseconds before a retry

/** A refusal by the server, with its message; `code` if the page can react to it. */
export class Refused extends Error {}

/** The session was opened again, so that names of pictures and results in it are invalid. */
export class Renewed extends Error {}

export class Server {
  #session;
  #opening;

  /** `reached(boolean)` reports whether the server responds; `renewed(descriptions by role)` the pictures uploaded again. */
  constructor({ reached, renewed }) {
    this.files = new Map(); // by role: the files in the session
    this.reached = reached;
    this.renewed = renewed;
    addEventListener("pagehide", () => {
      if (this.#session) fetch(this.#path(), { method: "DELETE", keepalive: true }).catch(() => {});
    });
  }

  /** Send a request outside of the session. */
  async ask(path) {
    return this.#answer(await this.#fetch(path, {}));
  }

  /** Upload a picture, and return the server's description. */
  async upload(role, file) {
    const response = await this.request("PUT", `uploads/${role}`, { body: file, again: true });
    this.files.set(role, file);
    return response.json();
  }

  async drop(role) {
    if (this.files.delete(role)) await this.request("DELETE", `uploads/${role}`, { again: true });
  }

  /**
   * Send a request in the session. If the session is lost, it is opened again; the request is then repeated if `again`,
   * because it names nothing of the old session; otherwise `Renewed` is thrown.
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

  /** Open a session; concurrent callers share it. */
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
        this.files.delete(role); // the file on the disk was changed or removed
      }
    }
    this.#session = session;
    this.renewed(infos);
  }

  /** Repeat until there is a response. */
  async #fetch(path, options) {
    for (;;) {
      try {
        const response = await fetch(path, options);
        this.reached(true);
        return response;
      } catch {
        if (options.body instanceof File && !(await isReadable(options.body))) {
          throw new Refused("The file was changed or removed; choose it again.");
        }
        this.reached(false);
        await new Promise((resolve) => setTimeout(resolve, AGAIN));
      }
    }
  }

  async #answer(response) {
    if (response.ok) return response;
    const { error, code } = await response.json().catch(() => ({}));
    const refused = new Refused(error ?? `The server responded with ${response.status}; see its terminal.`);
    throw Object.assign(refused, { code });
  }
}

async function isLost(response) {
  return response.status === 404 && (await response.clone().json().catch(() => ({}))).code === "session";
}

function isReadable(file) {
  return file.slice(0, 1).arrayBuffer().then(() => true, () => false);
}
