// The language of the page: two catalogues that hold the same texts, loaded when they are chosen.
import { I18nProvider, type I18nProviderProps } from "@cloudscape-design/components/i18n";
import { createContext, Fragment, type ReactElement, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import { Broken } from "./parts/broken";
import { type Phrases, type Said, saying } from "./said";
import type en from "./strings/en";

export type Key = keyof typeof en;
type Texts = Record<Key, string>;
export type Language = "en" | "ja";

const LANGUAGE = "kansatsu-console-language";

interface Catalogue {
  language: Language;
  texts: Texts;
  messages: I18nProviderProps.Messages;
  phrases: Phrases;
}

async function load(language: Language): Promise<Catalogue> {
  if (language === "ja") {
    const [texts, messages, phrases] = await Promise.all([
      import("./strings/ja"),
      import("@cloudscape-design/components/i18n/messages/all.ja"),
      import("./strings/server-ja.json"),
    ]);
    return { language, texts: texts.default, messages: messages.default, phrases: phrases.default };
  }
  const [texts, messages] = await Promise.all([
    import("./strings/en"),
    import("@cloudscape-design/components/i18n/messages/all.en"),
  ]);
  // The server's sentences are English already.
  return { language, texts: texts.default, messages: messages.default, phrases: {} };
}

function chosen(): Language {
  const kept = localStorage.getItem(LANGUAGE);
  if (kept === "en" || kept === "ja") return kept;
  return navigator.language.startsWith("ja") ? "ja" : "en";
}

export interface Words {
  language: Language;
  setLanguage: (language: Language) => void;
  t: (key: Key, values?: Record<string, string | number>) => string;
  /** The same to be shown, where names, ids and the like are marked as no words of the language. */
  say: (key: Key, values: Record<string, string | number | ReactElement>) => ReactNode;
  /** A moment in the reader's own form and time zone, to the minute or the second; nothing of none. */
  when: (text: string | undefined, seconds?: boolean) => ReactElement;
  /** A sentence of the server in this language. */
  said: Said;
  /** How long ago it was. */
  ago: (text: string) => string;
}

const FORMS = /\{(\w+):([^|{}]*)\|([^{}]*)\}/g;

/** The text with the form of its words that goes with each number: {n:request|requests}. */
const formed = (text: string, values: Record<string, unknown>) =>
  text.replace(FORMS, (_, name: string, one: string, many: string) => (Number(values[name]) === 1 ? one : many));

const Context = createContext<Words | null>(null);

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

/** A line ends between the date and the time, and in neither of them. */
function Time({ at, form }: { at: string | undefined; form: Intl.DateTimeFormat }) {
  if (!at) return null;
  const parts = form.formatToParts(new Date(at));
  const hour = parts.findIndex(({ type }) => type === "hour");
  const text = (from: number, to?: number) => parts.slice(from, to).map(({ value }) => value).join("");
  return (
    <time dateTime={at}>
      <span className="whole">{text(0, hour - 1)}</span>
      {text(hour - 1, hour)}
      <span className="whole">{text(hour)}</span>
    </time>
  );
}

function words({ language, texts, phrases }: Catalogue, setLanguage: (language: Language) => void): Words {
  const date = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  const precise = new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "medium" });
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  return {
    language,
    setLanguage,
    t: (key, values = {}) => formed(texts[key], values).replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? "")),
    say: (key, values) =>
      formed(texts[key], values).split(/\{(\w+)\}/).map((part, at) => {
        const value = at % 2 ? values[part] : part;
        return <Fragment key={at}>{at % 2 && typeof value === "string" ? <Broken of={value} /> : value}</Fragment>;
      }),
    said: language === "en" ? (text) => [text] : saying(phrases),
    when: (text, seconds) => <Time at={text} form={seconds ? precise : date} />,
    ago: (text) => {
      const seconds = (new Date(text).getTime() - Date.now()) / 1000;
      const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
      return relative.format(Math.round(seconds / size), unit);
    },
  };
}

export function Language({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState(chosen);
  const [catalogue, setCatalogue] = useState<Catalogue | null>(null);
  useEffect(() => {
    let current = true;
    load(language).then(
      (loaded) => {
        if (!current) return;
        document.documentElement.lang = language;
        setCatalogue(loaded);
      },
      () => document.getElementById("failed")?.removeAttribute("hidden"),
    );
    return () => {
      current = false;
    };
  }, [language]);
  const made = useMemo(
    () =>
      catalogue &&
      words(catalogue, (wanted) => {
        localStorage.setItem(LANGUAGE, wanted);
        setLanguage(wanted);
      }),
    [catalogue],
  );
  if (!made || !catalogue) return null;
  return (
    <I18nProvider locale={catalogue.language} messages={[catalogue.messages]}>
      <Context.Provider value={made}>{children}</Context.Provider>
    </I18nProvider>
  );
}

export function useWords(): Words {
  const found = useContext(Context);
  if (!found) throw new Error("outside of Language");
  return found;
}
