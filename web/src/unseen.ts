// What has no looks of its own is written out wherever it would be shown: no name, log line or policy looks like another.

// White space of ASCII stays: of it a page shows blanks.
const UNSEEN = /(?![\t\n\r])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
const WRITTEN = /\\u(?:[0-9A-F]{4}|\{[0-9A-F]{5,6}\})/g;

/** Overrides of the direction, controls and what has no width as \u202E and the like. */
export const written = (text: string) => text.replace(UNSEEN, (one) => escaped(one.codePointAt(0) ?? 0));

function escaped(code: number): string {
  const digits = code.toString(16).toUpperCase().padStart(4, "0");
  return digits.length > 4 ? `\\u{${digits}}` : `\\u${digits}`;
}

/** The same in the text of JSON, which means what it meant. */
export const writtenInJson = (text: string) =>
  text.replace(UNSEEN, (one) => [...Array(one.length).keys()].map((at) => escaped(one.charCodeAt(at))).join(""));

const TOLD = ["title", "aria-label", "aria-description", "placeholder", "alt"];
const NOT_SHOWN = new Set(["TEXTAREA", "SCRIPT", "STYLE"]);

/** INVARIANT: no page shows or tells a text as it is not, whichever part of the page, or of a library, put it there.
 *
 * It is done where all texts arrive, in the document, before they are painted. What is copied with a button is taken
 * from the data, and keeps its true value; so do fields, which are the reader's to write in. */
export function showUnseen(of: Document): void {
  const mark = new Highlight();
  CSS.highlights.set("unseen", mark);
  const told = (element: Element) => {
    for (const name of TOLD) {
      const text = element.getAttribute(name);
      if (text && written(text) !== text) element.setAttribute(name, written(text));
    }
  };
  const shown = (node: Text) => {
    if (NOT_SHOWN.has(node.parentElement?.tagName ?? "")) return;
    const text = written(node.data);
    if (text === node.data) return;
    node.data = text;
    for (const { index, 0: part } of text.matchAll(WRITTEN)) {
      const range = of.createRange();
      range.setStart(node, index);
      range.setEnd(node, index + part.length);
      mark.add(range);
    }
  };
  const all = (root: Node) => {
    if (root instanceof Text) shown(root);
    if (!(root instanceof Element)) return;
    told(root);
    const walker = of.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (node instanceof Text) shown(node);
      else told(node as Element);
    }
  };
  const observer = new MutationObserver((records) => {
    for (const range of mark) if (range.collapsed || !range.startContainer.isConnected) mark.delete(range);
    for (const { type, target, addedNodes } of records) {
      if (type === "attributes") told(target as Element);
      else if (type === "characterData") shown(target as Text);
      else addedNodes.forEach(all);
    }
  });
  observer.observe(of, { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: TOLD });
}
