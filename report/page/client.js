// What the page does beyond showing itself: sorts and filters its table, and marks a run in every picture. Without it the
// page has the same content. It runs inside the page, makes no request and keeps nothing.
"use strict";
(() => {
  const table = document.querySelector("#runs table");
  const rows = [...table.tBodies[0].rows];
  const form = document.querySelector(".filters");
  const note = document.getElementById("marked");
  const count = form.querySelector("output");

  const shapes = new Map();
  for (const shape of document.querySelectorAll("[data-run]")) {
    const name = shape.dataset.run;
    if (!shapes.has(name)) shapes.set(name, []);
    shapes.get(name).push(shape);
  }

  // Numbers with thousands separated, true minus signs, and a spread behind them; a dash is no number.
  const numberIn = (cell) => parseFloat((cell.dataset.value ?? cell.textContent).replace(/,/g, "").replace("−", "-"));
  const compare = (a, b) => {
    const [x, y] = [numberIn(a), numberIn(b)];
    if (Number.isNaN(x) && Number.isNaN(y)) return a.textContent < b.textContent ? -1 : 1;
    return Number.isNaN(x) ? 1 : Number.isNaN(y) ? -1 : x - y;
  };
  const isMissing = (cell) => cell.textContent === "–";

  const sortBy = (heading) => {
    const descending = heading.getAttribute("aria-sort") === "ascending";
    const column = heading.cellIndex;
    for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const sorted = rows.map((row, i) => ({ row, i, cell: row.cells[column] })).sort((a, b) => {
      if (isMissing(a.cell) !== isMissing(b.cell)) return isMissing(a.cell) ? 1 : -1;
      return (descending ? -1 : 1) * compare(a.cell, b.cell) || a.i - b.i;
    });
    table.tBodies[0].append(...sorted.map(({ row }) => row));
  };

  for (const heading of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => sortBy(heading));
  }
  table.tHead.rows[0].cells[0].setAttribute("aria-sort", "ascending");

  const filter = () => {
    const wanted = [...form.querySelectorAll("select")].filter((select) => select.value !== "");
    let shown = 0;
    for (const row of rows) {
      const out = wanted.some((select) => row.cells[Number(select.dataset.column)].textContent !== select.value);
      row.hidden = out;
      if (!out) shown++;
      for (const shape of shapes.get(row.dataset.run)) if (shape.ownerSVGElement) shape.classList.toggle("out", out);
    }
    document.body.classList.toggle("filtered", wanted.length > 0);
    count.textContent = `${shown} of ${rows.length} shown`;
  };
  form.hidden = false;
  form.addEventListener("change", filter);
  form.addEventListener("reset", () => setTimeout(filter));
  form.addEventListener("submit", (event) => event.preventDefault());
  filter();

  let marked;
  const mark = (name) => {
    if (name === marked) return;
    for (const shape of shapes.get(marked) ?? []) shape.classList.remove("marked");
    marked = name;
    note.hidden = name === undefined;
    if (name === undefined) return;
    for (const shape of shapes.get(name)) {
      shape.classList.add("marked");
      // What is drawn last lies above: a marked curve must not be hidden by the others.
      if (shape.ownerSVGElement) shape.parentNode.append(shape);
    }
    const part = document.getElementById(`run-${name}`);
    const cell = part.closest("details").querySelector("summary b");
    note.textContent = `${name}: ${cell.textContent}. ${part.querySelector("h4").textContent}`;
  };
  const nameAt = (event) => event.target.closest?.("[data-run]")?.dataset.run;
  document.addEventListener("mouseover", (event) => mark(nameAt(event)));
  document.addEventListener("focusin", (event) => mark(nameAt(event)));
  document.addEventListener("keydown", (event) => event.key === "Escape" && mark(undefined));

  // A run's part may lie in a closed part of the page; not every browser opens it by itself.
  const reveal = () => {
    const part = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const closed = part?.closest("details:not([open])");
    if (!closed) return;
    closed.open = true;
    part.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();
  document.addEventListener("click", (event) => {
    const shape = event.target.closest?.("svg [data-run]");
    if (shape) location.hash = `run-${shape.dataset.run}`;
  });
})();
