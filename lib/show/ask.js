// The search box of lib/show/ask.py. Text from outside only ever becomes textContent, never markup.
const make = (tag, properties = {}, children = []) => {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
};

const answer = ({ rank, score, label, address }) => {
  const sound = make("audio", { controls: true, preload: "metadata", src: address });
  sound.setAttribute("aria-label", `answer ${rank}: ${label}`);
  const text = make("div", { className: "hearsay-label", textContent: label });
  text.append(make("div", { className: "hearsay-score", textContent: score }));
  const place = make("div", { className: "hearsay-rank", textContent: `${rank}.` });
  return make("li", {}, [make("div", { className: "hearsay-answer" }, [place, sound, text])]);
};

const render = ({ model, el }) => {
  const id = `hearsay-${Math.random().toString(36).slice(2)}`;
  const input = make("input", { type: "search", id, autocomplete: "off", value: model.get("question").text ?? "" });
  const form = make("form", {}, [
    make("label", { htmlFor: id, textContent: "What do you want to hear?" }),
    input,
    make("button", { type: "submit", textContent: "Search" }),
  ]);
  const status = make("p", { className: "hearsay-status" });
  status.setAttribute("role", "status");
  status.setAttribute("aria-live", "polite");
  const list = make("ol");
  el.classList.add("hearsay-ask");
  el.setAttribute("data-lm-suppress-shortcuts", "true"); // JupyterLab keeps its own shortcuts off
  el.append(form, status, list);

  let asked = 0;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    asked += 1;
    status.textContent = "Searching ...";
    model.set("question", { text: input.value, number: asked });
    model.save_changes();
  });
  input.addEventListener("keydown", (event) => { // inside JupyterLab, Enter alone does not reach the form
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  list.addEventListener("play", (event) => { // one sound at a time; `play` does not bubble, so capture it
    for (const other of list.querySelectorAll("audio")) if (other !== event.target) other.pause();
  }, true);
  const show = () => {
    const reply = model.get("reply");
    status.textContent = reply.status;
    list.replaceChildren(...reply.answers.map(answer));
  };
  model.on("change:reply", show);
  show();
  return () => model.off("change:reply", show);
};

export default { render };
