// @ts-check
"use strict";

/** Shows how far a run is that is still being asked, and loads the page again once it is over. */
const live = document.getElementById("live");

async function look() {
  if (!live) return;
  try {
    const answer = await fetch(live.dataset.progress || "", { cache: "no-store" });
    const { records, planned, running } = await answer.json();
    if (!running) {
      location.reload();
      return;
    }
    live.textContent = `in progress: ${records.toLocaleString("en")} of ${planned.toLocaleString("en")} requests`;
  } catch {
    live.textContent = "evalrun view does not answer any more";
  }
  setTimeout(look, 1000);
}

void look();
