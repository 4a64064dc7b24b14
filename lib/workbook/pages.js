// The script of the static pages (lib/workbook/front.py has their frame): search, a filter of the ledger, and sections
// that fold away on a phone. Works from the disk: what it loads, it loads as scripts that lie beside the page.
(() => {
  const MOST = 20; // results shown
  const AROUND = 90; // characters of an excerpt before and behind the word
  const byId = (id) => document.getElementById(id);
  const element = (tag, text = "", more = {}) => Object.assign(document.createElement(tag), { textContent: text }, more);

  // ---- search: the index is made when a reader first asks, in some tenths of a second
  const box = byId("query"), found = byId("found"), list = found.querySelector("ol"), told = found.querySelector("p");
  const script = (src) => new Promise((resolve, reject) => {
    document.head.append(Object.assign(document.createElement("script"), { src, onload: resolve, onerror: reject }));
  });
  let index = null;
  const load = () => (index ??= Promise.all(["elasticlunr.min.js", "sections.js"].map(script)).then(() => {
    const made = elasticlunr(function () {
      for (const field of ["heading", "title", "text"]) this.addField(field);
      this.saveDocument(false);
    });
    hearsaySections.forEach((section, id) => made.addDoc({ id, heading: section.heading, title: section.title,
      text: `${section.title} ${section.heading} ${section.text}` }));
    return made;
  }));
  const FIELDS = { heading: { boost: 4 }, title: { boost: 2 }, text: { boost: 1 } };

  const excerpt = (text, words) => { // with the words marked, as text: nothing of it is read as HTML
    const low = text.toLowerCase();
    const places = words.map((word) => low.indexOf(word)).filter((place) => place >= 0);
    const about = Math.min(...(places.length ? places : [0])) - AROUND;
    const from = about > 0 ? text.indexOf(" ", about) + 1 : 0;
    const part = text.slice(from, from + 2 * AROUND + 40);
    const shown = element("p", from ? "… " : "");
    const pattern = words.map((word) => word.replace(/[^\p{L}\p{N}]/gu, "\\$&")).join("|");
    for (const piece of pattern ? part.split(new RegExp(`(${pattern})`, "i")) : [part])
      shown.append(words.includes(piece.toLowerCase()) ? element("mark", piece) : piece);
    if (from + part.length < text.length) shown.append(" …");
    return shown;
  };
  const entry = ({ ref }, words) => {
    const section = hearsaySections[ref], item = element("li");
    const link = element("a", section.heading, { href: section.page });
    link.prepend(element("span", `${section.title}: `));
    if (section.heading === section.title) link.textContent = section.title;
    item.append(link, excerpt(section.text, words));
    return item;
  };
  const show = async () => {
    const query = box.value.trim();
    found.hidden = !query;
    if (!query) return;
    try {
      const made = await load();
      if (query !== box.value.trim()) return; // the reader typed on
      const words = query.toLowerCase().split(/\s+/);
      const results = made.search(query, { fields: FIELDS, bool: "AND", expand: true });
      told.textContent = `${results.length || "No"} ${results.length === 1 ? "section" : "sections"} found`
        + (results.length > MOST ? `, the best ${MOST} shown.` : ".");
      list.replaceChildren(...results.slice(0, MOST).map((result) => entry(result, words)));
    } catch {
      index = null;
      told.textContent = "The search needs the files beside this page: elasticlunr.min.js and sections.js.";
    }
  };
  const close = () => { found.hidden = true; };
  const links = () => [box, ...found.querySelectorAll("a")];
  const step = (by) => { // from the box to the first answer, from answer to answer, and back
    const all = links(), at = all.indexOf(document.activeElement);
    all[Math.min(Math.max(at + by, 0), all.length - 1)].focus();
  };
  const search = box.closest("search");
  search.hidden = false;
  box.addEventListener("focus", () => { load().catch(() => { index = null; }); });
  box.addEventListener("input", show);
  box.form.addEventListener("submit", (event) => {
    event.preventDefault();
    show().then(() => found.querySelector("a")?.click());
  });
  search.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") step(1);
    else if (event.key === "ArrowUp") step(-1);
    else if (event.key === "Escape") { close(); box.focus(); }
    else return;
    event.preventDefault();
  });
  found.addEventListener("click", (event) => { if (event.target.closest("a")) close(); });
  document.addEventListener("click", (event) => { if (!search.contains(event.target)) close(); });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [data-lm-suppress-shortcuts]");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    box.focus();
  });

  // ---- the ledger's filter
  const choice = byId("verdicts"), rows = [...document.querySelectorAll(".ledger tbody tr")];
  if (choice) {
    const status = choice.closest("p").querySelector("[role=status]");
    const count = (verdict) => rows.filter((row) => row.dataset.verdict === verdict).length;
    for (const verdict of new Set(rows.map((row) => row.dataset.verdict)))
      choice.append(element("option", `${verdict} (${count(verdict)})`, { value: verdict }));
    choice.closest("p").hidden = false;
    choice.addEventListener("change", () => {
      for (const row of rows) row.hidden = Boolean(choice.value) && row.dataset.verdict !== choice.value;
      status.textContent = choice.value ? `${count(choice.value)} of ${rows.length} claims` : "";
    });
    addEventListener("hashchange", () => { // a link to a row that the filter hides
      choice.value = "";
      choice.dispatchEvent(new Event("change"));
      document.querySelector(":target")?.scrollIntoView();
    });
  }

  // ---- on a phone the list of sections would fill the screen
  if (matchMedia("(max-width: 60rem)").matches) document.querySelector(".contents details")?.removeAttribute("open");
})();
