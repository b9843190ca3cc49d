// One decision: what each policy type said, the statements in their documents, and the keys it was decided by.
import Box from "@cloudscape-design/components/box";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import Table from "@cloudscape-design/components/table";
import type { ReactNode } from "react";
import { type Key, useWords, type Words } from "../i18n";
import { useLoaded } from "../loaded";
import { pageOf } from "../route";
import { type Evaluation, inDocument, type Statement } from "../requests";
import { Broken } from "./broken";
import { Code } from "./document";

const SAID: Record<string, StatusIndicatorProps.Type> = { allowed: "success", explicitDeny: "error", implicitDeny: "stopped" };

export const typeName = (type: string, { t }: Pick<Words, "t">) => t(`policyType.${type}` as Key);

/** Why, in the reader's language. */
function reason(of: Evaluation, words: Pick<Words, "t" | "say">): ReactNode {
  const { t, say } = words;
  if (!of.PolicyType) return t(of.Allowed ? "reason.nothing" : "reason.denied");
  const type = typeName(of.PolicyType, words);
  if (of.Allowed) return t("reason.allowed", { type });
  return of.Explicit ? t("reason.explicit", { type }) : say("reason.implicit", { type: <>{type}</>, action: of.Action });
}

export function Decided({ allowed }: { allowed: boolean }) {
  const { t } = useWords();
  return <StatusIndicator wrapText={false} type={allowed ? "success" : "error"}>{t(allowed ? "allowed" : "denied")}</StatusIndicator>;
}

function Stated({ of }: { of: Statement }) {
  const words = useWords();
  const { t, say } = words;
  // What cannot be read now is shown as it was kept.
  const loaded = useLoaded(() => inDocument(of).catch(() => undefined), [of]);
  const page = pageOf(of.PolicyArn || of.Owner || "");
  const name = of.PolicyArn?.split("/").pop() || of.PolicyName || typeName(of.PolicyType, words);
  const owner = of.PolicyArn ? "" : of.Owner?.split(":").pop();
  const said = say(of.Effect === "Allow" ? "statement.allow" : "statement.deny", { n: of.Index + 1, sid: of.Sid ? ` (${of.Sid})` : "" });
  const shown = of.PolicyArn || of.PolicyName ? <Broken of={name} /> : name;
  return (
    <SpaceBetween size="xxs">
      <Box>
        <StatusIndicator type={of.Effect === "Allow" ? "success" : "error"}>{said}</StatusIndicator>{" "}
        {page ? <Link href={page}>{shown}</Link> : shown}
        {owner ? <Broken of={` (${owner})`} /> : ""}
        {of.Deciding && <Box variant="strong"> {t("statement.decided")}</Box>}
      </Box>
      {loaded.value ? (
        <Code text={loaded.value.text} marked={loaded.value.lines} label={t("statement.in", { name })} />
      ) : (
        !loaded.loading && (
          <>
            <Box color="text-body-secondary">{t("statement.kept", { line: of.Line })}</Box>
            <Code text={of.Text} label={t("statement.in", { name })} />
          </>
        )
      )}
    </SpaceBetween>
  );
}

export function Evaluated({ of }: { of: Evaluation }) {
  const words = useWords();
  const { t, say } = words;
  const verdicts = of.Verdicts ?? [];
  return (
    <SpaceBetween size="m">
      <KeyValuePairs
        columns={3}
        items={[
          { label: t("outcome"), value: <Decided allowed={of.Allowed} /> },
          { label: t("action"), value: <Broken of={of.Action} /> },
          { label: t("resource"), value: <Broken of={of.Resource} /> },
        ]}
      />
      <Box>{reason(of, words)}</Box>
      {verdicts.length > 0 && (
        <Table
          variant="embedded"
          wrapLines
          ariaLabels={{ tableLabel: t("verdicts") }}
          header={<Box variant="h3">{t("verdicts")}</Box>}
          items={verdicts}
          trackBy="PolicyType"
          columnDefinitions={[
            { id: "type", header: t("type"), isRowHeader: true, cell: (one) => typeName(one.PolicyType, words) },
            {
              id: "said",
              header: t("verdict"),
              cell: (one) => <StatusIndicator type={SAID[one.Verdict] ?? "info"}>{t(`verdict.${one.Verdict}` as Key)}</StatusIndicator>,
            },
          ]}
        />
      )}
      {(of.Statements ?? []).map((one) => (
        <Stated key={`${one.PolicyArn}${one.Owner}${one.PolicyName}${one.Index}`} of={one} />
      ))}
      {(of.MissingKeys ?? []).length > 0 && <Box>{say("missingKeys", { keys: (of.MissingKeys ?? []).join(", ") })}</Box>}
      {(of.Context ?? []).length > 0 && (
        <ExpandableSection headerText={t("context")}>
          <KeyValuePairs
            columns={2}
            items={(of.Context ?? []).map((one) => ({ label: <Broken of={one.Key} />, value: <Broken of={one.Values.join(", ")} /> }))}
          />
        </ExpandableSection>
      )}
    </SpaceBetween>
  );
}
