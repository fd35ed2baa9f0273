// Tables sort by a column when its name is clicked: numbers by size, the rest as text, empty cells last.
const number = (text) => {
  const found = text.replace(/−/g, "-").match(/^[^\d-]*(-?\d[\d,]*\.?\d*(?:e[+-]?\d+)?)/i);
  return found ? parseFloat(found[1].replace(/,/g, "")) : NaN;
};
const empty = (text) => text === "" || text === "–";
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, place) => {
    if (!head.textContent.trim()) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...table.tBodies[0].rows].map((row) => [row.cells[place].textContent.trim(), row]);
      const numeric = rows.every(([text]) => empty(text) || !Number.isNaN(number(text)));
      const order = ([one], [other]) => {
        if (empty(one) || empty(other)) return empty(one) - empty(other);
        const sign = down ? -1 : 1;
        return sign * (numeric ? number(one) - number(other) : one.localeCompare(other));
      };
      table.tBodies[0].append(...rows.sort(order).map(([, row]) => row));
    });
  });
}
