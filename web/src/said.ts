// What the server says in sentences of its own, said in the reader's language: each is known by its pattern.

/** Sentences with {places} for values, and what they are in another language. */
export type Phrases = Record<string, string>;
/** Words of the language, or a value that is none: a name, an ARN, somebody else's text. */
export type Piece = string | { value: string };
/** undefined: nothing is known of the text, which stays as it is. */
export type Said = (text: string) => Piece[] | undefined;

const FEW = 6; // letters
const PLACE = /\{(\w+)\}/g;
const literal = (phrase: string) => phrase.replace(PLACE, "");

function pattern(phrase: string): RegExp {
  const parts = phrase.split(/\{\w+\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join("(.+?)")}$`, "s");
}

/** The phrase with most of its words fixed is meant; a value is a phrase again, but for {text}, which is somebody else's. */
export function saying(phrases: Phrases): Said {
  const known = Object.keys(phrases)
    .sort((a, b) => literal(b).length - literal(a).length)
    .map((phrase) => ({ phrase, found: pattern(phrase), names: [...phrase.matchAll(PLACE)].map(([, name = ""]) => name) }));
  const said: Said = (text) => {
    for (const { phrase, found, names } of known) {
      const match = found.exec(text);
      if (!match) continue;
      const parts = match.slice(1);
      // Where hardly a word of it is fixed, it is meant when a value of it is known.
      if (parts.length > 0 && literal(phrase).length < FEW && !parts.some((part) => said(part))) continue;
      const values = Object.fromEntries(names.map((name, at) => [name, value(name, parts[at] ?? "")]));
      return phrases[phrase]?.split(PLACE).flatMap((part, at) => (at % 2 ? (values[part] ?? []) : [part]));
    }
    return undefined;
  };
  const value = (name: string, text: string): Piece[] => (name !== "text" && said(text)) || [{ value: text }];
  return said;
}
