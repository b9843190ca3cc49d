// A sentence of the server: in the reader's language where it is known, else marked as the English that it is.
import { Fragment } from "react";
import { useWords } from "../i18n";
import { Broken } from "./broken";

export function Said({ text }: { text: string }) {
  const { language, said } = useWords();
  const known = said(text);
  if (!known) return <span lang="en">{text}</span>;
  return (
    <span lang={language}>
      {known.map((piece, at) => (
        <Fragment key={at}>{typeof piece === "string" ? piece : <Broken of={piece.value} />}</Fragment>
      ))}
    </span>
  );
}
