// Lines of a running build, as it prints them; a lost connection goes on behind the last.
"use strict";

const log = document.getElementById("log");
if (log && log.dataset.stream) {
  const follow = document.getElementById("follow");
  follow.parentElement.hidden = false;
  const toEnd = () => { if (follow.checked) log.scrollTop = log.scrollHeight; };
  toEnd();
  follow.addEventListener("change", toEnd);
  const stream = new EventSource(log.dataset.stream);
  stream.addEventListener("line", (event) => {
    const line = JSON.parse(event.data);
    const item = document.createElement("li");
    if (line.error) item.className = "is-error";
    const phase = document.createElement("span");
    phase.className = "phase";
    phase.textContent = line.phase;
    const text = document.createElement("span");
    text.className = "text";
    text.innerHTML = line.html; // escaped by the service, which made the colours
    item.append(phase, text);
    log.append(item);
    document.getElementById("no-lines")?.remove();
    toEnd();
  });
  stream.addEventListener("error", () => document.dispatchEvent(new Event("htmx:sseError")));
  stream.addEventListener("open", () => document.dispatchEvent(new Event("htmx:sseOpen")));
  stream.addEventListener("over", () => { stream.close(); location.reload(); });
  stream.addEventListener("end", () => { stream.close(); location.reload(); });
  addEventListener("pagehide", () => stream.close());
}
