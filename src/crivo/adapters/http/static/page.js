"use strict";

const ROWS_MAX = 200;
const POLL_MS = 1000;

const find = (id) => document.getElementById(id);
const words = find("words").dataset;
const english = document.documentElement.lang === "en";
const names = {};
for (const place of find("counts").querySelectorAll("dd")) {
  names[place.dataset.outcome] = place.previousElementSibling.textContent;
}

let after = 0;
let paused = false;
let rows = [];

// Whatever a transfer says stays text: no markup is ever made from data.
function element(tag, content, className) {
  const made = document.createElement(tag);
  made.textContent = content;
  if (className) made.className = className;
  return made;
}

function reais(centavos) {
  const amount = new Intl.NumberFormat("pt-BR", { style: "currency", currency: "BRL" });
  return amount.format(centavos / 100);
}

function clock(moment) {
  return new Intl.DateTimeFormat(english ? "en-GB" : "pt-BR", {
    timeZone: "Etc/GMT+3", day: "2-digit", month: "2-digit",
    hour: "2-digit", minute: "2-digit", second: "2-digit",
  }).format(new Date(moment));
}

function percent(score) {
  if (score === null) return "—";
  return (score / 1e7).toLocaleString(english ? "en-GB" : "pt-BR", {
    minimumFractionDigits: 2, maximumFractionDigits: 2,
  }) + " %";
}

function reasonsOf(decision) {
  return decision.reasons.map((reason) => english ? reason.text_en : reason.text_pt).join(" ");
}

function detailsOf(decision) {
  const query = new URLSearchParams();
  if (decision.phase !== "initiation") query.set("phase", decision.phase);
  if (english) query.set("lang", "en");
  const link = element("a", clock(decision.received_at));
  const asked = query.toString();
  link.href = "/page/decision/" + encodeURIComponent(decision.end_to_end_id)
    + (asked ? "?" + asked : "");
  return link;
}

function row(decision) {
  const made = document.createElement("tr");
  const time = element("td", "", "nowrap");
  time.append(detailsOf(decision));
  made.append(
    time,
    element("td", names[decision.outcome], "outcome " + decision.outcome),
    element("td", percent(decision.score), "number"),
    element("td", reais(decision.amount_centavos), "number"),
    element("td", decision.payer + " → " + decision.payee, "masked"),
    element("td", reasonsOf(decision)),
  );
  return made;
}

function isWanted(decision) {
  const only = find("only").value;
  const part = find("contains").value.trim().toLowerCase();
  const said = (decision.end_to_end_id + " " + reasonsOf(decision)).toLowerCase();
  return (only === "" || decision.outcome === only) && said.includes(part);
}

function show() {
  const wanted = rows.filter(isWanted);
  find("decisions").replaceChildren(...wanted.map(row));
  find("empty").hidden = wanted.length > 0;
}

function say(state) {
  // A screen reader repeats what is set: only what changed is.
  if (find("state").textContent !== words[state]) find("state").textContent = words[state];
}

async function poll() {
  let again = true;
  try {
    const answer = await fetch("/page/decisions?after=" + after, { credentials: "same-origin" });
    if (answer.status === 401) {
      say("locked");
      again = false;
    } else if (answer.ok) {
      const page = await answer.json();
      if (!paused) {
        after = page.after;
        for (const place of find("counts").querySelectorAll("dd")) {
          place.textContent = (page.counts[place.dataset.outcome] ?? 0)
            .toLocaleString(english ? "en-GB" : "pt-BR");
        }
        rows = page.decisions.concat(rows).slice(0, ROWS_MAX);
        if (page.decisions.length > 0) show();
        say("live");
      }
    } else {
      say("lost");
    }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    say("lost");
  }
  if (again) setTimeout(poll, POLL_MS);
}

find("only").addEventListener("change", show);
find("contains").addEventListener("input", show);
find("pause").addEventListener("click", () => {
  paused = !paused;
  find("pause").setAttribute("aria-pressed", String(paused));
  find("pause").textContent = paused ? words.resume : words.pause;
  say(paused ? "paused" : "live");
});

show();
poll();
