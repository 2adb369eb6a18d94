// Undo and redo, by states that are never changed once they are recorded.

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

  /** To be called before a change, with the state as it is; quick changes of one `kind` make one step. */
  record(state, kind) {
    const now = performance.now();
    const goesOn = kind && kind === this.#kind && now - this.#time < TOGETHER;
    [this.#kind, this.#time] = [kind, now];
    this.#future = [];
    if (!goesOn) this.#past = [...this.#past, state].slice(-MOST);
  }

  /** The state to go back to, given the one at hand; nothing where there is none. */
  undo(state) {
    return this.#step(this.#past, this.#future, state);
  }

  redo(state) {
    return this.#step(this.#future, this.#past, state);
  }

  /** Take back the last record: nothing has come of the change. */
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
