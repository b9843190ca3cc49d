// A policy's document: read, edited with a word on whether it is JSON, and compared.
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { pretty } from "../entities";
import { useWords, type Words } from "../i18n";
import { Trouble } from "../notices";
import { Editor } from "./editor";

export function Code({ text, marked, label }: { text: string; marked?: ReadonlySet<number>; label?: string }) {
  return (
    <pre className="code" translate="no" tabIndex={0} role={label && "region"} aria-label={label}>
      {text.split("\n").map((line, at) => (
        <span key={at} className={marked?.has(at + 1) ? "line marked" : "line"}>
          {marked?.has(at + 1) ? <mark>{line || " "}</mark> : line || " "}
        </span>
      ))}
    </pre>
  );
}

/** Why a text is no JSON, "" when it is. */
export function noJson(text: string, { t }: Pick<Words, "t">): string {
  try {
    JSON.parse(text);
    return "";
  } catch (error) {
    // Browsers say why in English; where it is, most of them say as well.
    const [, line, column] = /line (\d+) column (\d+)/.exec((error as Error).message) ?? [];
    return line && column ? t("document.noJsonAt", { line, column }) : t("document.noJson");
  }
}

/** What is wrong with a text that is to be a policy, "" for nothing that can be seen from here. */
export function wrong(text: string, words: Pick<Words, "t">): string {
  const fault = noJson(text, words);
  if (fault) return fault;
  const found: unknown = JSON.parse(text);
  const whole = typeof found === "object" && found !== null && !Array.isArray(found) && "Statement" in found;
  return whole ? "" : words.t("document.noStatement");
}

interface Props {
  text: string;
  /** How to keep another text; without it the document is only read. */
  save?: (text: string) => Promise<void>;
  editing?: boolean;
  /** A policy type in AWS's words. */
  type?: string;
  onCancel?: () => void;
}

export function Document({ text, save, editing: begin = false, type, onCancel }: Props) {
  const words = useWords();
  const { t } = words;
  const [editing, setEditing] = useState(begin);
  const [draft, setDraft] = useState(text);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(undefined);
  if (!editing) {
    return (
      <SpaceBetween size="s">
        <SpaceBetween direction="horizontal" size="xs">
          {save && (
            <Button
              iconName="edit"
              onClick={() => {
                setDraft(text);
                setEditing(true);
              }}
            >
              {t("edit")}
            </Button>
          )}
          <CopyToClipboard
            variant="button"
            copyButtonText={t("copy")}
            copySuccessText={t("copied")}
            copyErrorText={t("notCopied")}
            textToCopy={text}
          />
        </SpaceBetween>
        <Code text={text} />
      </SpaceBetween>
    );
  }
  const fault = wrong(draft, words);
  const keep = async () => {
    if (!save) return;
    setBusy(true);
    setError(undefined);
    try {
      await save(draft);
      setEditing(false);
    } catch (failed) {
      setError(failed);
    }
    setBusy(false);
  };
  return (
    <SpaceBetween size="s">
      <Trouble error={error} />
      <Editor value={draft} onChange={setDraft} type={type} />
      <SpaceBetween direction="horizontal" size="xs">
        <Button variant="primary" loading={busy} disabled={fault !== ""} onClick={() => void keep()}>
          {t("save")}
        </Button>
        <Button onClick={() => setDraft(pretty(draft))} disabled={fault !== ""}>
          {t("format")}
        </Button>
        <Button
          variant="link"
          onClick={() => {
            setEditing(false);
            onCancel?.();
          }}
        >
          {t("cancel")}
        </Button>
      </SpaceBetween>
    </SpaceBetween>
  );
}

type Side = "same" | "added" | "removed";

/** The lines of two texts by their longest common subsequence. */
export function compared(before: string, after: string): { side: Side; line: string }[] {
  const a = before.split("\n");
  const b = after.split("\n");
  const longest = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  const at = (i: number, j: number) => longest[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const row = longest[i];
      if (row) row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const found: { side: Side; line: string }[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      found.push({ side: "same", line: a[i] ?? "" });
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1))) {
      found.push({ side: "removed", line: a[i++] ?? "" });
    } else {
      found.push({ side: "added", line: b[j++] ?? "" });
    }
  }
  return found;
}

export function Difference({ before, after }: { before: string; after: string }) {
  const { t } = useWords();
  const lines = compared(before, after);
  const sign: Record<Side, string> = { same: " ", added: "+", removed: "-" };
  if (lines.every(({ side }) => side === "same")) return <Box>{t("same")}</Box>;
  return (
    <pre className="code" translate="no" tabIndex={0} aria-label={t("difference")}>
      {lines.map(({ side, line }, at) => (
        <span key={at} className={`line ${side}`}>
          {`${sign[side]} ${line}`}
        </span>
      ))}
    </pre>
  );
}
