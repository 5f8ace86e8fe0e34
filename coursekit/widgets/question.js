// The page's side of QuestionCards: one form for each question, of the browser's own inputs, so that keyboard and screen
// reader work as everywhere. Python tells what to show; answers go to Python and come back as what is shown.

const PATIENCE = 4000; // milliseconds until the page says that it waits

const { widget, element, keepKeys, stillUnderTheWheel, unique } = page;

function begin({ model, root, send, listen, onGone, onEnd }) {
  const view = unique();
  root.ariaLabel = model.get("title");
  const cards = new Map(model.get("_cards").map((card) => [card.id, buildCard(card)]));
  const score = element("p", "ck-score", { role: "status" });
  root.append(...[...cards.values()].map((card) => card.form), score);
  keepKeys(root);
  root.addEventListener("keydown", (event) => event.key !== "Escape" && event.stopPropagation());

  function buildCard(card) {
    const form = element("form", "ck-card");
    const fieldset = element("fieldset");
    const legend = element("legend", "", { textContent: card.asks });
    const input = inputs[card.kind](card, `${view}-${card.id}`);
    fieldset.append(legend, input.node);
    const actions = element("div", "ck-actions");
    const submit = element("button", "ck-send", { type: "submit", textContent: card.button });
    actions.append(submit);
    if (card.skip) {
      const skip = element("button", "ck-skip", { type: "button", textContent: card.skip });
      skip.addEventListener("click", () => tell(card.id, null));
      actions.append(skip);
    }
    // It is there from the beginning, so that a screen reader says what comes into it.
    const says = element("p", "ck-says", { tabIndex: -1, role: "status" });
    form.append(fieldset, actions, says);
    form.noValidate = true; // Python judges, in its own words
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      tell(card.id, input.read());
    });
    return { form, fieldset, input, actions, says, waiting: 0, told: "" };
  }

  function tell(id, answer) {
    const { form, says } = cards.get(id);
    if (form.ariaBusy === "true") return;
    form.ariaBusy = "true";
    cards.get(id).waiting = setTimeout(() => {
      form.ariaBusy = "false"; // so that it can be tried again
      if (model.slow) show(says, "Waiting.", model.slow);
      else show(says, "Waiting for Python.", "It is busy, or has stopped.");
    }, PATIENCE);
    send({ id, answer: answer === undefined ? "" : answer }); // an empty field is no answer; null is skipping
  }

  function onReply({ id, refused }) {
    const { form, says, waiting } = cards.get(id);
    clearTimeout(waiting);
    form.ariaBusy = "false";
    if (refused) return show(says, "", refused);
    update(id);
    if (model.get("_still_picture").html)
      root.dispatchEvent(new CustomEvent("coursekit-still", { bubbles: true, detail: model.get("_still_picture") }));
  }

  function show(says, head, text, mark = "") {
    const sign = element("span", "ck-mark", { textContent: mark });
    sign.ariaHidden = "true";
    const strong = element("strong", "", { textContent: head });
    const parts = [mark && sign, head && strong, text].filter(Boolean);
    if (says.textContent !== [mark, head, text].filter(Boolean).join(" ")) // said once, by a screen reader too
      says.replaceChildren(...parts.flatMap((part, i) => (i ? [" ", part] : [part])));
    says.dataset.mark = mark;
  }

  function update(id) {
    const card = model.get("_cards").find((one) => one.id === id);
    cards.get(id).told = JSON.stringify(card);
    const { form, fieldset, input, actions, says } = cards.get(id);
    const hadFocus = form.contains(document.activeElement);
    if (card.answer !== null) input.write(card.answer);
    form.classList.toggle("ck-done", card.done);
    fieldset.disabled = card.done;
    actions.hidden = card.done;
    show(says, card.head, card.says, card.mark);
    if (card.done && hadFocus) says.focus({ preventScroll: true }); // the focused button is gone
  }

  // A card of which Python tells nothing new stays: somebody may be answering it anew.
  function updateChanged() {
    for (const card of model.get("_cards")) {
      const { form, told } = cards.get(card.id);
      if (form.ariaBusy !== "true" && JSON.stringify(card) !== told) update(card.id);
    }
    score.textContent = model.get("_score");
  }

  listen({ "msg:custom": onReply, "change:_cards change:_score": updateChanged });
  const waitNoMore = () =>
    cards.forEach((card) => {
      clearTimeout(card.waiting);
      card.form.ariaBusy = "false";
    });
  onGone(() => {
    waitNoMore();
    for (const id of cards.keys()) update(id);
  });
  onEnd(waitNoMore);
  updateChanged();
}

// Each makes the input of a kind of question: its node, and how to read and write the answer.
const inputs = {
  choice({ choices }, name) {
    const short = choices.every((text) => text.length <= 12);
    const node = element("div", short ? "ck-choices ck-short" : "ck-choices");
    const radios = choices.map((text, value) => {
      const label = element("label", "ck-choice");
      const radio = element("input", "", { type: "radio", name, value });
      label.append(radio, element("span", "", { textContent: text }));
      node.append(label);
      return radio;
    });
    return {
      node,
      read: () => radios.map((radio) => radio.checked).indexOf(true),
      write: (answer) => (radios[answer].checked = true),
    };
  },

  number({ asks, low, high, unit }) {
    const node = element("div", "ck-number");
    const step = high - low >= 20 ? 1 : (high - low) / 100;
    const slider = element("input", "", { type: "range", min: low, max: high, step });
    const field = element("input", "", { type: "number", min: low, max: high, step: "any", placeholder: "?" });
    slider.value = (low + high) / 2;
    slider.ariaLabel = asks;
    field.ariaLabel = unit ? `${asks} In ${unit}` : asks;
    slider.addEventListener("input", () => (field.value = slider.value));
    field.addEventListener("input", () => field.value !== "" && (slider.value = field.value));
    field.addEventListener("wheel", stillUnderTheWheel, { passive: true });
    const ends = element("div", "ck-ends");
    ends.ariaHidden = "true";
    ends.append(element("span", "", { textContent: low }), element("span", "", { textContent: high }));
    const track = element("div", "ck-track");
    track.append(slider, ends);
    node.append(track, field, unit);
    return {
      node,
      read: () => (field.value === "" ? undefined : field.valueAsNumber),
      write: (answer) => (slider.value = field.value = answer),
    };
  },

  words({ asks, most }) {
    const node = element("input", "ck-words", { type: "text", maxLength: most, autocomplete: "off" });
    node.ariaLabel = asks;
    return { node, read: () => node.value, write: (answer) => (node.value = answer) };
  },
};

export default widget("question", "", begin);
