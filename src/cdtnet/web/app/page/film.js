// Video: upload a clip and a matte, and compare the result with the clip.

const $ = (id) => document.getElementById(id);
const WAIT = 500; // milliseconds between requests for the state
const given = {};
let film = null;
let started = 0;

async function ask(method, path, body) {
  const answer = await fetch(path, { method, body });
  const text = await answer.text();
  const found = text ? JSON.parse(text) : {};
  if (!answer.ok) throw new Error(found.error || answer.statusText);
  return found;
}

function say(sentence) {
  $("said").textContent = sentence;
}

function take(role, file) {
  if (!file) return;
  given[role] = file;
  const label = document.querySelector(`[data-role=${role}]`);
  label.classList.add("given");
  label.querySelector("small").textContent = file.name;
  $("go").disabled = !(given.clip && given.matte);
}

async function harmonize() {
  $("go").disabled = true;
  $("show").hidden = true;
  $("stop").hidden = $("progress").hidden = false;
  $("progress").removeAttribute("value");
  try {
    if (film) await ask("DELETE", `api/films/${film}`).catch(() => {});
    film = (await ask("POST", "api/films")).film;
    for (const role of ["clip", "matte"]) {
      say(`Uploading the ${role} …`);
      await ask("PUT", `api/films/${film}/${role}`, given[role]);
    }
    const wishes = { model: $("model").value, strength: Number($("strength").value), suffix: $("suffix").value };
    started = performance.now();
    await follow(await ask("POST", `api/films/${film}/job`, JSON.stringify(wishes)));
  } catch (error) {
    say(error.message);
  }
  $("go").disabled = false;
  $("stop").hidden = $("progress").hidden = true;
}

async function follow(state) {
  while (state.state === "running" || state.state === "waiting") {
    tell(state);
    await new Promise((resolve) => setTimeout(resolve, WAIT));
    state = await ask("GET", `api/films/${film}/job`);
  }
  if (state.state === "failed") throw new Error(state.error);
  if (state.state === "cancelled") return say("Stopped.");
  say(`${state.frames} frames in ${state.shots} ${state.shots === 1 ? "shot" : "shots"}. ${state.remark || ""}`);
  show();
}

function tell({ state, done, total }) {
  if (state === "waiting") return say("Waiting for other work …");
  const seconds = (performance.now() - started) / 1000;
  const rate = done / seconds;
  if (total) {
    $("progress").max = total;
    $("progress").value = done;
  }
  const left = total && done ? `, ${Math.ceil((total - done) / rate)} s left` : "";
  say(done ? `${done}${total ? ` of ${total}` : ""} frames, ${rate.toFixed(1)} a second${left}` : "Analyzing …");
}

function show() {
  const [before, after] = [$("before"), $("after")];
  before.src = `api/films/${film}/clip`;
  after.src = `api/films/${film}/result`;
  $("download").href = after.src;
  $("show").hidden = false;
  after.onerror = before.onerror = () =>
    say("This browser cannot play one of the files. Download the result, or choose MP4.");
}

function together(time) {
  $("before").currentTime = $("after").currentTime = time;
}

function play() {
  const [before, after] = [$("before"), $("after")];
  if (!after.paused) {
    before.pause();
    after.pause();
    together(after.currentTime);
    return;
  }
  if (after.ended) together(0);
  before.currentTime = after.currentTime;
  before.play();
  after.play();
}

for (const label of document.querySelectorAll(".drop")) {
  const role = label.dataset.role;
  label.querySelector("input").addEventListener("change", (event) => take(role, event.target.files[0]));
  label.addEventListener("dragover", (event) => {
    event.preventDefault();
    label.classList.add("over");
  });
  label.addEventListener("dragleave", () => label.classList.remove("over"));
  label.addEventListener("drop", (event) => {
    event.preventDefault();
    label.classList.remove("over");
    take(role, event.dataTransfer.files[0]);
  });
}
$("go").addEventListener("click", harmonize);
$("stop").addEventListener("click", () => ask("DELETE", `api/films/${film}/job`));
$("play").addEventListener("click", play);
$("split").addEventListener("input", (event) => {
  document.querySelector(".both").style.setProperty("--split", `${event.target.value}%`);
});
$("time").addEventListener("input", (event) => {
  const after = $("after");
  if (after.duration) together((after.duration * event.target.value) / 1000);
});
$("after").addEventListener("timeupdate", () => {
  const after = $("after");
  if (!after.paused && after.duration) $("time").value = (1000 * after.currentTime) / after.duration;
});
$("after").addEventListener("play", () => ($("play").textContent = "Pause"));
$("after").addEventListener("pause", () => ($("play").textContent = "Play"));

const { models } = await ask("GET", "api/app");
for (const name of models) $("model").add(new Option(name));
