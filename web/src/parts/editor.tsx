// A policy being written: its words are completed, and what is wrong with it is said as it is typed.
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import Textarea from "@cloudscape-design/components/textarea";
import { useEffect, useRef, useState } from "react";
import { completions, type Finding, findings, type Place, placeOf } from "../editing";
import { useWords } from "../i18n";
import { Broken } from "./broken";
import { wrong } from "./document";
import { Said } from "./said";

const PAUSE = 400; // milliseconds after the last key
const LOOKS: Record<Finding["Severity"], StatusIndicatorProps.Type> = { error: "error", warning: "warning", note: "info" };
const FEW = 8;

interface Props {
  value: string;
  onChange: (text: string) => void;
  /** A policy type in AWS's words. */
  type?: string;
  rows?: number;
}

function Findings({ found }: { found: Finding[] | undefined }) {
  const { t } = useWords();
  const [all, setAll] = useState(false);
  if (!found) return null;
  if (!found.length) return <StatusIndicator>{t("lint.nothing")}</StatusIndicator>;
  return (
    <>
    <ul className="findings" aria-label={t("lint")}>
      {(all ? found : found.slice(0, FEW)).map((one) => (
        <li key={`${one.Rule} ${one.Line} ${one.Column} ${one.Message}`}>
          <StatusIndicator type={LOOKS[one.Severity]}>{t("lint.line", { line: one.Line, column: one.Column })}</StatusIndicator>{" "}
          <Said text={one.Message} />{" "}
          <Link href={one.Url} external externalIconAriaLabel={t("lint.more")}>
            <Broken of={one.Rule} />
          </Link>
        </li>
      ))}
    </ul>
    {found.length > FEW && (
      <Button variant="inline-link" ariaExpanded={all} onClick={() => setAll(!all)}>
        {all ? t("lint.few") : t("lint.all", { n: found.length - FEW })}
      </Button>
    )}
    </>
  );
}

export function Editor({ value, onChange, type = "identity-based policy", rows }: Props) {
  const words = useWords();
  const { t } = words;
  const box = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState<Place | undefined>(undefined);
  const [offered, setOffered] = useState<string[]>([]);
  const [found, setFound] = useState<Finding[] | undefined>(undefined);
  const fault = wrong(value, words);
  const area = () => box.current?.querySelector("textarea") ?? undefined;
  const look = () => setPlace(placeOf(area()?.value ?? "", area()?.selectionStart ?? 0));
  useEffect(() => {
    let current = true;
    setFound(undefined);
    if (!value.trim()) return undefined;
    // Who may not ask for it writes without: AWS's own checks remain.
    const timer = setTimeout(() => void findings(value, type).then((all) => current && setFound(all), () => undefined), PAUSE);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [value, type]);
  useEffect(() => {
    let current = true;
    if (!place?.part) setOffered([]);
    else void completions(place).then((all) => current && setOffered(all), () => current && setOffered([]));
    return () => {
      current = false;
    };
  }, [place?.part, place?.from, place?.keys]);
  const take = (word: string) => {
    const text = area();
    if (!place || !text) return;
    const end = place.from + place.part.length;
    const caret = place.from + word.length;
    const closed = /^[\w:/.-]*"/.test(value.slice(end)) || word.endsWith(":");
    onChange(`${value.slice(0, place.from)}${word}${closed ? "" : '"'}${value.slice(end)}`);
    setOffered([]);
    requestAnimationFrame(() => {
      text.focus();
      text.setSelectionRange(caret, caret);
      look();
    });
  };
  return (
    <SpaceBetween size="xs">
      <FormField label={t("document")} stretch errorText={fault || undefined} constraintText={t("document.size", { size: value.replace(/\s/g, "").length })}>
        <div className="editor" ref={box} onKeyUp={look} onClick={look}>
          <Textarea
            value={value}
            rows={rows ?? Math.min(28, Math.max(10, value.split("\n").length + 1))}
            spellcheck={false}
            onChange={({ detail }) => {
              onChange(detail.value);
              look();
            }}
            onKeyDown={(event) => {
              const { key, ctrlKey } = event.detail;
              const first = offered[0];
              if (first && ctrlKey && (key === " " || key === "Enter")) {
                event.preventDefault();
                take(first);
              }
            }}
          />
        </div>
      </FormField>
      {offered.length > 0 && (
        <div role="group" aria-label={t("complete")} className="offered">
          {offered.map((word) => (
            <Button key={word} variant="inline-link" onClick={() => take(word)}>
              <Broken of={word} />
            </Button>
          ))}
          <Box color="text-body-secondary" fontSize="body-s">
            {t("complete.hint")}
          </Box>
        </div>
      )}
      <div aria-live="polite">
        <Findings found={found} />
      </div>
    </SpaceBetween>
  );
}
