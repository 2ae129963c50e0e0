// A page whose answers are all recorded.

const content = JSON.parse(document.getElementById("content").textContent);
const answers = recordedAnswers(content);
const names = Object.keys(content.varied);

function answer(model) {
  const near = answers.nearest(model.get);
  const view = answers.view(near);
  const controls = changedControls(model.get("controls"), view.controls ?? {}, (name) => names.includes(name));
  model.tell({ ...near, controls, view, heard: model.get("asked") });
}

function plotly(hear) {
  hear(Uint8Array.from(atob(document.getElementById("plotly").textContent), (letter) => letter.charCodeAt(0)));
}

const model = pageModel(content, answer, plotly);
followAddress(model, names, content);
render({ model, el: document.getElementById("panel") });
