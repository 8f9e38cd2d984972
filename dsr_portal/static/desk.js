// Keys of the desk: 1 2 3 choose a decision, Enter confirms it. They can be switched off
// (WCAG 2.1.4) and never do anything that cannot be undone by one press.
"use strict";

const KEYS_OFF = "dsr-keys-off";
const toggles = document.querySelectorAll("[data-keys]");
const keysOn = () => localStorage.getItem(KEYS_OFF) === null;
for (const toggle of toggles) {
  toggle.checked = keysOn();
  toggle.addEventListener("change", () => {
    if (toggle.checked) localStorage.removeItem(KEYS_OFF);
    else localStorage.setItem(KEYS_OFF, "1");
  });
}

const typing = (element) =>
  element.matches("textarea, select, [contenteditable]") ||
  (element.matches("input") && !element.matches("[type=radio], [type=checkbox]"));

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || !keysOn() || typing(event.target)) return;
  const named = document.querySelector(`[data-key="${CSS.escape(event.key)}"]:not(:disabled)`);
  if (named) {
    event.preventDefault();
    if (named.matches("input")) named.focus();
    named.click();
    return;
  }
  const form = document.querySelector("form[data-decide]");
  if (!form) return;
  const choices = form.querySelectorAll("input[type=radio]");
  const place = Number(event.key) - 1;
  if (choices[place]) {
    event.preventDefault();
    choices[place].focus();
    choices[place].click();
    // A first view is said by the key itself; the band appears, and Enter confirms (R21).
    if (form.dataset.decide === "view") form.requestSubmit();
  } else if (event.key === "Enter" && !event.target.matches("a, button, summary")) {
    if (form.querySelector("input[type=radio]:checked")) {
      event.preventDefault();
      form.requestSubmit();
    }
  }
});

// Who decides otherwise than they saw gives a reason: its field opens by itself.
for (const why of document.querySelectorAll("details[data-why]")) {
  why.closest("form").addEventListener("change", (event) => {
    if (event.target.type === "radio" && event.target.value !== why.dataset.why) why.open = true;
  });
}
