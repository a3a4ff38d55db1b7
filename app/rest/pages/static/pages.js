// Search and copying. The pages also work without them.

"use strict";

function search(box) {
  const input = box.querySelector("input");
  const output = box.querySelector("output");
  const spaced = (text) => ` ${text.toLowerCase().replace(/[^a-z0-9_]+/g, " ").trim()}`;
  const errors = [...document.querySelectorAll("li[data-text]")].map((item) => [item, spaced(item.dataset.text)]);
  const groups = document.querySelectorAll(".status, .fault");
  const nothing = document.querySelector(".nothing");

  function filter() {
    const words = spaced(input.value).split(" ").filter(Boolean);
    let found = 0;
    for (const [item, text] of errors) {
      item.hidden = !words.every((word) => text.includes(` ${word}`));
      found += item.hidden ? 0 : 1;
    }
    for (const group of groups) group.hidden = !group.querySelector("li[data-text]:not([hidden])");
    nothing.hidden = found > 0;
    output.value = words.length ? `${found} of ${errors.length}` : "";
  }

  box.hidden = false;
  input.addEventListener("input", filter);
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.ctrlKey && !event.metaKey && document.activeElement !== input) {
      event.preventDefault();
      input.focus();
    }
  });
  filter();
}

function copying(button) {
  if (!navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}

document.querySelectorAll(".search").forEach(search);
document.querySelectorAll("button[data-copy]").forEach(copying);
