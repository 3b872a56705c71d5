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
