// A line that is read aloud once it rests: coarse answers, and those on the way of a drag, replace each other in silence.

const RESTING = 400;

function restingLine() {
  const element = h("span", { role: "status" });
  let [words, going, timer] = ["", false, 0];
  return {
    element,
    show(nowWords, nowGoing) {
      if (nowWords === words && nowGoing === going) return;
      if (nowWords !== words) {
        element.setAttribute("aria-busy", "true");
        element.textContent = nowWords;
      }
      [words, going] = [nowWords, nowGoing];
      clearTimeout(timer);
      if (going || !element.hasAttribute("aria-busy")) return;
      timer = setTimeout(() => {
        element.removeAttribute("aria-busy");
        // Screen readers read what changes, and forget what changed while it was busy.
        element.textContent = words;
      }, RESTING);
    },
  };
}
