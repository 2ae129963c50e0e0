// A handle on the plane of a plot: dragged by mouse or touch, moved by arrow keys.

const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const STEPS = 50;

// `limits` are [x low, x high, y low, y high]; `onMove` is told x, y, and whether it still moves.
function planeHandle(root, plot, { label, limits, onMove }) {
  const handle = document.createElement("div");
  handle.className = "soupwidgets-handle";
  handle.tabIndex = 0;
  handle.setAttribute("role", "slider");
  handle.setAttribute("aria-label", label);
  keepKeys(handle);
  root.style.position = "relative";
  root.append(handle);
  let at = null;
  let grabbed = false;
  let frame = 0;

  function place() {
    const layout = plot._fullLayout;
    // A handle has one plane to stand on: no surface, no small multiples.
    if (!at || !layout?.xaxis || !layout.yaxis || layout.scene || layout.xaxis2) {
      handle.hidden = true;
      return;
    }
    const { xaxis, yaxis } = layout;
    const [left, top] = [xaxis.l2p(at.x), yaxis.l2p(at.y)];
    // Where the reader has zoomed away from it there is nothing to hold.
    handle.hidden = left < -1 || top < -1 || left > xaxis._length + 1 || top > yaxis._length + 1;
    handle.style.left = `${plot.offsetLeft + xaxis._offset + left}px`;
    handle.style.top = `${plot.offsetTop + yaxis._offset + top}px`;
    handle.setAttribute("aria-valuenow", at.x.toPrecision(3));
    handle.setAttribute("aria-valuetext", `${at.x.toPrecision(3)} along, ${at.y.toPrecision(3)} up`);
  }

  function inside(x, y) {
    const [left, right, low, high] = limits();
    return { x: Math.min(right, Math.max(left, x)), y: Math.min(high, Math.max(low, y)) };
  }

  function move(x, y, moving) {
    at = inside(x, y);
    place();
    // The screen shows sixty pictures a second, and nobody needs to hear more often.
    cancelAnimationFrame(frame);
    if (moving) frame = requestAnimationFrame(() => onMove(at.x, at.y, true));
    else onMove(at.x, at.y, false);
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
      if (grabbed) move(at.x, at.y, false);
      grabbed = false;
    });
  }
  handle.addEventListener("keydown", (event) => {
    const by = ARROWS[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const [left, right, low, high] = limits();
    const step = (Math.max(right - left, high - low) / STEPS) * (event.shiftKey ? 5 : 1);
    move(at.x + by[0] * step, at.y + by[1] * step, true);
  });
  handle.addEventListener("keyup", (event) => ARROWS[event.key] && move(at.x, at.y, false));
  plot.on("plotly_afterplot", place);
  plot.on("plotly_relayouting", place);

  return {
    // Put it somewhere, or away with null; one that is being dragged stays under the thumb.
    set(x, y) {
      if (grabbed) return;
      at = x === null ? null : { x, y };
      place();
    },
  };
}
