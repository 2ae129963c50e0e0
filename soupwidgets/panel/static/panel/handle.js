// A handle on the plane of a figure: dragged by mouse or touch, moved by arrow keys.

const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const HANDLE_STEPS = 50;

CONTROLS.handle = function (spec, send, { cardOf, _ }) {
  const handle = h("div.soupwidgets-handle", { tabindex: "0", role: "slider" });
  keepKeys(handle);
  let [at, control, plot, grabbed, frame] = [null, spec, null, false, 0];

  function place() {
    const layout = plot?._fullLayout;
    // A handle has one plane to stand on: no surface, no small multiples.
    if (!at || !layout?.xaxis || !layout.yaxis || layout.scene || layout.xaxis2) {
      handle.hidden = true;
      return;
    }
    const { xaxis, yaxis } = layout;
    const [left, top] = [xaxis.l2p(at[0]), yaxis.l2p(at[1])];
    // Where the reader has zoomed away from it there is nothing to hold.
    handle.hidden = left < -1 || top < -1 || left > xaxis._length + 1 || top > yaxis._length + 1;
    handle.style.left = `${plot.offsetLeft + xaxis._offset + left}px`;
    handle.style.top = `${plot.offsetTop + yaxis._offset + top}px`;
    handle.setAttribute("aria-valuenow", at[0].toPrecision(3));
    handle.setAttribute("aria-valuetext", _("{x} along, {y} up", { x: at[0].toPrecision(3), y: at[1].toPrecision(3) }));
  }

  function inside([x, y]) {
    const [left, right, low, high] = control.limits;
    return [Math.min(right, Math.max(left, x)), Math.min(high, Math.max(low, y))];
  }

  // The recorded place that is next in a direction: a page knows no others.
  function next([right, up]) {
    const ahead = control.positions.map(([x, y]) => ({ x, y, along: (x - at[0]) * right + (y - at[1]) * up, aside: Math.abs((x - at[0]) * up) + Math.abs((y - at[1]) * right) }));
    const far = ({ along, aside }) => along + 4 * aside;
    const [best] = ahead.filter(({ along }) => along > 1e-9).sort((a, b) => far(a) - far(b));
    return best ? [best.x, best.y] : at;
  }

  function move(x, y, moving) {
    at = inside([x, y]);
    place();
    // The screen shows sixty pictures a second, and nobody needs to hear more often.
    cancelAnimationFrame(frame);
    if (moving) frame = requestAnimationFrame(() => send(at, true));
    else send(at, false);
  }

  function under(event) {
    const { xaxis, yaxis } = plot._fullLayout;
    const box = plot.getBoundingClientRect();
    return [xaxis.p2l(event.clientX - box.left - xaxis._offset), yaxis.p2l(event.clientY - box.top - yaxis._offset)];
  }

  handle.addEventListener("pointerdown", (event) => {
    grabbed = true;
    handle.setPointerCapture(event.pointerId);
    handle.focus();
    event.preventDefault();
  });
  handle.addEventListener("pointermove", (event) => grabbed && move(...under(event), true));
  for (const end of ["pointerup", "pointercancel"]) {
    handle.addEventListener(end, () => {
      if (!grabbed) return;
      // Let go first: what it is told now may be the nearest place that there is.
      grabbed = false;
      move(at[0], at[1], false);
    });
  }
  handle.addEventListener("keydown", (event) => {
    const by = ARROWS[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (control.positions) {
      for (let i = 0; i < (event.shiftKey ? 5 : 1); i += 1) at = next(by);
      return move(at[0], at[1], false);
    }
    const [left, right, low, high] = control.limits;
    const step = (Math.max(right - left, high - low) / HANDLE_STEPS) * (event.shiftKey ? 5 : 1);
    move(at[0] + by[0] * step, at[1] + by[1] * step, true);
  });
  handle.addEventListener("keyup", (event) => ARROWS[event.key] && move(at[0], at[1], false));

  return {
    element: null,
    show(value, now) {
      control = now;
      handle.setAttribute("aria-label", now.label);
      // One that is being dragged stays under the pointer.
      const stands = now.hidden ? null : (value ?? now.start);
      if (!grabbed) at = stands && inside(stands);
      place();
    },
    // The figure may be drawn after the control.
    attach() {
      const card = cardOf(control.figure);
      if (!card || card.plot === plot) return place();
      plot = card.plot;
      card.root.append(handle);
      card.onDrawn(() => {
        place();
        if (!plot.dataset.handle) {
          plot.dataset.handle = "on";
          plot.on("plotly_afterplot", place);
          plot.on("plotly_relayouting", place);
        }
      });
    },
  };
};
