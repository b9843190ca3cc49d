// What pages of instances and tasks share: state, role, and credentials with their age, expiry and last use.
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Link from "@cloudscape-design/components/link";
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import Table from "@cloudscape-design/components/table";
import { useWords } from "../i18n";
import { pageOf } from "../route";
import { Broken } from "./broken";
import { Said } from "./said";
import type { Credentials, Workload } from "../workloads";

// The states of EC2 and ECS, each with its look.
const LOOKS = {
  running: "success",
  active: "success",
  stopped: "stopped",
  terminated: "stopped",
  inactive: "stopped",
  failed: "error",
  provisioning: "pending",
  pending: "pending",
  activating: "pending",
  deactivating: "pending",
  stopping: "pending",
  deprovisioning: "pending",
  draining: "pending",
  delete_in_progress: "pending",
  "shutting-down": "pending",
} as const satisfies Record<string, StatusIndicatorProps.Type>;

export const EVERY = 2000; // milliseconds between looks at what runs

export function State({ of }: { of: string }) {
  const { t } = useWords();
  const state = of.toLowerCase() as keyof typeof LOOKS;
  const known = Object.hasOwn(LOOKS, state);
  return <StatusIndicator wrapText={false} type={known ? LOOKS[state] : "pending"}>{known ? t(`state.${state}`) : <Broken of={of} />}</StatusIndicator>;
}

export function RoleLink({ role }: { role: Workload["Role"] }) {
  const page = role && pageOf(role.Arn);
  return page ? <Link href={page}><Broken of={role.Name} /></Link> : <>-</>;
}

export const newest = (of: Workload): Credentials | undefined =>
  [...(of.Credentials ?? [])].sort((a, b) => b.Issued.localeCompare(a.Issued))[0];

export function Moment({ at, by }: { at: string | undefined; by?: string }) {
  const { when, ago } = useWords();
  if (!at) return <>-</>;
  return (
    <span>
      {ago(at)}
      <Box color="text-body-secondary" fontSize="body-s">
        {when(at, true)}
        {by && (
          <>
            , <Broken of={by} />
          </>
        )}
      </Box>
    </span>
  );
}

export function Keys({ of }: { of: Workload }) {
  const { t } = useWords();
  return (
    <Table
      header={
        <Box variant="h2" padding={{ bottom: "xs" }}>
          {t("credentials")}
        </Box>
      }
      ariaLabels={{ tableLabel: t("credentials") }}
      items={of.Credentials ?? []}
      trackBy="AccessKeyId"
      wrapLines
      empty={t("credentials.none")}
      columnDefinitions={[
        { id: "id", header: t("keys.id"), isRowHeader: true, minWidth: 190, cell: (one) => <Broken of={one.AccessKeyId} /> },
        { id: "issued", header: t("credentials.issued"), cell: (one) => <Moment at={one.Issued} /> },
        { id: "expires", header: t("credentials.expires"), cell: (one) => <Moment at={one.Expiration} /> },
        { id: "used", header: t("lastUsed"), cell: (one) => <Moment at={one.LastUsed} by={one.LastUsedService} /> },
        { id: "how", header: t("credentials.delivery"), cell: (one) => (one.Delivery ? <Broken of={`IMDS ${one.Delivery}`} /> : "-") },
      ]}
    />
  );
}

/** What is wrong with it, in the server's words. */
export function Problems({ of }: { of: Workload }) {
  return (
    <>
      {(of.Problems ?? []).map((text) => (
        <Alert key={text} type="warning">
          <Said text={text} />
        </Alert>
      ))}
    </>
  );
}
