"use strict";
const root = JSON.parse(document.getElementById("profile").textContent);
const graph = document.getElementById("graph"), info = document.getElementById("info"), find = document.getElementById("find");
const ROW = 19, NARROWEST = 0.0005;
let shown = root;
(function link(node, above) { node.above = above; node.calls.forEach((each) => link(each, node)); })(root, null);
function colour(node) {
  let hash = 0;
  for (const letter of node.name + node.place) hash = (hash * 31 + letter.charCodeAt(0)) >>> 0;
  return `hsl(${node.place.startsWith("app/") || node.place.includes("/app/") ? 20 + hash % 30 : 200 + hash % 40} 70% ${76 + hash % 10}%)`;
}
function described(node) {
  return `${node.name}${node.place && ` ${node.place}`}: ${node.seconds.toFixed(2)} s, ${(100 * node.seconds / (root.seconds || 1)).toFixed(1)} %`;
}
function draw() {
  const lines = [], buttons = [];
  for (let node = shown.above; node; node = node.above) lines.unshift(node);
  const word = find.value.toLowerCase();
  let deepest = 0;
  function place(node, left, width, row) {
    if (width < NARROWEST) return;
    deepest = Math.max(deepest, row);
    const button = document.createElement("button");
    button.textContent = node.name;
    button.title = described(node);
    button.style.left = `${100 * left}%`;
    button.style.width = `${100 * width}%`;
    button.style.top = `${row * ROW}px`;
    button.style.background = colour(node);
    if (word && (node.name + node.place).toLowerCase().includes(word)) button.className = "found";
    button.onmouseenter = button.onfocus = () => { info.textContent = described(node); };
    button.onclick = () => { shown = node; draw(); };
    buttons.push(button);
    if (row < lines.length) return;
    let at = left;
    for (const each of node.calls) {
      const part = node.seconds ? width * each.seconds / node.seconds : 0;
      place(each, at, part, row + 1);
      at += part;
    }
  }
  lines.forEach((node, row) => place(node, 0, 1, row));
  place(shown, 0, 1, lines.length);
  graph.replaceChildren(...buttons);
  graph.style.height = `${(deepest + 1) * ROW}px`;
}
find.oninput = draw;
document.getElementById("whole").onclick = () => { shown = root; draw(); };
draw();
