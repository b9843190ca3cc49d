// Recent requests of the account, live: who asked what, and whether policy allowed it; each opens its explanation.
import Button from "@cloudscape-design/components/button";
import Link from "@cloudscape-design/components/link";
import Select from "@cloudscape-design/components/select";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Toggle from "@cloudscape-design/components/toggle";
import { useEffect, useState } from "react";
import { useWords } from "../i18n";
import { useEvery } from "../loaded";
import { Broken } from "../parts/broken";
import { useTitle } from "../parts/frame";
import { Clamped, List } from "../parts/list";
import { idOf, type Page, type Recorded, recorded } from "../requests";
import { to } from "../route";

const EVERY = 2000; // milliseconds
const OUTCOMES = ["ALL", "DENIED", "ALLOWED"] as const;
const MOST = 2000; // rows that the page keeps

function Outcome({ of }: { of: Recorded }) {
  const { t, say } = useWords();
  if (of.Denied || of.Observed) {
    return (
      <>
        <StatusIndicator wrapText={false} type={of.Allowed ? "warning" : "error"}>{t(of.Allowed ? "observed" : "denied")}</StatusIndicator>{" "}
        <Link href={to("activity", of.RequestId)} ariaLabel={t("why.of", { action: action(of) })}>
          {t("why")}
        </Link>
      </>
    );
  }
  if (of.Error) return <StatusIndicator type="warning">{say("failed", { code: of.Error })}</StatusIndicator>;
  return <StatusIndicator>{t("allowed")}</StatusIndicator>;
}

/** What follows the account's number: user/ana, assumed-role/web/i-1. */
export const short = (arn: string) => arn.split(":").slice(5).join(":") || arn;

const action = (of: Recorded) => of.Asked[0]?.Action ?? `${of.Service}:${of.Operation}`;

function resources(of: Recorded): string {
  const [first = "", ...more] = of.Asked.map((one) => one.Resource);
  return more.length ? `${first} (+${more.length})` : first;
}

interface State {
  rows: Recorded[] | undefined;
  older?: string;
  error?: unknown;
  /** How many were left out that are older than the newest row, and how many are newer. */
  hidden: [number, number];
}

const hiddenIn = ({ Hidden = 0, HiddenSince = 0 }: Page): [number, number] => [Hidden - HiddenSince, HiddenSince];

export function Activity() {
  const { t, when } = useWords();
  useTitle(t("activity"));
  const [outcome, setOutcome] = useState<string>("ALL");
  const [live, setLive] = useState(true);
  const [all, setAll] = useState(false);
  const [turn, setTurn] = useState(0);
  const [loading, setLoading] = useState(true);
  const [state, setState] = useState<State>({ rows: undefined, hidden: [0, 0] });
  const wanted = { ...(outcome === "ALL" ? {} : { Outcome: outcome }), ...(all ? {} : { WithoutConsole: true }) };
  const on = [outcome, all, turn];
  useEffect(() => {
    let current = true;
    setLoading(true);
    recorded(wanted)
      .then(
        (page) => current && setState({ rows: page.Requests, older: page.NextToken, hidden: hiddenIn(page) }),
        (error: unknown) => current && setState({ rows: undefined, error, hidden: [0, 0] }),
      )
      .finally(() => current && setLoading(false));
    return () => {
      current = false;
    };
  }, on);
  useEvery(
    EVERY,
    async () => {
      const since = state.rows?.[0]?.Time;
      try {
        const page = await recorded({ ...wanted, ...(since ? { StartTime: since } : {}) });
        setState((before) => {
          const known = new Set(before.rows?.map(idOf));
          const fresh = page.Requests.filter((one) => !known.has(idOf(one)));
          const [older, newer] = hiddenIn(page);
          const hidden: State["hidden"] = [(since ? before.hidden[0] : 0) + older, newer];
          const same = !fresh.length && !before.error && String(hidden) === String(before.hidden);
          return same ? before : { ...before, hidden, error: undefined, rows: [...fresh, ...(before.rows ?? [])].slice(0, MOST) };
        });
      } catch (error) {
        setState((before) => ({ ...before, error }));
      }
    },
    [...on, state.rows],
    live && !loading && state.rows !== undefined,
  );
  const more = async () => {
    const page = await recorded({ ...wanted, NextToken: state.older });
    setState((before) => ({
      rows: [...(before.rows ?? []), ...page.Requests],
      older: page.NextToken,
      hidden: [before.hidden[0] + (page.Hidden ?? 0), before.hidden[1]],
    }));
  };
  const outcomes = OUTCOMES.map((value) => ({ value, label: t(`outcome.${value}`) }));
  return (
    <List
      title={t("activity")}
      description={t("activity.about")}
      loaded={{ value: state.rows, error: state.error, loading, reload: () => setTurn((n) => n + 1) }}
      id={idOf}
      text={(of) => `${of.PrincipalArn} ${action(of)} ${of.Operation} ${resources(of)} ${of.SourceIp} ${of.RequestId} ${of.Error ?? ""}`}
      empty={t("activity.none")}
      newest="time"
      actions={state.older && <Button onClick={() => void more().catch((error: unknown) => setState((before) => ({ ...before, error })))}>{t("activity.older")}</Button>}
      filter={
        <>
          <Select
            ariaLabel={t("outcome")}
            selectedOption={outcomes.find(({ value }) => value === outcome) ?? null}
            options={outcomes}
            onChange={({ detail }) => setOutcome(detail.selectedOption.value ?? "ALL")}
          />
          <Toggle checked={live} onChange={({ detail }) => setLive(detail.checked)}>
            {t("activity.live")}
          </Toggle>
          <Toggle checked={all} onChange={({ detail }) => setAll(detail.checked)}>
            {all ? t("activity.console") : t("activity.hidden", { n: state.hidden[0] + state.hidden[1] })}
          </Toggle>
        </>
      }
      columns={[
        {
          id: "action",
          header: t("action"),
          isRowHeader: true,
          minWidth: 205,
          cell: (of) => <Link href={to("activity", of.RequestId)}><Broken of={action(of)} /></Link>,
        },
        { id: "outcome", header: t("outcome"), minWidth: 120, cell: (of) => <Outcome of={of} /> },
        { id: "time", header: t("time"), sortingField: "Time", cell: (of) => when(of.Time, true) },
        { id: "who", header: t("principal"), minWidth: 120, cell: (of) => <Clamped of={short(of.PrincipalArn)} /> },
        { id: "what", header: t("resource"), minWidth: 180, cell: (of) => <Clamped of={resources(of)} /> },
        { id: "from", header: t("from"), minWidth: 125, cell: (of) => <Broken of={of.Via ?? of.SourceIp} /> },
      ]}
    />
  );
}
