"use strict";

// Without this script the page shows everything one below the other; it adds tabs, sorting and the sliders.

function element(tag, properties, parent) {
  const made = Object.assign(document.createElement(tag), properties);
  parent.append(made);
  return made;
}

function addTabs(box) {
  if (box.children.length < 2) return;
  const list = document.createElement("div");
  list.setAttribute("role", "tablist");
  list.setAttribute("aria-label", box.dataset.label);
  const panels = [...box.children];
  const tabs = panels.map((panel, i) => {
    const heading = panel.querySelector("h3");
    const tab = element("button", { type: "button", id: `tab${i}`, innerHTML: heading.innerHTML }, list);
    heading.className = "printed"; // on screen the tab says it
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", (panel.id = `panel${i}`));
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", tab.id);
    return tab;
  });
  const select = (chosen) =>
    tabs.forEach((tab, i) => {
      tab.setAttribute("aria-selected", i === chosen);
      tab.tabIndex = i === chosen ? 0 : -1;
      panels[i].hidden = i !== chosen;
    });
  list.addEventListener("click", (event) => {
    const i = tabs.indexOf(event.target.closest("[role=tab]"));
    if (i >= 0) select(i);
  });
  list.addEventListener("keydown", (event) => {
    const now = tabs.indexOf(document.activeElement);
    const next = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: -1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    tabs.at(next % tabs.length).focus();
    select(tabs.indexOf(document.activeElement));
  });
  box.prepend(list);
  select(0);
}

function addSorting(table) {
  table.querySelectorAll("thead th").forEach((heading, column, headings) => {
    const text = heading.textContent;
    heading.textContent = "";
    const button = element("button", { type: "button", textContent: text }, heading);
    button.addEventListener("click", () => {
      const first = text.endsWith("↑") ? "descending" : "ascending"; // the best first
      const other = first === "ascending" ? "descending" : "ascending";
      const order = heading.getAttribute("aria-sort") === first ? other : first;
      headings.forEach((one) => one.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", order);
      for (const body of table.tBodies) sortRows(body, column, order === "ascending" ? 1 : -1);
    });
  });
}

function sortRows(body, column, sign) {
  const rows = [...body.rows].filter((row) => !row.classList.contains("heading"));
  const compare = (a, b) => {
    const [x, y] = [a, b].map((row) => row.cells[column]);
    if (column === 0) return sign * x.textContent.localeCompare(y.textContent);
    const [p, q] = [x, y].map((cell) => cell.dataset.order.replace("inf", "Infinity"));
    if (!p || !q) return Boolean(q) - Boolean(p); // no value: last, both ways
    return p === q ? 0 : sign * Math.sign(Number(p) - Number(q));
  };
  body.append(...rows.sort(compare));
}

function addSlider(article) {
  const view = article.querySelector(".view");
  const slider = view.querySelector("input");
  const left = article.querySelector("select");
  const layers = [...article.querySelectorAll(".layer")].map((layer) => ({
    name: layer.querySelector("span").textContent,
    picture: layer.querySelector(".picture"),
    error: layer.querySelector(".error"),
  }));
  const show = (side, { name, picture, error }) => {
    const map = article.querySelector(".errors").checked && error;
    view.querySelector(`img.${side}`).src = (map || picture).src;
    view.querySelector(`.tag.${side}`).textContent = map ? `${name}, error` : name;
  };
  const update = () => {
    const right = layers[article.querySelector(".layer :checked").value];
    show("left", layers[left.value]);
    show("right", right);
    article.classList.toggle("outlined", article.querySelector(".outline").checked);
    view.style.setProperty("--x", `${slider.value}%`);
    const split = `${slider.value} % ${layers[left.value].name}, ${100 - slider.value} % ${right.name}`;
    slider.setAttribute("aria-valuetext", split);
  };
  const follow = (event) => {
    const box = view.getBoundingClientRect();
    slider.value = (100 * (event.clientX - box.left)) / box.width;
    update();
  };
  view.addEventListener("pointerdown", (event) => {
    event.preventDefault(); // keeps the focus that the slider gets
    slider.focus({ preventScroll: true });
    view.setPointerCapture(event.pointerId);
    follow(event);
  });
  view.addEventListener("pointermove", (event) => view.hasPointerCapture(event.pointerId) && follow(event));
  article.addEventListener("input", update);
  article.querySelector(".stage").hidden = false;
  update();
}

document.querySelectorAll(".tabs").forEach(addTabs);
document.querySelectorAll("table").forEach(addSorting);
document.querySelectorAll("article").forEach(addSlider);
