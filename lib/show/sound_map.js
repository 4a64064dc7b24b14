// The script of lib/show/sound_map.py: points of a Plotly figure that sound, by pointer and by keyboard. Runs once for
// each map, beside its data. JupyterLab draws the figure itself; elsewhere we do, with plotly.js from a file beside the
// page or, where there is none, from its network. Without either, the buttons still go from point to point.
(() => {
  const PLOTLY = "4.1.1"; // what the tested plotly package carries; a test compares
  const PLACES = ["plotly.min.js", `https://cdn.plot.ly/plotly-${PLOTLY}.min.js`];
  const REST = 120; // milliseconds that a pointer rests on a point before it sounds
  const root = document.currentScript?.closest(".hearsay-map") // unknown where a front end evaluates scripts apart
    ?? document.querySelector(".hearsay-map > .hearsay-asleep").parentNode;
  const part = (name) => root.querySelector(`.hearsay-${name}`);
  const data = JSON.parse(root.querySelector("script[type='application/json']").textContent);
  const { figure, points, sounds } = data;
  const audio = root.querySelector("audio");
  const plots = []; // elements that hold the figure: JupyterLab may show an output twice
  let at = 0, enabled = false, queue = [], resting = null, focused = false, silently = false;

  // ---- sound
  const heard = () => sounds[points[at].key];
  const next = () => {
    const side = queue.shift();
    part("now").textContent = side === undefined ? "" : `now: ${data.sides[side]}`;
    if (side === undefined) return;
    for (const other of document.querySelectorAll(".hearsay-map audio")) if (other !== audio) other.pause();
    audio.src = `data:audio/ogg;base64,${heard()[side]}`;
    audio.play().catch((error) => {
      if (error.name === "NotAllowedError") part("now").textContent = "Your browser waits for a click: Enable sound.";
    });
  };
  const play = (...sides) => {
    audio.pause();
    queue = heard() ? sides : [];
    next();
  };
  const all = () => play(...data.sides.keys());
  audio.addEventListener("ended", next);

  // ---- the chosen point: its words, its rings, what a Tab comes back to
  const element = (plot, point) =>
    plot.querySelectorAll(`.scatterlayer .trace${figure.data[point.trace].uid} .point`)[point.place];
  const mark = (plot) => points.forEach((point, i) => {
    const node = element(plot, point);
    if (!node) return; // its group is switched off
    node.dataset.hearsay = i;
    node.setAttribute("role", "button");
    node.setAttribute("aria-label", `${point.group}: ${point.words}`);
    node.setAttribute("tabindex", i === at ? 0 : -1);
    node.classList.toggle("hearsay-on", i === at);
    node.classList.toggle("hearsay-twin", i !== at && point.key !== "" && point.key === points[at].key);
  });
  const choose = (i) => {
    at = i;
    plots.forEach(mark);
    const point = points[i];
    part("words").textContent = `“${point.words}”: ${point.group}${point.panel ? ` (${point.panel})` : ""}`
      + (heard() ? "" : ", without sound here");
    part("sides").querySelectorAll("button").forEach((button) => { button.disabled = !heard(); });
  };
  const focus = (i) => {
    const nodes = plots.map((plot) => element(plot, points[i])).filter(Boolean);
    if (nodes.length) nodes[0].focus({ preventScroll: true }); // comes back as focusin
    else arrive(i);
  };
  const arrive = (i) => {
    clearTimeout(resting); // whoever came last, pointer or keyboard
    choose(i);
    if (enabled) all();
    else play(); // nothing: what still sounds belongs to another point
  };

  // ---- ways through the points
  const middle = (node) => {
    const box = node.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
  };
  const WAYS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const towards = (plot, [right, down]) => {
    const [x, y] = middle(element(plot, points[at]));
    let best = at, least = Infinity;
    points.forEach((point, i) => {
      const node = point.panel === points[at].panel && i !== at && element(plot, point);
      if (!node) return;
      const [dx, dy] = middle(node).map((value, axis) => value - [x, y][axis]);
      const along = dx * right + dy * down, aside = Math.abs(dx * down) + Math.abs(dy * right);
      const cost = along + 2 * aside;
      if (along > 0.5 && aside <= 2 * along && cost < least) [best, least] = [i, cost];
    });
    return best;
  };
  const along = (step) => { // within the group, and in the same panel
    const own = points.flatMap((point, i) => (point.trace === points[at].trace ? [i] : []));
    return own[(own.indexOf(at) + step + own.length) % own.length];
  };
  const key = (plot) => (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.dataset.hearsay === undefined) return;
    const steps = { PageDown: () => focus(along(1)), PageUp: () => focus(along(-1)), Enter: all, " ": all,
      b: () => play(0), a: () => play(data.sides.length - 1) };
    if (event.key in WAYS) focus(towards(plot, WAYS[event.key]));
    else if (event.key in steps) steps[event.key]();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  // ---- a figure that somebody has drawn
  const attach = (plot) => {
    plots.push(plot);
    plot.hearsay = root; // JupyterLab may write this output anew: the script that comes later takes the figure over
    const mine = (action) => (event) => { if (plot.hearsay === root) action(event); };
    plot.setAttribute("data-lm-suppress-shortcuts", "true"); // JupyterLab keeps its own shortcuts off
    plot.setAttribute("role", "group");
    plot.setAttribute("aria-label", data.alt);
    const index = (event) => points.findIndex(
      ({ trace, place }) => trace === event.points[0].curveNumber && place === event.points[0].pointNumber);
    plot.on("plotly_hover", mine((event) => {
      clearTimeout(resting);
      resting = setTimeout(() => arrive(index(event)), REST);
    }));
    plot.on("plotly_unhover", () => clearTimeout(resting));
    plot.on("plotly_click", mine((event) => { // whoever clicks wants to hear, and browsers allow it
      clearTimeout(resting);
      choose(index(event));
      all();
    }));
    plot.on("plotly_afterplot", mine(() => {
      mark(plot);
      if (focused && document.activeElement === document.body) { // drawn anew under the reader's focus
        silently = true;
        element(plot, points[at])?.focus({ preventScroll: true });
        silently = false;
      }
    }));
    plot.addEventListener("focusin", mine((event) => {
      const i = event.target.dataset?.hearsay;
      if (i === undefined) return;
      focused = true;
      if (!silently) arrive(Number(i));
    }));
    plot.addEventListener("focusout", (event) => { focused = event.relatedTarget === null && focused; });
    plot.addEventListener("keydown", mine(key(plot)));
    mark(plot);
    part("apart").hidden = true;
  };
  const look = () => {
    for (const image of root.closest(".jp-OutputArea")?.querySelectorAll(".jp-RenderedPlotly > .plot-img") ?? [])
      if (image.dataset.hearsay !== data.map) { // the still picture gives way to the figure when a pointer enters it
        image.dataset.hearsay = data.map;
        image.dispatchEvent(new MouseEvent("mouseenter"));
      }
    for (const plot of document.querySelectorAll(".js-plotly-plot"))
      if (plot.layout?.meta?.map === data.map && plot.on && !plots.includes(plot)
          && plot.querySelector(".scatterlayer .point")) attach(plot);
  };
  const load = (places) => new Promise((resolve, reject) => {
    if (window.Plotly) return resolve(window.Plotly);
    const script = document.createElement("script");
    script.src = places[0];
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => (places.length > 1 ? load(places.slice(1)).then(resolve, reject) : reject(new Error()));
    document.head.append(script);
  });
  const draw = () => load(PLACES).then((plotly) => plotly.newPlot(part("plot"), figure.data, figure.layout, figure.config))
    .then(() => {
      for (const image of document.images) if (image.alt === data.alt) image.style.display = "none"; // the still picture of it
      look();
    }).catch(() => { part("apart").hidden = false; });

  // ---- the buttons
  const on = (name, action) => part(name).addEventListener("click", action);
  on("enable", (event) => {
    enabled = !enabled;
    event.target.setAttribute("aria-pressed", enabled);
    event.target.textContent = enabled ? "Sound is on" : "Enable sound";
    if (enabled) all(); // within the click: some browsers allow sound only then
    else play();
  });
  on("previous", () => arrive(along(-1)));
  on("next", () => arrive(along(1)));
  data.sides.forEach((side, i) => {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: `Play ${side}`, onclick: () => play(i) });
    part("sides").append(button);
  });
  part("asleep").remove();
  part("controls").hidden = false;
  choose(0);

  // ---- start: JupyterLab's renderer takes its time, and may draw anew; nobody else has one
  if (root.closest(".jp-OutputArea")?.querySelector(".jp-RenderedPlotly")) {
    let gone = 0;
    const timer = setInterval(() => {
      look();
      gone = root.isConnected ? 0 : gone + 1;
      if (gone > 600) clearInterval(timer); // five minutes out of the page: the cell was run again
    }, 500);
    look();
  } else draw();
})();
