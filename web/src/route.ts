// Where we are, in the part of the address that never leaves the browser: #/users/ana/advisor.
import { useSyncExternalStore } from "react";

function subscribe(act: () => void): () => void {
  addEventListener("hashchange", act);
  return () => removeEventListener("hashchange", act);
}

export function useRoute(): string[] {
  const hash = useSyncExternalStore(subscribe, () => location.hash);
  return hash.replace(/^#\/?/, "").split("/").filter(Boolean).map(decodeURIComponent);
}

export function to(...parts: string[]): string {
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

export function go(...parts: string[]): void {
  location.hash = to(...parts);
}

/** The page of an ARN of IAM; undefined where we have none. */
export function pageOf(arn: string): string | undefined {
  const [, , service, , , resource = ""] = arn.split(/:(?=(?:[^:]*:)*)/);
  const rest = arn.split(":").slice(5).join(":") || resource;
  const kind = rest.split("/")[0];
  const name = rest.split("/").pop() ?? "";
  if (service !== "iam") return undefined;
  if (kind === "policy") return to("policies", arn);
  const lists: Record<string, string> = { user: "users", group: "groups", role: "roles" };
  return kind && lists[kind] ? to(lists[kind], name) : undefined;
}
