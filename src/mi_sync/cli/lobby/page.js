"use strict";
// Brings the page up to date when what it shows has changed; it stays where it was scrolled to.
const WAIT = 3000;
let before = null;

async function look() {
  try {
    const reply = await fetch(location.href, { cache: "no-store" });
    const text = await reply.text();
    if (before !== null && text !== before) {
      const fresh = new DOMParser().parseFromString(text, "text/html").querySelector("main");
      if (fresh) document.querySelector("main").replaceWith(document.adoptNode(fresh));
      else location.reload(); // it was not written yet, and brings a page of its own
    }
    before = text;
  } catch {} // it is served again, or this page stays as it is
  setTimeout(look, before === null ? 0 : WAIT);
}

look();
