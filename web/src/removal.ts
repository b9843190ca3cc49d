// What depends on a user, group or role, and its deletion with all that belongs to it alone.
import { all, call } from "./api";
import { attached, groupsOf, inline, keysOf, named, WORD } from "./entities";
import type { Words } from "./i18n";
import type { Entity, Kind } from "./types";
import { type Profile, running } from "./workloads";

export interface Device {
  SerialNumber: string;
  EnableDate: string;
}

interface Belongings {
  managed: { PolicyName: string; PolicyArn: string }[];
  inline: string[];
  groups: string[];
  members: string[];
  keys: string[];
  devices: Device[];
  password: boolean;
  profiles: string[];
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

const membersOf = (group: string) => all<Entity>("GetGroup", "Users", { GroupName: group });
const profilesOf = (role: string) => all<Profile>("ListInstanceProfilesForRole", "InstanceProfiles", { RoleName: role });
const names = (found: Entity[], key: "UserName" | "GroupName") => found.map((one) => one[key] ?? "");

async function belongings(kind: Kind, name: string): Promise<Belongings> {
  const [managed, written] = await Promise.all([attached(kind, name), inline(kind, name)]);
  const found: Belongings = { managed, inline: written, groups: [], members: [], keys: [], devices: [], password: false, profiles: [] };
  if (kind === "group") found.members = names(await membersOf(name), "UserName");
  if (kind === "role") found.profiles = (await profilesOf(name)).map((one) => one.InstanceProfileName);
  if (kind === "user") {
    found.groups = names(await groupsOf(name), "GroupName");
    found.keys = (await keysOf(name)).map((one) => one.AccessKeyId);
    found.devices = await devicesOf(name);
    found.password = (await passwordOf(name)) !== undefined;
  }
  return found;
}

/** In words: what is detached, taken out or deleted with it, and what runs with the role. */
export async function dependants(kind: Kind, name: string, t: Words["t"]): Promise<string[]> {
  const found = await belongings(kind, name);
  const live = kind === "role" ? (await running().catch(() => ({ Workloads: [] }))).Workloads.filter((one) => one.Role?.Name === name) : [];
  return [
    ...live.map((one) => t("needed.running", { name: one.Name || one.Id })),
    ...found.profiles.map((one) => t("needed.profile", { name: one })),
    ...found.members.map((one) => t("needed.member", { name: one })),
    ...found.groups.map((one) => t("needed.group", { name: one })),
    ...found.managed.map((one) => t("needed.attached", { name: one.PolicyName })),
    ...found.inline.map((one) => t("needed.inline", { name: one })),
    ...found.keys.map((one) => t("needed.key", { name: one })),
    ...found.devices.map((one) => t("needed.device", { name: one.SerialNumber })),
    ...(found.password ? [t("needed.password")] : []),
  ];
}

export async function removeDevice(user: string, serial: string): Promise<void> {
  await call("iam", "DeactivateMFADevice", { UserName: user, SerialNumber: serial });
  if (serial.includes(":mfa/")) await call("iam", "DeleteVirtualMFADevice", { SerialNumber: serial });
}

/** In the order that IAM wants, each step as whoever is signed in may. */
export async function removeWhole(kind: Kind, name: string): Promise<void> {
  const found = await belongings(kind, name);
  const self = named(kind, name);
  for (const InstanceProfileName of found.profiles) await call("iam", "RemoveRoleFromInstanceProfile", { InstanceProfileName, RoleName: name });
  for (const UserName of found.members) await call("iam", "RemoveUserFromGroup", { GroupName: name, UserName });
  for (const GroupName of found.groups) await call("iam", "RemoveUserFromGroup", { GroupName, UserName: name });
  for (const { PolicyArn } of found.managed) await call("iam", `Detach${WORD[kind]}Policy`, { ...self, PolicyArn });
  for (const PolicyName of found.inline) await call("iam", `Delete${WORD[kind]}Policy`, { ...self, PolicyName });
  for (const AccessKeyId of found.keys) await call("iam", "DeleteAccessKey", { UserName: name, AccessKeyId });
  for (const { SerialNumber } of found.devices) await removeDevice(name, SerialNumber);
  if (found.password) await call("iam", "DeleteLoginProfile", { UserName: name });
  await call("iam", `Delete${WORD[kind]}`, self);
}
