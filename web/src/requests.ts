// What Activity asks for: recorded requests, why one was decided so, and what would be decided if.
import { managedText } from "./advisor";
import { call } from "./api";
import { inlineText, named, pretty, WORD } from "./entities";
import type { Entity, Kind } from "./types";

export interface Recorded {
  RequestId: string;
  Time: string;
  PrincipalArn: string;
  EntityArn?: string;
  Service: string;
  Operation: string;
  Region: string;
  Allowed: boolean;
  Denied: boolean;
  Observed: boolean;
  Error?: string;
  Message?: string;
  Asked: { Action: string; Resource: string }[];
  SourceIp: string;
  UserAgent: string;
  Console: boolean;
  Via?: string;
}

export interface Statement {
  PolicyType: string;
  PolicyArn?: string;
  PolicyName?: string;
  Owner?: string;
  Index: number;
  Sid?: string;
  Effect: "Allow" | "Deny";
  Line: number;
  Text: string;
  Deciding: boolean;
}

export interface ContextKey {
  Key: string;
  Values: string[];
}

export interface Evaluation {
  Action: string;
  Resource: string;
  Allowed: boolean;
  Explicit: boolean;
  PolicyType?: string;
  Verdicts?: { PolicyType: string; Verdict: string }[];
  Statements?: Statement[];
  MissingKeys?: string[];
  Context?: ContextKey[];
}

export interface Change {
  Kind: "AddStatement" | "ChangeDeny" | "MeetCondition";
  PolicyType: string;
  PolicyArn?: string;
  PolicyName?: string;
  Owner?: string;
  Index?: number;
  Statement: string;
  Description: string;
  Conditions: { Operator: string; Key: string; Wanted: string[]; Given: string[] }[];
  PastConditions: boolean;
}

export interface Explanation {
  RequestId: string;
  Time: string;
  Basis: "recorded" | "current";
  Region: string;
  Operation?: string;
  PrincipalArn: string;
  Allowed: boolean;
  Evaluations: Evaluation[];
  Changes: Change[];
  Notes: string[];
}

export interface Page {
  Requests: Recorded[];
  NextToken?: string;
  /** What consoles read was left out: so many, and of them so many newer than the first of these. */
  Hidden?: number;
  HiddenSince?: number;
}

export const recorded = (asked: object) => call<Page>("kansatsu", "ListRequests", { MaxResults: 100, ...asked });

export const explained = (id: string) => call<Explanation>("kansatsu", "ExplainRequest", { RequestId: id });

export const simulated = (asked: { Principal: string; Action: string; Resource: string; Context: ContextKey[] }) =>
  call<{ Evaluation: Evaluation; Undecided: boolean }>("kansatsu", "SimulateAccess", asked);

/** One request may be on record more than once: each thing that was denied of it. */
export const idOf = (one: Recorded) => `${one.RequestId} ${one.Operation} ${one.Asked[0]?.Resource ?? ""}`;

const OWNER = /^arn:[^:]*:iam::\d*:(user|role|group)\/(?:.*\/)?([^/]+)$/;

/** The user, role or group of an ARN of IAM. */
export function ownerOf(arn = ""): { kind: Kind; name: string } | undefined {
  const [, kind, name] = OWNER.exec(arn) ?? [];
  return kind && name ? { kind: kind as Kind, name } : undefined;
}

/** The text of the policy as it is now, asked as who is signed in; undefined of those that IAM does not keep. */
async function textOf(of: Statement): Promise<string | undefined> {
  const owner = ownerOf(of.Owner);
  if (of.PolicyArn?.includes(":organizations:")) {
    const { Policy } = await call<{ Policy: { Content: string } }>("organizations", "DescribePolicy", {
      PolicyId: of.PolicyArn.split("/").pop(),
    });
    return Policy.Content;
  }
  if (of.PolicyArn?.includes(":iam:")) return managedText(of.PolicyArn);
  if (owner?.kind === "role" && of.PolicyType === "role trust policy") {
    const { Role } = await call<{ Role: Entity }>("iam", "GetRole", named("role", owner.name));
    return decodeURIComponent(Role.AssumeRolePolicyDocument ?? "");
  }
  return owner && of.PolicyName ? inlineText(owner.kind, owner.name, of.PolicyName) : undefined;
}

export interface Marked {
  text: string;
  lines: Set<number>;
}

const lineAt = (text: string, index: number) => text.slice(0, index).split("\n").length;

/** The lines, from 1, of a part of a text. */
function marked(text: string, part: string, from = 0): Marked | undefined {
  const at = text.indexOf(part, from);
  if (at < 0) return undefined;
  const first = lineAt(text, at);
  return { text, lines: new Set(part.split("\n").map((_, n) => first + n)) };
}

/** A document of one line, written out, with one of its statements marked. */
function spread(text: string, index: number, wanted: string): Marked | undefined {
  const document = JSON.parse(text) as { Statement: unknown };
  const statements = [document.Statement].flat();
  if (JSON.stringify(statements[index]) !== JSON.stringify(JSON.parse(wanted))) return undefined;
  const indent = Array.isArray(document.Statement) ? "    " : "  ";
  const whole = JSON.stringify(document, null, 2);
  const written = statements.map((one) => JSON.stringify(one, null, 2).split("\n").join(`\n${indent}`));
  let from = whole.indexOf('"Statement"');
  for (const one of written.slice(0, index)) from = whole.indexOf(one, from) + one.length;
  return marked(whole, written[index] ?? "", from);
}

/** The statement in its document; undefined where the document is another now, or cannot be had. */
export async function inDocument(of: Statement): Promise<Marked | undefined> {
  const text = await textOf(of);
  if (text === undefined) return undefined;
  return text.trim().includes("\n") ? marked(text, of.Text) : spread(text, of.Index, of.Text);
}

/** What the proposed statements make as a policy of its own for the principal; undefined where that is not the way. */
export function asPolicy(changes: Change[]): { kind: Kind; name: string; policy: string; text: string } | undefined {
  const adding = changes.filter((one) => one.Kind === "AddStatement" && one.PolicyType === "identity-based policy");
  const owner = ownerOf(adding[0]?.Owner);
  if (!owner || adding.length !== changes.length || changes.some((one) => one.PastConditions || one.Owner !== adding[0]?.Owner)) return undefined;
  const statements = adding.map((one) => JSON.parse(one.Statement) as unknown);
  const text = pretty(JSON.stringify({ Version: "2012-10-17", Statement: statements }));
  return { ...owner, policy: adding[0]?.PolicyName || `Allow${WORD[owner.kind]}`, text };
}
