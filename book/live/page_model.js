// What a widget's page needs of its model, without a kernel: get, set, save_changes, on, off, send.
//
// The other half of a widget, which is Python in JupyterLab, derives from it: `tell(changes)` gets what was chosen in the
// page, `receive(content, buffers)` what was sent. It answers by `put(changes)` and `answer(content)`.

export class PageModel {
  #state;
  #unsaved = {};
  #listeners = new Map();

  // Where the words of JupyterLab would be wrong: page.js takes these instead.
  slow = "This device is slow, or the page has stopped: load it again.";
  gone = "Something went wrong here: load the page again.";

  constructor(state) {
    this.#state = { ...state };
  }

  get(name) {
    return this.#state[name];
  }

  // Takes one name and its value, or several in an object: then all are set before any listener is called.
  set(name, value) {
    Object.assign(this.#unsaved, this.#take(typeof name === "object" ? name : { [name]: value }));
  }

  save_changes() {
    const changes = this.#unsaved;
    this.#unsaved = {};
    if (Object.keys(changes).length) this.tell(changes);
  }

  // Sets what comes from this side: it is not told again.
  put(changes) {
    this.#take(changes);
  }

  #take(given) {
    const changes = Object.fromEntries(Object.entries(given).filter(([name, value]) => this.#state[name] !== value));
    Object.assign(this.#state, changes);
    for (const name of Object.keys(changes)) this.#call(`change:${name}`, this, this.#state[name]);
    if (Object.keys(changes).length) this.#call("change", this);
    return changes;
  }

  on(events, listener) {
    for (const event of events.split(" ")) this.#listeners.set(event, [...this.#of(event), listener]);
  }

  // Takes one listener away, or all of an event.
  off(events, listener) {
    for (const event of events.split(" "))
      this.#listeners.set(
        event,
        this.#of(event).filter((one) => listener && one !== listener),
      );
  }

  #of(event) {
    return this.#listeners.get(event) ?? [];
  }

  #call(event, ...what) {
    for (const listener of this.#of(event)) listener(...what);
  }

  send(content, _callbacks, buffers = []) {
    this.receive(content, buffers);
  }

  answer(content, buffers = []) {
    this.#call("msg:custom", content, buffers);
  }

  tell() {}

  receive() {}
}
