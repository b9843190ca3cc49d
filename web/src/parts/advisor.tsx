// Access Advisor: which services a principal or policy gives, through which policies, who used them and when.
import Badge from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Link from "@cloudscape-design/components/link";
import Modal from "@cloudscape-design/components/modal";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { Fragment, type ReactNode, useState } from "react";
import { documentOf, entitiesOf, granting, holder, report, saveManaged } from "../advisor";
import { call } from "../api";
import { type Held, held, isAws, named, WORD } from "../entities";
import { type Key, useWords, type Words } from "../i18n";
import { useLoaded } from "../loaded";
import { Trouble, useNotices } from "../notices";
import { pageOf } from "../route";
import type { Granting, Kind, ServiceUse } from "../types";
import { Broken } from "./broken";
import { Document } from "./document";
import { Waiting } from "./heard";
import { List } from "./list";
import { RemoveUnused } from "./remove-unused";

const DAYS = [7, 30, 90, 180, 365] as const;

interface Open {
  what: "actions" | "entities" | "policies";
  service: ServiceUse;
}

interface Row extends ServiceUse {
  policies: Granting[] | undefined;
}

function matches(service: ServiceUse, filter: string): boolean {
  if (filter === "all") return true;
  if (filter === "used") return service.LastAuthenticated !== undefined;
  const since = Date.now() - Number(filter) * 86_400_000;
  return service.LastAuthenticated === undefined || new Date(service.LastAuthenticated).getTime() < since;
}

export function kindOf(policy: Granting, { t }: Pick<Words, "t">): string {
  if (policy.PolicyType === "INLINE") return t("kind.inline");
  return t(isAws(policy.PolicyArn ?? "") ? "kind.aws" : "kind.managed");
}

export function Last({ at, by }: { at: string | undefined; by?: string }) {
  const { t, when, ago } = useWords();
  if (!at) return <StatusIndicator type="stopped">{t("advisor.never")}</StatusIndicator>;
  return (
    <span>
      {ago(at)}
      <Box color="text-body-secondary" fontSize="body-s">
        <span translate="no" title={by}>
          {when(at)}
        </span>
      </Box>
    </span>
  );
}

function Window({ title, children, onDismiss }: { title: ReactNode; children: ReactNode; onDismiss: () => void }) {
  const { t } = useWords();
  return (
    <Modal
      visible
      size="large"
      header={title}
      closeAriaLabel={t("close")}
      onDismiss={onDismiss}
      footer={
        <Box float="right">
          <Button onClick={onDismiss}>{t("close")}</Button>
        </Box>
      }
    >
      {children}
    </Modal>
  );
}

function Entities({ job, service }: { job: string; service: ServiceUse }) {
  const { t } = useWords();
  const loaded = useLoaded(() => entitiesOf(job, service.ServiceNamespace), [job, service.ServiceNamespace]);
  return (
    <List
      title={t("advisor.entities")}
      heading="h3"
      variant="embedded"
      size={20}
      newest="last"
      loaded={loaded}
      id={(item) => item.EntityInfo.Id}
      text={(item) => item.EntityInfo.Arn}
      empty={t("advisor.noEntities")}
      columns={[
        {
          id: "name",
          header: t("name"),
          isRowHeader: true,
          sortingComparator: (a, b) => a.EntityInfo.Name.localeCompare(b.EntityInfo.Name),
          cell: ({ EntityInfo: who }) => {
            const page = pageOf(who.Arn);
            const name = <Broken of={who.Name} />;
            return page ? <Link href={page}>{name}</Link> : name;
          },
        },
        { id: "type", header: t("type"), cell: ({ EntityInfo: who }) => t(`type.${who.Type}` as Key) },
        {
          id: "last",
          header: t("advisor.last"),
          sortingComparator: (a, b) => (a.LastAuthenticated ?? "").localeCompare(b.LastAuthenticated ?? ""),
          cell: (item) => <Last at={item.LastAuthenticated} />,
        },
      ]}
    />
  );
}

function Actions({ service }: { service: ServiceUse }) {
  const { t } = useWords();
  const actions = service.TrackedActionsLastAccessed;
  if (!actions?.length) return <Box>{t("advisor.noActions")}</Box>;
  return (
    <List
      title={t("advisor.actions")}
      heading="h3"
      variant="embedded"
      size={20}
      newest="last"
      loaded={{ value: actions, error: undefined, loading: false, reload: () => undefined }}
      id={(item) => item.ActionName}
      text={(item) => item.ActionName}
      empty={t("advisor.noActions")}
      columns={[
        { id: "action", header: t("action"), sortingField: "ActionName", isRowHeader: true, cell: (item) => <Broken of={item.ActionName} /> },
        {
          id: "last",
          header: t("advisor.last"),
          sortingComparator: (a, b) => (a.LastAccessedTime ?? "").localeCompare(b.LastAccessedTime ?? ""),
          cell: (item) => <Last at={item.LastAccessedTime} by={item.LastAccessedEntity} />,
        },
        { id: "region", header: t("region"), cell: (item) => <Broken of={item.LastAccessedRegion ?? "-"} /> },
      ]}
    />
  );
}

/** The ways by which a user has a policy that is not (only) its own: AWS's answer names a group of inline ones alone. */
function ways(policy: Granting, all: Held[], { t, say }: Pick<Words, "t" | "say">): ReactNode[] {
  const found = policy.PolicyArn
    ? all.filter((one) => one.arn === policy.PolicyArn).map((one) => one.group)
    : [policy.EntityType === "GROUP" ? policy.EntityName : undefined];
  const named = found.map((group) => (group ? say("kind.through", { group }) : t("directly").toLowerCase()));
  return found.some(Boolean) ? named : [];
}

function Policy({ policy, kind, all, changed }: { policy: Granting; kind: Kind; all: Held[]; changed: () => void }) {
  const words = useWords();
  const { t, say } = words;
  const { add } = useNotices();
  const [open, setOpen] = useState(false);
  const loaded = useLoaded(async () => (open ? await documentOf(policy) : ""), [open]);
  const through = kind === "user" ? ways(policy, all, words) : [];
  const arn = policy.PolicyArn;
  const save = async (text: string) => {
    if (arn) await saveManaged(arn, text);
    else {
      const of = holder(policy);
      await call("iam", `Put${WORD[of]}Policy`, {
        ...named(of, policy.EntityName ?? ""),
        PolicyName: policy.PolicyName,
        PolicyDocument: text,
      });
    }
    add({ type: "success", content: say("saved", { name: policy.PolicyName }) });
    loaded.reload();
    changed();
  };
  return (
    <ExpandableSection
      variant="footer"
      expanded={open}
      onChange={({ detail }) => setOpen(detail.expanded)}
      headerText={
        <>
          <Broken of={policy.PolicyName} />
          <Box color="text-body-secondary" fontSize="body-s">
            {[kindOf(policy, words), ...through].map((part, at) => (
              <Fragment key={at}>
                {at > 0 && ", "}
                {part}
              </Fragment>
            ))}
          </Box>
        </>
      }
    >
      <Trouble error={loaded.error} again={loaded.reload} />
      {loaded.value ? (
        <SpaceBetween size="s">
          {arn && <Link href={pageOf(arn)}>{t("openPolicy")}</Link>}
          <Document key={loaded.value} text={loaded.value} save={arn && isAws(arn) ? undefined : save} />
        </SpaceBetween>
      ) : (
        loaded.loading && <Waiting />
      )}
    </ExpandableSection>
  );
}

export function Advisor({ arn, kind, name }: { arn: string; kind: Kind | "policy"; name: string }) {
  const words = useWords();
  const { t } = words;
  const [filter, setFilter] = useState("all");
  const [open, setOpen] = useState<Open | undefined>(undefined);
  const [removing, setRemoving] = useState(false);
  const made = useLoaded(async () => {
    const found = await report(arn);
    const through = kind === "policy" ? undefined : await granting(arn, found.services.map((one) => one.ServiceNamespace));
    return {
      ...found,
      rows: found.services.map((one): Row => ({ ...one, policies: through?.get(one.ServiceNamespace) })),
      all: kind === "user" ? await held(kind, name) : [],
    };
  }, [arn]);
  const filters = [
    { value: "all", label: t("advisor.all") },
    { value: "used", label: t("advisor.used") },
    ...DAYS.map((days) => ({ value: String(days), label: t("advisor.unused", { days }) })),
    { value: "400", label: t("advisor.unusedEver") },
  ];
  const rows = made.value?.rows.filter((row) => matches(row, filter));
  const show = (what: Open["what"], service: Row) => setOpen({ what, service });
  const policiesOf = (row: Row) =>
    (row.policies?.length === 1 && row.policies[0]?.PolicyName) || t("advisor.count", { n: row.policies?.length ?? 0 });
  const opened = open && made.value?.rows.find((row) => row.ServiceNamespace === open.service.ServiceNamespace);
  return (
    <>
      <List
        title={t("advisor")}
        what={t("services")}
        heading="h2"
        description={t("advisor.about")}
        loaded={{ ...made, value: rows }}
        id={(row) => row.ServiceNamespace}
        text={(row) => `${row.ServiceName} ${row.ServiceNamespace} ${row.policies?.map((one) => one.PolicyName).join(" ") ?? ""}`}
        empty={t(filter === "all" ? "advisor.nothing" : "noMatch")}
        actions={
          !isAws(arn) && (
            <Button variant="primary" onClick={() => setRemoving(true)} disabled={!made.value?.rows.length}>
              {t("unused")}
            </Button>
          )
        }
        filter={
          <Select
            ariaLabel={t("advisor.filter")}
            selectedOption={filters.find(({ value }) => value === filter) ?? null}
            options={filters}
            onChange={({ detail }) => setFilter(detail.selectedOption.value ?? "all")}
          />
        }
        columns={[
          {
            id: "service",
            header: t("service"),
            sortingField: "ServiceName",
            isRowHeader: true,
            minWidth: 160,
            cell: (row) => (
              <Link
                href=""
                ariaLabel={t("advisor.showActions", { service: row.ServiceName })}
                onFollow={(event) => {
                  event.preventDefault();
                  show("actions", row);
                }}
              >
                <Broken of={row.ServiceName} />
              </Link>
            ),
          },
          ...(kind === "policy"
            ? []
            : [
                {
                  id: "policies",
                  header: t("advisor.policies"),
                  minWidth: 225,
                  cell: (row: Row) => (
                    <Link
                      href=""
                      ariaLabel={t("advisor.showPolicies", { service: row.ServiceName, policies: policiesOf(row) })}
                      onFollow={(event) => {
                        event.preventDefault();
                        show("policies", row);
                      }}
                    >
                      {row.policies?.length === 1 ? <Broken of={policiesOf(row)} /> : policiesOf(row)}
                    </Link>
                  ),
                },
              ]),
          {
            id: "last",
            header: t("advisor.last"),
            minWidth: 150,
            sortingComparator: (a: Row, b: Row) => (a.LastAuthenticated ?? "").localeCompare(b.LastAuthenticated ?? ""),
            cell: (row: Row) => <Last at={row.LastAuthenticated} by={row.LastAuthenticatedEntity} />,
          },
          {
            id: "entities",
            header: t("advisor.by"),
            minWidth: 120,
            sortingComparator: (a: Row, b: Row) => (a.TotalAuthenticatedEntities ?? 0) - (b.TotalAuthenticatedEntities ?? 0),
            cell: (row: Row) => (
              <Link
                href=""
                ariaLabel={t("advisor.showEntities", { service: row.ServiceName, n: row.TotalAuthenticatedEntities ?? 0 })}
                onFollow={(event) => {
                  event.preventDefault();
                  show("entities", row);
                }}
              >
                {row.TotalAuthenticatedEntities ?? 0}
              </Link>
            ),
          },
        ]}
      />
      {open && opened && (
        <Window title={<Broken of={`${opened.ServiceName} (${opened.ServiceNamespace})`} />} onDismiss={() => setOpen(undefined)}>
          {open.what === "actions" && <Actions service={opened} />}
          {open.what === "entities" && made.value && <Entities job={made.value.job} service={opened} />}
          {open.what === "policies" && kind !== "policy" && (
            <SpaceBetween size="s">
              <Box>
                <Badge>{t("advisor.count", { n: opened.policies?.length ?? 0 })}</Badge> {t("advisor.policiesAbout")}
              </Box>
              {opened.policies?.map((policy) => (
                <Policy
                  key={`${policy.PolicyArn ?? ""} ${policy.EntityName ?? ""} ${policy.PolicyName}`}
                  policy={policy}
                  kind={kind}
                  all={made.value?.all ?? []}
                  changed={made.reload}
                />
              ))}
            </SpaceBetween>
          )}
        </Window>
      )}
      {removing && <RemoveUnused arn={arn} onDismiss={() => setRemoving(false)} onChanged={made.reload} />}
    </>
  );
}
