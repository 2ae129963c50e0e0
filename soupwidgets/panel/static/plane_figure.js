
// A figure with a handle: `handle` is where it is (nowhere when empty), `limits` where it may go.
function render(context) {
  const { model } = context;
  let handle = null;

  function show() {
    const { x = null, y = null } = model.get("handle");
    handle?.set(x, y);
  }

  function onMove(x, y, dragging) {
    model.set("handle", { x, y, dragging });
    model.save_changes();
  }

  const close = renderFigure(context, ({ plot, root }) => {
    handle ??= planeHandle(root, plot, { label: model.get("label"), limits: () => model.get("limits"), onMove });
    show();
  });
  model.on("change:handle", show);
  return () => {
    model.off("change:handle", show);
    close();
  };
}

export default { render };
