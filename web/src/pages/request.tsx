// Why one request was denied or allowed: what policies said, the statement in its document, and what would allow it.
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { call } from "../api";
import { LIST, named, pretty, WORD } from "../entities";
import { type Key, useWords } from "../i18n";
import { useLoaded } from "../loaded";
import { useNotices } from "../notices";
import { Broken } from "../parts/broken";
import { Confirm } from "../parts/confirm";
import { Code } from "../parts/document";
import { Evaluated, typeName } from "../parts/evaluation";
import { Frame, Overview } from "../parts/frame";
import { Simulate } from "../parts/simulate";
import { Said } from "../parts/said";
import { asPolicy, type Change, type Explanation, explained } from "../requests";
import { pageOf, to } from "../route";
import { short } from "./activity";

function Proposed({ change }: { change: Change }) {
  const words = useWords();
  const { t, say } = words;
  const owner = short(change.Owner ?? "");
  const named = change.PolicyArn || change.PolicyName;
  const place = (
    <>
      {named ? <Broken of={named} /> : typeName(change.PolicyType, words)}
      {owner && !change.PolicyArn && <Broken of={`, ${owner}`} />}
    </>
  );
  return (
    <SpaceBetween size="xs">
      <Box>{say(`change.${change.Kind}` as Key, { place, type: <>{typeName(change.PolicyType, words)}</>, n: (change.Index ?? 0) + 1 })}</Box>
      {change.Kind === "MeetCondition" ? (
        <KeyValuePairs
          columns={2}
          items={change.Conditions.map((one) => ({
            label: <Broken of={`${one.Operator} ${one.Key}`} />,
            value: say("change.condition", { wanted: one.Wanted.join(", "), given: one.Given.join(", ") || "-" }),
          }))}
        />
      ) : (
        <Code text={pretty(change.Statement)} label={t("change.statement")} />
      )}
      <Box color="text-body-secondary" fontSize="body-s">
        <Said text={change.Description} />
      </Box>
    </SpaceBetween>
  );
}

/** The change as an inline policy of its own, for which there is a button. */
function Add({ of, onDismiss, onDone }: { of: NonNullable<ReturnType<typeof asPolicy>>; onDismiss: () => void; onDone: () => void }) {
  const { t, say } = useWords();
  const name = `${of.policy.slice(0, 110)}-${Date.now().toString(36)}`;
  return (
    <Confirm
      title={say("change.put", { name: of.name })}
      text={t("change.add")}
      size="large"
      act={() => call("iam", `Put${WORD[of.kind]}Policy`, { ...named(of.kind, of.name), PolicyName: name, PolicyDocument: of.text })}
      onDismiss={onDismiss}
      onDone={onDone}
    >
      <Box>{t("change.putAbout")}</Box>
      <Code text={of.text} label={t("document")} />
    </Confirm>
  );
}

function Changes({ changes }: { changes: Change[] }) {
  const { t } = useWords();
  const { add } = useNotices();
  const [adding, setAdding] = useState(false);
  const made = asPolicy(changes);
  return (
    <Container
      header={
        <Header variant="h2" description={t("changes.about")} actions={made && <Button onClick={() => setAdding(true)}>{t("change.add")}</Button>}>
          {t("changes")}
        </Header>
      }
    >
      <SpaceBetween size="l">
        {changes.map((one) => (
          <Proposed key={`${one.Kind}${one.Statement}${one.Description}`} change={one} />
        ))}
      </SpaceBetween>
      {adding && made && (
        <Add
          of={made}
          onDismiss={() => setAdding(false)}
          onDone={() => {
            setAdding(false);
            add({ type: "success", content: <>{t("change.added")} <Link color="inverted" href={to(LIST[made.kind], made.name)}><Broken of={made.name} /></Link></> });
          }}
        />
      )}
    </Container>
  );
}

function Explained({ of }: { of: Explanation }) {
  const { t, when } = useWords();
  const page = pageOf(of.PrincipalArn);
  const first = of.Evaluations.find((one) => !one.Allowed) ?? of.Evaluations[0];
  return (
    <SpaceBetween size="l">
      <Overview
        items={[
          { label: t("principal"), value: page ? <Link href={page}><Broken of={short(of.PrincipalArn)} /></Link> : <Broken of={of.PrincipalArn} /> },
          { label: t("time"), value: when(of.Time, true) },
          { label: t("region"), value: <Broken of={of.Region} /> },
          ...(of.Operation ? [{ label: t("operation"), value: <Broken of={of.Operation} /> }] : []),
          { label: t("requestId"), value: <Broken of={of.RequestId} /> },
          { label: t("basis"), value: t(`basis.${of.Basis}`) },
        ]}
      />
      {of.Evaluations.map((one, at) => (
        <Container key={at} header={<Header variant="h2">{t(one.Allowed ? "allowed" : "denied")}: <Broken of={one.Action} /></Header>}>
          <Evaluated of={one} />
        </Container>
      ))}
      {of.Changes.length > 0 && <Changes changes={of.Changes} />}
      {of.Notes.map((note) => (
        <Alert key={note} type="info">
          <Said text={note} />
        </Alert>
      ))}
      <Simulate principal={of.PrincipalArn} action={first?.Action} resource={first?.Resource} context={first?.Context} />
    </SpaceBetween>
  );
}

export function RequestPage({ id }: { id: string }) {
  const { t } = useWords();
  const loaded = useLoaded(() => explained(id), [id]);
  const found = loaded.value;
  const title = found ? t(found.Allowed ? "explained.allowed" : "explained.denied") : t("explanation");
  return (
    <Frame
      trail={[
        [t("activity"), "activity"],
        [id.slice(0, 8), "activity", id],
      ]}
      title={title}
      said
      loaded={loaded}
    >
      {(of) => <Explained of={of} />}
    </Frame>
  );
}
