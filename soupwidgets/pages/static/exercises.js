// Answers to exercises, checked where they are typed: a hint for every usual wrong one. Nothing is sent anywhere.

const { words, exercises } = JSON.parse(document.getElementById("exercises").textContent);

// "6,3" and "6.3 %" are numbers as well.
const numberOf = (text) => (/^[-+]?[\d.,]+\s*%?$/.test(text) ? Number(text.replace(",", ".").replace("%", "").replace("+", "")) : NaN);

// What is said of an answer: the same order as in the test of a notebook.
function said(exercise, text) {
  const { answers, tolerance, hints, otherwise } = exercise;
  const given = text.trim().toLowerCase().replace("\u2212", "-");
  if (!given) return { right: false, words: words.nothing };
  if (typeof answers[0] === "string") {
    const hint = hints.find(({ when }) => typeof when === "string" && when.toLowerCase() === given);
    if (hint) return { right: false, words: hint.say };
    return answers.some((one) => one.toLowerCase() === given) ? { right: true, words: words.right } : { right: false, words: otherwise };
  }
  const value = numberOf(given);
  if (!Number.isFinite(value)) return { right: false, words: words.number };
  const near = (one) => Math.abs(value - one) <= tolerance;
  const hint = hints.find(({ when, low, high }) => (when === undefined ? low <= value && value <= high : near(when)));
  if (hint) return { right: false, words: hint.say };
  return answers.some(near) ? { right: true, words: words.right } : { right: false, words: otherwise };
}

for (const form of document.querySelectorAll("form")) {
  const exercise = exercises.find(({ name }) => name === form.dataset.name);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const found = said(exercise, form.querySelector("input").value);
    const output = form.querySelector("output");
    output.textContent = found.words;
    output.dataset.right = found.right ? "yes" : "no";
  });
}
