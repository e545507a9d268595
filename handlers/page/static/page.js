// What is live beside htmx: copying, and a word about a lost connection.
"use strict";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = document.getElementById(button.dataset.copy).textContent.trim();
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const range = document.createRange();
    range.selectNodeContents(document.getElementById(button.dataset.copy));
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    return;
  }
  const before = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = before; }, 1500);
});

const lost = document.getElementById("lost");
const setLost = (isLost) => { if (lost) lost.hidden = !isLost; };
let waiting = 0;
document.addEventListener("htmx:sseError", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => setLost(true), 1500);
});
document.addEventListener("htmx:sseOpen", () => { clearTimeout(waiting); setLost(false); });
// The service ended the stream: whoever signed out, or lost a role, sees what is left.
document.addEventListener("htmx:sseClose", (event) => {
  if (event.detail.type === "message") location.reload();
});
addEventListener("pagehide", () => clearTimeout(waiting));

// Whoever asked for confirmation is asked; without scripts the form is sent at once.
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !confirm(question)) event.preventDefault();
});
