// The panel of lib/show/search_panel.py. Text from outside only ever becomes textContent, never markup.
const make = (tag, properties = {}, children = []) => {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
};

const answer = ({ rank, row, score, label, address }, take) => {
  const text = make("div", { className: "hearsay-label", textContent: label });
  text.append(make("div", { className: "hearsay-score", textContent: score }));
  const parts = [make("div", { textContent: `${rank}.` })];
  if (address) {
    const sound = make("audio", { controls: true, preload: "metadata", src: address });
    sound.setAttribute("aria-label", `answer ${rank}: ${label}`);
    parts.push(sound);
  }
  const button = make("button", { type: "button", className: "hearsay-take", textContent: "Use as example" });
  button.setAttribute("aria-label", `Use answer ${rank} as example: ${label}`);
  button.addEventListener("click", () => take(row));
  return make("li", {}, [...parts, text, button]);
};

const render = ({ model, el }) => {
  const id = `hearsay-${Math.random().toString(36).slice(2)}`;
  const input = make("input", { type: "search", id, autocomplete: "off" });
  const form = make("form", {}, [
    make("label", { htmlFor: id, textContent: "What do you want to hear?" }),
    input,
    make("button", { type: "submit", textContent: "Search" }),
  ]);
  const example = make("span", { className: "hearsay-example" });
  const drop = make("button", { type: "button", className: "hearsay-drop", textContent: "Without the example" });
  const undo = make("button", { type: "button", className: "hearsay-undo", textContent: "Undo" });
  const file = make("input", { type: "file", id: `${id}-file`, accept: "audio/*,.wav,.flac,.ogg,.mp3" });
  const own = make("label", { htmlFor: file.id, textContent: "A recording of your own as example:" });
  const status = make("p", { className: "hearsay-status" });
  status.setAttribute("role", "status");
  status.setAttribute("aria-live", "polite");
  const list = make("ol", { className: "hearsay-answers" });
  const way = make("ol", { className: "hearsay-way" });
  el.classList.add("hearsay-panel");
  el.setAttribute("data-lm-suppress-shortcuts", "true"); // JupyterLab keeps its own shortcuts off
  el.append(form, make("div", { className: "hearsay-with" }, [example, drop, undo]));
  if (model.get("takes_files")) el.append(make("div", { className: "hearsay-with" }, [own, file]));
  el.append(status, list, make("p", { textContent: "The way so far:" }), way);

  let asked = 0;
  const ask = (what, more = {}) => {
    asked += 1;
    model.set("request", { do: what, number: `${id} ${asked}`, ...more });
    model.save_changes();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    status.textContent = "Searching ...";
    ask("ask", { words: input.value });
  });
  input.addEventListener("keydown", (event) => { // inside JupyterLab, Enter alone does not reach the form
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  drop.addEventListener("click", () => ask("drop"));
  undo.addEventListener("click", () => ask("undo"));
  file.addEventListener("change", async () => {
    if (!file.files.length) return;
    status.textContent = "Listening ...";
    model.send({ name: file.files[0].name }, undefined, [await file.files[0].arrayBuffer()]);
    input.focus();
  });
  list.addEventListener("play", (event) => { // one sound at a time; `play` does not bubble, so capture it
    for (const other of list.querySelectorAll("audio")) if (other !== event.target) other.pause();
  }, true);
  const take = (row) => {
    ask("example", { row });
    input.value = "";
    input.focus(); // the next thing is to say what should be otherwise
  };
  let shown = "";
  const show = () => {
    const reply = model.get("reply");
    status.textContent = reply.status;
    example.textContent = reply.example ? `Example: ${reply.example}` : "";
    drop.hidden = !reply.example;
    undo.disabled = !reply.history.length;
    way.replaceChildren(...reply.history.map((step) => make("li", { textContent: step })));
    const now = JSON.stringify(reply.answers);
    if (now !== shown) list.replaceChildren(...reply.answers.map((each) => answer(each, take)));
    shown = now; // the same answers stay as they are, and go on sounding
  };
  model.on("change:reply", show);
  show();
  return () => model.off("change:reply", show);
};

export default { render };
