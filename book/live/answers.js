// What the reader answered, kept in this browser: events as in coursekit's progress.jsonl, the oldest first.

const KEY = "coursekit.progress";
let unkept = []; // where the browser keeps nothing: until the page is left

function stored() {
  try {
    const events = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(events) ? events.filter((one) => one && typeof one === "object") : [];
  } catch {
    return []; // blocked, or written by somebody else
  }
}

export const events = () => [...stored(), ...unkept];
export const isKept = (event) => !unkept.includes(event);

export function keep(kind, id, more) {
  const event = { kind, id, at: new Date().toISOString(), ...more };
  try {
    localStorage.setItem(KEY, JSON.stringify([...stored(), event]));
  } catch {
    unkept.push(event);
  }
  tell(id);
}

export function forget() {
  unkept = [];
  try {
    localStorage.removeItem(KEY);
  } catch {
    // there was nothing to forget
  }
  tell("");
}

// Says in the page that something was answered, or all forgotten.
function tell(id) {
  document.dispatchEvent(new CustomEvent("coursekit-answered", { detail: id }));
}

// Calls `act` when something is answered in this page or in another one that is open, and once now.
export function follow(act) {
  document.addEventListener("coursekit-answered", act);
  addEventListener("storage", ({ key }) => (key === KEY || key === null) && act());
  act();
}

// Whether a prediction was committed or skipped.
export const isPredicted = (id) => events().some((event) => event.kind === "predicted" && event.id === id);
