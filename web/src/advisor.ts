// What Access Advisor asks AWS for: the report of last access, who and which policies are behind a service.
import { call } from "./api";
import { inlineText, pretty } from "./entities";
import type { EntityUse, Granting, Kind, PolicyVersion, ServiceUse } from "./types";

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

interface Details {
  JobStatus: "IN_PROGRESS" | "COMPLETED" | "FAILED";
  ServicesLastAccessed?: ServiceUse[];
  IsTruncated?: boolean;
  Marker?: string;
  Error?: { Message: string };
}

export interface Report {
  job: string;
  services: ServiceUse[];
}

export async function report(arn: string): Promise<Report> {
  const { JobId: job } = await call<{ JobId: string }>("iam", "GenerateServiceLastAccessedDetails", {
    Arn: arn,
    Granularity: "ACTION_LEVEL",
  });
  const services: ServiceUse[] = [];
  let marker: string | undefined;
  for (;;) {
    const page: Details = await call<Details>("iam", "GetServiceLastAccessedDetails", {
      JobId: job,
      MaxItems: 1000,
      ...(marker ? { Marker: marker } : {}),
    });
    if (page.JobStatus === "IN_PROGRESS") {
      await pause(300);
      continue;
    }
    if (page.JobStatus === "FAILED") throw new Error(page.Error?.Message ?? "FAILED");
    services.push(...(page.ServicesLastAccessed ?? []));
    if (!page.IsTruncated || !page.Marker) return { job, services };
    marker = page.Marker;
  }
}

export async function entitiesOf(job: string, namespace: string): Promise<EntityUse[]> {
  const found: EntityUse[] = [];
  let marker: string | undefined;
  do {
    const page: { EntityDetailsList: EntityUse[]; IsTruncated?: boolean; Marker?: string } = await call(
      "iam",
      "GetServiceLastAccessedDetailsWithEntities",
      { JobId: job, ServiceNamespace: namespace, MaxItems: 1000, ...(marker ? { Marker: marker } : {}) },
    );
    found.push(...page.EntityDetailsList);
    marker = page.IsTruncated ? page.Marker : undefined;
  } while (marker);
  return found;
}

const AT_ONCE = 200; // services of one call, AWS's bound

export async function granting(arn: string, namespaces: string[]): Promise<Map<string, Granting[]>> {
  const found = new Map<string, Granting[]>();
  for (let from = 0; from < namespaces.length; from += AT_ONCE) {
    let marker: string | undefined;
    do {
      const page: {
        PoliciesGrantingServiceAccess: { ServiceNamespace: string; Policies?: Granting[] }[];
        IsTruncated?: boolean;
        Marker?: string;
      } = await call("iam", "ListPoliciesGrantingServiceAccess", {
        Arn: arn,
        ServiceNamespaces: namespaces.slice(from, from + AT_ONCE),
        ...(marker ? { Marker: marker } : {}),
      });
      for (const { ServiceNamespace, Policies = [] } of page.PoliciesGrantingServiceAccess) {
        found.set(ServiceNamespace, [...(found.get(ServiceNamespace) ?? []), ...Policies]);
      }
      marker = page.IsTruncated ? page.Marker : undefined;
    } while (marker);
  }
  return found;
}

/** A managed policy's document as it was written. */
export async function managedText(arn: string, version?: string): Promise<string> {
  let wanted = version;
  if (!wanted) {
    const { Policy } = await call<{ Policy: { DefaultVersionId: string } }>("iam", "GetPolicy", { PolicyArn: arn });
    wanted = Policy.DefaultVersionId;
  }
  const { PolicyVersion: found } = await call<{ PolicyVersion: PolicyVersion }>("iam", "GetPolicyVersion", {
    PolicyArn: arn,
    VersionId: wanted,
  });
  return decodeURIComponent(found.Document ?? "");
}

export const managedDocument = async (arn: string, version?: string) => pretty(await managedText(arn, version));

export const saveManaged = (arn: string, text: string) =>
  call("iam", "CreatePolicyVersion", { PolicyArn: arn, PolicyDocument: text, SetAsDefault: true });

const HOLDERS: Record<string, Kind> = { USER: "user", ROLE: "role", GROUP: "group" };

export function holder(policy: Granting): Kind {
  return HOLDERS[policy.EntityType ?? ""] ?? "user";
}

export const documentOf = async (policy: Granting) =>
  pretty(
    policy.PolicyType === "MANAGED" && policy.PolicyArn
      ? await managedText(policy.PolicyArn)
      : await inlineText(holder(policy), policy.EntityName ?? "", policy.PolicyName),
  );
