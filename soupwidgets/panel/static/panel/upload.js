// A file of the reader's, sent as text: an event, for what is in it is no state.

CONTROLS.upload = function (spec, send) {
  const input = h("input", { type: "file", accept: ".csv,.jsonl", hidden: true });
  const button = h("button.soupwidgets-button", { type: "button", onclick: () => input.click() });
  let number = 0;
  input.addEventListener("change", async () => {
    const [file] = input.files;
    if (!file) return;
    const text = await file.text();
    // The same file, mended, may be chosen again.
    input.value = "";
    send([{ number: number + 1, name: file.name, text }]);
  });
  return {
    element: h("div", {}, button, input),
    show(value, control) {
      button.textContent = control.label;
      number = Math.max(number, ...(value ?? []).map((one) => one.number));
    },
  };
};
