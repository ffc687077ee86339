"use strict";
// Shows times in the reader's own zone; and, whenever the content has changed, brings the live parts of the page up to
// date, and marks for a moment what is new in them. What did not change stays in its place: opened, focused, scrolled.
const WAIT = 1500;
const MARKED = 6000;
const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const calendar = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" }); // a day is nobody's zone's
const main = document.querySelector("main");
const status = document.getElementById("status");
const sent = new Map(); // card → as the server sent it
let news = 0;

const cards = (root) => root.querySelectorAll("article[id]");

function localTimes(root) {
  for (const each of root.querySelectorAll("time[datetime]")) {
    each.title ||= each.textContent.trim();
    each.textContent = (each.dateTime.includes("T") ? clock : calendar).format(new Date(each.dateTime));
  }
}

function note(root) {
  for (const each of cards(root)) sent.set(each.id, each.outerHTML);
}

// Puts the old card in the place of its copy, or says in what way it is no longer the same.
function settle(fresh) {
  const told = { new: 0, changed: 0 };
  for (const copy of cards(fresh)) {
    const old = document.getElementById(copy.id);
    const moved = old?.closest(".column")?.id !== copy.closest(".column")?.id;
    const same = old && sent.get(copy.id) === copy.outerHTML;
    sent.set(copy.id, copy.outerHTML);
    const how = old ? "changed" : "new";
    let shown = copy;
    if (same) {
      copy.replaceWith((shown = old));
      if (!moved) continue;
    } else localTimes(copy);
    shown.classList.add(how);
    setTimeout(() => shown.classList.remove(how), MARKED);
    told[how] += 1;
  }
  return told;
}

function swap(old, fresh) {
  const open = [...old.querySelectorAll("details[open][id]")].map((each) => each.id);
  const at = [...old.querySelectorAll(".columns, .scroll")].map((each) => [each.scrollLeft, each.scrollTop]);
  const held = document.activeElement;
  const place = held?.closest("[id]")?.id;
  document.adoptNode(fresh);
  const told = settle(fresh);
  old.replaceWith(fresh);
  localTimes(fresh);
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  fresh.querySelectorAll(".columns, .scroll").forEach((each, index) => each.scrollTo(...(at[index] ?? [0, 0])));
  if (held && held !== document.activeElement && place) {
    const again = held.isConnected ? held : document.getElementById(place)?.querySelector(held.localName);
    again?.focus({ preventScroll: true });
  }
  return told;
}

async function renew() {
  const reply = await fetch(location.href, { cache: "no-store" });
  if (!reply.ok) return;
  const text = await reply.text();
  const part = text.slice(text.indexOf("<main"), text.lastIndexOf("</main>")); // its style has a nonce that is not ours
  const page = new DOMParser().parseFromString(part, "text/html").querySelector("main");
  const top = scrollY;
  const sum = { new: 0, changed: 0 };
  for (const fresh of page.querySelectorAll("[data-live]")) {
    const told = swap(document.getElementById(fresh.id), fresh);
    for (const how of Object.keys(sum)) sum[how] += told[how];
  }
  scrollTo({ top, behavior: "instant" });
  main.dataset.version = page.dataset.version;
  const words = Object.entries(sum).filter(([, many]) => many).map(([how, many]) => `${many} ${how}`);
  if (words.length) {
    status.textContent = `Just now: ${words.join(", ")}`;
    news = Date.now();
  }
}

async function watch() {
  const begun = Date.now();
  try {
    const reply = await fetch(main.dataset.watch, { cache: "no-store" });
    if (reply.ok && (await reply.json()).version !== main.dataset.version) await renew();
    status.classList.remove("lost");
    if (Date.now() - news > MARKED) status.textContent = "";
  } catch {
    status.classList.add("lost");
    status.textContent = "The sandbox does not answer; this page waits for it.";
    news = Date.now() - MARKED;
  }
  setTimeout(watch, Math.max(WAIT, 4 * (Date.now() - begun))); // a large board is left time to be worked on
}

note(main);
localTimes(main);
setTimeout(watch, WAIT);
