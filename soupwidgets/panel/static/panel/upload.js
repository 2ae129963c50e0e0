// A file of the reader's, sent as text: an event, for what is in it is no state.

CONTROLS.upload = function (spec, send) {
  const input = h("input", { type: "file", accept: ".csv,.jsonl" });
  keepKeys(input);
  const { element, name } = labelled(spec, input);
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
    element,
    show(value, control) {
      name(control.label);
      number = Math.max(number, ...(value ?? []).map((one) => one.number));
    },
  };
};
