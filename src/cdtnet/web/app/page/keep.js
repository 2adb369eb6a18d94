// The current work, saved in the browser so that it survives a reload.
//
// Tabs have separate records. Records that were not changed for a day are deleted.

const STORE = "work";
const AGE = 24 * 3600 * 1000; // milliseconds

export class Keep {
  #name;
  #database;
  #queue = Promise.resolve();

  constructor() {
    this.#name = tabName();
    this.#database = opened();
    this.#database.catch(() => {}); // callers get the error
  }

  /** Return the saved work of this tab, or nothing. */
  async load() {
    await this.#sweep();
    return (await this.#ask("readonly", (store) => store.get(this.#name)))?.work;
  }

  /** Save work; one after the other, so that the latest is kept. */
  save(work) {
    const record = { work, time: Date.now() };
    return this.#after(() => this.#ask("readwrite", (store) => store.put(record, this.#name)));
  }

  clear() {
    return this.#after(() => this.#ask("readwrite", (store) => store.delete(this.#name)));
  }

  #after(act) {
    this.#queue = this.#queue.then(act, act);
    return this.#queue;
  }

  #sweep() {
    return this.#ask("readwrite", (store) => {
      const request = store.openCursor();
      request.onsuccess = () => {
        const cursor = request.result;
        if (!cursor) return;
        if (cursor.value.time < Date.now() - AGE) cursor.delete();
        cursor.continue();
      };
      return request;
    });
  }

  async #ask(mode, act) {
    const transaction = (await this.#database).transaction(STORE, mode);
    const request = act(transaction.objectStore(STORE));
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
    return request.result;
  }
}

/** The name of this tab, which survives a reload. It is removed while in use, because duplicated tabs copy it. */
function tabName() {
  const name = sessionStorage.getItem("tab") ?? crypto.randomUUID?.() ?? String(Math.random());
  sessionStorage.removeItem("tab");
  addEventListener("pagehide", () => sessionStorage.setItem("tab", name));
  addEventListener("pageshow", () => sessionStorage.removeItem("tab"));
  return name;
}

function opened() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("cdtnet", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
