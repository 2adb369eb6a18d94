// Undo and redo, with immutable states.

const MOST = 200; // states
const TOGETHER = 800; // milliseconds within which changes of one kind are one step

export class History {
  #past = [];
  #future = [];
  #kind;
  #time = 0;

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  /** Record the current state before a change; quick changes of one `kind` are one step. */
  record(state, kind) {
    const now = performance.now();
    const goesOn = kind && kind === this.#kind && now - this.#time < TOGETHER;
    [this.#kind, this.#time] = [kind, now];
    this.#future = [];
    if (!goesOn) this.#past = [...this.#past, state].slice(-MOST);
  }

  /** Return the previous state, given the current one, or nothing. */
  undo(state) {
    return this.#step(this.#past, this.#future, state);
  }

  redo(state) {
    return this.#step(this.#future, this.#past, state);
  }

  /** Remove the last record, because the change did not happen. */
  forget() {
    this.#past.pop();
    this.#kind = undefined;
  }

  clear() {
    this.#past = [];
    this.#future = [];
  }

  #step(from, to, state) {
    this.#kind = undefined;
    if (from.length) to.push(state);
    return from.pop();
  }
}
