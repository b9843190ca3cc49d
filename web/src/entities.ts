// Users, groups and roles are one kind of thing with three names for every operation.
import { all, call } from "./api";
import type { AccessKey, Attached, Entity, Kind, Policy } from "./types";
import { writtenInJson } from "./unseen";

export const WORD: Record<Kind, "User" | "Group" | "Role"> = { user: "User", group: "Group", role: "Role" };
export const LIST: Record<Kind, "users" | "groups" | "roles"> = { user: "users", group: "groups", role: "roles" };

export function nameOf(kind: Kind, entity: Entity): string {
  return entity[`${WORD[kind]}Name`] ?? "";
}

/** `{ UserName: name }` and the like. */
export function named(kind: Kind, name: string): Record<string, string> {
  return { [`${WORD[kind]}Name`]: name };
}

export const list = (kind: Kind, part?: (found: Entity[]) => void) => all<Entity>(`List${WORD[kind]}s`, `${WORD[kind]}s`, {}, part);

export async function get(kind: Kind, name: string): Promise<Entity> {
  const found = await call<Record<string, Entity>>("iam", `Get${WORD[kind]}`, named(kind, name));
  return found[WORD[kind]] as Entity;
}

export const attached = (kind: Kind, name: string) =>
  all<Attached>(`ListAttached${WORD[kind]}Policies`, "AttachedPolicies", named(kind, name));

export const inline = (kind: Kind, name: string) => all<string>(`List${WORD[kind]}Policies`, "PolicyNames", named(kind, name));

/** An inline policy's document as it was written. */
export async function inlineText(kind: Kind, name: string, policy: string): Promise<string> {
  const found = await call<{ PolicyDocument: string }>("iam", `Get${WORD[kind]}Policy`, {
    ...named(kind, name),
    PolicyName: policy,
  });
  return decodeURIComponent(found.PolicyDocument);
}

export const inlineDocument = async (kind: Kind, name: string, policy: string) => pretty(await inlineText(kind, name, policy));

export const groupsOf = (user: string) => all<Entity>("ListGroupsForUser", "Groups", { UserName: user });
/** A policy of somebody: a managed one has an ARN, one that comes through a group the group's name. */
export interface Held {
  name: string;
  arn?: string;
  group?: string;
}

async function own(kind: Kind, name: string, group?: string): Promise<Held[]> {
  const [managed, written] = await Promise.all([attached(kind, name), inline(kind, name)]);
  return [
    ...managed.map((one) => ({ name: one.PolicyName, arn: one.PolicyArn, group })),
    ...written.map((one) => ({ name: one, group })),
  ];
}

/** All policies of a user, group or role, of a user those of its groups too. */
export async function held(kind: Kind, name: string): Promise<Held[]> {
  if (kind !== "user") return own(kind, name);
  const groups = (await groupsOf(name)).map((one) => one.GroupName ?? "");
  const found = await Promise.all([own("user", name), ...groups.map((group) => own("group", group, group))]);
  return found.flat();
}

export const keysOf = (user: string) => all<AccessKey>("ListAccessKeys", "AccessKeyMetadata", { UserName: user });
export const policies = (scope: string, part?: (found: Policy[]) => void) => all<Policy>("ListPolicies", "Policies", { Scope: scope }, part);

/** Policies by name, the account's own before AWS's. */
export const ownFirst = (found: readonly Policy[]) =>
  [...found].sort((a, b) => Number(isAws(a.Arn)) - Number(isAws(b.Arn)) || a.PolicyName.localeCompare(b.PolicyName));

/** JSON two blanks deep with nothing unseen in it, as it is where it is no JSON. */
export function pretty(text: string): string {
  try {
    return writtenInJson(JSON.stringify(JSON.parse(text), null, 2));
  } catch {
    return text;
  }
}

export const isAws = (arn: string) => arn.startsWith("arn:aws:iam::aws:");

/** What a new policy begins with. */
export const START = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": "s3:GetObject",
      "Resource": "arn:aws:s3:::bucket/*"
    }
  ]
}`;
