"use strict";
// Everything that came from a message goes through textContent: it was written by strangers.

const CARDS = 50;
const MOST_PHONES = 400;
const place = document.getElementById("phones");
const search = document.getElementById("search");
const live = document.getElementById("live");
const none = document.getElementById("none");
const phones = new Map();
const entries = new Map();
let newest = 0;

const keyOf = (row) => `${row.appid} ${row.openid}`;
const copyOf = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);

function timeOf(seconds) {
  const at = new Date(seconds * 1000);
  const clock = at.toLocaleTimeString("zh-CN", { hour: "2-digit", minute: "2-digit", hour12: false });
  const today = at.toDateString() === new Date().toDateString();
  return today ? clock : `${at.getMonth() + 1}月${at.getDate()}日 ${clock}`;
}

function phoneFor(row) {
  let phone = phones.get(keyOf(row));
  if (!phone) {
    if (phones.size >= MOST_PHONES) dropOldest();
    const node = copyOf("phone");
    phone = { node, cards: node.querySelector(".cards"), newest: 0, count: 0 };
    node.classList.add("quiet");
    phones.set(keyOf(row), phone);
    place.append(node);
  }
  const { node } = phone;
  const name = row.name || "关注者";
  node.querySelector(".name").textContent = row.unfollowed ? `${name}（已取消关注）` : name;
  node.querySelector(".meaning").textContent = row.en || "";
  node.querySelector(".openid").textContent = row.openid;
  node.querySelector(".openid").title = row.openid;
  node.querySelector(".account").textContent = row.account || row.appid;
  node.classList.toggle("gone", Boolean(row.unfollowed));
  phone.words = `${row.openid} ${row.name} ${row.zh} ${row.en} ${row.account}`.toLowerCase();
  return phone;
}

function dropOldest() {
  const [key, phone] = [...phones].reduce((a, b) => (b[1].newest < a[1].newest ? b : a));
  for (const entry of phone.cards.querySelectorAll(".entry")) entries.delete(entry.dataset.n);
  phone.node.remove();
  phones.delete(key);
}

function entryOf(card) {
  const entry = copyOf("card");
  entry.dataset.n = card.n;
  entry.querySelector("time").textContent = timeOf(card.time);
  entry.querySelector("h3").textContent = card.title;
  const list = entry.querySelector("dl");
  for (const [label, value] of card.rows) {
    const shown = document.createElement("dd");
    shown.textContent = value;
    if (label) {
      const term = document.createElement("dt");
      term.textContent = label;
      list.append(term);
    } else {
      shown.className = "wide";
    }
    list.append(shown);
  }
  if (!card.link) entry.querySelector(".more").remove();
  return entry;
}

function tick(entry, status) {
  const mark = entry.querySelector(".tick");
  mark.textContent = `✓ 回执 ${status}`;
  mark.classList.toggle("bad", status !== "success");
  mark.hidden = false;
}

function show(card, fresh) {
  const phone = phones.get(keyOf(card));
  if (!phone || entries.has(String(card.n))) return;
  const entry = entryOf(card);
  entries.set(String(card.n), entry);
  if (fresh) entry.classList.add("new");
  if (card.receipt) tick(entry, card.receipt);
  phone.cards.prepend(entry);
  phone.newest = Math.max(phone.newest, card.n);
  phone.node.classList.remove("quiet");
  phone.count += 1;
  while (phone.count > CARDS) {
    const last = phone.cards.querySelector(".entry:last-of-type");
    entries.delete(last.dataset.n);
    last.remove();
    phone.count -= 1;
  }
  newest = Math.max(newest, card.n);
}

function arrange() {
  const words = search.value.trim().toLowerCase();
  const sorted = [...phones.values()].sort((a, b) => b.newest - a.newest);
  let visible = 0;
  sorted.forEach((phone, order) => {
    phone.node.hidden = !phone.words.includes(words);
    visible += !phone.node.hidden;
    if (place.children[order] !== phone.node) place.insertBefore(phone.node, place.children[order]);
  });
  none.hidden = visible > 0;
  none.textContent = words
    ? "没有符合的手机。 No phone matches."
    : "还没有公众号。 No account yet: POST one to /_control/accounts.";
}

async function load() {
  const found = await (await fetch("/_control/phones")).json();
  phones.clear();
  entries.clear();
  place.replaceChildren();
  found.phones.forEach(phoneFor);
  found.cards.sort((a, b) => a.n - b.n).forEach((card) => show(card, false));
  arrange();
}

function change(found) {
  if (found.reload) return load(); // it brings all the rest too
  (found.phones || []).forEach(phoneFor);
  (found.cards || []).forEach((card) => show(card, true));
  for (const [n, status] of found.receipts || []) {
    const entry = entries.get(String(n));
    if (entry) tick(entry, status);
  }
  if (found.cards) arrange();
  return undefined;
}

// One after the other: a change that comes while the page loads must not be wiped by it.
let turn = Promise.resolve();
const then = (work) => { turn = turn.then(work).catch(console.error); };

const stream = new EventSource("/_control/stream");
stream.onopen = () => {
  live.textContent = "实时 live";
  live.classList.add("on");
  then(load);
};
stream.onerror = () => {
  live.textContent = "已断开 disconnected";
  live.classList.remove("on");
};
stream.onmessage = (event) => then(() => change(JSON.parse(event.data)));
search.addEventListener("input", arrange);
