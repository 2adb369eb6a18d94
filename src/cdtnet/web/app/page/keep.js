// The work at hand, kept in the browser so that it is there again after the page is loaded anew.
//
// Each tab has a record of its own. Records that were not touched for a day are deleted.

const STORE = "work";
const AGE = 24 * 3600 * 1000; // milliseconds

export class Keep {
  #name;
  #database;
  #queue = Promise.resolve();

  constructor() {
    this.#name = tabName();
    this.#database = opened();
    this.#database.catch(() => {}); // whoever uses it is told
  }

  /** What was kept of this tab, or nothing. */
  async load() {
    await this.#sweep();
    return (await this.#ask("readonly", (store) => store.get(this.#name)))?.work;
  }

  /** One after the other, so that the latest is what stays. */
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

/** Survives loading anew; a tab that was duplicated gets the same, so the name is taken away while it is in use. */
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
