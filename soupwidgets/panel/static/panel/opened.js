// Another panel that this one has opened, below it: the last event names its model.

CONTROLS.opened = function (_spec, _send, { model, _ }) {
  const element = h("div");
  let shown = "";
  return {
    element,
    async show(value) {
      const id = value?.at(-1)?.model ?? "";
      if (id === shown) return;
      shown = id;
      element.replaceChildren();
      if (!id) return;
      // Beyond anywidget's contract: where a host has no such thing, a cell shows it.
      const manager = model.widget_manager;
      if (!manager) {
        element.append(h("p.soupwidgets-note", {}, _("Run the explorer's attribute `opened` in a cell to see what was opened.")));
        return;
      }
      try {
        const view = await manager.create_view(await manager.get_model(id));
        if (id !== shown) return;
        element.append(view.el);
        // Below the panel and not among its controls.
        element.closest(".soupwidgets-panel")?.after(element);
        element.scrollIntoView({ block: "nearest" });
      } catch {
        // Its kernel is gone: there is nothing to show.
      }
    },
  };
};
