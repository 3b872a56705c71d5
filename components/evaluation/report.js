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

function emoflowTimings(timed) {
  const place = document.getElementById("timings");
  if (!place || timed.metrics !== place.dataset.metrics) return;
  place.innerHTML = timed.html;
  emoflowSortable(place);
  emoflowSavable(place);
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
function emoflowSortable(part) {
  for (const table of part.querySelectorAll(".scroll > table")) {
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
}
emoflowSortable(document);

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

// Each chart can be saved as an SVG file and each table as a CSV file, with all digits that are known.
function emoflowSave(name, kind, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: kind }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
const NAMES = new Map();
function emoflowName(element, more, ending) {
  const section = element.closest("section, header");
  const heading = Array.from(section.querySelectorAll("h1, h2, h3")).filter(
    (each) => each.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING && !each.closest(".bars"),
  );
  const parts = [document.title.split(" · ").slice(0, 2).join(" "), heading.at(-1)?.firstChild.textContent, more];
  const name = parts.filter(Boolean).join(" ").toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "");
  const count = (NAMES.get(name + ending) ?? 0) + 1; // several tables may stand below one heading
  NAMES.set(name + ending, count);
  return name + (count > 1 ? `-${count}` : "") + ending;
}
const DRAWN = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "opacity", "font-size", "font-family", "text-anchor"];
function emoflowSvg(svg) {
  const copy = svg.cloneNode(true), box = svg.getBBox(), pad = 8;
  const shapes = copy.querySelectorAll("*");
  svg.querySelectorAll("*").forEach((each, n) => {
    const style = getComputedStyle(each);
    for (const name of DRAWN) if (each.tagName !== "title") shapes[n].setAttribute(name, style.getPropertyValue(name));
    shapes[n].removeAttribute("class");
  });
  const [x, y, width, height] = [box.x - pad, box.y - pad, box.width + 2 * pad, box.height + 2 * pad];
  const ground = document.createElementNS(svg.namespaceURI, "rect");
  const placed = { x, y, width, height, fill: getComputedStyle(document.body).backgroundColor };
  for (const name in placed) ground.setAttribute(name, placed[name]);
  copy.prepend(ground);
  copy.removeAttribute("class");
  copy.setAttribute("viewBox", [x, y, width, height].join(" "));
  copy.setAttribute("width", 2 * width);
  copy.setAttribute("height", 2 * height);
  return new XMLSerializer().serializeToString(copy);
}
function emoflowText(cell) {
  const copy = cell.cloneNode(true);
  for (const each of copy.querySelectorAll(".tag, small, .scale")) each.remove();
  const text = copy.textContent.replace(/\s+/g, " ").trim();
  if (text === "–" || text === "·") return "";
  return /^[−+-]?[\d,.]+$/.test(text) ? text.replace(/−/g, "-").replace(/[,+]/g, "") : text;
}
function emoflowCell(cell) {
  const bounds = cell?.querySelector("[data-low]"), sd = cell?.querySelector("[data-sd]");
  return {
    value: cell ? (cell.querySelector("data")?.value ?? (bounds?.tagName === "SPAN" ? "" : emoflowText(cell))) : "",
    low: bounds?.dataset.low ?? "",
    high: bounds?.dataset.high ?? "",
    sd: sd?.dataset.sd ?? "",
  };
}
function emoflowHeads(table) {
  const heads = [];
  for (const row of table.tHead?.rows ?? []) {
    let column = 0;
    for (const cell of row.cells)
      for (let n = 0; n < cell.colSpan; n++, column++) heads[column] = [heads[column], emoflowText(cell)].filter(Boolean).join(" ");
  }
  return heads;
}
function emoflowCsv(table) {
  const rows = Array.from(table.tBodies[0].rows);
  const heads = emoflowHeads(table), cells = rows.map((row) => Array.from(row.cells, emoflowCell));
  const columns = [];
  for (let column = 0; column < Math.max(heads.length, ...cells.map((row) => row.length)); column++) {
    if (rows.some((row) => row.cells[column]?.querySelector(".track"))) continue; // drawn, not written
    for (const part of ["value", "low", "high", "sd"]) {
      const values = cells.map((row) => row[column]?.[part] ?? "");
      if (part !== "value" && !values.some(Boolean)) continue;
      if (part === "value" && !values.some(Boolean) && cells.some((row) => row[column]?.low)) continue; // bounds alone
      if (column === 0) values.forEach((value, n) => (values[n] = value || values[n - 1] || "")); // written once a group
      columns.push([[heads[column] || `column ${column + 1}`, part === "value" ? "" : part].filter(Boolean).join(" "), ...values]);
    }
  }
  const tags = rows.map((row) => Array.from(row.querySelectorAll(".tag"), (tag) => tag.textContent).join("; "));
  if (tags.some(Boolean)) columns.push(["note", ...tags]);
  columns.forEach((column, n) => {
    const same = columns.slice(0, n).filter((other) => other[0].replace(/ \(\d+\)$/, "") === column[0]).length;
    if (same) column[0] += ` (${same + 1})`; // two columns may have one head
  });
  const written = (value) => (/[",\n]/.test(value) ? `"${value.replace(/"/g, '""')}"` : value);
  return columns[0].map((_, n) => columns.map((column) => written(column[n])).join(",") + "\r\n").join("");
}
function emoflowButton(after, label, what, save) {
  const place = document.createElement("div"), button = document.createElement("button");
  place.className = "save";
  button.type = "button";
  button.textContent = label;
  button.setAttribute("aria-label", `save ${what} as ${label}`);
  button.addEventListener("click", save);
  place.append(button);
  after.after(place);
}
function emoflowSavable(part) {
  for (const svg of part.querySelectorAll("svg[role=img]:not(.bars-of)")) {
    const name = emoflowName(svg, svg.closest("figure")?.querySelector("figcaption")?.textContent, ".svg");
    emoflowButton(svg, "SVG", svg.getAttribute("aria-label"), () => emoflowSave(name, "image/svg+xml", emoflowSvg(svg)));
  }
  for (const table of part.querySelectorAll(".scroll > table")) {
    const name = emoflowName(table, "", ".csv");
    emoflowButton(table.parentNode, "CSV", name.replace(/\.csv$/, "").replace(/-/g, " "), () => emoflowSave(name, "text/csv", emoflowCsv(table)));
  }
}
emoflowSavable(document);
