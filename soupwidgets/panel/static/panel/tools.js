// What every panel has because its state is data: undo, bookmarks, comparison, full screen, code and files.

const HOLDING = 700;

// A history of states; those that follow each other at once are one step.
function history(first) {
  let [states, at, last] = [[first], 0, 0];
  return {
    add(state, moving) {
      if (JSON.stringify(states[at]) === JSON.stringify(state)) return;
      const together = moving && Date.now() - last < HOLDING && at > 0;
      states = [...states.slice(0, together ? at : at + 1), state];
      at = states.length - 1;
      last = moving ? Date.now() : 0;
    },
    back: () => (at > 0 ? states[(at -= 1)] : null),
    forth: () => (at < states.length - 1 ? states[(at += 1)] : null),
    get can() {
      return [at > 0, at < states.length - 1];
    },
  };
}

// A value in a few words: of lists and of coefficients, what is chosen and what is not zero.
function valueWords(_, value, options) {
  const written = options?.find?.((option) => Array.isArray(option) && option[0] === value)?.[1];
  if (written !== undefined) return written;
  if (typeof value === "number") return shortNumber(value);
  if (typeof value === "boolean") return value ? _("on") : _("off");
  if (value === null || value === undefined || value === "") return _("none");
  if (typeof value !== "object") return String(value).length > 40 ? `${String(value).slice(0, 39)}\u2026` : String(value);
  const parts = Array.isArray(value) ? value.map((one) => valueWords(_, one)) : Object.entries(value).filter(([, one]) => one).map(([name, one]) => `${name} ${valueWords(_, one)}`);
  if (!parts.length) return _("none");
  return parts.length > 3 ? _("{parts} + {count} more", { parts: parts.slice(0, 3).join(" + "), count: parts.length - 3 }) : parts.join(" + ");
}

// What a state has that another one has not, drawn or not; the other is what the panel began with, unless it is given.
function described(_, state, controls, other) {
  const differs = ({ name, value }) => name in state && JSON.stringify(state[name]) !== JSON.stringify(other ? other[name] : value);
  const words = controls.filter(differs).map(({ name, label, options }) => `${label || name} ${valueWords(_, state[name], options)}`);
  return words.join(", ") || (other ? _("the same") : _("as it began"));
}

// Labels are short, so two states may have one: the later is numbered.
function newLabel(label, kept) {
  const taken = new Set(kept.map((one) => one.label));
  let number = 1;
  while (taken.has(number === 1 ? label : `${label} (${number})`)) number += 1;
  return number === 1 ? label : `${label} (${number})`;
}

function toolbar(does, _) {
  const tool = (words, title, onclick) => h("button.soupwidgets-tool", { type: "button", title, onclick }, words);
  const undo = tool(_("Undo"), _("Back to the state before (Ctrl+Z)"), does.undo);
  const redo = tool(_("Redo"), _("Forth again (Ctrl+Shift+Z)"), does.redo);
  const mark = tool(_("Bookmark"), _("Keep this state to come back to it"), does.bookmark);
  const compare = tool(_("Compare"), _("Keep this answer beside those that follow"), does.compare);
  const full = tool(_("Full screen"), _("Fill the screen, with large type for a room"), does.fullScreen);
  const code = tool(_("Copy Python"), _("Copy the Python that gives these numbers"), does.copyCode);
  const files = h("details.soupwidgets-menu", {}, h("summary.soupwidgets-tool", {}, _("Save")), h("div"));
  const marks = h("span.soupwidgets-bookmarks");
  const said = h("span.soupwidgets-said", { role: "status" });
  const element = h("div.soupwidgets-tools", { role: "group", "aria-label": _("Tools") }, undo, redo, mark, compare, full, code, files, marks, said);
  let timer = 0;
  return {
    element,
    say(words) {
      said.textContent = words;
      clearTimeout(timer);
      timer = setTimeout(() => (said.textContent = ""), 4000);
    },
    show({ can: [back, forth], code: hasCode, comparing, bookmarks, choices, still }) {
      // Where nothing can be set there is nothing to undo, keep or compare.
      for (const one of [undo, redo, mark, compare]) one.hidden = still;
      [undo.disabled, redo.disabled, code.hidden] = [!back, !forth, !hasCode];
      compare.textContent = comparing ? _("End comparison") : _("Compare");
      compare.setAttribute("aria-pressed", String(comparing));
      const text = JSON.stringify(bookmarks);
      if (marks.dataset.text !== text) {
        marks.dataset.text = text;
        marks.replaceChildren(...bookmarks.map(({ label, state }, i) => h("span.soupwidgets-bookmark", {},
          tool(label, _("Go back to this state"), () => does.goTo(state)),
          h("button.soupwidgets-tool", { type: "button", "aria-label": _("Forget {label}", { label }), onclick: () => does.forget(i) }, "\u00d7"))));
      }
      const offered = JSON.stringify(choices.map(([words]) => words));
      if (files.dataset.text !== offered) {
        files.dataset.text = offered;
        files.lastChild.replaceChildren(...choices.map(([words, run]) => tool(words, "", () => (run(), (files.open = false)))));
      }
    },
  };
}
