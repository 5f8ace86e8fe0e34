// What is said at the still pictures where nothing makes them live. No module: browsers load none from a folder.
(() => {
  const FROM_A_FOLDER = 'Browsers make it alive only from a server: see <a href="run.html">Run the lessons</a>.';
  const LOST = "It could not be loaded. Load the page again.";

  function say(words) {
    for (const part of document.querySelectorAll('.ck-live:not([data-kind="Result"])')) {
      const line = part.querySelector(".ck-still-only") ?? part.appendChild(document.createElement("p"));
      line.className = "ck-still-only ck-live-note";
      line.innerHTML = words;
    }
  }

  const whenRead = (act) => {
    if (document.readyState === "loading") addEventListener("DOMContentLoaded", act, { once: true });
    else act();
  };
  const isLive = ({ target }) => target instanceof HTMLScriptElement && target.src.includes("/live/live.js");

  if (location.protocol === "file:") whenRead(() => say(FROM_A_FOLDER));
  else addEventListener("error", (event) => isLive(event) && whenRead(() => say(LOST)), true);
})();
