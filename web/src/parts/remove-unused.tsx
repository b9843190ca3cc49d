// "Remove unused": what would be left, with the evidence for each line; what it would have refused; apply, and undo.
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Checkbox from "@cloudscape-design/components/checkbox";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import LiveRegion from "@cloudscape-design/components/live-region";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import Table from "@cloudscape-design/components/table";
import { type ReactNode, useState } from "react";
import { call } from "../api";
import { type Key, useWords } from "../i18n";
import { useLoaded } from "../loaded";
import { Trouble, useNotices } from "../notices";
import type { Line, Proposal, Replay } from "../types";
import { Broken } from "./broken";
import { Confirm } from "./confirm";
import { Difference } from "./document";
import { Waiting } from "./heard";
import { Said } from "./said";

const FATES: Record<string, { type: StatusIndicatorProps.Type; key: Key }> = {
  kept: { type: "success", key: "fate.kept" },
  narrowed: { type: "warning", key: "fate.narrowed" },
  removed: { type: "error", key: "fate.removed" },
  "kept, cannot be seen": { type: "info", key: "fate.unseen" },
};

/** Documents as one that is written in one way, so that only what differs is a difference. */
function together(documents: string[]): string {
  const statements = documents.flatMap((text) => {
    const { Statement: found } = JSON.parse(text) as { Statement: Record<string, unknown>[] | Record<string, unknown> };
    return [found].flat().map((one) =>
      Object.fromEntries(Object.entries(one).map(([key, value]) => [key, LISTS.has(key) ? [value].flat() : value])),
    );
  });
  return JSON.stringify({ Version: "2012-10-17", Statement: statements }, null, 2);
}

const DAY = 86_400_000;
const LISTS = new Set(["Action", "NotAction", "Resource", "NotResource"]);

function Fate({ line }: { line: Line }) {
  const { t } = useWords();
  const fate = FATES[line.Fate];
  return fate ? <StatusIndicator type={fate.type}>{t(fate.key)}</StatusIndicator> : <>{line.Fate}</>;
}

function Evidence({ lines }: { lines: Line[] }) {
  const { say, t, when } = useWords();
  return (
    <Table
      variant="embedded"
      header={<Header variant="h3">{t("unused.evidence")}</Header>}
      ariaLabels={{ tableLabel: t("unused.evidence") }}
      items={lines}
      wrapLines
      trackBy={(line) => `${line.PolicyArn ?? ""}${line.PolicyName ?? ""}${line.Index}${line.Action}`}
      columnDefinitions={[
        { id: "action", header: t("action"), isRowHeader: true, cell: (line) => <Broken of={line.Action} /> },
        { id: "fate", header: t("unused.fate"), minWidth: 120, cell: (line) => <Fate line={line} /> },
        {
          id: "uses",
          header: t("unused.uses"),
          minWidth: 140,
          cell: (line) => (line.Uses ? say("unused.usedBy", { uses: line.Uses, principals: line.Principals, last: when(line.LastUsed) }) : "-"),
        },
        { id: "confidence", header: t("unused.confidence"), cell: (line) => t(`confidence.${line.Confidence}` as Key) },
      ]}
    />
  );
}

const STEP = /^iam:(\w+?)(?:User|Group|Role)?Policy(Version)? .*\bPolicy(?:Arn|Name)=(\S+)/;
const STEPS: Record<string, Key> = {
  Attach: "step.attach",
  Detach: "step.detach",
  Delete: "step.delete",
  Put: "step.create",
  CreateVersion: "step.version",
};

/** What will be done to which policy, before it is. */
function Steps({ steps, of }: { steps: string[]; of: Proposal["Policies"] }) {
  const { t, say } = useWords();
  const said = (step: string): ReactNode => {
    const [, verb = "", version = "", policy = ""] = STEP.exec(step) ?? [];
    const there = of.some((one) => !one.PolicyArn && one.PolicyName === policy);
    const key = verb === "Put" && there ? "step.replace" : STEPS[verb + version];
    return key ? say(key, { policy: <Box variant="strong"><Broken of={policy} /></Box> }) : <Broken of={step} />;
  };
  return (
    <Alert type="info" header={t("steps")}>
      <ul className="needed">
        {steps.map((step) => (
          <li key={step}>{said(step)}</li>
        ))}
      </ul>
    </Alert>
  );
}

/** How far silence may be taken for "unused". */
function Reach({ of, low }: { of: Proposal; low: boolean }) {
  const { t, say, when } = useWords();
  const days = Math.floor((new Date(of.Until).getTime() - new Date(of.Since).getTime()) / DAY);
  return (
    <Alert type={low ? "warning" : "info"} header={t(low ? "unused.low" : "unused.reach")}>
      {of.Requests ? say("unused.since", { since: when(of.Since), days, n: of.Requests }) : t("unused.noRecord")}
      {low && ` ${t("unused.lowAbout")}`}
    </Alert>
  );
}

function Answer({ replay }: { replay: Replay }) {
  const { t, when } = useWords();
  return (
    <SpaceBetween size="s">
      <LiveRegion>
        <Alert
          type={replay.Refused ? "warning" : "success"}
          header={replay.Refused ? t("replay.refused", { n: replay.Refused }) : t("replay.none")}
        >
          {t("replay.about", { n: replay.Requests })}
        </Alert>
      </LiveRegion>
      <KeyValuePairs
        columns={4}
        items={[
          { label: t("replay.allowed"), value: replay.Allowed },
          { label: t("replay.wouldRefuse"), value: replay.Refused },
          { label: t("replay.denied"), value: replay.Denied + replay.RefusedAlready },
          { label: t("replay.unknown"), value: replay.CannotTell },
        ]}
      />
      {replay.RefusedRequests.length > 0 && (
        <ExpandableSection headerText={t("replay.list")} defaultExpanded>
          <Table
            variant="embedded"
            wrapLines
            ariaLabels={{ tableLabel: t("replay.list") }}
            items={replay.RefusedRequests}
            trackBy="RequestId"
            columnDefinitions={[
              { id: "time", header: t("time"), isRowHeader: true, cell: (one) => when(one.Time) },
              { id: "who", header: t("principal"), cell: (one) => <Broken of={one.PrincipalArn} /> },
              { id: "action", header: t("action"), cell: (one) => <Broken of={one.Action} /> },
              { id: "resource", header: t("resource"), cell: (one) => <Broken of={one.Resource} /> },
              { id: "count", header: t("replay.count"), cell: (one) => one.Count },
            ]}
          />
        </ExpandableSection>
      )}
      {replay.Gaps.map((gap) => (
        <Alert key={`${gap.Why} ${gap.After}`} type="warning">
          {t("replay.gap")} <Said text={gap.Why} /> ({when(gap.After)} - {when(gap.Until)})
        </Alert>
      ))}
      {replay.Unknown.map((one) => (
        <Alert key={one.Reason} type="warning">
          {t("replay.unknownOf", { n: one.Count })} <Said text={one.Reason} />
        </Alert>
      ))}
    </SpaceBetween>
  );
}

export function RemoveUnused({ arn, onDismiss, onChanged }: { arn: string; onDismiss: () => void; onChanged: () => void }) {
  const { t } = useWords();
  const { add } = useNotices();
  const [agreed, setAgreed] = useState(false);
  const loaded = useLoaded(async () => {
    const proposal = await call<Proposal & { Document: string }>("kansatsu", "SuggestPolicyChange", { Arn: arn });
    const replay = await call<Replay>("kansatsu", "ReplayPolicyChange", { Arn: arn, Suggested: true });
    return { proposal, replay };
  }, [arn]);
  const made = loaded.value;
  const taken = made?.proposal.Lines.filter((line) => line.Fate !== "kept" && line.Fate !== "kept, cannot be seen") ?? [];
  const nothing = made !== undefined && taken.length === 0;
  const low = taken.some((line) => line.Confidence === "low");
  const missing = made !== undefined && (made.replay.Gaps.length > 0 || made.replay.CannotTell > 0 || made.replay.Requests === 0);
  const refused = made !== undefined && made.replay.Refused > 0;
  // INVARIANT: what speaks against it is agreed to by name, and nothing else is.
  const doubts = low || missing || refused;

  async function undo(commit: string) {
    try {
      await call("kansatsu", "RollbackPolicyChange", { CommitId: commit });
      add({ type: "success", content: t("unused.undone") });
    } catch (failed) {
      add({ type: "error", content: <Trouble error={failed} /> });
    }
    onChanged();
  }

  async function apply() {
    const done = await call<{ CommitId: string; Steps: string[] }>("kansatsu", "CommitPolicyChange", {
      Arn: arn,
      Suggested: true,
      AcceptRefused: agreed && refused,
      AcceptGap: agreed && missing,
    });
    add({
      type: "success",
      content: (
        <>
          {t("unused.applied")} <Broken of={done.Steps.join("; ")} />
        </>
      ),
      action: { text: t("undo"), act: () => void undo(done.CommitId) },
    });
  }

  return (
    <Confirm
      size="max"
      title={t("unused.title")}
      text={t("apply")}
      act={apply}
      disabled={!made || nothing || (doubts && !agreed)}
      onDismiss={onDismiss}
      onDone={() => {
        onChanged();
        onDismiss();
      }}
    >
      <SpaceBetween size="l">
        <Trouble error={loaded.error} again={loaded.reload} />
        {loaded.loading && (
          <Box textAlign="center">
            <Waiting text={t("unused.loading")} />
          </Box>
        )}
        {made && (
          <>
            {nothing ? <Alert type="info">{t("unused.nothing")}</Alert> : <Steps steps={made.replay.Steps} of={made.proposal.Policies} />}
            <Reach of={made.proposal} low={low} />
            <SpaceBetween size="xs">
              <Header variant="h3" description={t("unused.about")}>
                {t("unused.proposal")}
              </Header>
              <Difference
                before={together(made.proposal.Policies.map((one) => one.Document))}
                after={together(made.proposal.Document ? [made.proposal.Document] : [])}
              />
            </SpaceBetween>
            <Evidence lines={made.proposal.Lines} />
            <Header variant="h3">{t("replay")}</Header>
            <Answer replay={made.replay} />
            {made.proposal.Notes.map((note) => (
              <Alert key={note} type="info">
                <Said text={note} />
              </Alert>
            ))}
            {doubts && !nothing && (
              <Checkbox checked={agreed} onChange={({ detail }) => setAgreed(detail.checked)}>
                {t("unused.agree", { why: [low && t("unused.agreeLow"), missing && t("unused.agreeGap"), refused && t("unused.agreeRefused", { n: made.replay.Refused })].filter(Boolean).join(t("and")) })}
              </Checkbox>
            )}
          </>
        )}
      </SpaceBetween>
    </Confirm>
  );
}
