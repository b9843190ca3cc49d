// A sentence of the server: in the reader's language where it is known, else marked as the English that it is.
import { useWords } from "../i18n";

export function Said({ text }: { text: string }) {
  const { language, said } = useWords();
  const known = said(text);
  return <span lang={known === undefined ? "en" : language}>{known ?? text}</span>;
}
