// What is live beside htmx: copying, filling in, and a word about a lost connection.
// In a function: it stands behind others in one file, where a directive for all would come too
// late, and what it declares would be everybody's. The script of a log takes `WatchedSource`.
(() => {
"use strict";

const show = (button, text) => {
  const before = button.textContent;
  button.textContent = text;
  setTimeout(() => { button.textContent = before; }, 1500);
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const shown = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(shown.textContent.trim());
    show(button, "Copied");
  } catch {
    // No clipboard without HTTPS: it is selected, to be copied by the keyboard.
    getSelection().selectAllChildren(shown);
    show(button, "Press Ctrl-C");
  }
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-fill]");
  if (!button) return;
  for (const [id, value] of Object.entries(JSON.parse(button.dataset.fill))) {
    document.getElementById(id).value = value;
  }
});

// Ages grow by themselves, by the clock of the service.
const ahead = Date.now() - Date.parse(document.body.dataset.now);
const length = (seconds) =>
  seconds < 60 ? `${seconds} s`
  : seconds < 3600 ? `${Math.floor(seconds / 60)} min`
  : seconds < 172800 ? `${Math.floor(seconds / 3600)} h`
  : `${Math.floor(seconds / 86400)} days`;
const age = (seconds) =>
  seconds < 0 ? `in ${length(-seconds)}` : seconds < 10 ? "just now" : `${length(seconds)} ago`;
setInterval(() => {
  for (const time of document.querySelectorAll("time")) {
    const text = age(Math.trunc((Date.now() - ahead - Date.parse(time.dateTime)) / 1000));
    if (text !== time.textContent) time.textContent = text;
  }
}, 2000);

// A connection that is lost is said after a moment: most come back at once. Each is known by
// its path, since one that is made anew is another object.
const lost = new Map();
const said = document.getElementById("lost");
const showLost = () => {
  if (said) said.hidden = !Array.from(lost.values()).includes("said");
};
const setLost = (path) => {
  if (lost.has(path)) return;
  lost.set(path, setTimeout(() => { lost.set(path, "said"); showLost(); }, 1500));
};
const setFound = (path) => { clearTimeout(lost.get(path)); lost.delete(path); showLost(); };

// A connection may die without a word, in a computer that slept, say. The service says something
// every quarter of a minute; after silence each stream ends, whoever opened it connects again, and
// gets what it shows as it is.
class WatchedSource extends EventSource {
  static streams = new Set();
  #silence = 0;
  #heard = () => {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => { this.close(); this.dispatchEvent(new Event("error")); }, 40000);
  };

  constructor(url) {
    super(url);
    WatchedSource.streams.add(this);
    const path = new URL(this.url).pathname;
    this.addEventListener("open", () => setFound(path));
    this.addEventListener("alive", () => setFound(path));
    this.addEventListener("error", () => setLost(path));
  }

  addEventListener(name, listener) {
    super.addEventListener(name, listener);
    if (name !== "error") super.addEventListener(name, this.#heard);
  }

  close() {
    clearTimeout(this.#silence);
    WatchedSource.streams.delete(this);
    super.close();
  }
}
window.WatchedSource = WatchedSource;
if (window.htmx) htmx.createEventSource = (url) => new WatchedSource(url);
addEventListener("pagehide", () => {
  lost.forEach(clearTimeout);
  WatchedSource.streams.forEach((stream) => stream.close());
});
// The service ended the stream: whoever signed out, or lost a role, sees what is left.
document.addEventListener("htmx:sseClose", (event) => {
  if (event.detail.type === "message") location.reload();
});

// What answers under another address is another page, the one to sign in, say: go there.
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const { xhr, pathInfo } = event.detail;
  if (!xhr.responseURL || new URL(xhr.responseURL).pathname === pathInfo.requestPath.split("?")[0]) return;
  event.preventDefault();
  location.assign(xhr.responseURL);
});
// An error has a page of its own; the form is sent once more, to be shown it.
document.addEventListener("htmx:responseError", (event) => {
  if (event.target.matches("form")) event.target.submit();
});

// A repository and its launcher are two forms, and each sends what stands in the other, too:
// nothing is lost by looking again. A name that nobody typed in is of the repository before.
const others = { repository: "launcher", launcher: "repository" };
document.addEventListener("formdata", (event) => {
  const other = document.getElementById(others[event.target.id]);
  for (const field of other?.elements ?? []) {
    const isShown = field.name && field.type !== "hidden" && (field.type !== "radio" || field.checked);
    if (isShown && field.value !== field.dataset.suggested) event.formData.set(field.name, field.value);
  }
});

// What is wrong with the repository is said below its fields, which stay as they are typed in.
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.target.id !== "repository") return;
  let first;
  for (const said of event.target.querySelectorAll(".mistake")) {
    const field = document.getElementById(said.id.replace("-error", ""));
    const isWrong = said.childElementCount > 0;
    field.setAttribute("aria-invalid", isWrong);
    if (isWrong) first ??= field;
  }
  first?.closest("details")?.setAttribute("open", "");
  first?.focus();
});
})();
