// Small helps for every site. Each page works without them; see docs/ui.md.
"use strict";

// Photo box: a preview drawn on a canvas (no address of the file is made), and its size checked.
const MAX_PHOTO = 20 * 1024 * 1024;
for (const box of document.querySelectorAll("[data-photo]")) {
  const input = box.querySelector("input[type=file]");
  const preview = box.querySelector("[data-preview]");
  const said = box.querySelector("[data-said]");
  input.addEventListener("change", async () => {
    preview.replaceChildren();
    preview.hidden = true;
    said.textContent = "";
    const file = input.files[0];
    if (!file) return;
    if (file.size > MAX_PHOTO) {
      said.textContent = box.dataset.big;
      input.value = "";
      return;
    }
    const kilobytes = Math.max(1, Math.round(file.size / 1024));
    const size = kilobytes < 1000 ? `${kilobytes} KB` : `${(file.size / 1048576).toFixed(1)} MB`;
    said.textContent = `${box.dataset.chosen}: ${file.name} (${size})`;
    try {
      const bitmap = await createImageBitmap(file);
      const scale = Math.min(1, 640 / Math.max(bitmap.width, bitmap.height));
      const canvas = document.createElement("canvas");
      canvas.width = Math.round(bitmap.width * scale);
      canvas.height = Math.round(bitmap.height * scale);
      canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", box.dataset.chosen);
      bitmap.close();
      preview.replaceChildren(canvas);
      preview.hidden = false;
    } catch {
      // Formats this browser cannot draw (HEIC) are still sent; the name above says what was chosen.
    }
  });
}

// Progress: asks {words, done, total, location} every two seconds; follows location when given.
for (const box of document.querySelectorAll("[data-poll]")) {
  box.querySelector("[data-no-script]")?.remove();
  const words = box.querySelector("[data-words]");
  const bar = box.querySelector("progress");
  const ask = async () => {
    try {
      const answer = await fetch(box.dataset.poll, { headers: { Accept: "application/json" } });
      if (answer.ok) {
        const now = await answer.json();
        if (now.location) return void location.assign(now.location);
        if (now.words && now.words !== words.textContent) words.textContent = now.words;
        if (bar && now.total) {
          bar.max = now.total;
          bar.value = now.done;
        }
        if (now.finished) return;
      }
    } catch {
      // Offline for a moment: ask again.
    }
    setTimeout(ask, 2000);
  };
  setTimeout(ask, 1000);
}

// A form is sent once, even when its button is pressed twice. Coming back with the browser's
// back button opens it again.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
  // A form that answers with a file leaves the page standing: open it again after a while.
  setTimeout(() => delete form.dataset.sent, 5000);
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
