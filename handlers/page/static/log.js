// Lines of a running build, as it prints them; a lost connection goes on behind the last.
"use strict";

const log = document.getElementById("log");
if (log && log.dataset.stream) {
  const follow = document.getElementById("follow");
  follow.parentElement.hidden = false;
  const toEnd = () => { if (follow.checked) log.scrollTop = log.scrollHeight; };
  toEnd();
  follow.addEventListener("change", toEnd);
  // Whoever scrolls up reads; whoever comes back to the end follows again.
  log.addEventListener("scroll", () => {
    follow.checked = log.scrollHeight - log.scrollTop - log.clientHeight < 24;
  });

  const add = (line) => {
    const item = document.createElement("li");
    item.id = `line-${line.seq}`;
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
  };

  let after = "", again = 0;
  const open = () => {
    const url = new URL(log.dataset.stream, location);
    if (after) url.searchParams.set("after", after);
    const stream = new WatchedSource(url);
    stream.addEventListener("line", (event) => {
      after = event.lastEventId;
      add(JSON.parse(event.data));
    });
    // A browser comes back by itself unless it got another answer: that of a proxy
    // while the service starts anew, say.
    stream.addEventListener("error", () => {
      if (stream.readyState === EventSource.CLOSED) again = setTimeout(open, 3000);
    });
    for (const last of ["over", "end"]) {
      stream.addEventListener(last, () => { stream.close(); location.reload(); });
    }
  };
  open();
  addEventListener("pagehide", () => clearTimeout(again));
}
