// What is said to readers, in the language of a panel: `_(phrase, places)`. Each phrase is written out where it is said,
// in English, for that is where translators find it; names and numbers go into its {places}.

const filledIn = (phrase, places) => phrase.replace(/\{(\w+)\}/g, (whole, name) => String(places[name] ?? whole));

const speaker = (phrases) => (phrase, places = {}) => filledIn(phrases?.[phrase] ?? phrase, places);
