// The words of policies, loaded by service when they are first needed, and what is wrong with a text.
import { call } from "./api";

export interface Finding {
  Rule: string;
  Severity: "error" | "warning" | "note";
  Message: string;
  Url: string;
  Line: number;
  Column: number;
}

export const findings = async (text: string, type: string) =>
  (await call<{ Findings: Finding[] }>("kansatsu", "LintPolicy", { Document: text, PolicyType: type })).Findings;

interface Words {
  Services?: { Prefix: string; Name: string }[];
  Actions?: string[];
  ConditionKeys: string[];
}

const known = new Map<string, Promise<Words>>();

function words(service = ""): Promise<Words> {
  const found = known.get(service) ?? call<Words>("kansatsu", "GetPolicyVocabulary", service ? { Service: service } : {});
  known.set(service, found);
  found.catch(() => known.delete(service));
  return found;
}

export interface Place {
  /** What of the word is there, and where it begins in the text. */
  part: string;
  from: number;
  keys: boolean;
}

/** The word of a policy that is written at the caret; undefined where none can be. */
export function placeOf(text: string, caret: number): Place | undefined {
  const before = text.slice(0, caret);
  const part = /"([A-Za-z0-9:/_.-]*)$/.exec(before)?.[1];
  if (part === undefined) return undefined;
  const from = caret - part.length;
  // The element it stands in: the last name of one that is followed by a colon.
  const element = [...before.slice(0, from - 1).matchAll(/"(Sid|Effect|(?:Not)?Action|(?:Not)?Resource|(?:Not)?Principal|Condition|Version|Id)"\s*:/g)].pop();
  if (element?.[1]?.endsWith("Action")) return { part, from, keys: false };
  if (element?.[1] !== "Condition") return undefined;
  // In a condition the keys are on the second level: {"StringEquals": {"aws:...
  const within = before.slice(element.index + element[0].length, from - 1);
  const depth = [...within].reduce((n, c) => n + (c === "{" ? 1 : c === "}" ? -1 : 0), 0);
  return depth === 2 && /[{,]\s*$/.test(within) ? { part, from, keys: true } : undefined;
}

const MOST = 8;

/** What the word may become: services first, then their actions or keys. */
export async function completions({ part, keys }: Place): Promise<string[]> {
  const [prefix = "", rest] = part.split(/:(.*)/s);
  const wanted = part.toLowerCase();
  const all = await words();
  const services = (all.Services ?? []).map((one) => `${one.Prefix}:`);
  if (rest === undefined) {
    const found = services.filter((one) => one.startsWith(wanted));
    return (keys ? ["aws:", ...found] : found).filter((one) => one.startsWith(wanted)).slice(0, MOST);
  }
  const own = services.includes(`${prefix}:`) ? await words(prefix) : undefined;
  const found = keys ? [...all.ConditionKeys, ...(own?.ConditionKeys ?? [])] : (own?.Actions ?? []).map((one) => `${prefix}:${one}`);
  return [...new Set(found)].filter((one) => one.toLowerCase().startsWith(wanted) && one !== part).slice(0, MOST);
}
