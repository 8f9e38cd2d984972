// Rectangles drawn on a picture with mouse, finger or keys. They are written as numbers into the
// field that is posted (left, top, width, height in hundredths), and drawn from it: what stands in
// the field is what is covered, and without this script the field alone does the same.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const ONE = /^\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*$/;
const within = (value, low, high) => Math.min(high, Math.max(low, value));

function read(text) {
  return text.split("\n").map((line) => ONE.exec(line)).filter(Boolean)
    .map((found) => found.slice(1).map(Number));
}

function drawable(box) {
  const field = document.getElementById(box.dataset.areas);
  const image = box.querySelector("img");
  const said = box.querySelector("[aria-live]");
  const frame = document.createElement("div");
  const svg = document.createElementNS(SVG, "svg");
  frame.className = "areas";
  image.replaceWith(frame);
  frame.append(image, svg);
  svg.setAttribute("tabindex", "0");
  svg.setAttribute("role", "application");
  svg.setAttribute("aria-label", box.dataset.label);
  box.querySelector("[data-areas-help]").hidden = false;

  let areas = read(field.value);
  let start = null;

  // The drawing has the picture's own shape, so it lies on it however the page is scaled.
  const draw = () => {
    const [width, height] = [image.naturalWidth || 100, image.naturalHeight || 100];
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.replaceChildren(...areas.map(([x, y, w, h], place) => {
      const one = document.createElementNS(SVG, "rect");
      const shape = { x: x * width / 100, y: y * height / 100, width: w * width / 100, height: h * height / 100 };
      for (const [name, value] of Object.entries(shape)) one.setAttribute(name, value);
      one.setAttribute("fill", "#000");
      one.setAttribute("fill-opacity", place === areas.length - 1 ? "0.75" : "0.9");
      one.setAttribute("stroke", "#f2a65a");
      one.setAttribute("stroke-width", width / 150);
      return one;
    }));
  };
  const keep = () => {
    field.value = areas.map((one) => one.join(", ")).join("\n");
    const last = areas.at(-1);
    said.textContent = `${box.dataset.count}: ${areas.length}${last ? `. ${last.join(", ")}` : ""}`;
    draw();
  };
  const at = (event) => {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const shape = svg.viewBox.baseVal;
    return [point.x / shape.width, point.y / shape.height].map((one) => within(100 * one, 0, 100));
  };
  const between = ([ax, ay], [bx, by]) => {
    const [left, top] = [Math.floor(Math.min(ax, bx)), Math.floor(Math.min(ay, by))];
    return [within(left, 0, 99), within(top, 0, 99), Math.max(1, Math.ceil(Math.max(ax, bx)) - left), Math.max(1, Math.ceil(Math.max(ay, by)) - top)];
  };

  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    start = at(event);
    svg.setPointerCapture(event.pointerId);
    areas.push(between(start, start));
    draw();
  });
  svg.addEventListener("pointermove", (event) => {
    if (!start) return;
    areas[areas.length - 1] = between(start, at(event));
    draw();
  });
  const end = (event) => {
    if (!start) return;
    const [x, y] = at(event);
    // A tap is no rectangle.
    if (Math.abs(x - start[0]) < 1 && Math.abs(y - start[1]) < 1) areas.pop();
    start = null;
    keep();
  };
  svg.addEventListener("pointerup", end);
  svg.addEventListener("pointercancel", end);

  const STEP = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  svg.addEventListener("keydown", (event) => {
    const step = STEP[event.key];
    const last = areas.at(-1);
    if (event.key === "Enter") areas.push([40, 45, 20, 10]);
    else if ((event.key === "Delete" || event.key === "Backspace") && last) areas.pop();
    else if (step && last && event.shiftKey) {
      last[2] = within(last[2] + step[0], 1, 100 - last[0]);
      last[3] = within(last[3] + step[1], 1, 100 - last[1]);
    } else if (step && last) {
      last[0] = within(last[0] + step[0], 0, 100 - last[2]);
      last[1] = within(last[1] + step[1], 0, 100 - last[3]);
    } else return;
    event.preventDefault();
    keep();
  });
  field.addEventListener("input", () => {
    areas = read(field.value);
    draw();
  });
  image.addEventListener("load", draw);
  draw();
}

for (const box of document.querySelectorAll("[data-areas]")) drawable(box);
