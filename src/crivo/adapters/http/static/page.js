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

// The page comes with the newest decisions: what is newer than these is asked for.
let after = Number(find("decisions").dataset.after);
let paused = false;

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

// Brasília is three hours behind UTC on every date.
function clock(moment) {
  return new Date(Date.parse(moment) - 3 * 3600 * 1000).toISOString().slice(0, 19).replace("T", " ");
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
  made.dataset.outcome = decision.outcome;
  made.dataset.id = decision.end_to_end_id;
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

function isWanted(shown) {
  const only = find("only").value;
  const part = find("contains").value.trim().toLowerCase();
  const said = (shown.dataset.id + " " + shown.lastElementChild.textContent).toLowerCase();
  return (only === "" || shown.dataset.outcome === only) && said.includes(part);
}

function show() {
  const shown = [...find("decisions").rows];
  for (const each of shown) each.hidden = !isWanted(each);
  find("empty").hidden = shown.some((each) => !each.hidden);
}

// Rows that stay are left alone: whoever is reading or has tabbed to one loses no place.
function add(decisions) {
  const place = find("decisions");
  place.prepend(...decisions.map(row));
  while (place.rows.length > ROWS_MAX) place.lastElementChild.remove();
  show();
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
        if (page.decisions.length > 0) add(page.decisions);
      }
      say(paused ? "paused" : "live");
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

say("connecting");
find("controls").hidden = false;
show();
poll();
