// A link into a folded chapter unfolds it (browsers do so for the address the page is opened by, not all for links).
const unfold = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const folded = target?.closest("details:not([open])");
  if (!folded) return;
  folded.open = true;
  target.scrollIntoView();
};
addEventListener("hashchange", unfold);
unfold();

// On paper nothing is folded; afterwards what was is again.
const opened = [];
addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details.chapter:not([open])")) {
    folded.open = true;
    opened.push(folded);
  }
});
addEventListener("afterprint", () => {
  for (const folded of opened.splice(0)) folded.open = false;
});

// The first column stays while a table scrolls, and a second one of text where both leave room for the rest.
const keep = (frame) => {
  const table = frame.querySelector("table");
  const second = table.tHead.rows[0].cells[1];
  table.classList.remove("two");
  if (!second || second.style.textAlign === "right" || !frame.clientWidth) return;
  if (second.offsetLeft + second.offsetWidth > 0.55 * frame.clientWidth) return;
  table.style.setProperty("--second", `${second.offsetLeft}px`);
  table.classList.add("two");
};
// It is called at the start too, and again when a chapter unfolds.
const sizes = new ResizeObserver((changed) => changed.forEach(({ target }) => keep(target)));
document.querySelectorAll(".table").forEach((frame) => sizes.observe(frame));

