// Where we are, in the part of the address that never leaves the browser: #/users/ana/advisor.
import { useSyncExternalStore } from "react";

function subscribe(act: () => void): () => void {
  addEventListener("hashchange", act);
  return () => removeEventListener("hashchange", act);
}

export function useRoute(): string[] {
  const hash = useSyncExternalStore(subscribe, () => location.hash);
  return hash.replace(/^#\/?/, "").split("/").filter(Boolean).map(decoded);
}

/** A part of an address; one that somebody mistyped stays as it is. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The page without its tab: what a notice belongs to. */
export const pageAt = () => location.hash.split("/").slice(0, 3).join("/");

export const usePage = () => useSyncExternalStore(subscribe, pageAt);

export function to(...parts: string[]): string {
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

export function go(...parts: string[]): void {
  location.hash = to(...parts);
}

const PAGES: Record<string, string> = { user: "users", group: "groups", role: "roles", "instance-profile": "profiles" };

/** The page of an ARN of IAM, or of the role of a session; undefined where we have none. */
export function pageOf(arn: string): string | undefined {
  const [, , service, , , ...more] = arn.split(":");
  const [kind = "", ...path] = more.join(":").split("/");
  if (service === "sts" && kind === "assumed-role") return to("roles", path[0] ?? "");
  if (service !== "iam") return undefined;
  if (kind === "policy") return to("policies", arn);
  const list = PAGES[kind];
  return list ? to(list, path.pop() ?? "") : undefined;
}
