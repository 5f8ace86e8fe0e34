// What else is known of NetworkExplorer's chosen channel: its name, if a UnitCard gave it one, its strongest patches, and
// what the network draws for it.

const networkKnown = (() => {
  const HTML = `
    <section class="ck-known" aria-label="What excites the channel">
      <p class="ck-named"></p>
      <div class="ck-line"><button type="button" class="ck-search">What excites it most in the course’s photos?</button></div>
      <ol class="ck-found" hidden></ol>
      <div class="ck-line"><button type="button" class="ck-draw"></button></div>
      <figure class="ck-drawn" hidden><img hidden><progress class="ck-steps" aria-label="Steps of gradient ascent"></progress
        ><figcaption class="ck-far ck-quiet"></figcaption></figure>
      <p class="ck-drew ck-spoken" role="status"></p>
    </section>`;

  function make(view, { busy }) {
    const { model, parts, listen, onEnd, send } = view;
    const shown = []; // addresses of the patches, to be given back
    let drawn = null; // address of the drawing
    let report = null; // what Python said of the drawing last

    function forget() {
      parts.found.hidden = true;
      parts.found.replaceChildren();
      shown.splice(0).forEach(URL.revokeObjectURL);
    }

    const isChosen = ({ layer, channel }) => layer === model.get("layer") && channel === model.get("channel");

    function take(told, buffers) {
      if (!isChosen(told)) return; // another was chosen since
      forget();
      const show = (image, i, alt) => {
        shown.push(unitParts.address(buffers[i]));
        [image.src, image.alt] = [shown.at(-1), alt];
      };
      unitParts.patches(parts.found, told.patches, told.largest, show);
      parts.found.hidden = false;
    }

    function takeDrawing(told, [bytes]) {
      const [before, was] = [drawn, report];
      [drawn, report] = [bytes ? unitParts.address(bytes) : null, told];
      if (before) URL.revokeObjectURL(before);
      if (drawn) {
        parts.drawn.firstChild.src = drawn;
        parts.drawn.firstChild.alt = `What the network draws for channel ${told.channel} of ${told.layer}`;
      }
      showDrawing(was?.running);
    }

    function showDrawing(was = false) {
      const known = report && isChosen(report); // else Python is about to tell
      const { step, steps, running, error } = known ? report : { step: 0, steps: 1, running: false, error: "" };
      const done = step === steps;
      parts.drawn.hidden = !running && !step && !error;
      parts.drawn.firstChild.hidden = !known || !drawn;
      parts.steps.hidden = !running;
      parts.steps.max = steps;
      if (step) parts.steps.value = step;
      else parts.steps.removeAttribute("value"); // moves: nobody knows how long
      parts.drawn.ariaBusy = String(running);
      const far = !step ? "Getting ready …" : `Step ${step} of ${steps} of gradient ascent from noise.`;
      parts.far.textContent = error || (done ? "Drawn by gradient ascent from noise." : far);
      parts.draw.textContent = running ? "Stop drawing" : "What would the network draw for it?";
      if (done && document.activeElement === parts.draw) parts.search.focus({ preventScroll: true });
      parts.draw.hidden = done;
      const says = running ? "Drawing." : was ? error || (done ? "Drawn." : "Stopped.") : "";
      if (parts.drew.textContent !== says) parts.drew.textContent = says;
    }

    parts.search.onclick = () => {
      busy("Searching the photos …");
      send({ kind: "patches" });
    };
    parts.draw.onclick = () => {
      view.say("");
      send({ kind: report?.running && isChosen(report) ? "stop" : "draw" });
    };
    listen({
      "change:layer change:channel": () => {
        forget();
        showDrawing();
      },
    });
    showDrawing();
    onEnd(() => {
      forget();
      if (drawn) URL.revokeObjectURL(drawn);
    });
    return {
      take,
      takeDrawing,
      takeName: (name) => (parts.named.textContent = name ? `You named it “${name}”.` : ""),
      stop: () => {
        if (report) report.running = false;
        showDrawing();
      },
    };
  }

  return { HTML, make };
})();
