// The participant's name is the part of the address after #, so that a reload resumes the study.

const RETRY = 2000; // milliseconds
const GLANCE = 300; // milliseconds before another choice counts, so that a double click is one choice
const $ = (selector) => document.querySelector(selector);

let participant = location.hash.slice(1);
let progress; // from the server: number of questions, choices, and whether there are composites and masks
let current; // the question on the screen
let shownAt; // when its pictures appeared; undefined while they are loading
let busy = false;
let target; // the center of the enlarged part, as shares of width and height

async function request(method, path, body) {
  const headers = body ? { "Content-Type": "application/json" } : {};
  for (;;) {
    const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) }).catch(() => null);
    if (response && response.status < 500) {
      notify("");
      return response;
    }
    notify("The server cannot be reached. This page continues when it is back.");
    await new Promise((resolve) => setTimeout(resolve, RETRY));
  }
}

function notify(text) {
  $("#notice").textContent = text;
  $("#notice").hidden = !text;
}

function offerExtras({ composite, object }) {
  const offered = { composite, object };
  for (const element of document.querySelectorAll(".extra")) element.hidden = !offered[element.dataset.extra];
}

function open(id) {
  for (const main of document.querySelectorAll("main")) main.hidden = main.id !== id;
}

function fail(reason) {
  $("#failure .reason").textContent = reason;
  open("failure");
}

async function introduce() {
  const study = await (await request("GET", "api/study")).json();
  const minutes = Math.ceil((study.questions * 8) / 60);
  offerExtras(study);
  $("#intro .count").textContent = study.questions;
  $("#intro .minutes").textContent = minutes === 1 ? "a minute" : `${minutes} minutes`;
  open("intro");
}

async function start() {
  $("#start").disabled = true;
  const response = await request("POST", "api/participants", {});
  participant = (await response.json()).participant;
  history.replaceState(null, "", `#${participant}`);
  await resume();
}

async function resume() {
  const response = await request("GET", `api/participants/${encodeURIComponent(participant)}`);
  const answer = await response.json();
  if (!response.ok) return fail(answer.error);
  progress = answer;
  offerExtras(progress);
  await show(progress.choices.length);
}

const picture = (question, side) => `api/participants/${participant}/pictures/${question}/${side}`;

function makeImage(source, kind, alt) {
  const image = new Image();
  image.src = source;
  image.className = kind;
  image.alt = alt;
  image.draggable = false;
  return image;
}

function makeImages(question, side) {
  const images = [makeImage(picture(question, side), "result", `The ${side === "left" ? "first" : "second"} picture`)];
  if (progress.composite) images.push(makeImage(picture(question, "composite"), "composite", ""));
  if (progress.object) {
    const object = makeImage(picture(question, "composite"), "object", "");
    object.style.maskImage = `url("${picture(question, "mask")}")`;
    images.push(object);
  }
  return images;
}

async function show(question) {
  current = question;
  shownAt = undefined;
  if (question >= progress.questions) return open("end");
  open("pair");
  view("");
  zoom(false);
  aim(0.5, 0.5);
  $("#pair").classList.add("waiting");
  $("#place").textContent = `${question + 1} of ${progress.questions}`;
  $("#progress").max = progress.questions;
  $("#progress").value = question;
  $("#back").disabled = question === 0 || question < progress.choices.length;
  for (const button of document.querySelectorAll(".choice")) {
    button.setAttribute("aria-pressed", button.dataset.choice === progress.choices[question]);
  }
  await reveal(question);
}

async function reveal(question) {
  for (;;) {
    const sides = ["left", "right"].map((side) => makeImages(question, side));
    try {
      await Promise.all(sides.flat().map((image) => image.decode()));
      if (current !== question) return;
      ["left", "right"].forEach((side, k) => $(`#${side} .frame`).replaceChildren(...sides[k]));
      break;
    } catch {
      notify("The pictures cannot be loaded. Trying again …");
      await new Promise((resolve) => setTimeout(resolve, RETRY));
    }
  }
  notify("");
  $("#pair").classList.remove("waiting");
  shownAt = performance.now();
  if (question + 1 < progress.questions) ["left", "right"].forEach((side) => makeImages(question + 1, side));
}

async function choose(choice) {
  if (busy || shownAt === undefined || performance.now() - shownAt < GLANCE) return;
  busy = true;
  const question = current;
  const seconds = (performance.now() - shownAt) / 1000;
  const response = await request("PUT", `api/participants/${participant}/answers/${question}`, { choice, seconds });
  busy = false;
  if (!response.ok) return resume(); // answered elsewhere, perhaps in another tab
  progress.choices[question] = choice;
  await show(question + 1);
}

function back() {
  if (!busy && current > 0) show(current - 1);
}

function view(kind) {
  for (const button of document.querySelectorAll("button.extra")) {
    const on = button.dataset.extra === kind;
    button.setAttribute("aria-pressed", on);
    $("#pair").classList.toggle(`show-${button.dataset.extra}`, on);
  }
}

function zoom(on) {
  $("#pair").classList.toggle("zoomed", on);
}

function aim(x, y) {
  target = [x, y].map((part) => Math.min(1, Math.max(0, part)));
  $("#pair").style.setProperty("--x", `${target[0] * 100}%`);
  $("#pair").style.setProperty("--y", `${target[1] * 100}%`);
}

function aimAtPointer(event) {
  const box = event.currentTarget.getBoundingClientRect();
  aim((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
}

for (const frame of document.querySelectorAll(".frame")) {
  frame.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    frame.setPointerCapture(event.pointerId);
    aimAtPointer(event);
    zoom(true);
  });
  frame.addEventListener("pointermove", (event) => {
    if (frame.hasPointerCapture(event.pointerId)) aimAtPointer(event);
  });
  for (const end of ["pointerup", "pointercancel"]) frame.addEventListener(end, () => zoom(false));
  frame.addEventListener("contextmenu", (event) => event.preventDefault());
}

for (const button of document.querySelectorAll(".choice")) {
  button.addEventListener("click", () => choose(button.dataset.choice));
}
$("#back").addEventListener("click", back);
$("#reopen").addEventListener("click", back);
$("#start").addEventListener("click", start);
for (const button of document.querySelectorAll("button.extra")) {
  button.addEventListener("click", () => view(button.getAttribute("aria-pressed") === "true" ? "" : button.dataset.extra));
}
$("#anew").addEventListener("click", () => (location.hash = ""));
addEventListener("hashchange", () => location.reload());

const KEYS = {
  ArrowLeft: () => choose("left"),
  ArrowRight: () => choose("right"),
  "=": () => choose("same"),
  z: () => zoom(!$("#pair").classList.contains("zoomed")),
};
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

addEventListener("keydown", (event) => {
  if ($("#pair").hidden || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.shiftKey && event.key in MOVES) {
    event.preventDefault();
    aim(...MOVES[event.key].map((step, k) => target[k] + step / 10));
  } else if (event.key in KEYS && !event.repeat) {
    event.preventDefault();
    KEYS[event.key]();
  }
});

await (participant ? resume() : introduce());
