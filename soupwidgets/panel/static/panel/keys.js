// Inputs inside of a notebook: JupyterLab takes keys for itself unless the focused element forbids it.

const MODIFIERS = ["Control", "Meta"];

function keepKeys(input) {
  const keep = (on) => (on ? (input.dataset.lmSuppressShortcuts = "true") : delete input.dataset.lmSuppressShortcuts);
  keep(true);
  // Saving and the like stay JupyterLab's.
  input.addEventListener("keydown", (event) => MODIFIERS.includes(event.key) && keep(false));
  input.addEventListener("keyup", (event) => MODIFIERS.includes(event.key) && keep(true));
  input.addEventListener("blur", () => keep(true));
}

// A notebook may keep the Enter key from becoming the change that it is elsewhere.
function enterIsChange(input) {
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") input.dispatchEvent(new Event("change", { bubbles: true }));
  });
}
