"use strict";

const ROWS_MAX = 200;
const POLL_MS = 1000;
const OUTCOMES = ["ALLOW", "WARN", "STEP_UP", "HOLD", "REJECT"];
const TEXTS = {
  pt: {
    connecting: "Conectando…", live: "Ao vivo", lost: "Sem conexão; tentando de novo",
    locked: "A sessão terminou: abra a página por um novo endereço de uso único.",
    counts: "Decisões por resultado", decisions: "Decisões, a mais recente primeiro",
    time: "Horário (Brasília)", outcome: "Resultado", score: "Risco", amount: "Valor",
    parties: "Pagador → recebedor", reasons: "Motivos", empty: "Nenhuma decisão ainda.",
    ALLOW: "Liberar", WARN: "Alertar", STEP_UP: "Confirmar", HOLD: "Reter", REJECT: "Recusar",
    other: "English",
  },
  en: {
    connecting: "Connecting…", live: "Live", lost: "Connection lost; trying again",
    locked: "The session has ended: open the page by a new one-time address.",
    counts: "Decisions by outcome", decisions: "Decisions, newest first",
    time: "Time (Brasília)", outcome: "Outcome", score: "Risk", amount: "Amount",
    parties: "Payer → payee", reasons: "Reasons", empty: "No decision yet.",
    ALLOW: "Allow", WARN: "Warn", STEP_UP: "Step up", HOLD: "Hold", REJECT: "Reject",
    other: "Português",
  },
};

let language = "pt";
let after = 0;
let state = "connecting";
let counts = {};
let rows = [];

const find = (id) => document.getElementById(id);
const text = (name) => TEXTS[language][name] ?? name;

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
  return new Intl.DateTimeFormat(language === "pt" ? "pt-BR" : "en-GB", {
    timeZone: "Etc/GMT+3", day: "2-digit", month: "2-digit",
    hour: "2-digit", minute: "2-digit", second: "2-digit",
  }).format(new Date(moment));
}

function percent(score) {
  return (score / 1e7).toLocaleString(language === "pt" ? "pt-BR" : "en-GB", {
    minimumFractionDigits: 2, maximumFractionDigits: 2,
  }) + " %";
}

function row(decision) {
  const made = document.createElement("tr");
  made.append(
    element("td", clock(decision.received_at), "nowrap"),
    element("td", text(decision.outcome), "outcome " + decision.outcome),
    element("td", percent(decision.score), "number"),
    element("td", reais(decision.amount_centavos), "number"),
    element("td", decision.payer + " → " + decision.payee, "masked"),
    element("td", decision.reasons.map((reason) => reason["text_" + language]).join(" ")),
  );
  return made;
}

function show() {
  document.documentElement.lang = language === "pt" ? "pt-BR" : "en";
  for (const place of document.querySelectorAll("[data-text]")) {
    place.textContent = text(place.dataset.text);
  }
  find("state").textContent = text(state);
  find("language").textContent = text("other");
  find("counts").replaceChildren(...OUTCOMES.map((outcome) => {
    const group = document.createElement("div");
    group.append(
      element("dt", text(outcome)),
      element("dd", (counts[outcome] ?? 0).toLocaleString("pt-BR"), outcome),
    );
    return group;
  }));
  find("decisions").replaceChildren(...rows.map(row));
  find("empty").hidden = rows.length > 0;
}

async function poll() {
  let again = true;
  try {
    const answer = await fetch("/page/decisions?after=" + after, { credentials: "same-origin" });
    if (answer.status === 401) {
      state = "locked";
      again = false;
    } else if (answer.ok) {
      const page = await answer.json();
      after = page.after;
      counts = page.counts;
      rows = page.decisions.concat(rows).slice(0, ROWS_MAX);
      state = "live";
    } else {
      state = "lost";
    }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    state = "lost";
  }
  show();
  if (again) setTimeout(poll, POLL_MS);
}

find("language").addEventListener("click", () => {
  language = language === "pt" ? "en" : "pt";
  show();
});

show();
poll();
