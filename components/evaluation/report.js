"use strict";
function emoflowRun(run) {
  const place = document.getElementById("run");
  if (run.metrics !== place.dataset.metrics) return; // of an earlier experiment
  const parts = ["published " + run.published];
  if (run.commit) parts.push("commit " + run.commit.slice(0, 12));
  for (const [name, address] of [["MLflow run", run.mlflow], ["Prefect run", run.prefect]]) {
    if (!/^https?:\/\//.test(address || "")) continue;
    const link = document.createElement("a");
    link.href = address;
    link.textContent = name;
    parts.push(link);
  }
  place.replaceChildren(...parts.flatMap((part, n) => (n ? [" · ", part] : [part])));
}

// Tables whose rows stand for themselves are sorted by a click on a column's head.
const SCALES = { k: 1e3, M: 1e6, G: 1e9, T: 1e12 };
function emoflowValue(cell) {
  const shown = (cell.querySelector("b") || cell).textContent.trim();
  const parts = shown.replace(/−/g, "-").replace(/[,\s]/g, "").match(/^([-+<]?[\d.]+)([kMGT]?)/);
  return parts ? parseFloat(parts[1].replace("<", "")) * (SCALES[parts[2]] || 1) : null;
}
function emoflowSort(head, column) {
  const body = head.closest("table").tBodies[0];
  const rows = Array.from(body.rows, (row) => ({ row, value: emoflowValue(row.cells[column]), text: row.cells[column].textContent }));
  const numeric = rows.some((each) => each.value !== null);
  const down = head.ariaSort ? head.ariaSort === "ascending" : numeric; // of figures, the highest first
  const way = down ? -1 : 1;
  rows.sort((one, other) => {
    if (!numeric) return way * one.text.localeCompare(other.text);
    if (one.value === null || other.value === null) return (one.value === null) - (other.value === null);
    return way * (one.value - other.value);
  });
  for (const each of head.parentNode.cells) each.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  body.append(...rows.map((each) => each.row));
}
for (const table of document.querySelectorAll(".scroll > table")) {
  const rows = table.tHead?.rows.length === 1 ? Array.from(table.tBodies[0].rows) : [];
  if (rows.length < 3 || table.matches(".matrix") || rows.some((row) => !row.cells[0].textContent.trim())) continue;
  Array.from(table.tHead.rows[0].cells).forEach((head, column) => {
    if (!head.textContent.trim() || head.children.length) return;
    const button = document.createElement("button");
    button.append(...head.childNodes);
    button.addEventListener("click", () => emoflowSort(head, column));
    head.append(button);
  });
}

// Bars over the time of a clip: a click plays it from there; a strip of a film's frames stands below those of the face.
const FRAMES = 6;
function emoflowPart(player, film = player) {
  const part = player.getAttribute("src").match(/#t=([\d.]+),([\d.]+)/); // of a longer recording
  return part ? [parseFloat(part[1]), parseFloat(part[2])] : [0, film.duration];
}
function emoflowWhenKnown(player, then) {
  if (player.readyState > 0) return then();
  player.addEventListener("loadedmetadata", then, { once: true });
  player.preload = "metadata";
  if (player.networkState !== player.NETWORK_LOADING) player.load();
}
async function emoflowFrames(player, strip) {
  const film = document.createElement("video");
  film.muted = true;
  film.preload = "auto";
  film.src = player.src;
  const happened = (name) => new Promise((done, failed) => {
    film.addEventListener(name, done, { once: true });
    film.addEventListener("error", failed, { once: true });
  });
  await happened("loadeddata");
  const width = strip.width / FRAMES;
  strip.height = (width * film.videoHeight) / film.videoWidth;
  const [begin, end] = emoflowPart(player, film);
  for (let n = 0; n < FRAMES; n++) {
    const sought = happened("seeked");
    film.currentTime = begin + ((n + 0.5) / FRAMES) * (end - begin);
    await sought;
    strip.getContext("2d").drawImage(film, n * width, 0, width, strip.height);
  }
}
for (const figure of document.querySelectorAll(".errors figure")) {
  const player = figure.querySelector("audio, video");
  if (!player) continue;
  for (const bars of figure.querySelectorAll(".bars-of")) {
    bars.addEventListener("click", (event) => {
      const place = bars.getBoundingClientRect();
      const share = (event.clientX - place.left) / place.width;
      emoflowWhenKnown(player, () => {
        const [begin, end] = emoflowPart(player);
        player.currentTime = begin + share * (end - begin);
        player.play().catch(() => {}); // where the browser cannot, the controls say so
      });
    });
  }
  const strip = figure.querySelector(".frames");
  if (!strip) continue;
  const seen = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    seen.disconnect();
    emoflowFrames(player, strip).catch(() => strip.remove()); // no such film here, or none that this browser plays
  }, { rootMargin: "400px" });
  seen.observe(strip);
}
