"use strict";
// Shows times in the reader's own zone, and the page anew whenever its content has changed.
const WAIT = 2000;
const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const calendar = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" }); // a day is nobody's zone's

function localTimes() {
  for (const each of document.querySelectorAll("time[datetime]")) {
    each.title ||= each.textContent.trim();
    each.textContent = (each.dateTime.includes("T") ? clock : calendar).format(new Date(each.dateTime));
  }
}

async function renew() {
  const text = await (await fetch(location.href, { cache: "no-store" })).text();
  const fresh = new DOMParser().parseFromString(text, "text/html").querySelector("main");
  if (!fresh) return;
  const old = document.querySelector("main");
  const known = new Set([...old.querySelectorAll("article[id]")].map((each) => each.id));
  const open = [...old.querySelectorAll("details[open][id]")].map((each) => each.id);
  const left = old.querySelector(".columns")?.scrollLeft ?? 0;
  old.replaceWith(document.adoptNode(fresh));
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  for (const each of fresh.querySelectorAll("article[id]")) each.classList.toggle("new", !known.has(each.id));
  fresh.querySelector(".columns")?.scrollTo({ left });
  localTimes();
}

async function watch() {
  const status = document.getElementById("status");
  try {
    const reply = await fetch(document.querySelector("main").dataset.watch, { cache: "no-store" });
    if (reply.ok && (await reply.json()).version !== document.querySelector("main").dataset.version) await renew();
    status.textContent = "";
  } catch {
    status.textContent = "The sandbox does not answer; this page waits for it.";
  }
  setTimeout(watch, WAIT);
}

localTimes();
setTimeout(watch, WAIT);
