// What a deletion takes along, by name and before anybody says yes: what AWS's DeleteConflict would name, and what stays.
import type { ReactNode } from "react";
import { all, call, Failure } from "./api";
import { attached, groupsOf, inline, keysOf, named, WORD } from "./entities";
import type { Key, Words } from "./i18n";
import type { AccessKey, Entity, Kind, PolicyVersion } from "./types";
import { definitionsWith, type Profile, running, type Workload } from "./workloads";

/** Something that holds on to what is to be deleted, or needs it. */
export interface Tie {
  /** What it is known by when it is looked for again. */
  id: string;
  text: string;
  shown: ReactNode;
  /** How it goes; what has no such way stays. */
  take?: () => Promise<unknown>;
  /** It must give it up first, and that is not for this deletion to do. */
  keeps?: boolean;
}

export interface Removal {
  ties: () => Promise<Tie[]>;
  /** The deletion itself, once nothing holds on to it. */
  end: () => Promise<unknown>;
}

/** INVARIANT: nothing is taken but what `told` named: what came in between stops it before anything went. */
export async function carryOut({ ties, end }: Removal, told: Tie[]): Promise<void> {
  const known = new Set(told.map((one) => one.id));
  const found = await ties();
  const fresh = found.filter((one) => !known.has(one.id));
  if (fresh.length) throw new Failure("Changed", fresh.map((one) => one.text).join(", "), {});
  for (const one of found) await one.take?.();
  await end();
}

export interface Device {
  SerialNumber: string;
  EnableDate: string;
}

export const devicesOf = (user: string) => all<Device>("ListMFADevices", "MFADevices", { UserName: user });

/** When the password was made; undefined without one. */
export async function passwordOf(user: string): Promise<{ CreateDate: string; PasswordResetRequired?: boolean } | undefined> {
  try {
    const found = await call<{ LoginProfile: { CreateDate: string; PasswordResetRequired?: boolean } }>("iam", "GetLoginProfile", { UserName: user });
    return found.LoginProfile;
  } catch (error) {
    if ((error as { code?: string }).code === "NoSuchEntity") return undefined;
    throw error;
  }
}

export async function removeDevice(user: string, serial: string): Promise<void> {
  await call("iam", "DeactivateMFADevice", { UserName: user, SerialNumber: serial });
  if (serial.includes(":mfa/")) await call("iam", "DeleteVirtualMFADevice", { SerialNumber: serial });
}

type Speech = Pick<Words, "t" | "say">;

/** Ties of one kind: `of` says what one is called. */
const each = <X>(found: X[], words: Speech, key: Key, of: (one: X) => string, take?: (one: X) => Promise<unknown>): Tie[] =>
  found.map((one) => ({ id: `${key} ${of(one)}`, ...told(words, key, of(one)), take: take && (() => take(one)) }));

const told = ({ t, say }: Speech, key: Key, name: string) => ({ text: t(key, { name }), shown: say(key, { name }) });

async function ofPolicies(kind: Kind, name: string, words: Speech): Promise<Tie[]> {
  const [managed, written] = await Promise.all([attached(kind, name), inline(kind, name)]);
  const self = named(kind, name);
  return [
    ...managed.map(({ PolicyName, PolicyArn }) => ({
      id: PolicyArn,
      ...told(words, "needed.attached", PolicyName),
      take: () => call("iam", `Detach${WORD[kind]}Policy`, { ...self, PolicyArn }),
    })),
    ...each(written, words, "needed.inline", String, (PolicyName) => call("iam", `Delete${WORD[kind]}Policy`, { ...self, PolicyName })),
  ];
}

interface Credential {
  SSHPublicKeyId?: string;
  CertificateId?: string;
  ServiceSpecificCredentialId?: string;
}
// The credentials of a user that are listed and deleted alike: list, member, id, deletion, words.
const CREDENTIALS: [string, string, keyof Credential, string, Key][] = [
  ["ListSSHPublicKeys", "SSHPublicKeys", "SSHPublicKeyId", "DeleteSSHPublicKey", "needed.ssh"],
  ["ListSigningCertificates", "Certificates", "CertificateId", "DeleteSigningCertificate", "needed.certificate"],
  ["ListServiceSpecificCredentials", "ServiceSpecificCredentials", "ServiceSpecificCredentialId", "DeleteServiceSpecificCredential", "needed.service"],
];

async function ofUser(UserName: string, words: Speech): Promise<Tie[]> {
  const [groups, keys, devices, password, ...credentials] = await Promise.all([
    groupsOf(UserName),
    keysOf(UserName),
    devicesOf(UserName),
    passwordOf(UserName),
    ...CREDENTIALS.map(([list, member]) => all<Credential>(list, member, { UserName })),
  ]);
  // What the user signs with goes first: without a policy that denies, nobody is to be left who may more than before.
  return [
    ...each(keys, words, "needed.key", (one: AccessKey) => one.AccessKeyId, ({ AccessKeyId }) => call("iam", "DeleteAccessKey", { UserName, AccessKeyId })),
    ...(password ? [{ id: "password", text: words.t("needed.password"), shown: words.t("needed.password"), take: () => call("iam", "DeleteLoginProfile", { UserName }) }] : []),
    ...CREDENTIALS.flatMap(([, , id, deletion, key], at) =>
      each(credentials[at] ?? [], words, key, (one) => one[id] ?? "", (one) => call("iam", deletion, { UserName, [id]: one[id] })),
    ),
    ...each(devices, words, "needed.device", (one) => one.SerialNumber, (one) => removeDevice(UserName, one.SerialNumber)),
    ...each(groups.map((one) => one.GroupName ?? ""), words, "needed.group", String, (GroupName) => call("iam", "RemoveUserFromGroup", { GroupName, UserName })),
  ];
}

async function ofGroup(GroupName: string, words: Speech): Promise<Tie[]> {
  const members = await all<Entity>("GetGroup", "Users", { GroupName });
  return each(members.map((one) => one.UserName ?? ""), words, "needed.member", String, (UserName) => call("iam", "RemoveUserFromGroup", { GroupName, UserName }));
}

/** What runs now, of a kind. That it cannot be told is said, too: who may delete need not be allowed to see it. */
async function live(of: (one: Workload) => boolean, words: Speech): Promise<Tie[]> {
  try {
    const found = (await running()).Workloads.filter((one) => of(one) && one.State !== "STOPPED");
    return each([...new Set(found.map((one) => one.Name || one.Id))], words, "needed.running", String);
  } catch (error) {
    return each([(error as Failure).code], words, "needed.unknown", String);
  }
}

async function ofRole(RoleName: string, words: Speech): Promise<Tie[]> {
  const [profiles, runs, definitions] = await Promise.all([
    all<Profile>("ListInstanceProfilesForRole", "InstanceProfiles", { RoleName }),
    live((one) => one.Role?.Name === RoleName, words),
    definitionsWith(RoleName).then(
      (found) => each(found, words, "needed.definition", String),
      (error: Failure) => each([error.code], words, "needed.unknownDefinitions", String),
    ),
  ]);
  return [
    ...runs,
    ...definitions,
    ...each(profiles.map((one) => one.InstanceProfileName), words, "needed.profile", String, (InstanceProfileName) => call("iam", "RemoveRoleFromInstanceProfile", { InstanceProfileName, RoleName })),
  ];
}

const OWN = { user: ofUser, group: ofGroup, role: ofRole };

export function removalOf(kind: Kind, name: string, words: Speech): Removal {
  return {
    ties: async () => (await Promise.all([OWN[kind](name, words), ofPolicies(kind, name, words)])).flat(),
    end: () => call("iam", `Delete${WORD[kind]}`, named(kind, name)),
  };
}

/** The instances that run with a profile. */
export const runsWith = async (profile: string) => (await running()).Workloads.filter((one) => one.InstanceProfile?.Name === profile);

export function removalOfProfile({ InstanceProfileName, Roles }: Profile, words: Speech): Removal {
  return {
    ties: async () => [
      ...(await live((one) => one.InstanceProfile?.Name === InstanceProfileName, words)),
      ...each(Roles.map((one) => one.RoleName ?? ""), words, "needed.role", String, (RoleName) => call("iam", "RemoveRoleFromInstanceProfile", { InstanceProfileName, RoleName })),
    ],
    end: () => call("iam", "DeleteInstanceProfile", { InstanceProfileName }),
  };
}

/** Whom a managed policy is attached to, or limits as a boundary. */
export interface Holder {
  kind: Kind;
  name: string;
  bound: boolean;
}

export async function holders(PolicyArn: string): Promise<Holder[]> {
  const asked = [false, true].flatMap((bound) => (["user", "group", "role"] as const).map((kind) => ({ kind, bound })));
  const found = await Promise.all(
    asked.map(async ({ kind, bound }) => {
      const PolicyUsageFilter = bound ? "PermissionsBoundary" : "PermissionsPolicy";
      const listed = await all<Record<string, string>>("ListEntitiesForPolicy", `Policy${WORD[kind]}s`, { PolicyArn, EntityFilter: WORD[kind], PolicyUsageFilter });
      return listed.map((one) => ({ kind, bound, name: one[`${WORD[kind]}Name`] ?? "" }));
    }),
  );
  return found.flat();
}

export function removalOfPolicy(PolicyArn: string, words: Speech): Removal {
  const holding = ({ kind, name, bound }: Holder): Tie => {
    const tie = { id: `${bound} ${kind} ${name}`, ...told(words, bound ? `bound.${kind}` : `holder.${kind}`, name) };
    // Without its boundary somebody may more than before: that is decided where he is.
    if (bound) return { ...tie, keeps: true };
    return { ...tie, take: () => call("iam", `Detach${WORD[kind]}Policy`, { ...named(kind, name), PolicyArn }) };
  };
  return {
    ties: async () => {
      const [held, versions] = await Promise.all([holders(PolicyArn), all<PolicyVersion>("ListPolicyVersions", "Versions", { PolicyArn })]);
      const older = versions.filter((one) => !one.IsDefaultVersion).map((one) => one.VersionId);
      return [...held.map(holding), ...each(older, words, "needed.version", String, (VersionId) => call("iam", "DeletePolicyVersion", { PolicyArn, VersionId }))];
    },
    end: () => call("iam", "DeletePolicy", { PolicyArn }),
  };
}
