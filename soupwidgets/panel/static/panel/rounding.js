// A number with so many digits, rounded as Python rounds: what lies exactly between two goes to the even one.
function fixed(value, digits) {
  const exact = Math.abs(value).toFixed(digits + 30);
  const cut = exact.slice(0, exact.length - 30);
  const even = /[02468]\.?$/.test(cut) && /^50*$/.test(exact.slice(-30));
  const text = even ? cut.replace(/\.$/, "") : Math.abs(value).toFixed(digits);
  return value < 0 ? `-${text}` : text;
}
