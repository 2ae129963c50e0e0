// plotly.js is several megabytes: it travels once per page, to the first panel that asks, and is compiled once.

function pageLibrary() {
  return (window.__soupwidgets ??= { asking: 0, waiting: [] });
}

async function unpackPlotly(bytes) {
  const unzipped = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  definePlotly(await new Response(unzipped).text());
}

function definePlotly(text) {
  if (!window.Plotly?.react) {
    // Pages with a module loader of their own (Voila) must not catch the library's definition.
    new Function("define", "module", "exports", text)();
  }
  const library = pageLibrary();
  library.plotly = window.Plotly;
  library.waiting.splice(0).forEach((tell) => tell(window.Plotly));
}

// Tells `ready` the library when it is there. Returns how to stop waiting.
function withPlotly(model, ready) {
  const library = pageLibrary();
  if (library.plotly) {
    ready(library.plotly);
    return () => {};
  }
  library.waiting.push(ready);
  // Who asked may have a kernel that is gone: somebody else asks then.
  function ask() {
    if (library.plotly || Date.now() - library.asking < 4000) return;
    library.asking = Date.now();
    model.send({ kind: "plotly" });
  }
  const hear = (content, buffers) => {
    if (content?.kind === "plotly" && !library.plotly) unpackPlotly(buffers[0]);
  };
  model.on("msg:custom", hear);
  ask();
  const again = setInterval(ask, 1500);
  library.waiting.push(() => clearInterval(again));
  return () => {
    clearInterval(again);
    model.off("msg:custom", hear);
    library.waiting = library.waiting.filter((one) => one !== ready);
  };
}
