// The page's side of FoolingExplorer. Python leads the photo to the class in a thread and reports each step, then each
// trial; here that is put on the screen. `model` holds what is chosen, which both sides share.

const { widget, element, fromRGB, paint, put, unique } = page;

const HTML = `
<div class="ck-controls">
  <label class="ck-field">Photo <select class="ck-which"></select></label>
  <label class="ck-field">Lead it to <input class="ck-target" type="text" size="22" autocomplete="off"
    spellcheck="false"></label><datalist></datalist>
  <label class="ck-field">Budget <input class="ck-budget" type="range" min="0" step="1">
    <span class="ck-levels ck-quiet"></span></label>
</div>
<p class="ck-alert" role="alert"></p>
<div class="ck-line">
  <progress class="ck-progress" aria-label="Steps" value="0" max="1"></progress>
  <span class="ck-step ck-quiet"></span>
  <span class="ck-status" role="status"></span>
</div>
<div class="ck-pictures">
  ${["photo", "changed", "change"].map(picture).join("")}
</div>
<figure class="ck-curves">
  <svg role="img" preserveAspectRatio="none" viewBox="0 0 100 100">
    <polyline class="ck-curve-source" vector-effect="non-scaling-stroke"/>
    <polyline class="ck-curve-target" vector-effect="non-scaling-stroke"/></svg>
  <span class="ck-top">1</span><span class="ck-zero">0</span><span class="ck-last"></span>
</figure>
<p class="ck-legend"><span class="ck-key"><i class="ck-chip ck-of-source"></i><span class="ck-source"></span></span>
  <span class="ck-key"><i class="ck-chip ck-of-target"></i><span class="ck-aim"></span></span></p>
<table class="ck-trials">
  <caption>Does it still lie?</caption>
  <thead><tr><th scope="col">Try it out</th><th scope="col">the changed photo</th>
    <th scope="col">the unchanged photo</th></tr></thead>
  <tbody></tbody>
</table>`;

function picture(name) {
  const titles = { photo: "The photo", changed: "The changed photo", change: "The change" };
  return `
<figure class="ck-picture"><figcaption>${titles[name]}<span class="ck-times-${name}"></span></figcaption>
  <div class="ck-stack"><canvas class="ck-${name}" role="img" aria-label="${titles[name]}: not computed yet"></canvas></div>
  <p class="ck-says-${name}"></p></figure>`;
}

function begin({ model, root, parts, all, choose, send, listen, say, onGone }) {
  const [names] = all("datalist");
  const [chart] = all("svg");
  const [body] = all("tbody");
  const rows = new Map(); // of each trial: its button and its two cells
  let classOf = new Map(); // its name in small letters -> its number
  let failed = false; // whether an error of Python's stands in the page
  names.id = unique();
  parts.target.setAttribute("list", names.id);

  // ---- what is there

  function build() {
    const classes = model.get("_classes");
    names.replaceChildren(...classes.map((name) => new Option(name)));
    classOf = new Map();
    // "tabby, tabby cat": any of a class's names will do, unless another class has it too.
    classes.forEach((name, index) => {
      for (const one of name.toLowerCase().split(", ")) classOf.set(one, classOf.has(one) ? undefined : index);
    });
    classes.forEach((name, index) => classOf.set(name.toLowerCase(), index));
    const photos = model.get("_photos");
    parts.which.replaceChildren(...photos.map((pair, i) => new Option(`${i} · ${answer(pair)}`, i)));
    parts.budget.max = model.get("_most");
    body.replaceChildren(...model.get("_trials").map(([name, title]) => buildRow(name, title)));
    page.keepKeys(root);
  }

  function buildRow(name, title) {
    const button = element("button", "ck-try", { type: "button", textContent: title });
    const head = element("th", "", { scope: "row" });
    const cells = [element("td", "ck-lie"), element("td", "ck-clean")];
    const row = element("tr");
    button.onclick = () => {
      const tried = model.get("tried");
      choose({ tried: tried.includes(name) ? tried.filter((one) => one !== name) : [...tried, name] });
    };
    head.append(button);
    row.append(head, ...cells);
    row.dataset.trial = name;
    rows.set(name, { button, cells });
    return row;
  }

  const named = (index) => model.get("_short")[index];
  const answer = ([index, probability]) => `${named(index)} ${share(probability)}`;

  // ---- what is chosen

  function takeChoice() {
    const budget = model.get("budget");
    parts.which.value = model.get("photo");
    put(parts.target, model.get("_classes")[model.get("target")]);
    parts.budget.value = budget;
    parts.levels.textContent = `${budget} grey level${budget === 1 ? "" : "s"}`;
    parts.budget.ariaValueText = parts.levels.textContent;
    for (const [name, { button }] of rows) button.ariaPressed = String(model.get("tried").includes(name));
  }

  // ---- what Python reports

  function take({ running, error, shown }, buffers) {
    root.ariaBusy = String(running);
    if (error || failed) say(error);
    failed = error !== "";
    const fits = shown !== null && ["photo", "target", "budget"].every((name) => shown[name] === model.get(name));
    root.classList.toggle("ck-waiting", running && !fits);
    if (shown) draw(shown, buffers);
    const words = error || running ? "" : shown ? result(shown) : "";
    if (parts.status.textContent !== words) parts.status.textContent = words;
  }

  function draw(shown, buffers) {
    const [height, width] = shown.shape;
    const before = model.get("_photos")[shown.photo];
    const times = model.get("_factor");
    const levels = `${shown.budget} grey level${shown.budget === 1 ? "" : "s"}`;
    ["photo", "changed", "change"].forEach((name, i) => {
      paint(parts[name], height, width, fromRGB(buffers[i]));
      parts[name].parentElement.style.aspectRatio = `${width} / ${height}`;
    });
    parts["times-change"].textContent = `, ${times} times as large`;
    parts["says-photo"].textContent = answer(before);
    parts["says-changed"].textContent = answer(shown.says);
    parts["says-change"].textContent = `grey: none; at most ${levels}`;
    parts.photo.ariaLabel = `The photo. The network says ${answer(before)}.`;
    parts.changed.ariaLabel = `The photo, changed by at most ${levels}. The network says ${answer(shown.says)}.`;
    parts.change.ariaLabel = `The change, ${times} times as large; grey is no change.`;
    const done = shown.path.length - 1;
    [parts.progress.max, parts.progress.value] = [shown.steps, done];
    parts.step.textContent = `step ${done} of ${shown.steps}`;
    drawCurves(shown, named(before[0]));
    drawAnswers(shown, before);
  }

  function drawCurves({ path, steps, target }, before) {
    ["source", "target"].forEach((name, i) => {
      const points = path.map((pair, step) => `${(100 * step) / steps},${(100 * (1 - pair[i])).toFixed(2)}`);
      parts["curve-" + name].setAttribute("points", points.join(" "));
    });
    const [first, last] = path.at(-1).map(share);
    parts.last.textContent = `step ${steps}`;
    parts.source.textContent = `${before} ${first}`;
    parts.aim.textContent = `${named(target)} ${last}`;
    chart.ariaLabel =
      `Probability at each step, up to step ${path.length - 1}: ${before} ${share(path[0][0])} to ${first}, ` +
      `${named(target)} ${share(path[0][1])} to ${last}.`;
  }

  function drawAnswers({ answers, target }, before) {
    const found = new Map(answers.map(([name, ...pair]) => [name, pair]));
    for (const [name, { cells }] of rows) {
      const pair = found.get(name);
      [target, before[0]].forEach((same, i) => {
        const holds = pair && pair[i][0] === same;
        cells[i].textContent = pair ? `${holds ? "✓" : "✗"} ${answer(pair[i])}` : "";
        cells[i].className = `${i ? "ck-clean" : "ck-lie"} ${pair ? (holds ? "ck-holds" : "ck-fails") : ""}`;
        cells[i].title = pair ? [["It does not lie any more", "It still lies"], ["Another answer", "The same answer"]][i][Number(holds)] : "";
      });
    }
  }

  function result({ says, target, answers }) {
    if (!answers.length) return says[0] === target ? "The network is fooled." : "The network is not fooled.";
    const still = answers.filter(([, lie]) => lie[0] === target).length;
    return `It still lies after ${still} of ${answers.length} trials.`;
  }

  // ---- what the reader does

  const typed = () => classOf.get(parts.target.value.trim().toLowerCase());
  const refuse = () => {
    if (typed() === undefined)
      say(`There is no class ${parts.target.value}. Type a part of a name to see what there is.`);
  };
  parts.target.oninput = () => {
    say("");
    if (typed() !== undefined && typed() !== model.get("target")) choose({ target: typed() });
  };
  parts.target.onchange = refuse;
  parts.target.onkeydown = (event) => {
    if (event.key === "Enter") refuse(); // no change event comes while the list of names is open
  };
  parts.target.onblur = takeChoice;
  parts.which.onchange = () => choose({ photo: Number(parts.which.value) });
  parts.budget.oninput = () => choose({ budget: Number(parts.budget.value) });

  onGone(() => {
    root.ariaBusy = "false";
    root.classList.remove("ck-waiting");
    takeChoice();
  });
  listen({ "change:photo change:target change:budget change:tried": takeChoice, "msg:custom": take });

  build();
  takeChoice();
  send({ kind: "look" });
}

const share = (value) => (value > 0 && value < 0.0005 ? "< 0.001" : value.toFixed(3));

export default widget("fooling-explorer", HTML, begin, "A picture that lies");
